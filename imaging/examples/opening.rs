//! How long an image takes to open, and how much memory: `cargo run --release -p imaging --example opening FILE [EVERY]`,
//! where `EVERY` is the number by which it is sampled down. Prints the median of five, that of the layer which is shown
//! while the rest is read, and the greatest memory of the process; `tests/outside/opening_speed.py` compares.

use imaging::{Item, Reduction, files};
use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let Some(path) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: opening FILE [EVERY]");
        std::process::exit(2);
    };
    let every = arguments.next().and_then(|every| every.to_str()?.parse().ok()).unwrap_or(1);
    let part = match files::items(&path).as_deref() {
        Ok([only]) => only.item.part.clone(),
        _ => Default::default(),
    };
    let item = Item::new(path, part).reduced(Reduction::every(every));
    let mut voxels = 0;
    let layer_secs = median(|| drop(files::glimpse(&item)));
    let secs = median(|| match files::open_item(&item) {
        Ok(image) => voxels = image.grid.len(),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    });
    let peak_kb = peak_kb().unwrap_or(0);
    println!("{{\"median_secs\": {secs:.3}, \"layer_secs\": {layer_secs:.3}, \"voxels\": {voxels}, \"peak_kb\": {peak_kb}}}");
}

/// Median seconds of five runs.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

/// The most memory that this process has had, where the system tells.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
