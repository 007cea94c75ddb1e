//! The figures that the program promises, measured through the engine as the window uses it.
//!
//! `cargo run --release -p engine --example measure [-- hippocampus | nuclei]` needs `EXEMPLAR_DATA` (default
//! `../shared/data`) with `hippocampus_mr` and `nuclei_microscopy`. Cases come from `engine/training/splits.json`;
//! none of them was trained on. Marks are simulated on the source grid, Dice is on the source grid.

use engine::{DeviceChoice, Engine, Event, Example, ImageRef, Marks, Request, Target};
use imaging::space::closest_canonical;
use imaging::{CaseId, Grid, Image, Mask, Pixels, Prompt, PromptId, Shape, Sign, StructureId, Volume};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const EXAMPLES: usize = 4;
const TARGETS: usize = 20;
const SLICES: usize = 5;
const CLICKS: usize = 3;

struct Case {
    id: CaseId,
    path: PathBuf,
    grid: Grid,
    truth: Arc<Mask>,
}

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let engine = Engine::spawn_windowless(DeviceChoice::Cpu);
    match engine.wait(Duration::from_secs(600)) {
        Some(Event::Ready { adapter, nets, remarks, .. }) => println!("{adapter}, {nets:#?} {remarks:?}"),
        other => panic!("the engine did not start: {other:?}"),
    }
    if wanted("hippocampus") {
        let cases = cases("hippocampus_mr", |_| true);
        report("hippocampus, 4 examples with masks", &propagate(&engine, &cases, mask_of));
        report("hippocampus, 4 examples with boxes on 5 slices", &propagate(&engine, &cases, |case| boxes_on(case, SLICES)));
        interactive(&engine, "hippocampus", &cases);
    }
    if wanted("nuclei") {
        let cases = cases("nuclei_microscopy", is_fluorescence);
        report("nuclei, 4 examples with masks", &propagate(&engine, &cases, mask_of));
        interactive(&engine, "nuclei", &cases);
    }
}

/// The first held-back cases of a set: examples, then targets.
fn cases(set: &str, keep: impl Fn(&Image) -> bool) -> Vec<Case> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("EXEMPLAR_DATA").map_or_else(|| source.join("../../shared/data"), PathBuf::from);
    let splits = std::fs::read_to_string(source.join("training/splits.json")).expect("the split file");
    let splits: serde_json::Value = serde_json::from_str(&splits).expect("JSON");
    let names = splits[set]["held_back"].as_array().expect("held-back cases");
    let mut found = Vec::new();
    for name in names.iter().filter_map(serde_json::Value::as_str) {
        let path = file(&data.join(set).join("images"), name);
        let image = imaging::files::open(&path).expect("an image");
        if !keep(&image) {
            continue;
        }
        let labels = imaging::files::open_labels(&file(&data.join(set).join("labels"), name)).expect("labels");
        let truth = Arc::new(labels.foreground());
        found.push(Case { id: CaseId(found.len() as u64), path, grid: image.grid, truth });
        if found.len() == EXAMPLES + TARGETS {
            break;
        }
    }
    found
}

fn file(folder: &Path, name: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).expect("a folder of the data").filter_map(Result::ok);
    let begins = |path: &PathBuf| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.split('.').next() == Some(name));
    entries.map(|entry| entry.path()).find(begins).expect("the file of a case")
}

/// Grey and dark on the whole, as the training's `is_fluorescence`.
fn is_fluorescence(image: &Image) -> bool {
    let Pixels::Rgb(voxels) = &image.pixels else {
        let sum: f32 = (0..image.grid.len()).map(|at| image.value(at)).sum();
        return sum / (image.grid.len() as f32) < 90.0;
    };
    let mean = |value: &dyn Fn(&[u8; 3]) -> f32| voxels.iter().map(value).sum::<f32>() / voxels.len() as f32;
    mean(&|v| (f32::from(v[0]) + f32::from(v[1]) + f32::from(v[2])) / 3.0) < 90.0
        && mean(&|v| (f32::from(v[0]) - f32::from(v[2])).abs()) < 12.0
}

fn mask_of(case: &Case) -> Marks {
    Marks { prompts: Vec::new(), mask: Some(case.truth.clone()) }
}

/// Boxes around each piece of the truth on evenly spread slices along the axis closest to superior.
fn boxes_on(case: &Case, slices: usize) -> Marks {
    let axis = slice_axis(case);
    let hit: Vec<usize> = (0..case.grid.shape[axis]).filter(|&at| !plane(case, axis, at).is_empty()).collect();
    let count = slices.min(hit.len());
    let chosen = (0..count).map(|i| hit[((i as f64 + 0.5) / count as f64 * hit.len() as f64) as usize]);
    let mut prompts = Vec::new();
    for at in chosen {
        for piece in pieces(&case.grid, &plane(case, axis, at)) {
            let (mut from, mut to) = ([f32::MAX; 3], [f32::MIN; 3]);
            for voxel in piece.iter().map(|&index| case.grid.voxel(index)) {
                for side in 0..3 {
                    let reach = if side == axis { 0.0 } else { 0.5 };
                    from[side] = from[side].min(voxel[side] as f32 - reach);
                    to[side] = to[side].max(voxel[side] as f32 + reach);
                }
            }
            prompts.push(prompt(Shape::Box { from, to }, Sign::Positive));
        }
    }
    Marks { prompts, mask: None }
}

fn slice_axis(case: &Case) -> usize {
    if case.grid.shape[2] == 1 { 2 } else { closest_canonical(&case.grid.world_from_voxel)[2].axis }
}

fn plane(case: &Case, axis: usize, at: usize) -> Vec<usize> {
    case.truth.iter().filter(|&index| case.grid.voxel(index)[axis] == at).collect()
}

/// Connected pieces (by faces) of a set of voxels, the largest first.
fn pieces(grid: &Grid, voxels: &[usize]) -> Vec<Vec<usize>> {
    let mut left: std::collections::HashSet<usize> = voxels.iter().copied().collect();
    let mut pieces = Vec::new();
    for &start in voxels {
        if !left.remove(&start) {
            continue;
        }
        let (mut piece, mut next) = (vec![start], 0);
        while next < piece.len() {
            for neighbour in neighbours(grid, piece[next]).into_iter().flatten() {
                if left.remove(&neighbour) {
                    piece.push(neighbour);
                }
            }
            next += 1;
        }
        pieces.push(piece);
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces
}

fn neighbours(grid: &Grid, index: usize) -> [Option<usize>; 6] {
    let voxel = grid.voxel(index);
    std::array::from_fn(|side| {
        let (axis, forth) = (side / 2, side % 2 == 1);
        let mut other = voxel;
        other[axis] = if forth { voxel[axis] + 1 } else { voxel[axis].checked_sub(1)? };
        (other[axis] < grid.shape[axis]).then(|| grid.index(other))
    })
}

/// The voxel of a region that is left last when its border is taken off again and again.
fn middle(grid: &Grid, region: &[usize]) -> usize {
    let mut left: std::collections::HashSet<usize> = region.iter().copied().collect();
    loop {
        let is_inner = |&index: &usize| {
            let sides = neighbours(grid, index);
            let flat = |side: usize| grid.shape[side / 2] == 1;
            (0..6).all(|side| flat(side) || sides[side].is_some_and(|other| left.contains(&other)))
        };
        let inner: std::collections::HashSet<usize> = left.iter().copied().filter(is_inner).collect();
        if inner.is_empty() {
            return left.into_iter().min().expect("a region has a voxel");
        }
        left = inner;
    }
}

/// The next click: in the middle of the largest error.
fn correction(case: &Case, guess: &Mask) -> Option<Prompt> {
    let wrong: Vec<usize> = (0..case.truth.len()).filter(|&at| guess.get(at) != case.truth.get(at)).collect();
    let at = middle(&case.grid, pieces(&case.grid, &wrong).first()?);
    let sign = if case.truth.get(at) { Sign::Positive } else { Sign::Negative };
    Some(prompt(Shape::Click { at: case.grid.voxel(at).map(|c| c as f32) }, sign))
}

fn prompt(shape: Shape, sign: Sign) -> Prompt {
    Prompt { id: PromptId(0), structure: StructureId(0), sign, shape }
}

fn threshold(probability: &Volume<u8>) -> Mask {
    Mask::from_fn(probability.grid.shape, |at| probability.voxels[at] >= 128)
}

struct Score {
    dice: f64,
    uncertainty: f32,
    took: Duration,
}

/// The examples' marks to all targets.
fn propagate(engine: &Engine, cases: &[Case], marks: impl Fn(&Case) -> Marks) -> Vec<Score> {
    let (given, targets) = cases.split_at(EXAMPLES);
    let image = |case: &Case| ImageRef::File(case.path.clone().into());
    let example = |case: &Case| Example { case: case.id, image: image(case), marks: marks(case) };
    let target = |case: &Case| Target { case: case.id, image: image(case), marks: Marks::default(), previous: None };
    let ticket = engine.ticket();
    let targets_asked = targets.iter().map(target).collect();
    engine.send(Request::Propagate { ticket, targets: targets_asked, examples: given.iter().map(example).collect() });
    let truths: HashMap<CaseId, &Case> = targets.iter().map(|case| (case.id, case)).collect();
    let mut scores = Vec::new();
    loop {
        match engine.wait(Duration::from_secs(600)) {
            Some(Event::Guess { case, probability, uncertainty, took, .. }) => {
                let dice = truths[&case].truth.dice(&threshold(&probability));
                scores.push(Score { dice, uncertainty, took });
            }
            Some(Event::Finished { .. }) => return scores,
            Some(Event::Progress { .. } | Event::Preparing { .. } | Event::Ready { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// One box on the middle slice of each target, then corrective clicks.
fn interactive(engine: &Engine, name: &str, cases: &[Case]) {
    let mut steps: Vec<Vec<Score>> = (0..=CLICKS).map(|_| Vec::new()).collect();
    for case in &cases[EXAMPLES..] {
        let image = ImageRef::Loaded(Arc::new(imaging::files::open(&case.path).expect("an image")));
        let (mut marks, mut previous) = (boxes_on(case, 1), None);
        for (step, scores) in steps.iter_mut().enumerate() {
            if step > 0 {
                let guess = previous.as_deref().map(threshold).expect("a guess before");
                marks.prompts.extend(correction(case, &guess));
            }
            let target = Target { case: case.id, image: image.clone(), marks: marks.clone(), previous };
            let (score, probability) = preview(engine, case, target);
            scores.push(score);
            previous = Some(probability);
        }
    }
    for (step, scores) in steps.iter().enumerate() {
        report(&format!("{name}, own box on the middle slice and {step} clicks"), scores);
    }
}

fn preview(engine: &Engine, case: &Case, target: Target) -> (Score, Arc<Volume<u8>>) {
    let ticket = engine.ticket();
    engine.send(Request::Preview { ticket, target, examples: Arc::new([]) });
    let mut answer = None;
    loop {
        match engine.wait(Duration::from_secs(600)) {
            Some(Event::Guess { probability, uncertainty, took, .. }) => {
                let dice = case.truth.dice(&threshold(&probability));
                answer = Some((Score { dice, uncertainty, took }, probability));
            }
            Some(Event::Finished { .. }) => return answer.expect("a guess before the end"),
            other => panic!("{other:?}"),
        }
    }
}

fn report(what: &str, scores: &[Score]) {
    let count = scores.len() as f64;
    let mean = scores.iter().map(|score| score.dice).sum::<f64>() / count;
    let worst = scores.iter().map(|score| score.dice).fold(1.0, f64::min);
    let mut times: Vec<f64> = scores.iter().map(|score| score.took.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{what}: mean Dice {mean:.3} (worst {worst:.3}, {count} cases), seconds a guess: first {:.2}, median {:.2}; uncertainty against error {:.2}",
        scores.first().map_or(0.0, |score| score.took.as_secs_f64()),
        times.get(times.len() / 2).copied().unwrap_or(0.0),
        rank_correlation(scores)
    );
}

/// Spearman's correlation of uncertainty and error: 1 where the queue is in the right order.
fn rank_correlation(scores: &[Score]) -> f64 {
    let ranks = |value: &dyn Fn(&Score) -> f64| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| value(&scores[a]).total_cmp(&value(&scores[b])));
        let mut ranks = vec![0.0; scores.len()];
        order.iter().enumerate().for_each(|(rank, &at)| ranks[at] = rank as f64);
        ranks
    };
    let (a, b) = (ranks(&|score| f64::from(score.uncertainty)), ranks(&|score| 1.0 - score.dice));
    let middle = (scores.len() as f64 - 1.0) / 2.0;
    let both: f64 = a.iter().zip(&b).map(|(a, b)| (a - middle) * (b - middle)).sum();
    both / a.iter().map(|a| (a - middle).powi(2)).sum::<f64>().max(1e-9)
}
