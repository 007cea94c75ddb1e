//! Which cases are marked and which are guessed. The same for the same seed and names, so that every kind of mark,
//! every number of examples and every other method meets the same cases.

use imaging::random::Random;

/// One repeat of a task: positions among its cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The examples; K of them are the first K, so that a curve over K adds examples to those it had.
    pub examples: Vec<usize>,
    /// The cases to guess, none of which is an example.
    pub targets: Vec<usize>,
}

/// How many cases take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Cases of the task.
    pub cases: usize,
    /// Most examples that are asked for.
    pub examples: usize,
    /// Most targets.
    pub targets: usize,
}

/// One repeat: examples drawn anew for each, targets in an order of the task's own of which the examples are left out.
///
/// Where cases are fewer than are asked for, examples come first, but one case at least is left as a target.
#[must_use]
pub fn round(seed: u64, task: &str, repeat: usize, size: Size) -> Round {
    let drawn = |words: &[&str]| {
        let mut order: Vec<usize> = (0..size.cases).collect();
        Random::named(seed, words.iter().copied()).shuffle(&mut order);
        order
    };
    let mut examples = drawn(&[task, "examples", &repeat.to_string()]);
    examples.truncate(size.examples.min(size.cases.saturating_sub(1)));
    let mut targets = drawn(&[task, "targets"]);
    targets.retain(|case| !examples.contains(case));
    targets.truncate(size.targets);
    Round { examples, targets }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { cases: 30, examples: 8, targets: 10 };

    #[test]
    fn a_round_follows_from_its_seed_and_names() {
        assert_eq!(round(7, "a/liver", 0, SIZE), round(7, "a/liver", 0, SIZE));
        let others = [round(8, "a/liver", 0, SIZE), round(7, "a/spleen", 0, SIZE), round(7, "a/liver", 1, SIZE)];
        assert!(others.iter().all(|other| other.examples != round(7, "a/liver", 0, SIZE).examples));
    }

    #[test]
    fn no_example_is_a_target() {
        for repeat in 0..20 {
            let Round { examples, targets } = round(7, "a/liver", repeat, SIZE);
            assert_eq!((examples.len(), targets.len()), (8, 10));
            assert!(targets.iter().all(|target| !examples.contains(target)));
        }
    }

    #[test]
    fn few_cases_still_leave_a_target() {
        let few = |cases| round(7, "a", 0, Size { cases, ..SIZE });
        assert_eq!((few(5).examples.len(), few(5).targets.len()), (4, 1));
        assert_eq!((few(1).examples.len(), few(1).targets.len()), (0, 1));
        assert!(few(0).targets.is_empty());
    }

    #[test]
    fn fewer_examples_are_the_first_of_more() {
        let more = round(7, "a", 3, SIZE).examples;
        assert_eq!(round(7, "a", 3, Size { examples: 2, ..SIZE }).examples, more[..2]);
    }
}
