//! Unmarked targets, found as a plan says, and how that plan is made of the examples.

use super::tiles::Close;
use super::{Guess, NetSegmenter};
use crate::align::{self, Alignment, Features, Warp};
use crate::encode::Encoded;
use crate::encode::fit::Fit;
use crate::encode::marks::Marking;
use crate::error::EngineError;
use crate::look::{self, Region, tiles};
use crate::nets::in_context::InContextNet;
use crate::plan::{self, ALL, BEFORE, CARRIED, Carried, FUSED, Mix, NEAREST, NET, Plan, Trial, VOICES, Voices};
use crate::protocol::{Example, ImageRef, Marks, Target};
use crate::strategy::{self, Input};
use crate::tune::Lessons;
use rayon::prelude::*;
use std::slice;
use std::sync::Arc;

/// So many examples are taken for targets in turn, at most, in 2-D and in 3-D, where each takes ten times as long.
const TRIED: [usize; 2] = [8, 5];
/// So many ways in which an example may lie are compared with a target as a whole, in 2-D and in 3-D.
const WAYS: [usize; 2] = [5, 1];
/// So many examples are compared with a target, at most.
const MOST_COMPARED: usize = 16;
/// So many examples are brought into line for the net, at most.
const MOST_NEAREST: usize = 3;
/// So many of the nearest help to look closely, at most.
const MOST_CLOSE: usize = 4;
/// What is tried on examples.
const EVERYTHING: Plan = Plan { first: [1.0; VOICES], second: [1.0; VOICES], tiled: [1.0, 0.0, 0.0] };
/// How much more it counts that images look alike near the structure.
const NEAR: f32 = 0.6;
/// A plan of so many examples at least holds for half as many more.
const LEAST_INHERITED: usize = 4;

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
    /// Whether all of them show something in a place.
    have_place: bool,
    /// At first sight, through one window, and through many.
    trials: [Trial; 3],
    firsts: Vec<Voices>,
    seconds: usize,
    /// A plan that was made of most of these examples and holds for all.
    inherited: Option<Plan>,
}

#[cfg(test)]
impl Planning {
    /// Examples tried so far at first sight, through one window, and through many.
    pub(super) fn tried(&self) -> [usize; 3] {
        self.trials.each_ref().map(|trial| trial.tried)
    }
}

/// What was found at first sight.
struct First {
    voices: Voices,
    uncertainty: f32,
    /// The examples, the nearest first, as far as they were compared.
    nearest: Vec<usize>,
}

/// What was found closely, in each window by each voice.
struct Second {
    windows: Vec<(Fit, Voices)>,
    uncertainty: f32,
    is_tiled: bool,
}

/// An example as it is, with its mask.
struct Shown {
    encoded: Arc<Encoded>,
    features: Arc<Features>,
    marking: Marking,
    mask: Arc<Vec<f32>>,
}

/// An example as it looks most like the target.
struct Aligned {
    shown: Arc<Shown>,
    warp: Warp,
    /// Its mask on the target's grid; alike as a whole, and near the structure above all.
    carried: Carried,
}

impl NetSegmenter {
    /// Works a little at the plan of these examples; gives the share done.
    pub(super) fn make_plan(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        if self.plans.iter().any(|planned| planned.lessons.are(examples)) {
            return Ok(1.0);
        }
        let first = match examples {
            [] => return Ok(1.0),
            [lone] => return self.plan_alone(lone).map(|()| 1.0),
            [first, ..] => first,
        };
        let dims = self.images.encoded(&first.image)?.fit.dims;
        let net = &*self.net(dims)?;
        let inherited = self.plan_of_most(examples);
        let fresh = || Planning {
            lessons: Lessons::new(examples),
            understood: Vec::new(),
            have_place: true,
            trials: Default::default(),
            firsts: Vec::new(),
            seconds: 0,
            inherited,
        };
        let mut planning = self.planning.take().filter(|planning| planning.lessons.are(examples)).unwrap_or_else(fresh);
        let tried = if planning.inherited.is_some() { Vec::new() } else { tried(examples.len(), dims) };
        if let Some(example) = examples.get(planning.understood.len()) {
            let understood = self.understood(example)?;
            planning.have_place &= self.has_place(&understood)?;
            planning.understood.push(understood);
        } else if !self.are_alike(&planning.understood)? {
            // The net takes what it can of them.
            return Ok(self.keep_plan(Planning { inherited: None, trials: Default::default(), ..planning }));
        } else if let Some(&at) = tried.get(planning.firsts.len()) {
            let (given, understood) = (without(examples, at), without(&planning.understood, at));
            let first = self.first(net, &examples[at].image, &given, &understood, &EVERYTHING.first)?;
            planning.trials[0].add(&first.voices, &self.truth(&planning.understood[at], None)?, plan::decided);
            planning.firsts.push(first.voices);
        } else if let Some(&at) = tried.get(planning.seconds) {
            let so_far = Plan { first: planning.trials[0].best(planning.have_place), ..EVERYTHING };
            let first = plan::decided(plan::mixed(&planning.firsts[planning.seconds], &so_far.first));
            let (target, understood) = (unmarked(&examples[at]), without(&planning.understood, at));
            let second = self.second(net, &target, &first, &understood, &so_far, &mut |_| true)?;
            let is_tiled = second.as_ref().is_some_and(|second| second.is_tiled);
            if let Some(Second { windows, .. }) = second {
                let (mut voices, mut truth) = (Voices::default(), Vec::new());
                for (fit, found) in windows {
                    voices.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
                    truth.extend_from_slice(&self.truth(&planning.understood[at], Some(&fit))?);
                }
                planning.trials[if is_tiled { 2 } else { 1 }].add(&voices, &truth, decide(is_tiled));
            }
            // Tiles take long: every other example tells enough.
            planning.seconds = (planning.seconds + if is_tiled { 2 } else { 1 }).min(tried.len());
        }
        self.images.close();
        let (done, all) =
            (planning.understood.len() + planning.firsts.len() + planning.seconds, examples.len() + 2 * tried.len());
        if done < all {
            self.planning = Some(planning);
            return Ok(done as f32 / all as f32);
        }
        Ok(self.keep_plan(planning))
    }

    /// A lone example cannot be tried on another, so its plan is always the same; none where nothing is marked, or where a
    /// structure lies all over the image and is found by its look rather than by its place.
    fn plan_alone(&mut self, example: &Example) -> Result<(), EngineError> {
        let understood = self.understood(example)?;
        if self.has_place(&understood)? {
            let lessons = Lessons::new(slice::from_ref(example));
            self.plans.push(Planned { lessons, understood: [understood].into(), plan: Plan::ALONE });
        }
        Ok(())
    }

    /// Whether an understood example shows something in a place, not nothing, nor pieces all over the image.
    fn has_place(&mut self, understood: &Example) -> Result<bool, EngineError> {
        if understood.marks.filled_mask().is_none() {
            return Ok(false);
        }
        let whole = self.images.encoded(&understood.image)?;
        Ok(!tiles::is_scattered(&whole.fit, &self.truth(understood, None)?))
    }

    fn keep_plan(&mut self, Planning { lessons, understood, have_place, trials, inherited, .. }: Planning) -> f32 {
        let first = trials[0].best(have_place);
        let made = Plan { first, second: trials[1].best_after(&first, have_place), tiled: trials[2].worth_it() };
        let plan = inherited.unwrap_or(made);
        tracing::debug!(?plan, ?trials, "planned");
        self.plans.push(Planned { lessons, understood: understood.into(), plan });
        1.0
    }

    /// Whether the examples can be tried on each other: two at least, all marked, all pictures or all volumes.
    fn are_alike(&mut self, understood: &[Example]) -> Result<bool, EngineError> {
        let mut dims = Vec::new();
        for example in understood {
            if example.marks.filled_mask().is_none() {
                return Ok(false);
            }
            dims.push(self.images.encoded(&example.image)?.fit.dims);
        }
        Ok(dims.len() > 1 && dims.iter().all(|one| *one == dims[0]))
    }

    /// The mask of an understood example on its whole working grid, or in a window.
    fn truth(&mut self, example: &Example, fit: Option<&Fit>) -> Result<Arc<Vec<f32>>, EngineError> {
        let encoded = match fit {
            Some(fit) => self.images.window(&example.image, fit)?,
            None => self.images.encoded(&example.image)?,
        };
        let mask = example.marks.mask.as_ref().ok_or(EngineError::NoMarks)?;
        self.images.mask(&encoded, mask)
    }

    /// The plan of most of these examples, of which each still stands: some more do not change it.
    fn plan_of_most(&self, examples: &[Example]) -> Option<Plan> {
        let all: Vec<&Example> = examples.iter().collect();
        let holds = |planned: &&Planned| {
            let known = planned.understood.len();
            known >= LEAST_INHERITED && 2 * examples.len() <= 3 * known && planned.lessons.hold(&all)
        };
        self.plans.iter().find(holds).map(|planned| planned.plan)
    }

    /// The plan of just these examples, if it was made and holds for a target: one without marks, a picture if all of them
    /// are pictures and a volume if they are volumes. That of a lone example is made at once.
    pub(super) fn plan_for(&mut self, target: &Target, examples: &[Example]) -> Result<Option<Planned>, EngineError> {
        if !target.marks.is_empty() {
            return Ok(None);
        }
        if examples.len() == 1 {
            self.make_plan(examples)?;
        }
        let Some(planned) = self.plans.iter().find(|planned| planned.lessons.are(examples)).cloned() else { return Ok(None) };
        let dims = self.images.encoded(&target.image)?.fit.dims;
        for example in examples {
            if self.images.encoded(&example.image)?.fit.dims != dims {
                return Ok(None);
            }
        }
        Ok(Some(planned))
    }

    /// Guesses an unmarked target as the plan says.
    pub(super) fn guess_planned(
        &mut self,
        target: &Target,
        examples: &[Example],
        planned: &Planned,
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Guess, EngineError> {
        let whole = self.images.encoded(&target.image)?;
        let (given, understood): (Vec<&Example>, Vec<&Example>) =
            (examples.iter().collect(), planned.understood.iter().collect());
        let dims = whole.fit.dims;
        let (net, plan) = match self.learned_net(dims, &given) {
            Some(net) => (net, planned.plan.with_learned_net()),
            None => (self.net(dims)?, planned.plan),
        };
        let First { voices, mut uncertainty, nearest } = self.first(&net, &target.image, &given, &understood, &plan.first)?;
        let first = plan::decided(plan::mixed(&voices, &plan.first));
        let mut probability = whole.decode(&first);
        let near = if nearest.is_empty() { understood } else { nearest.iter().map(|&at| understood[at]).collect() };
        if let Some(second) = self.second(&net, target, &first, &near, &plan, go_on)? {
            let mix = if second.is_tiled { plan.tiled } else { plan.second };
            uncertainty = second.uncertainty;
            let decide = decide(second.is_tiled);
            let windows = second.windows.into_iter().map(|(fit, voices)| (fit, decide(plan::mixed(&voices, &mix)))).collect();
            Close { windows, uncertainty }.paste(&mut probability.voxels);
        }
        Ok(Guess { probability, uncertainty })
    }

    /// Looks at a target as a whole, in as many ways as count.
    fn first(
        &mut self,
        net: &InContextNet,
        image: &ImageRef,
        given: &[&Example],
        understood: &[&Example],
        mix: &Mix,
    ) -> Result<First, EngineError> {
        let whole = self.images.encoded(image)?;
        let own = self.unmarked(&whole)?;
        let mut first = First { voices: Default::default(), uncertainty: 0.0, nearest: Vec::new() };
        let total: f32 = mix.iter().sum();
        if mix[ALL] > 0.0 {
            let contexts = self.contexts(given, whole.fit.dims, None)?;
            let (cells, doubt) = self.pass(net, &own, &contexts)?;
            first.voices[ALL] = cells;
            first.uncertainty += mix[ALL] / total * doubt;
        }
        if mix[NEAREST] + mix[CARRIED] == 0.0 {
            return Ok(first);
        }
        let compared = evenly(understood.len(), MOST_COMPARED);
        let shown = compared.iter().map(|&at| self.with_mask(understood[at], None)).collect::<Result<_, _>>()?;
        let aligned = aligned(&whole, shown, WAYS[usize::from(whole.fit.dims == 3)]);
        let likeliest = likeliest(&aligned);
        first.nearest = likeliest.iter().map(|one| compared[one.carried.example]).collect();
        let fused = fused(&aligned, whole.fit.dims);
        if mix[NEAREST] > 0.0 {
            let contexts: Vec<Input> = likeliest.iter().take(MOST_NEAREST).map(|one| one.input()).collect();
            let (cells, doubt) = self.pass(net, &own.with_previous(&fused), &contexts)?;
            first.voices[NEAREST] = cells;
            first.uncertainty += mix[NEAREST] / total * doubt;
        }
        if mix[CARRIED] > 0.0 {
            first.uncertainty += mix[CARRIED] / total * strategy::entropy(&fused);
            first.voices[CARRIED] = fused;
        }
        Ok(first)
    }

    /// Looks closely at what was found in an unmarked target, in as many ways as count, if a window or tiles show more of
    /// it; the nearest examples come first.
    fn second(
        &mut self,
        net: &InContextNet,
        target: &Target,
        first: &[f32],
        examples: &[&Example],
        plan: &Plan,
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Option<Second>, EngineError> {
        let whole = self.images.encoded(&target.image)?;
        let side = self.side_of_examples(examples)?;
        let Some((region, side)) = Region::of_guess(&whole.fit, first).zip(side) else { return Ok(None) };
        let before = |fit: &Fit| plan::resampled(first, &whole.fit, fit);
        let Some(fit) = look::around(&whole.fit, &region, side) else {
            // What is found by its place is not found in a tile, which shows nothing of it.
            if plan.tiled[BEFORE] == 1.0 || plan.first[ALL] < 1.0 {
                return Ok(None);
            }
            let near = &examples[..examples.len().min(MOST_CLOSE)];
            let close = self.tiled(net, target, &region, near, go_on)?;
            return Ok(close.map(|Close { windows, uncertainty }| {
                // Masks are not fused in tiles: that voice is what was there before.
                let windows = windows.into_iter().map(|(fit, cells)| {
                    let before = before(&fit);
                    (fit, [cells, before.clone(), before])
                });
                Second { windows: windows.collect(), uncertainty, is_tiled: true }
            }));
        };
        let mix = &plan.second;
        if mix[NET] + mix[FUSED] == 0.0 {
            return Ok(None);
        }
        let window = self.images.window(&target.image, &fit)?;
        let before = before(&fit);
        let (mut voices, mut uncertainty) = (Voices::default(), 0.0);
        if mix[NET] > 0.0 {
            let near = &examples[..examples.len().min(MOST_CLOSE)];
            let contexts = self.contexts(near, fit.dims, Some(side))?;
            let own = self.unmarked(&window)?.with_previous(&before);
            (voices[NET], uncertainty) = self.pass(net, &own, &contexts)?;
        }
        if mix[FUSED] > 0.0 {
            let near = examples.iter().take(MOST_COMPARED);
            let shown = near.map(|example| self.with_mask(example, Some(side))).collect::<Result<_, _>>()?;
            voices[FUSED] = fused(&aligned(&window, shown, 1), fit.dims);
        }
        if mix[BEFORE] > 0.0 {
            voices[BEFORE] = before;
        }
        if mix[NET] == 0.0 {
            uncertainty = strategy::entropy(&plan::mixed(&voices, mix));
        }
        Ok(Some(Second { windows: vec![(fit, voices)], uncertainty, is_tiled: false }))
    }

    fn unmarked(&mut self, encoded: &Encoded) -> Result<Input, EngineError> {
        Ok(Input::new(encoded, &self.images.marking(encoded, &Marks::default(), None)?))
    }

    fn pass(&self, net: &InContextNet, own: &Input, contexts: &[Input]) -> Result<(Vec<f32>, f32), EngineError> {
        if contexts.is_empty() {
            return Err(EngineError::NoMarks);
        }
        strategy::guess(net, &self.compute.device, own, false, contexts)
    }

    /// An example with its mask; with `side`, in a window of that width.
    fn with_mask(&mut self, example: &Example, side: Option<f64>) -> Result<Shown, EngineError> {
        let (encoded, marking) = self.images.shown(example, side)?;
        let mask = example.marks.mask.as_ref().ok_or(EngineError::NoMarks)?;
        Ok(Shown { mask: self.images.mask(&encoded, mask)?, features: self.images.features(&encoded), encoded, marking })
    }
}

impl Aligned {
    /// What the net is shown of it: image and marks in line with the target.
    fn input(&self) -> Input {
        Input::new(&self.shown.encoded, &self.shown.marking).carried(&self.warp)
    }
}

/// Examples as they look like the target, each in so many ways at most; the likeliest come first.
fn aligned(target: &Encoded, examples: Vec<Shown>, ways: usize) -> Vec<Aligned> {
    let target = Features::of(target);
    let one = |(at, shown): (usize, Shown)| {
        let shown = Arc::new(shown);
        let carried = |mut found: Alignment| {
            found.refine(&target, &shown.features, &shown.mask);
            let mask = found.warp.carried(&shown.mask);
            let near = found.likeness_near(&target, &shown.features, &mask);
            let (whole, unlike) = (found.likeness, found.unlike);
            let carried = Carried { example: at, mask, whole, likeness: whole + NEAR * near.max(0.0), unlike };
            Aligned { shown: shown.clone(), warp: found.warp, carried }
        };
        align::aligned(&target, &shown.features, ways).into_iter().map(carried).collect::<Vec<_>>()
    };
    let mut aligned: Vec<Aligned> = examples.into_par_iter().enumerate().flat_map_iter(one).collect();
    plan::heard_by_others(&mut aligned.iter_mut().map(|one| &mut one.carried).collect::<Vec<_>>());
    aligned.sort_by(|a, b| b.carried.likeness.total_cmp(&a.carried.likeness));
    aligned
}

/// Each example in its likeliest way, of all ways in this order.
fn likeliest(aligned: &[Aligned]) -> Vec<&Aligned> {
    let is_first = |at: usize| aligned[..at].iter().all(|one| one.carried.example != aligned[at].carried.example);
    (0..aligned.len()).filter(|&at| is_first(at)).map(|at| &aligned[at]).collect()
}

/// How probabilities are decided for: tiles must fit together, so none is by itself.
fn decide(is_tiled: bool) -> fn(Vec<f32>) -> Vec<f32> {
    if is_tiled { std::convert::identity } else { plan::decided }
}

fn fused(aligned: &[Aligned], dims: usize) -> Vec<f32> {
    plan::fused(&aligned.iter().map(|one| &one.carried).collect::<Vec<_>>(), dims)
}

/// Which of so many examples are taken for targets.
fn tried(examples: usize, dims: usize) -> Vec<usize> {
    evenly(examples, TRIED[usize::from(dims == 3)])
}

/// At most so many of a number of things, evenly.
fn evenly(all: usize, most: usize) -> Vec<usize> {
    let count = all.min(most);
    (0..count).map(|i| i * all / count).collect()
}

fn unmarked(example: &Example) -> Target {
    Target { case: example.case, image: example.image.clone(), marks: Marks::default(), previous: None }
}

fn without(examples: &[Example], at: usize) -> Vec<&Example> {
    examples.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, example)| example).collect()
}
