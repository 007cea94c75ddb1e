use super::*;
use crate::cli::evaluate::results::OURS;

fn task(name: &str, set: &str) -> Planned {
    let (cases, repeats) = (BTreeMap::new(), Vec::new());
    Planned { name: name.into(), set: set.into(), dims: 3, values: vec![1], palette: Vec::new(), cases, repeats }
}

fn record(task: &str, repeat: usize, case: &str, dice: f64) -> Record {
    Record {
        method: OURS.to_owned(),
        task: task.to_owned(),
        prompt: Kind::Box,
        contexts: 4,
        clicks: None,
        repeat,
        case: case.to_owned(),
        dice,
        hausdorff95_mm: (dice > 0.0).then_some(10.0 * (1.0 - dice)),
        surface_dice_2mm: Some(dice),
        uncertainty: Some(1.0 - dice),
        seconds: 2.0,
        marks: 5,
        annotation_seconds: 50.0,
    }
}

#[test]
fn a_structure_is_told_by_mean_and_spread_over_repeats() {
    let records =
        [record("a/x", 0, "1", 0.6), record("a/x", 0, "2", 0.8), record("a/x", 1, "1", 0.9), record("a/x", 1, "2", 0.0)];
    let summary = Summary::new(&[task("a/x", "a")], &records);
    let [row] = &summary.structures[..] else { panic!("one row") };
    assert_eq!((row.dice, row.dice_median, row.dice_worst, row.guesses), (0.575, 0.7, 0.0, 4));
    assert_eq!(row.dice_spread, Some(0.1768), "of 0.7 and 0.45");
    assert_eq!((row.hausdorff95_mm, row.missed), (Some(2.3333), Some(0.25)), "what found nothing has no distance");
    assert_eq!(row.uncertainty_correlation, Some(1.0));
}

#[test]
fn every_structure_counts_once_and_every_set_once() {
    let tasks = [task("a/x", "a"), task("a/y", "a"), task("b/z", "b")];
    let records = [
        record("a/x", 0, "1", 0.2),
        record("a/y", 0, "1", 0.4),
        record("b/z", 0, "1", 0.9),
        record("b/z", 0, "2", 0.9),
        record("c/not measured", 0, "1", 0.0),
    ];
    let summary = Summary::new(&tasks, &records);
    let [mean] = &summary.means[..] else { panic!("one mean") };
    assert_eq!((mean.dice, mean.dice_over_sets, mean.task.as_ref()), (0.5, Some(0.6), None));
    assert_eq!(summary.structures.len(), 3);
}

#[test]
fn clicks_to_enough_count_the_most_where_it_is_never_reached() {
    let step = |case: &str, clicks, dice| Record { clicks: Some(clicks), contexts: 0, ..record("a/x", 0, case, dice) };
    let records =
        [step("1", 0, 0.5), step("1", 1, 0.9), step("1", 4, 0.7), step("2", 0, 0.1), step("2", 1, 0.2), step("2", 4, 0.3)];
    let summary = Summary::new(&[task("a/x", "a")], &records);
    let of = |task: Option<&str>| summary.efforts.iter().find(|effort| effort.task.as_deref() == task).unwrap();
    assert_eq!((of(Some("a/x")).clicks_to_85, of(Some("a/x")).reached), (2.5, 0.5));
    assert_eq!(of(None).clicks_to_85, 2.5);
    assert_eq!(summary.structures.iter().filter_map(|row| row.clicks).collect::<Vec<_>>(), [0, 1, 4], "the last is told");
}

#[test]
fn another_method_is_compared_on_the_guesses_that_both_made() {
    let theirs = |task: &str, case: &str, dice| Record {
        method: "registration".to_owned(),
        prompt: Kind::Mask,
        seconds: 100.0,
        ..record(task, 0, case, dice)
    };
    let records = [
        record("a/x", 0, "1", 0.9),
        record("a/x", 0, "2", 0.1),
        record("a/y", 0, "1", 0.5),
        record("b/z", 0, "1", 0.6),
        theirs("a/x", "1", 0.8),
        theirs("a/y", "1", 0.6),
        theirs("b/z", "1", 0.2),
        theirs("b/z", "9", 1.0),
    ];
    let found = Summary::new(&[task("a/x", "a"), task("a/y", "a"), task("b/z", "b")], &records).comparisons;
    assert_eq!(found.len(), 4, "the mean and each structure");
    let Comparison { ours, theirs, guesses, prompt, .. } = &found[0];
    assert_eq!((*guesses, *prompt), (3, Kind::Box));
    assert_eq!((ours.dice, ours.dice_over_sets, ours.seconds), (0.6667, Some(0.65), 2.0));
    assert_eq!((theirs.dice, theirs.dice_over_sets, theirs.seconds), (0.5333, Some(0.45), 100.0));
}

#[test]
fn ranks_of_equal_values_are_equal() {
    assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
    assert_eq!(rank_correlation(&[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), None);
    assert_eq!(rank_correlation(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), Some(-1.0));
}
