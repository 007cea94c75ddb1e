//! The papers' protocols: how well the engine does on cases of which the truth is known.
//!
//! In context (UniverSeg, Iris, WS-ICL): a structure is marked on K cases and guessed in others, again with other
//! random cases. Interactive (One-Prompt, WS-ICL): a case is marked itself and corrected click by click. Marks are a
//! simulated `user`'s; who is marked and who is guessed is the `plan`'s. Files, tables and pictures are the program's.

pub mod plan;
pub mod user;

use crate::protocol::{Example, ImageRef, Marks, Target};
use imaging::metrics::Agreement;
use imaging::random::Random;
use imaging::{CaseId, Image, Kind, Mask, Volume};
use std::sync::Arc;
use std::time::Duration;
use user::User;

/// A case of which the truth is known.
#[derive(Clone)]
pub struct Subject {
    /// The case.
    pub case: CaseId,
    /// The image.
    pub image: Arc<Image>,
    /// The structure in it.
    pub truth: Arc<Mask>,
}

impl Subject {
    /// The case as an example with some marks.
    #[must_use]
    pub fn example(&self, marks: Marks) -> Example {
        Example { case: self.case, image: ImageRef::Loaded(self.image.clone()), marks }
    }

    fn target(&self, marks: Marks, previous: Option<Arc<Volume<u8>>>) -> Target {
        Target { case: self.case, image: ImageRef::Loaded(self.image.clone()), marks, previous }
    }
}

/// What the engine is asked for, in the way that a user would ask.
pub enum Order<'a> {
    /// One image of a propagation.
    Propagate(Target, &'a Arc<[Example]>),
    /// The image in hand, now.
    Preview(Target),
}

/// What it answers.
pub struct Answer {
    /// On the image's grid, 0 to 255.
    pub probability: Arc<Volume<u8>>,
    /// 0 to 1.
    pub uncertainty: f32,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// The voxels that are more likely inside than not.
    #[must_use]
    pub fn mask(&self) -> Mask {
        Mask::from_fn(self.probability.grid.shape, |at| self.probability.voxels[at] >= 128)
    }
}

/// A guess and how good it is.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What was guessed.
    pub mask: Mask,
    /// How well it agrees with the truth.
    pub agreement: Agreement,
    /// 0 to 1.
    pub uncertainty: f32,
    /// How long the engine took.
    pub took: Duration,
}

impl Scored {
    fn new(subject: &Subject, answer: &Answer) -> Self {
        let mask = answer.mask();
        let agreement = Agreement::of(&subject.image.grid, &mask, &subject.truth);
        Self { mask, agreement, uncertainty: answer.uncertainty, took: answer.took }
    }
}

/// Guesses a case from marked examples.
///
/// # Errors
/// What `ask` says.
pub fn in_context<E>(
    subject: &Subject,
    examples: &Arc<[Example]>,
    ask: impl FnOnce(Order<'_>) -> Result<Answer, E>,
) -> Result<Scored, E> {
    Ok(Scored::new(subject, &ask(Order::Propagate(subject.target(Marks::default(), None), examples))?))
}

/// The state of a case after so many clicks.
#[derive(Clone, Debug)]
pub struct Step {
    /// Clicks so far; a first click is one of them, a first box or doodle is not.
    pub clicks: usize,
    /// All marks so far.
    pub marks: Marks,
    /// The guess that they led to.
    pub scored: Scored,
}

/// Marks a case with a first mark of a kind and then corrects it, click by click, up to `most_clicks`, each in the
/// middle of the largest error. Where no error is left the last guess stands for all later steps.
///
/// # Errors
/// What `ask` says.
pub fn interactive<E>(
    user: &User,
    kind: Kind,
    most_clicks: usize,
    subject: &Subject,
    random: &mut Random,
    mut ask: impl FnMut(Order<'_>) -> Result<Answer, E>,
) -> Result<Vec<Step>, E> {
    let (grid, truth) = (&subject.image.grid, &*subject.truth);
    let mut marks = user.first(kind, &subject.image, truth, random);
    let mut steps: Vec<Step> = Vec::new();
    let mut previous = None;
    for clicks in usize::from(kind == Kind::Click)..=most_clicks {
        if let Some(last) = steps.last() {
            let Some(click) = user::correction(grid, truth, &last.scored.mask) else {
                steps.push(Step { clicks, ..last.clone() });
                continue;
            };
            marks.prompts.push(click);
        }
        let answer = ask(Order::Preview(subject.target(marks.clone(), previous)))?;
        steps.push(Step { clicks, marks: marks.clone(), scored: Scored::new(subject, &answer) });
        previous = Some(answer.probability);
    }
    Ok(steps)
}

/// The clicks after which Dice first reached `least`, if it did.
#[must_use]
pub fn clicks_to(steps: &[(usize, f64)], least: f64) -> Option<usize> {
    steps.iter().find(|(_, dice)| *dice >= least).map(|(clicks, _)| *clicks)
}

#[cfg(test)]
mod tests;
