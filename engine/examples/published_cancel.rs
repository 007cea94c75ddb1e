//! How soon an order stops that is cancelled while a large published net computes on the CPU:
//! `published_cancel FOLDER IMAGE [SECONDS...]`, with the folder of an installed net (`exemplar models list --json` tells
//! it), an image that serves as its own example with a ball in its middle as its mask, and the times after which each order is cancelled.

use engine::published::Manner;
use engine::{DeviceChoice, Engine, Event, Example, ImageRef, Marks, NetChoice, Request, Target};
use imaging::{CaseId, Item, Mask};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(path)) = (arguments.next(), arguments.next()) else { panic!("FOLDER IMAGE [SECONDS...]") };
    let mut seconds: Vec<f64> = arguments.filter_map(|text| text.to_str()?.parse().ok()).collect();
    if seconds.is_empty() {
        seconds = vec![5.0, 10.0, 20.0, 40.0, 80.0];
    }
    let engine = Engine::spawn(DeviceChoice::Cpu, || {});
    engine.send(Request::UseNet(NetChoice::Installed { folder, manner: Manner::Published }));
    loop {
        match engine.wait(Duration::from_secs(600)) {
            Some(Event::UsesNet(_)) => break,
            Some(Event::Failed { error, .. }) => panic!("{error}"),
            _ => {}
        }
    }
    let item = Item::from(path);
    let image = Arc::new(imaging::files::open_item(&item).expect("an image"));
    let shape = image.grid.shape;
    let middle = shape.map(|n| n as f32 / 2.0);
    let radius = shape.iter().copied().min().unwrap_or(1) as f32 / 4.0;
    let is_inside = |index| {
        let voxel = image.grid.voxel(index);
        (0..3).map(|axis| (voxel[axis] as f32 - middle[axis]).powi(2)).sum::<f32>() < radius * radius
    };
    let mask = Arc::new(Mask::from_fn(shape, is_inside));
    let image = ImageRef::Loaded(image);
    let example = Example { case: CaseId(1), image: image.clone(), marks: Marks { prompts: Vec::new(), mask: Some(mask) } };
    for after in seconds {
        let target = Target { case: CaseId(2), image: image.clone(), marks: Marks::default(), previous: None };
        let ticket = engine.ticket();
        engine.send(Request::Preview { ticket, target, examples: Arc::new([example.clone()]) });
        let start = Instant::now();
        let (mut cancelled, mut share) = (None, 0.0);
        loop {
            if cancelled.is_none() && start.elapsed().as_secs_f64() >= after {
                engine.cancel(ticket);
                cancelled = Some(Instant::now());
            }
            match engine.wait(Duration::from_millis(5)) {
                Some(Event::Working { share: done, .. }) => share = done,
                Some(event @ (Event::Finished { .. } | Event::Failed { .. })) if event.ticket() == Some(ticket) => {
                    let waited = cancelled.map_or(f64::NAN, |since| since.elapsed().as_secs_f64());
                    println!("cancelled after {after} s, at {:.0} %: stopped {waited:.2} s later ({event:?})", 100.0 * share);
                    break;
                }
                Some(Event::Failed { error, .. }) => println!("{error}"),
                _ => {}
            }
        }
    }
}
