//! From the files of one series to its volumes: slices that lie in one grid, one for each place.
//!
//! What differs in size, orientation or frame of reference is another volume; so is what lies at one place more
//! than once and can be told apart (by echo, time point and the like). Sorting and the affine are `geometry`'s.

use super::geometry::{cross, dot};
use super::instance::{Frame, Instance, KEYS, Key, Place};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Slices of one volume, each at a place of its own; not yet sorted.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub slices: Vec<Slice>,
    /// What tells it from the other volumes of its series; empty where it is the only one.
    pub label: String,
    pub warnings: Vec<String>,
}

/// One slice.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub file: Arc<Instance>,
    /// Place in `file.frames`.
    pub frame: usize,
}

impl Slice {
    pub fn frame(&self) -> &Frame {
        &self.file.frames[self.frame]
    }

    pub fn place(&self) -> &Place {
        &self.frame().place
    }

    /// Columns and rows.
    pub fn size(&self) -> [usize; 2] {
        self.frame().size.unwrap_or([self.file.form.columns, self.file.form.rows])
    }

    /// Distance along the normal in mm, where it is told.
    pub fn distance(&self) -> Option<f64> {
        let Place { position: Some(position), axes: Some([row, column]), .. } = self.place() else { return None };
        Some(dot(*position, cross(*row, *column)))
    }

    fn key(&self, key: usize) -> &Key {
        &self.frame().keys.values[key]
    }

    fn order(&self) -> (i64, usize) {
        (self.frame().keys.instance, self.frame)
    }
}

/// The volumes of a series, in the order in which their first slices were numbered.
pub(crate) fn stacks(files: &[Arc<Instance>]) -> Vec<Stack> {
    let (mut slices, copies) = slices(files);
    slices.sort_by_key(Slice::order);
    let mut parts: Vec<Vec<Slice>> = Vec::new();
    for slice in slices {
        match parts.iter_mut().find(|part| are_parallel(&part[0], &slice)) {
            Some(part) => part.push(slice),
            None => parts.push(vec![slice]),
        }
    }
    let several = parts.len() > 1;
    let mut stacks = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        let label = if several { format!("set {}", number + 1) } else { String::new() };
        if part[0].distance().is_none() {
            stacks.extend(singles(part, &label));
        } else {
            split(part, &label, 0, &mut stacks);
        }
    }
    if copies > 0
        && let Some(first) = stacks.first_mut()
    {
        first.warnings.push(format!("{copies} of the files are copies of others and were left out."));
    }
    stacks
}

/// Every slice of every file once, and how many files were copies.
fn slices(files: &[Arc<Instance>]) -> (Vec<Slice>, usize) {
    let mut seen = std::collections::HashSet::new();
    let mut slices = Vec::new();
    let mut copies = 0;
    for file in files {
        if file.sop_instance.is_empty() || seen.insert(file.sop_instance.as_str()) {
            slices.extend((0..file.frames.len()).map(|frame| Slice { file: Arc::clone(file), frame }));
        } else {
            copies += 1;
        }
    }
    (slices, copies)
}

/// Whether two slices can be of one volume: of the same size, spacing, direction and frame of reference.
fn are_parallel(a: &Slice, b: &Slice) -> bool {
    const COSINE: f64 = 1e-3;
    let close = |a: f64, b: f64, most: f64| (a - b).abs() <= most;
    let axes = match (a.place().axes, b.place().axes) {
        (Some(a), Some(b)) => a.as_flattened().iter().zip(b.as_flattened()).all(|(&a, &b)| close(a, b, COSINE)),
        (None, None) => true,
        _ => false,
    };
    let spacing = match (a.place().spacing, b.place().spacing) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(&a, b)| close(a, b, 1e-3 * b)),
        (None, None) => true,
        _ => false,
    };
    axes && spacing
        && a.size() == b.size()
        && a.place().position.is_some() == b.place().position.is_some()
        && a.file.form.is_colour() == b.file.form.is_colour()
        && a.file.frame_of_reference == b.file.frame_of_reference
}

/// Slices without a place, each a picture of its own.
fn singles(slices: Vec<Slice>, label: &str) -> Vec<Stack> {
    let several = slices.len() > 1;
    let single = |(number, slice): (usize, Slice)| {
        let own = if several { format!("frame {}", number + 1) } else { String::new() };
        Stack { slices: vec![slice], label: joined(label, &own), warnings: Vec::new() }
    };
    slices.into_iter().enumerate().map(single).collect()
}

/// Splits slices that lie at one place more than once, by the first key from `from` on that tells them apart.
fn split(slices: Vec<Slice>, label: &str, from: usize, stacks: &mut Vec<Stack>) {
    let places = places(&slices);
    let doubles = slices.len() - places.len();
    if doubles == 0 {
        return stacks.push(Stack { slices, label: label.to_owned(), warnings: Vec::new() });
    }
    for key in from..KEYS.len() {
        let mut parts: BTreeMap<&Key, Vec<Slice>> = BTreeMap::new();
        slices.iter().for_each(|slice| parts.entry(slice.key(key)).or_default().push(slice.clone()));
        if tells_apart(parts.values(), places.len(), doubles) {
            let parts: Vec<(String, Vec<Slice>)> =
                parts.into_iter().map(|(value, part)| (joined(label, &key_text(key, value)), part)).collect();
            return parts.into_iter().for_each(|(label, part)| split(part, &label, key + 1, stacks));
        }
    }
    by_turns(&slices, &places, label, stacks);
}

/// Whether a partition leaves fewer slices at one place, and each part still is a volume: a time that differs from
/// slice to slice tells all apart, and nothing.
fn tells_apart<'a>(parts: impl Iterator<Item = &'a Vec<Slice>>, places_before: usize, doubles: usize) -> bool {
    let covered: Vec<(usize, usize)> = parts.map(|part| (places(part).len(), part.len())).collect();
    let left: usize = covered.iter().map(|(places, slices)| slices - places).sum();
    covered.len() > 1 && left < doubles && covered.iter().all(|(places, _)| 2 * places >= places_before)
}

/// Volumes of slices that nothing tells apart but their number: the first at each place, the second, and so on;
/// where only few places have more than one slice, these are duplicates.
fn by_turns(slices: &[Slice], places: &[Vec<usize>], label: &str, stacks: &mut Vec<Stack>) {
    let most = places.iter().map(Vec::len).max().unwrap_or(0);
    let full = places.iter().filter(|place| place.len() == most).count();
    if 2 * full < places.len() {
        let doubled: Vec<String> = places
            .iter()
            .filter(|place| place.len() > 1)
            .filter_map(|place| slices[place[0]].distance().map(|mm| format!("{mm:.1} mm")))
            .take(8)
            .collect();
        let count = slices.len() - places.len();
        let lie = if count == 1 { "slice lies" } else { "slices lie" };
        let warning = format!("{count} {lie} where others do (at {}); the first of each is shown.", doubled.join(", "));
        let kept = places.iter().map(|place| slices[place[0]].clone()).collect();
        return stacks.push(Stack { slices: kept, label: label.to_owned(), warnings: vec![warning] });
    }
    for turn in 0..most {
        let part = places.iter().filter_map(|place| place.get(turn)).map(|&at| slices[at].clone()).collect();
        let label = joined(label, &format!("time point {}", turn + 1));
        stacks.push(Stack { slices: part, label, warnings: Vec::new() });
    }
}

/// Slices by place along the normal, near to far; within a place by their number.
fn places(slices: &[Slice]) -> Vec<Vec<usize>> {
    let mut order: Vec<(f64, usize)> =
        slices.iter().enumerate().map(|(at, slice)| (slice.distance().unwrap_or(0.0), at)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let spacing = slices.first().and_then(|slice| slice.place().spacing).map_or(1.0, |[a, b]| a.min(b));
    let same = (spacing / 50.0).min(0.01);
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for (distance, at) in order {
        match places.last_mut() {
            Some(place) if distance - last <= same => place.push(at),
            _ => places.push(vec![at]),
        }
        last = distance;
    }
    places.iter_mut().for_each(|place| place.sort_by_key(|&at| slices[at].order()));
    places
}

fn joined(a: &str, b: &str) -> String {
    if a.is_empty() || b.is_empty() { format!("{a}{b}") } else { format!("{a}, {b}") }
}

fn key_text(key: usize, value: &Key) -> String {
    match value {
        Key::Missing => format!("without {}", KEYS[key]),
        Key::Number(number) => format!("{} {number}", KEYS[key]),
        // The first two parts of an image's type are the same for all that is worth opening.
        Key::Text(text) if key == 0 => text.split('\\').skip(2).collect::<Vec<_>>().join(" "),
        Key::Text(text) => format!("{} {text}", KEYS[key]),
    }
}
