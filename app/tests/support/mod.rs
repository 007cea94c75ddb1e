//! Small cases on disk, and the window over a scripted engine, for the tests that drive it.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod shared;

use app::app::App;
use app::command::Command;
use app::prefs::Prefs;
use egui::{Key, Modifiers, Pos2, Vec2};
use egui_kittest::Harness;
use engine::{Engine, Event, Request, Script, Target, Ticket};
use imaging::Volume;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Voxels of a case along each axis.
pub const SHAPE: [usize; 3] = [24, 20, 16];

/// A NIfTI-1 file of 16-bit voxels, 1 x 1 x 2 mm, with a bright ball.
pub fn write_case(path: &Path, middle: [f32; 3]) {
    let value = |index| if inside(index, middle) { 900 } else { (index % 50) as i16 };
    write_nifti(path, SHAPE, [1.0, 1.0, 2.0], [-12.0, -10.0, -16.0], value);
}

/// A NIfTI-1 file of 16-bit voxels along the axes of the world, the first voxel at `origin` (mm).
pub fn write_nifti(path: &Path, shape: [usize; 3], spacing: [f32; 3], origin: [f32; 3], value: impl Fn(usize) -> i16) {
    let mut header = [0_u8; 352];
    let mut put = |at: usize, value: &[u8]| header[at..at + value.len()].copy_from_slice(value);
    put(0, &348_i32.to_le_bytes());
    for (axis, n) in [3, shape[0], shape[1], shape[2], 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * axis, &(n as i16).to_le_bytes());
    }
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    put(76, &1_f32.to_le_bytes());
    for axis in 0..3 {
        put(80 + 4 * axis, &spacing[axis].to_le_bytes());
        put(280 + 20 * axis, &spacing[axis].to_le_bytes());
        put(292 + 16 * axis, &origin[axis].to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    put(344, b"n+1\0");
    let voxels = (0..shape.iter().product()).flat_map(|index| value(index).to_le_bytes());
    let bytes: Vec<u8> = header.into_iter().chain(voxels).collect();
    fs::write(path, bytes).expect("the test's folder can be written");
}

/// Whether a voxel lies in the ball around `middle`.
pub fn inside(index: usize, middle: [f32; 3]) -> bool {
    let voxel = [index % SHAPE[0], index / SHAPE[0] % SHAPE[1], index / (SHAPE[0] * SHAPE[1])];
    (0..3).map(|axis| (voxel[axis] as f32 - middle[axis]).powi(2)).sum::<f32>() < 25.0
}

/// A window in the making of a user's journey.
pub struct Journey {
    pub harness: Harness<'static, App>,
    pub script: Script,
}

impl Journey {
    pub fn new() -> Self {
        let (engine, script) = Engine::scripted();
        let harness = Harness::builder()
            .with_size(Vec2::new(1280.0, 800.0))
            .wgpu()
            .build_eframe(move |cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine).with_prefs(Prefs::default()));
        Self { harness, script }
    }

    pub fn command(&mut self, command: Command) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().command(&ctx, command);
        self.harness.step();
    }

    pub fn key(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.step();
        self.harness.step();
    }

    pub fn key_with(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.step();
        self.harness.step();
    }

    /// Steps until something holds; files and the journal answer from their own threads.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&App) -> bool) {
        let start = Instant::now();
        while !holds(self.harness.state()) {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "waited in vain for: {what}; {:?}",
                self.harness.state().headlines()
            );
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
    }

    pub fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.drag_at(from);
        self.harness.step();
        self.harness.hover_at(from + (to - from) * 0.5);
        self.harness.step();
        self.harness.hover_at(to);
        self.harness.step();
        self.harness.drop_at(to);
        self.harness.step();
    }

    /// The newest preview that the window asked for.
    pub fn asked_preview(&mut self) -> (Ticket, Target) {
        self.harness.step();
        let previews = self.script.requests.try_iter().filter_map(|request| match request {
            Request::Preview { ticket, target, .. } => Some((ticket, target)),
            _ => None,
        });
        previews.last().expect("the window asked for a preview")
    }

    pub fn guess(&mut self, ticket: Ticket, target: &Target, middle: [f32; 3], uncertainty: f32) {
        let grid = match &target.image {
            engine::ImageRef::Loaded(image) => image.grid,
            engine::ImageRef::File(item) => imaging::files::open_item(item).expect("the case's file is there").grid,
        };
        let voxels = (0..grid.len()).map(|index| if inside(index, middle) { 255 } else { 0 }).collect();
        let probability = Arc::new(Volume { grid, voxels });
        self.script.tell(Event::Guess { ticket, case: target.case, probability, uncertainty, took: Duration::from_millis(3) });
        self.harness.step();
    }
}

/// Where the ball of a case lies.
pub fn middle_of(case: usize) -> [f32; 3] {
    [11.0 + case as f32, 10.0, 8.0]
}
