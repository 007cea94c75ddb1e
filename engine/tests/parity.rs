//! The nets against what PyTorch computes from the same weights (`engine/training/exemplar_training/parity.py`), and
//! truths that need no reference.
//!
//! Tolerance 1e-4 in f32 on the CPU: both sum the same few thousand products, in another order.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too, which clippy cannot know")]

#[path = "parity/published.rs"]
mod published;

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use engine::nets::in_context::{InContextConfig, InContextNet};
use engine::weights;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

const TOLERANCE: f32 = 1e-4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity")
}

fn tiny(dims: usize) -> InContextConfig {
    InContextConfig {
        dims,
        image_channels: if dims == 2 { 3 } else { 1 },
        prompt_channels: 5,
        widths: vec![4, 8, 8, 16, 16],
        heads: 4,
        attention_levels: 2,
        group: 8,
        full_resolution_cross: dims == 2,
    }
}

fn tensor<const D: usize>(file: &SafeTensors<'_>, name: &str) -> Tensor<D> {
    let view = file.tensor(name).unwrap();
    let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Tensor::from_data(TensorData::new(values, view.shape().to_vec()), &Device::flex())
}

fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn difference(a: Tensor<5>, b: Tensor<5>) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn check(net: &InContextNet, io: &str) {
    let bytes = std::fs::read(folder().join(io)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let logits = net.forward(tensor(&file, "target"), tensor(&file, "contexts"));
    let off = difference(logits, tensor(&file, "logits"));
    assert!(off <= TOLERANCE, "{io}: off by {off}");
}

#[test]
fn the_tiny_net_computes_what_pytorch_does() {
    let weights = std::fs::read(folder().join("tiny_3d.safetensors")).unwrap();
    check(&weights::fill(tiny(3).init(&Device::flex()), weights).unwrap(), "tiny_3d_io.safetensors");
}

#[test]
fn the_shipped_nets_compute_what_pytorch_does() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/weights");
    for card in weights::cards(&assets) {
        let loaded = weights::load(&card, &Device::flex()).unwrap();
        check(&loaded.net, &format!("{}_io.safetensors", loaded.card.name.replace('-', "_")));
    }
}

fn random_input(config: &InContextConfig, contexts: usize) -> (Tensor<5>, Tensor<6>) {
    let side = 16;
    let shape = [config.inputs(), if config.dims == 3 { side } else { 1 }, side, side];
    let random =
        |n: usize| Tensor::<5>::random([n, shape[0], shape[1], shape[2], shape[3]], Distribution::Default, &Device::flex());
    (random(1), random(contexts).unsqueeze())
}

#[test]
fn the_order_of_examples_is_of_no_matter() {
    for dims in [2, 3] {
        let config = tiny(dims);
        let net = config.init(&Device::flex());
        let (target, contexts) = random_input(&config, 3);
        let turned = contexts.clone().flip([1]);
        assert!(difference(net.forward(target.clone(), contexts), net.forward(target, turned)) < TOLERANCE);
    }
}

/// The means over contexts do not change at all; the attention of the target to itself and all contexts does a
/// little, for the contexts then weigh twice. So the guess may move, but by far less than it varies.
#[test]
fn the_whole_set_given_twice_is_as_good_as_once() {
    for dims in [2, 3] {
        let config = tiny(dims);
        let net = config.init(&Device::flex());
        let (target, contexts) = random_input(&config, 2);
        let twice = Tensor::cat(vec![contexts.clone(), contexts.clone()], 1);
        let (once, twice) = (values(net.forward(target.clone(), contexts)), values(net.forward(target, twice)));
        let mean = once.iter().sum::<f32>() / once.len() as f32;
        let spread = once.iter().map(|value| (value - mean).abs()).sum::<f32>();
        let moved = once.iter().zip(&twice).map(|(a, b)| (a - b).abs()).sum::<f32>();
        assert!(moved < 0.25 * spread, "{dims}-D: {moved} where the guess varies by {spread}");
    }
}

#[test]
fn a_batch_is_its_members() {
    let config = tiny(3);
    let net = config.init(&Device::flex());
    let ((a, contexts_a), (b, contexts_b)) = (random_input(&config, 2), random_input(&config, 2));
    let both =
        net.forward(Tensor::cat(vec![a.clone(), b.clone()], 0), Tensor::cat(vec![contexts_a.clone(), contexts_b.clone()], 0));
    let apart = Tensor::cat(vec![net.forward(a, contexts_a), net.forward(b, contexts_b)], 0);
    assert!(difference(both, apart) < TOLERANCE);
}
