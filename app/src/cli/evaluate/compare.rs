//! Ours against another method on the very same guesses: same structure, repeat, case and number of examples.

use super::results::{OURS, Planned, Record, rounded};
use super::summary::{mean, median, place};
use imaging::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One method beside ours with one kind of mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The other method.
    pub method: String,
    /// The structure; none of the mean over structures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// 2 or 3.
    pub dims: usize,
    /// Examples, the same ones for both.
    pub contexts: usize,
    /// The marks that ours had on them; the other method had masks.
    pub prompt: Kind,
    /// Guesses that both made.
    pub guesses: usize,
    /// The other method's figures.
    pub theirs: Side,
    /// Ours.
    pub ours: Side,
}

/// The figures of one side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Mean Dice, of means over structures.
    pub dice: f64,
    /// Mean over sets of that, where it is over structures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dice_over_sets: Option<f64>,
    /// Mean surface Dice at 2 mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface_dice_2mm: Option<f64>,
    /// Median of the seconds for a guess.
    pub seconds: f64,
}

type Pair<'a> = (&'a Record, &'a Record);

/// All comparisons that the records allow, means first.
pub fn comparisons(tasks: &[Planned], records: &[Record]) -> Vec<Comparison> {
    let planned: BTreeMap<&str, &Planned> = tasks.iter().map(|task| (task.name.as_str(), task)).collect();
    let guess = |r: &Record| (r.task.clone(), r.repeat, r.case.clone(), r.contexts);
    let mut ours: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    records.iter().filter(|r| r.method == OURS && r.clicks.is_none()).for_each(|r| ours.entry(guess(r)).or_default().push(r));
    // By method, dimension, examples and kind, then by structure.
    let mut groups: BTreeMap<_, BTreeMap<&str, Vec<Pair<'_>>>> = BTreeMap::new();
    for theirs in records.iter().filter(|record| record.method != OURS) {
        let Some(task) = planned.get(theirs.task.as_str()) else { continue };
        for own in ours.get(&guess(theirs)).into_iter().flatten() {
            let key = (theirs.method.clone(), task.dims, theirs.contexts, place(own.prompt));
            groups.entry(key).or_default().entry(task.name.as_str()).or_default().push((theirs, own));
        }
    }
    let mut found = Vec::new();
    for ((method, dims, contexts, _), structures) in &groups {
        let all: Vec<Pair<'_>> = structures.values().flatten().copied().collect();
        let prompt = all[0].1.prompt;
        let of = |task: Option<&str>, pairs: &[Pair<'_>], theirs, ours| Comparison {
            method: method.clone(),
            task: task.map(str::to_owned),
            dims: *dims,
            contexts: *contexts,
            prompt,
            guesses: pairs.len(),
            theirs,
            ours,
        };
        let over = |side: fn(&Pair<'_>) -> Record| sides(structures, &planned, side);
        found.push(of(None, &all, over(|pair| pair.0.clone()), over(|pair| pair.1.clone())));
        for (task, pairs) in structures {
            let [theirs, own] = [pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(), pairs.iter().map(|pair| pair.1).collect()];
            found.push(of(Some(task), pairs, side(&theirs), side(&own)));
        }
    }
    found.sort_by_key(|comparison| comparison.task.is_some());
    found
}

fn side(records: &[&Record]) -> Side {
    let surfaces: Vec<f64> = records.iter().filter_map(|record| record.surface_dice_2mm).collect();
    Side {
        dice: rounded(mean(&records.iter().map(|record| record.dice).collect::<Vec<_>>())),
        dice_over_sets: None,
        surface_dice_2mm: (!surfaces.is_empty()).then(|| rounded(mean(&surfaces))),
        seconds: median(&records.iter().map(|record| record.seconds).collect::<Vec<_>>()),
    }
}

/// Means over structures, and over sets.
fn sides(structures: &BTreeMap<&str, Vec<Pair<'_>>>, planned: &BTreeMap<&str, &Planned>, of: fn(&Pair<'_>) -> Record) -> Side {
    let one = |pairs: &Vec<Pair<'_>>| {
        let records: Vec<Record> = pairs.iter().map(of).collect();
        side(&records.iter().collect::<Vec<_>>())
    };
    let sides: Vec<(&str, Side)> = structures.iter().map(|(task, pairs)| (planned[task].set.as_str(), one(pairs))).collect();
    let mut sets: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    sides.iter().for_each(|(set, side)| sets.entry(set).or_default().push(side.dice));
    let of_sets: Vec<f64> = sets.values().map(|dice| mean(dice)).collect();
    let surfaces: Vec<f64> = sides.iter().filter_map(|(_, side)| side.surface_dice_2mm).collect();
    Side {
        dice: rounded(mean(&sides.iter().map(|(_, side)| side.dice).collect::<Vec<_>>())),
        dice_over_sets: Some(rounded(mean(&of_sets))),
        surface_dice_2mm: (!surfaces.is_empty()).then(|| rounded(mean(&surfaces))),
        seconds: median(&sides.iter().map(|(_, side)| side.seconds).collect::<Vec<_>>()),
    }
}
