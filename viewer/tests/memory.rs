//! Frames that show the same picture leave nothing behind in memory, whatever the driver.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail there")]

mod support;

use std::sync::Arc;
use support::{Stage, layer, mask_above, phantom, window};
use viewer::Cover;

const FRAMES: usize = 24;

/// What a new frame may keep. Mesa's software GPU keeps megabytes where a shader branches on uniforms: see `Ways` in
/// `shaders/slice.wgsl`.
const MOST_BYTES_A_FRAME: usize = 256 << 10;

/// Memory of this process that lies in RAM.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn frames_keep_no_memory() {
    let mut stage = Stage::new(phantom());
    let image = Arc::clone(stage.image.image());
    stage.layers.list = vec![layer(Cover::Mask(mask_above(&image, 900.0)), [0, 158, 115])];
    let mut window = window(stage, [320.0, 280.0]);
    let mut draw = |frames| {
        for _ in 0..frames {
            window.step();
            window.render().unwrap();
        }
    };
    draw(FRAMES);
    let before = resident_bytes();
    draw(FRAMES);
    let a_frame = resident_bytes().saturating_sub(before) / FRAMES;
    assert!(a_frame < MOST_BYTES_A_FRAME, "each frame keeps {a_frame} bytes");
}
