//! What each example does for the others: every example with a mask is guessed from the others, and again with one
//! more left out; where that makes the guess better, the one left out does harm.

use engine::Ticket;
use imaging::{CaseId, Mask, StructureId};
use std::collections::HashMap;
use std::sync::Arc;

/// A guess that is asked for: of `target`, from all other examples but `without`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trial {
    /// The example that is guessed.
    pub target: CaseId,
    /// The example that is left out beside it.
    pub without: Option<CaseId>,
}

/// The influence of a structure's examples, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Influence {
    /// The structure.
    pub structure: Option<StructureId>,
    /// What the engine was asked, by ticket.
    pub asked: HashMap<Ticket, Trial>,
    /// Trials in all.
    pub total: usize,
    /// Dice overlap of each guess with the example's own mask.
    pub scores: HashMap<Trial, f64>,
    /// The masks that guesses are compared with.
    pub masks: HashMap<CaseId, Arc<Mask>>,
}

/// Fewer examples say nothing of one another: without a third there is nothing to guess from.
pub const LEAST: usize = 3;

/// Every trial that tells the influence of `examples`, of which `judged` have masks to compare with.
#[must_use]
pub fn trials(examples: &[CaseId], judged: &[CaseId]) -> Vec<Trial> {
    let of = |&target: &CaseId| {
        let others = examples.iter().copied().filter(move |&other| other != target);
        [None].into_iter().chain(others.map(Some)).map(move |without| Trial { target, without })
    };
    judged.iter().flat_map(of).collect()
}

impl Influence {
    /// How much the guesses of the other examples would lose without this one, in Dice: less than nothing where they
    /// would gain. `None` until all that it takes is known.
    #[must_use]
    pub fn of(&self, case: CaseId) -> Option<f64> {
        let others: Vec<CaseId> = self.masks.keys().copied().filter(|&other| other != case).collect();
        let changes = others.iter().map(|&target| {
            let with = self.scores.get(&Trial { target, without: None })?;
            Some(with - self.scores.get(&Trial { target, without: Some(case) })?)
        });
        let changes: Vec<f64> = changes.collect::<Option<_>>()?;
        (!changes.is_empty()).then(|| changes.iter().sum::<f64>() / changes.len() as f64)
    }

    /// Trials that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.total - self.asked.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_is_guessed_from_the_others_and_with_each_of_them_left_out() {
        let cases = [0, 1, 2].map(CaseId);
        let trials = trials(&cases, &cases[..2]);
        assert_eq!(trials.len(), 2 * 3);
        assert!(trials.iter().all(|trial| Some(trial.target) != trial.without));
        assert!(trials.contains(&Trial { target: CaseId(1), without: Some(CaseId(2)) }));
    }

    #[test]
    fn an_example_without_which_the_others_agree_better_is_harmful() {
        let cases = [0, 1, 2].map(CaseId);
        let masks = cases.map(|case| (case, Arc::new(Mask::empty([1; 3])))).into();
        let mut influence = Influence { masks, ..Influence::default() };
        assert_eq!(influence.of(CaseId(2)), None, "nothing is known yet");
        for trial in trials(&cases, &cases) {
            // Case 2 is wrong: whoever is guessed with it is guessed badly, and it agrees with nobody.
            let wrong = trial.target == CaseId(2) || trial.without != Some(CaseId(2));
            influence.scores.insert(trial, if wrong { 0.4 } else { 0.8 });
        }
        assert!((influence.of(CaseId(2)).expect("all is known") + 0.4).abs() < 1e-9);
        assert_eq!(influence.of(CaseId(0)), Some(0.0));
    }
}
