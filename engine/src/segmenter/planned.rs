//! Unmarked targets, found as a plan says, and how that plan is made of the examples.

use super::{Guess, NetSegmenter};
use crate::align::{self, Features, Pose};
use crate::encode::Encoded;
use crate::encode::fit::Fit;
use crate::error::EngineError;
use crate::look::{self, Region};
use crate::plan::{self, ALL, CARRIED, Mix, NEAREST, Plan, Trial, VOICES};
use crate::protocol::{Example, ImageRef, Marks, Target};
use crate::strategy::{self, Input};
use crate::tune::Lessons;
use imaging::{Mask, Volume};
use rayon::prelude::*;
use std::sync::Arc;

/// So many examples are taken for targets in turn, at most.
const TRIED: usize = 5;
/// So many examples are brought into line for the net, at most.
const MOST_NEAREST: usize = 3;
/// So many of the nearest help to look closely, at most.
const MOST_CLOSE: usize = 4;
/// Masks that count less than this are not carried over.
const LEAST_SHARE: f32 = 0.01;
/// So many plans are kept: as many structures in turn.
const MOST_PLANS: usize = 64;

/// Examples and the plan that was made of them.
#[derive(Clone)]
pub(super) struct Planned {
    lessons: Lessons,
    /// The examples with masks: where only marks are known, what the net makes of them.
    understood: Arc<[Example]>,
    plan: Plan,
}

/// A plan in the making.
pub(super) struct Planning {
    lessons: Lessons,
    understood: Vec<Example>,
    trial: Trial,
    firsts: Vec<[Vec<f32>; VOICES]>,
    seconds: usize,
}

/// What was found at first sight.
struct First {
    voices: [Vec<f32>; VOICES],
    uncertainty: f32,
    /// The examples, the nearest first, as far as they were compared.
    nearest: Vec<usize>,
}

/// What was found closely.
struct Second {
    fit: Fit,
    cells: Vec<f32>,
    uncertainty: f32,
}

/// An example that looks like the target under a pose.
struct Aligned {
    input: Input,
    mask: Arc<Vec<f32>>,
    pose: Pose,
    likeness: f32,
}

impl NetSegmenter {
    /// Works a little at the plan of these examples; gives the share done.
    pub(super) fn make_plan(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        if self.plans.iter().any(|planned| planned.lessons.are(examples)) {
            return Ok(1.0);
        }
        if let [example] = examples {
            let encoded = self.encoded(&example.image)?;
            return self.marking(&encoded, &example.marks, None).map(|_| 1.0);
        }
        let fresh = || Planning {
            lessons: Lessons::new(examples),
            understood: Vec::new(),
            trial: Trial::default(),
            firsts: Vec::new(),
            seconds: 0,
        };
        let mut planning = self.planning.take().filter(|planning| planning.lessons.are(examples)).unwrap_or_else(fresh);
        let tried = tried(examples.len());
        if let Some(example) = examples.get(planning.understood.len()) {
            planning.understood.push(self.understood(example)?);
        } else if !self.are_alike(&planning.understood)? {
            return Ok(self.keep_plan(planning));
        } else if let Some(&at) = tried.get(planning.firsts.len()) {
            let (given, understood) = (without(examples, at), without(&planning.understood, at));
            let first = self.first(&examples[at].image, &given, &understood, &[1.0; VOICES], false)?;
            planning.trial.add_first(&first.voices, &self.truth(&planning.understood[at], None)?);
            planning.firsts.push(first.voices);
        } else if let Some(&at) = tried.get(planning.seconds) {
            let mix = planning.trial.plan().mix;
            let first = plan::mixed(&planning.firsts[planning.seconds], &mix);
            let given = without(examples, at);
            if let Some(second) = self.second(&examples[at].image, &first, &given, false)? {
                let whole = self.encoded(&examples[at].image)?;
                let first = plan::resampled(&first, &whole.fit, &second.fit);
                let truth = self.truth(&planning.understood[at], Some(&second.fit))?;
                planning.trial.add_second(&first, &second.cells, &truth);
            }
            planning.seconds += 1;
        }
        self.opened = None;
        let (done, all) = (planning.understood.len() + planning.firsts.len() + planning.seconds, examples.len() + 2 * tried.len());
        if done < all {
            self.planning = Some(planning);
            return Ok(done as f32 / all as f32);
        }
        Ok(self.keep_plan(planning))
    }

    fn keep_plan(&mut self, Planning { lessons, understood, trial, .. }: Planning) -> f32 {
        let plan = trial.plan();
        tracing::debug!(?plan, ?trial, "planned");
        self.plans.push(Planned { lessons, understood: understood.into(), plan });
        let excess = self.plans.len().saturating_sub(MOST_PLANS);
        self.plans.drain(..excess);
        1.0
    }

    /// An example with its mask, or with what the net makes of its marks.
    fn understood(&mut self, example: &Example) -> Result<Example, EngineError> {
        let encoded = self.encoded(&example.image)?;
        let marking = self.marking(&encoded, &example.marks, None)?;
        if example.marks.mask.as_ref().is_some_and(|mask| !mask.is_empty()) || marking.is_empty() {
            return Ok(example.clone());
        }
        let target =
            Target { case: example.case, image: example.image.clone(), marks: example.marks.clone(), previous: None };
        let guess = self.look_twice(&target, &[])?.probability;
        let mask = Mask::from_fn(guess.grid.shape, |at| guess.voxels[at] >= 128);
        Ok(Example { marks: Marks { prompts: Vec::new(), mask: Some(Arc::new(mask)) }, ..example.clone() })
    }

    /// Whether the examples can be tried on each other: two at least, all marked, all pictures or all volumes.
    fn are_alike(&mut self, understood: &[Example]) -> Result<bool, EngineError> {
        let mut dims = Vec::new();
        for example in understood {
            if example.marks.mask.as_ref().is_none_or(|mask| mask.is_empty()) {
                return Ok(false);
            }
            dims.push(self.encoded(&example.image)?.fit.dims);
        }
        Ok(dims.len() > 1 && dims.iter().all(|one| *one == dims[0]))
    }

    /// The mask of an understood example on its whole working grid, or in a window.
    fn truth(&mut self, example: &Example, fit: Option<&Fit>) -> Result<Arc<Vec<f32>>, EngineError> {
        let encoded = match fit {
            Some(fit) => self.window(&example.image, fit)?,
            None => self.encoded(&example.image)?,
        };
        let mask = example.marks.mask.as_ref().ok_or(EngineError::NoMarks)?;
        self.mask(&encoded, mask)
    }

    /// The plan of just these examples, if it was made.
    pub(super) fn plan_of(&self, examples: &[Example]) -> Option<Planned> {
        self.plans.iter().rev().find(|planned| planned.lessons.are(examples)).cloned()
    }

    /// Guesses an unmarked target as the plan says.
    pub(super) fn guess_planned(&mut self, target: &Target, examples: &[Example], planned: &Planned) -> Result<Guess, EngineError> {
        let Plan { mix, closely } = planned.plan;
        let whole = self.encoded(&target.image)?;
        let (given, understood) = (examples.iter().collect::<Vec<_>>(), planned.understood.iter().collect::<Vec<_>>());
        let First { voices, mut uncertainty, nearest } = self.first(&target.image, &given, &understood, &mix, true)?;
        let first = plan::mixed(&voices, &mix);
        let mut probability = whole.decode(&first);
        if closely > 0.0 {
            let near: Vec<&Example> = match nearest.as_slice() {
                [] => given,
                nearest => nearest.iter().take(MOST_CLOSE).map(|&at| given[at]).collect(),
            };
            if let Some(second) = self.second(&target.image, &first, &near, true)? {
                let before = plan::resampled(&first, &whole.fit, &second.fit);
                second.fit.paste(&plan::blended(&before, &second.cells, closely), &mut probability.voxels);
                uncertainty = second.uncertainty;
            }
        }
        Ok(Guess { probability, uncertainty })
    }

    /// Looks at a target as a whole, in as many ways as count.
    fn first(
        &mut self,
        image: &ImageRef,
        given: &[&Example],
        understood: &[&Example],
        mix: &Mix,
        may_be_tuned: bool,
    ) -> Result<First, EngineError> {
        let whole = self.encoded(image)?;
        let own = self.unmarked(&whole)?;
        let mut first = First { voices: Default::default(), uncertainty: 0.0, nearest: Vec::new() };
        let total: f32 = mix.iter().sum();
        if mix[ALL] > 0.0 {
            let contexts = self.contexts(given, whole.fit.dims, None)?;
            let (cells, doubt) = self.pass(&own, &contexts, given, may_be_tuned)?;
            first.voices[ALL] = cells;
            first.uncertainty += mix[ALL] / total * doubt;
        }
        if mix[NEAREST] + mix[CARRIED] == 0.0 {
            return Ok(first);
        }
        let aligned = self.aligned(&whole, understood)?;
        let likeness: Vec<f32> = aligned.iter().map(|one| one.likeness).collect();
        first.nearest = plan::nearest(&likeness, aligned.len());
        if mix[NEAREST] > 0.0 {
            let near = first.nearest.iter().take(MOST_NEAREST);
            let contexts: Vec<Input> = near.map(|&at| aligned[at].input.carried(&aligned[at].pose)).collect();
            let (cells, doubt) = self.pass(&own, &contexts, given, may_be_tuned)?;
            first.voices[NEAREST] = cells;
            first.uncertainty += mix[NEAREST] / total * doubt;
        }
        if mix[CARRIED] > 0.0 {
            let mut sum = vec![0.0; whole.fit.count()];
            for (one, share) in aligned.iter().zip(plan::shares(&likeness)).filter(|(_, share)| *share >= LEAST_SHARE) {
                let mask = one.pose.carried(&one.mask, whole.fit.shape());
                sum.iter_mut().zip(mask).for_each(|(sum, value)| *sum += share * value);
            }
            first.uncertainty += mix[CARRIED] / total * strategy::entropy(&sum);
            first.voices[CARRIED] = sum;
        }
        Ok(first)
    }

    /// Looks closely at what was found, if a window shows more of it.
    fn second(
        &mut self,
        image: &ImageRef,
        first: &[f32],
        examples: &[&Example],
        may_be_tuned: bool,
    ) -> Result<Option<Second>, EngineError> {
        let whole = self.encoded(image)?;
        let side = self.side_of_examples(examples)?;
        let Some((region, side)) = Region::of_guess(&whole.fit, first).zip(side) else { return Ok(None) };
        let Some(fit) = look::around(&whole.fit, &region, side) else { return Ok(None) };
        let window = self.window(image, &fit)?;
        let own = self.unmarked(&window)?;
        let contexts = self.contexts(examples, fit.dims, Some(side))?;
        let (cells, uncertainty) = self.pass(&own, &contexts, examples, may_be_tuned)?;
        Ok(Some(Second { fit, cells, uncertainty }))
    }

    fn unmarked(&mut self, encoded: &Encoded) -> Result<Input, EngineError> {
        Ok(Input::new(encoded, &self.marking(encoded, &Marks::default(), None)?))
    }

    fn pass(
        &self,
        own: &Input,
        contexts: &[Input],
        examples: &[&Example],
        may_be_tuned: bool,
    ) -> Result<(Vec<f32>, f32), EngineError> {
        if contexts.is_empty() {
            return Err(EngineError::NoMarks);
        }
        let net = if may_be_tuned { self.net_for(own.dims(), examples)? } else { &self.net(own.dims())?.net };
        strategy::guess(net, &self.compute.device, own, false, contexts)
    }

    /// Examples as they look most like the target.
    fn aligned(&mut self, whole: &Encoded, understood: &[&Example]) -> Result<Vec<Aligned>, EngineError> {
        let channels = |encoded: &Encoded| encoded.cells.len() / encoded.fit.count();
        let mut shown = Vec::new();
        for example in understood {
            let (encoded, marking) = self.shown(example, None)?;
            let mask = self.truth(example, None)?;
            shown.push((encoded, marking, mask));
        }
        let features = |encoded: &Encoded| Features::new(&encoded.cells, channels(encoded), encoded.fit.shape());
        let target = features(whole);
        let one = |(encoded, marking, mask): (Arc<Encoded>, _, Arc<Vec<f32>>)| {
            let (pose, likeness) = align::aligned(&target, &features(&encoded));
            Aligned { input: Input::new(&encoded, &marking), mask, pose, likeness }
        };
        Ok(shown.into_par_iter().map(one).collect())
    }
}

/// Which of so many examples are taken for targets.
fn tried(examples: usize) -> Vec<usize> {
    let count = examples.min(TRIED);
    (0..count).map(|i| i * examples / count).collect()
}

fn without(examples: &[Example], at: usize) -> Vec<&Example> {
    examples.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, example)| example).collect()
}
