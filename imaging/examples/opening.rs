//! How long an image takes to open, and how much memory: `cargo run --release -p imaging --example opening FILE`.
//! Prints the median of five and the greatest memory of the process; `tests/outside/opening_speed.py` compares.

use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: opening FILE");
        std::process::exit(2);
    };
    let mut times = Vec::new();
    let mut voxels = 0;
    for _ in 0..5 {
        let started = Instant::now();
        match imaging::files::open(&path) {
            Ok(image) => voxels = image.grid.len(),
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("{{\"median_secs\": {:.3}, \"voxels\": {voxels}, \"peak_kb\": {}}}", times[2], peak_kb().unwrap_or(0));
}

/// The most memory that this process has had, where the system tells.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
