//! Figures over many guesses: for each structure, and over structures and sets, by method, kind of mark and amount.

use super::compare::{Comparison, comparisons};
use super::results::{Planned, Record, rounded};
use imaging::Kind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Dice that "clicks to 85%" asks for.
const ENOUGH: f64 = 0.85;
/// Clicks after which the summary tells Dice.
const STEPS: [usize; 5] = [1, 2, 3, 5, 10];

/// All figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Structure by structure.
    pub structures: Vec<Row>,
    /// Means over the structures of a dimension.
    pub means: Vec<Row>,
    /// Beside other methods, on the guesses that both made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<Comparison>,
    /// Interactive: how many clicks it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub efforts: Vec<Effort>,
}

/// The figures of one method, kind of mark and amount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Who guessed.
    pub method: String,
    /// The structure; none of a mean over structures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// 2 or 3.
    pub dims: usize,
    /// The kind of mark.
    pub prompt: Kind,
    /// Examples.
    pub contexts: usize,
    /// Interactive: clicks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicks: Option<usize>,
    /// Of a mean: how many structures it is over. Those with too few cases for so many examples are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structures: Option<usize>,
    /// Guesses behind it.
    pub guesses: usize,
    /// Mean Dice: over cases and repeats, then over structures.
    pub dice: f64,
    /// Standard deviation of that over repeats, each with other examples and marks; none of a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dice_spread: Option<f64>,
    /// Mean Dice over sets, of each the mean over its structures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dice_over_sets: Option<f64>,
    /// The case in the middle, and the worst; of means, their means over structures.
    pub dice_median: f64,
    /// See `dice_median`.
    pub dice_worst: f64,
    /// Mean 95% Hausdorff distance of the guesses that found anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hausdorff95_mm: Option<f64>,
    /// Share of guesses that found nothing, and so have no distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<f64>,
    /// Mean surface Dice at 2 mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface_dice_2mm: Option<f64>,
    /// Spearman's correlation of uncertainty and error, within a structure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty_correlation: Option<f64>,
    /// Median of the machine's seconds for a guess.
    pub seconds: f64,
    /// Mean of a hand's seconds for the marks.
    pub annotation_seconds: f64,
}

/// Clicks to a Dice of 0.85, of one kind of first mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// The structure; none of the mean over structures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// 2 or 3.
    pub dims: usize,
    /// The kind of the first mark.
    pub prompt: Kind,
    /// Mean clicks; a case that never came there counts with the most clicks that were tried.
    pub clicks_to_85: f64,
    /// Share of cases that came there.
    pub reached: f64,
}

type Group = (String, String, usize, usize, Option<usize>);

impl Summary {
    /// Of some records of some tasks.
    pub fn new(tasks: &[Planned], records: &[Record]) -> Self {
        let comparisons = comparisons(tasks, records);
        let dims: BTreeMap<&str, usize> = tasks.iter().map(|task| (task.name.as_str(), task.dims)).collect();
        let records: Vec<&Record> = records.iter().filter(|record| dims.contains_key(record.task.as_str())).collect();
        let most = records.iter().filter_map(|record| record.clicks).max();
        let is_told = |record: &&&Record| record.clicks.is_none_or(|n| n == 0 || STEPS.contains(&n) || Some(n) == most);
        let mut groups: BTreeMap<Group, Vec<&Record>> = BTreeMap::new();
        for record in records.iter().filter(is_told) {
            let Record { method, task, prompt, contexts, clicks, .. } = record;
            let key = (method.clone(), task.clone(), place(*prompt), *contexts, *clicks);
            groups.entry(key).or_default().push(record);
        }
        let structures: Vec<(Row, BTreeMap<usize, f64>)> =
            groups.values().map(|group| (row(group, dims[group[0].task.as_str()]), by_repeat(group))).collect();
        let efforts = efforts(&records, &dims);
        let means = means(&structures, tasks);
        Self { structures: structures.into_iter().map(|(row, _)| row).collect(), means, comparisons, efforts }
    }
}

/// The order in which kinds of mark are told.
pub fn place(kind: Kind) -> usize {
    [Kind::Mask, Kind::Box, Kind::Doodle, Kind::Click].iter().position(|other| *other == kind).unwrap_or(0)
}

fn row(group: &[&Record], dims: usize) -> Row {
    let first = group[0];
    let dice: Vec<f64> = group.iter().map(|record| record.dice).collect();
    let distances: Vec<f64> = group.iter().filter_map(|record| record.hausdorff95_mm).collect();
    let surfaces: Vec<f64> = group.iter().filter_map(|record| record.surface_dice_2mm).collect();
    let uncertain: Vec<(f64, f64)> = group.iter().filter_map(|r| Some((r.uncertainty?, 1.0 - r.dice))).collect();
    let missed = 1.0 - distances.len() as f64 / group.len() as f64;
    Row {
        method: first.method.clone(),
        task: Some(first.task.clone()),
        dims,
        prompt: first.prompt,
        contexts: first.contexts,
        clicks: first.clicks,
        structures: None,
        guesses: group.len(),
        dice: rounded(mean(&dice)),
        dice_spread: deviation(&by_repeat(group).into_values().collect::<Vec<_>>()).map(rounded),
        dice_over_sets: None,
        dice_median: median(&dice),
        dice_worst: dice.iter().copied().fold(1.0, f64::min),
        hausdorff95_mm: (!distances.is_empty()).then(|| rounded(mean(&distances))),
        missed: (!surfaces.is_empty()).then(|| rounded(missed)),
        surface_dice_2mm: (!surfaces.is_empty()).then(|| rounded(mean(&surfaces))),
        uncertainty_correlation: rank_correlation(&uncertain).map(rounded),
        seconds: median(&group.iter().map(|record| record.seconds).collect::<Vec<_>>()),
        annotation_seconds: rounded(mean(&group.iter().map(|record| record.annotation_seconds).collect::<Vec<_>>())),
    }
}

/// Mean Dice of each repeat.
fn by_repeat(group: &[&Record]) -> BTreeMap<usize, f64> {
    let mut dice: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    group.iter().for_each(|record| dice.entry(record.repeat).or_default().push(record.dice));
    dice.into_iter().map(|(repeat, dice)| (repeat, mean(&dice))).collect()
}

/// Means over the structures of a dimension, of each method, kind and amount.
fn means(structures: &[(Row, BTreeMap<usize, f64>)], tasks: &[Planned]) -> Vec<Row> {
    let sets: BTreeMap<&str, &str> = tasks.iter().map(|task| (task.name.as_str(), task.set.as_str())).collect();
    let mut groups: BTreeMap<_, Vec<&(Row, BTreeMap<usize, f64>)>> = BTreeMap::new();
    for entry in structures {
        let (row, _) = entry;
        groups.entry((row.method.clone(), row.dims, place(row.prompt), row.contexts, row.clicks)).or_default().push(entry);
    }
    groups.values().map(|group| mean_row(group, &sets)).collect()
}

fn mean_row(group: &[&(Row, BTreeMap<usize, f64>)], sets: &BTreeMap<&str, &str>) -> Row {
    let rows: Vec<&Row> = group.iter().map(|(row, _)| row).collect();
    let of = |value: &dyn Fn(&Row) -> f64| rounded(mean(&rows.iter().map(|row| value(row)).collect::<Vec<_>>()));
    let some = |value: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(|row| value(row)).collect();
        (!values.is_empty()).then(|| rounded(mean(&values)))
    };
    // Repeats that every structure has: the mean of others would be over other structures.
    let repeats: BTreeSet<usize> = group.iter().flat_map(|(_, dice)| dice.keys().copied()).collect();
    let whole = repeats.iter().filter(|repeat| group.iter().all(|(_, dice)| dice.contains_key(repeat)));
    let of_repeats: Vec<f64> =
        whole.map(|repeat| mean(&group.iter().map(|(_, dice)| dice[repeat]).collect::<Vec<_>>())).collect();
    let mut of_sets: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &rows {
        let set = row.task.as_deref().and_then(|task| sets.get(task)).copied().unwrap_or_default();
        of_sets.entry(set).or_default().push(row.dice);
    }
    Row {
        task: None,
        structures: Some(rows.len()),
        guesses: rows.iter().map(|row| row.guesses).sum(),
        dice: of(&|row| row.dice),
        dice_spread: deviation(&of_repeats).map(rounded),
        dice_over_sets: Some(rounded(mean(&of_sets.values().map(|dice| mean(dice)).collect::<Vec<_>>()))),
        dice_median: of(&|row| row.dice_median),
        dice_worst: of(&|row| row.dice_worst),
        hausdorff95_mm: some(&|row| row.hausdorff95_mm),
        missed: some(&|row| row.missed),
        surface_dice_2mm: some(&|row| row.surface_dice_2mm),
        uncertainty_correlation: some(&|row| row.uncertainty_correlation),
        seconds: of(&|row| row.seconds),
        annotation_seconds: of(&|row| row.annotation_seconds),
        ..rows[0].clone()
    }
}

/// Clicks and the Dice after them.
type Steps = Vec<(usize, f64)>;

fn efforts(records: &[&Record], dims: &BTreeMap<&str, usize>) -> Vec<Effort> {
    let mut cases: BTreeMap<(String, usize), BTreeMap<(usize, String), Steps>> = BTreeMap::new();
    for record in records {
        if let Some(clicks) = record.clicks {
            let steps = cases.entry((record.task.clone(), place(record.prompt))).or_default();
            steps.entry((record.repeat, record.case.clone())).or_default().push((clicks, record.dice));
        }
    }
    let kinds: BTreeMap<usize, Kind> = records.iter().map(|record| (place(record.prompt), record.prompt)).collect();
    let mut efforts: Vec<Effort> = Vec::new();
    for ((task, kind), cases) in cases {
        let counted: Vec<(f64, bool)> = cases.into_values().map(|mut steps| effort(&mut steps)).collect();
        let clicks_to_85 = rounded(mean(&counted.iter().map(|(clicks, _)| *clicks).collect::<Vec<_>>()));
        let reached = rounded(counted.iter().filter(|(_, came)| *came).count() as f64 / counted.len() as f64);
        let dims = dims[task.as_str()];
        efforts.push(Effort { task: Some(task), dims, prompt: kinds[&kind], clicks_to_85, reached });
    }
    let groups: BTreeSet<(usize, usize)> = efforts.iter().map(|effort| (effort.dims, place(effort.prompt))).collect();
    let over = groups.into_iter().map(|(dims, kind)| {
        let of: Vec<&Effort> = efforts.iter().filter(|e| e.dims == dims && place(e.prompt) == kind).collect();
        let mean_of = |value: &dyn Fn(&Effort) -> f64| rounded(mean(&of.iter().map(|effort| value(effort)).collect::<Vec<_>>()));
        let (clicks_to_85, reached) = (mean_of(&|effort| effort.clicks_to_85), mean_of(&|effort| effort.reached));
        Effort { task: None, dims, prompt: kinds[&kind], clicks_to_85, reached }
    });
    over.collect::<Vec<_>>().into_iter().chain(efforts).collect()
}

/// Clicks to enough of one case, or the most that were tried; and whether it came there.
fn effort(steps: &mut [(usize, f64)]) -> (f64, bool) {
    steps.sort_by_key(|(clicks, _)| *clicks);
    let most = steps.last().map_or(0, |(clicks, _)| *clicks);
    let came = engine::evaluate::clicks_to(steps, ENOUGH);
    (came.unwrap_or(most) as f64, came.is_some())
}

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The value in the middle; of two middle ones, their mean.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n => rounded((sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0),
    }
}

/// Standard deviation of a sample.
fn deviation(values: &[f64]) -> Option<f64> {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Spearman's correlation, ties by their mean rank; none of fewer than three pairs, or where nothing varies.
fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(&a), ranks(&b));
    let middle = (pairs.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let vary = (product(&a, &a) * product(&b, &b)).sqrt();
    (pairs.len() > 2 && vary > 0.0).then(|| product(&a, &b) / vary)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
