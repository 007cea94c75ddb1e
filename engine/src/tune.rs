//! Tuning: a net learns one structure from its examples, each of them found by the help of others.
//!
//! What a net could not see in the examples alone, because it never met such a structure in such an image, it learns in
//! some hundred steps: an example is taken as the target, two others as its contexts, all warped anew each time. After
//! In-context tuning of Iris, but of all weights. The net of the program stays as it is; what was learned is kept beside.

mod warp;

use crate::error::EngineError;
use crate::nets::in_context::InContextNet;
use crate::protocol::{Example, Marks};
use burn::module::Module;
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use imaging::CaseId;
use imaging::random::Random;
use std::sync::Arc;

/// Steps in 2-D and in 3-D, where each takes three times as long.
const STEPS_2D: usize = 300;
const STEPS_3D: usize = 240;
/// The highest learning rate, reached after so many steps; from there it falls to nothing in a straight line.
const RATE_2D: f64 = 1e-3;
const RATE_3D: f64 = 3e-4;
const WARM_UP: usize = 10;
/// Examples that help to find another one, at most.
const CONTEXTS: usize = 2;
/// Channels of the marks.
const MARKS: usize = 5;
/// Most that the gradient of one tensor counts.
const CLIP: f32 = 1.0;

/// What a net has learned from: an example without its image.
#[derive(Clone)]
struct Lesson {
    case: CaseId,
    marks: Marks,
}

impl Lesson {
    fn is(&self, example: &Example) -> bool {
        let same_mask = match (&self.marks.mask, &example.marks.mask) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, None) => true,
            _ => false,
        };
        self.case == example.case && same_mask && self.marks.prompts == example.marks.prompts
    }
}

/// The examples that a net learns from, or has learned from.
#[derive(Clone)]
pub(crate) struct Lessons(Vec<Lesson>);

impl Lessons {
    pub fn new(examples: &[Example]) -> Self {
        Self(examples.iter().map(|example| Lesson { case: example.case, marks: example.marks.clone() }).collect())
    }

    /// Whether these are just the examples learned from.
    pub fn are(&self, examples: &[Example]) -> bool {
        self.0.len() == examples.len() && self.0.iter().zip(examples).all(|(lesson, example)| lesson.is(example))
    }

    /// Whether all that was learned still stands; examples may have been added.
    pub fn hold(&self, examples: &[&Example]) -> bool {
        self.0.iter().all(|lesson| examples.iter().any(|example| lesson.is(example)))
    }
}

/// An example as the net is to see it and what it should find there, on a working grid.
#[derive(Clone)]
pub(crate) struct Sample {
    /// Channels of the image, then of the marks, then the structure itself: `[C + 5 + 1, D, H, W]`.
    pub cells: Vec<f32>,
    /// `D`, `H`, `W`.
    pub shape: [usize; 3],
}

/// A net that is learning.
pub(crate) struct Tuning {
    pub lessons: Lessons,
    /// Each view of the examples: as a whole, and closely. Contexts and target of a step are of the same view.
    pub views: Vec<Vec<Sample>>,
    net: InContextNet,
    optimizer: ModuleOptimizer,
    device: Device,
    random: Random,
    step: usize,
}

impl Tuning {
    /// Nothing learned yet.
    pub fn new(net: &InContextNet, device: &Device, lessons: Lessons, views: usize) -> Self {
        let device = device.clone().autodiff();
        let net = net.clone().fork(&device).train();
        let clip = GradientClippingConfig::Norm(CLIP);
        let optimizer = AdamWConfig::new().with_beta_2(0.98).with_grad_clipping(Some(clip)).init();
        Self { lessons, views: vec![Vec::new(); views], net, optimizer, device, random: Random::new(1), step: 0 }
    }

    fn steps(&self) -> usize {
        if self.net.config().dims == 2 { STEPS_2D } else { STEPS_3D }
    }

    /// The share of the steps that were done.
    pub fn share(&self) -> f32 {
        self.step as f32 / self.steps() as f32
    }

    /// What was learned.
    pub fn net(&self) -> InContextNet {
        self.net.valid()
    }

    fn rate(&self) -> f64 {
        let peak = if self.net.config().dims == 2 { RATE_2D } else { RATE_3D };
        let (step, steps) = (self.step as f64, self.steps() as f64);
        peak * ((step + 1.0) / WARM_UP as f64).min(1.0) * (1.0 - step / (steps + 1.0))
    }

    /// Learns once; gives the loss.
    pub fn learn(&mut self) -> Result<f32, EngineError> {
        let view = self.random.below(self.views.len());
        let mut order: Vec<usize> = (0..self.views[view].len()).collect();
        self.random.shuffle(&mut order);
        let Some((&target, others)) = order.split_first() else { return Err(EngineError::NoMarks) };
        // A single example helps to find itself, warped in another way.
        let others = if others.is_empty() { &order[..1] } else { &others[..others.len().min(CONTEXTS)] };
        let channels = self.net.config().inputs();
        let shape = self.views[view][target].shape;
        let [d, h, w] = shape;
        let len = d * h * w;

        let mut shown = warp::warped(&self.views[view][target], channels - MARKS, &mut self.random);
        let truth = shown.split_off(channels * len);
        shown[(channels - MARKS) * len..].fill(0.0);
        let mut contexts = Vec::with_capacity(others.len() * channels * len);
        for &other in others {
            let context = warp::warped(&self.views[view][other], channels - MARKS, &mut self.random);
            contexts.extend_from_slice(&context[..channels * len]);
        }
        let tensor = |values: Vec<f32>, channels| TensorData::new(values, [1, channels, d, h, w]);
        let contexts = TensorData::new(contexts, [1, others.len(), channels, d, h, w]);
        let truth = truth.into_iter().map(|cell| f32::from(cell >= 0.5)).collect();
        let logits =
            self.net.forward(Tensor::from_data(tensor(shown, channels), &self.device), Tensor::from_data(contexts, &self.device));
        let loss = loss(logits, Tensor::from_data(tensor(truth, 1), &self.device));
        let value = loss.clone().try_into_data().map_err(|error| failed(error.to_string()))?;
        let value = value.try_into_vec::<f32>().map_err(|error| failed(format!("{error:?}")))?;
        let grads = GradientsParams::from_grads(loss.backward(), &self.net);
        let rate = self.rate();
        self.net = self.optimizer.step(rate, self.net.clone(), grads);
        self.step += 1;
        Ok(value.first().copied().unwrap_or(f32::NAN))
    }
}

fn failed(why: String) -> EngineError {
    EngineError::Device { name: "the device".to_owned(), why }
}

/// Soft Dice plus cross-entropy, as in `engine/training`.
fn loss(logits: Tensor<5>, truth: Tensor<5>) -> Tensor<1> {
    let probability = sigmoid(logits.clone());
    let shared = (probability.clone() * truth.clone()).sum();
    let dice = (shared * 2.0 + 1.0) / (probability.sum() + truth.clone().sum() + 1.0);
    let entropy = relu(logits.clone()) - logits.clone() * truth + (-logits.abs()).exp().log1p();
    -dice + 1.0 + entropy.mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::in_context::InContextConfig;

    /// A bright disc on a grain; the structure is its left half, which no look tells from the right one.
    fn sample(x: usize) -> Sample {
        let (side, mut random) = (16, Random::new(x as u64));
        let inside = |at: usize| {
            let (dy, dx) = ((at / side) as f32 - 8.0, (at % side) as f32 - x as f32);
            (dy * dy + dx * dx < 20.0, dx < 0.0)
        };
        let image: Vec<f32> = (0..side * side).map(|at| random.unit() * 0.3 + f32::from(inside(at).0) * 0.6).collect();
        let truth: Vec<f32> = (0..side * side).map(|at| f32::from(inside(at).0 && inside(at).1)).collect();
        let none = vec![0.0; 4 * side * side];
        Sample { cells: [image.repeat(3), truth.clone(), none, truth].concat(), shape: [1, side, side] }
    }

    fn tiny() -> InContextConfig {
        InContextConfig {
            dims: 2,
            image_channels: 3,
            prompt_channels: 5,
            widths: vec![8, 8, 16],
            heads: 2,
            attention_levels: 1,
            group: 4,
            full_resolution_cross: true,
        }
    }

    /// Mean losses of the first and the last steps.
    fn learned(device: &Device, steps: usize) -> (f32, f32) {
        let net = tiny().init(device);
        let mut tuning = Tuning::new(&net, device, Lessons(Vec::new()), 1);
        tuning.views[0] = (6..10).map(sample).collect();
        let losses: Vec<f32> = (0..steps).map(|_| tuning.learn().unwrap()).collect();
        assert!(tuning.share() > 0.0 && tuning.share() < 1.0);
        let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
        (mean(&losses[..steps / 6]), mean(&losses[steps - steps / 6..]))
    }

    #[test]
    fn a_net_learns_from_its_examples() {
        let (first, last) = learned(&Device::flex(), 120);
        assert!(last < 0.75 * first, "{first} -> {last}");
    }

    #[test]
    #[ignore = "minutes on a GPU made of software"]
    fn a_net_learns_on_the_gpu() {
        let compute = crate::device::open(crate::DeviceChoice::Gpu).expect("a GPU");
        let (first, last) = learned(&compute.device, 60);
        assert!(last < 0.9 * first, "{first} -> {last}");
    }

    #[test]
    fn what_was_learned_holds_as_long_as_its_examples_stand() {
        use crate::protocol::ImageRef;
        use imaging::{Affine, Grid, Image, Mask, Volume};
        let image = Arc::new(Image::grey(Volume::filled(Grid::new([2, 2, 1], Affine::IDENTITY), 0.0)));
        let example = |case, inside: usize| Example {
            case: CaseId(case),
            image: ImageRef::Loaded(image.clone()),
            marks: Marks { prompts: Vec::new(), mask: Some(Arc::new(Mask::from_fn([2, 2, 1], |at| at == inside))) },
        };
        let lessons = Lessons::new(&[example(1, 0), example(2, 1)]);
        let (one, two, three) = (example(1, 0), example(2, 1), example(3, 0));
        assert!(lessons.hold(&[&one, &two]) && lessons.hold(&[&one, &two, &three]));
        assert!(!lessons.hold(&[&one, &three]), "one was taken away");
        assert!(!lessons.hold(&[&one, &example(2, 3)]), "one was changed");
        assert!(lessons.are(&[one.clone(), two.clone()]) && !lessons.are(&[one, two, three]));
    }
}
