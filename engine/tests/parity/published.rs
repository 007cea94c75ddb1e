//! The published nets against what their authors' code computes (the shared fixtures), or PyTorch's own modules where
//! the authors give nothing to compare with (`published.py`).
//!
//! Tolerance 1e-4 in f32 on the CPU. The shared fixtures are looked for beside `EXEMPLAR_DATA`, or in `../shared`.

use super::{TOLERANCE, folder, tensor};
use burn::tensor::{Device, Tensor};
use engine::nets::neuroverse::{Neuroverse, NeuroverseConfig};
use engine::nets::slabs::{Stopped, Work};
use engine::nets::source::Random;
use engine::weights::recognise::{Config, Net};
use engine::weights::state::State;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

fn fixtures() -> Option<PathBuf> {
    let data = std::env::var_os("EXEMPLAR_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let fixtures = data.join("../fixtures");
    if !fixtures.is_dir() {
        println!("left out: there are no fixtures at {}", fixtures.display());
        return None;
    }
    Some(fixtures)
}

fn load(path: &Path) -> Net {
    let state = State::open(path).unwrap();
    Config::recognise(&state).unwrap().load(&state, &Device::flex()).unwrap()
}

/// The largest difference of numbers, whatever their shapes.
fn off<const A: usize, const B: usize>(a: Tensor<A>, b: Tensor<B>) -> f32 {
    let values = |data: burn::tensor::TensorData| data.try_into_vec::<f32>().unwrap();
    let (a, b) = (values(a.into_data()), values(b.into_data()));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn neuroverse(fixtures: &Path, dims: usize) -> (Neuroverse, Vec<u8>) {
    let Net::Neuroverse(net) = load(&fixtures.join(format!("neuroverse3d/tiny_{dims}d.ckpt"))) else { panic!("another net") };
    assert_eq!(net.config(), &NeuroverseConfig { dims, widths: vec![4, 6, 8, 12, 16] });
    (net, std::fs::read(fixtures.join(format!("neuroverse3d/tiny_{dims}d_io.safetensors"))).unwrap())
}

/// A tensor of the fixture as `[images, 1, D, H, W]`, whether it has a depth or not.
fn images(file: &SafeTensors<'_>, name: &str, at: usize, dims: usize) -> Tensor<5> {
    let shape = file.tensor(name).unwrap().shape().to_vec();
    let sides = &shape[shape.len() - dims..];
    let [d, h, w] = if dims == 3 { [sides[0], sides[1], sides[2]] } else { [1, sides[0], sides[1]] };
    let count: usize = shape[1..shape.len() - dims].iter().product();
    let all: Tensor<5> =
        if dims == 3 && shape.len() == 5 { tensor(file, name) } else { flat(file, name).reshape([shape[0] * count, 1, d, h, w]) };
    all.narrow(0, at * count, count)
}

fn flat(file: &SafeTensors<'_>, name: &str) -> Tensor<1> {
    let rank = file.tensor(name).unwrap().shape().len();
    match rank {
        4 => tensor::<4>(file, name).flatten(0, 3),
        5 => tensor::<5>(file, name).flatten(0, 4),
        _ => tensor::<6>(file, name).flatten(0, 5),
    }
}

fn contexts(file: &SafeTensors<'_>, at: usize, dims: usize) -> Tensor<5> {
    Tensor::cat(vec![images(file, "context_image", at, dims), images(file, "context_label", at, dims)], 1)
}

fn run(net: &Neuroverse, target: Tensor<5>, contexts: Vec<Tensor<5>>) -> Tensor<5> {
    net.forward(target, contexts, &mut Work::new(1.0, &mut |_| true)).unwrap()
}

#[test]
fn neuroverse_computes_what_its_authors_code_does() {
    let Some(fixtures) = fixtures() else { return };
    for dims in [2, 3] {
        let (net, io) = neuroverse(&fixtures, dims);
        let file = SafeTensors::deserialize(&io).unwrap();
        for at in 0..2 {
            let (target, all) = (images(&file, "target", at, dims), contexts(&file, at, dims));
            let whole = off(run(&net, target.clone(), vec![all.clone()]), images(&file, "output", at, dims));
            let first = off(run(&net, target, vec![all.narrow(0, 0, 1)]), images(&file, "output_first_context_only", at, dims));
            println!("{dims}-D, image {at}: off by {whole:e} with three contexts, {first:e} with one");
            assert!(whole <= TOLERANCE && first <= TOLERANCE, "{dims}-D: off by {whole} and {first}");
        }
    }
}

#[test]
fn neither_the_order_of_contexts_nor_how_many_are_taken_at_once_matters() {
    let Some(fixtures) = fixtures() else { return };
    for dims in [2, 3] {
        let (net, io) = neuroverse(&fixtures, dims);
        let file = SafeTensors::deserialize(&io).unwrap();
        let (target, all) = (images(&file, "target", 0, dims), contexts(&file, 0, dims));
        let want = run(&net, target.clone(), vec![all.clone()]);
        let one_by_one = |order: [usize; 3]| order.map(|at| all.clone().narrow(0, at, 1)).to_vec();
        for mini in [one_by_one([0, 1, 2]), one_by_one([2, 0, 1]), vec![all.clone().narrow(0, 0, 2), all.clone().narrow(0, 2, 1)]]
        {
            assert!(off(run(&net, target.clone(), mini), want.clone()) < 1e-5);
        }
    }
}

#[test]
fn under_a_lower_limit_layers_are_tiled_and_the_result_is_the_same() {
    let net = NeuroverseConfig { dims: 3, widths: vec![4, 6, 8] }.init(&mut Random(Device::flex()));
    let random = |channels| Tensor::<5>::random([1, channels, 32, 16, 20], burn::tensor::Distribution::Default, &Device::flex());
    let (target, context) = (random(1), random(2));
    let forward = |most_bytes| {
        let mut go_on = |_| true;
        let mut work = Work::new(1.0, &mut go_on).within(most_bytes);
        let out = net.forward(target.clone(), [context.clone()], &mut work).unwrap();
        (out, work.largest)
    };
    let (want, largest) = forward(usize::MAX);
    // The largest piece that a layer cannot do without: 4 planes of 16 x 20 of four channels, where one is halved.
    for limit in [4 * 4 * 320 * 4, 8 * 4 * 320 * 4] {
        assert!(largest > 3 * limit, "the limit is no limit");
        let (tiled, seen) = forward(limit);
        assert!(seen <= limit, "a layer took {seen} bytes where {limit} were allowed");
        assert!(off(tiled, want.clone()) < 1e-5);
    }
}

#[test]
fn a_pass_tells_how_far_it_is_and_stops_when_told() {
    let config = NeuroverseConfig { dims: 3, widths: vec![4, 6, 8] };
    let net = config.init(&mut Random(Device::flex()));
    let random = |channels| Tensor::<5>::random([1, channels, 16, 16, 16], burn::tensor::Distribution::Default, &Device::flex());
    let [fixed, each] = config.products(16 * 16 * 16);
    let mut told: Vec<f32> = Vec::new();
    let mut go_on = |share| {
        told.push(share);
        true
    };
    net.forward(random(1), [random(2), random(2)], &mut Work::new(fixed + 2.0 * each, &mut go_on)).unwrap();
    assert!(told.is_sorted() && told.len() > 20);
    assert!(told.last().is_some_and(|&last| last > 0.97), "{:?}", told.last());
    let stopped = net.forward(random(1), [random(2)], &mut Work::new(fixed + each, &mut |share| share < 0.4));
    assert_eq!(stopped.map(|_| ()), Err(Stopped));
}

#[test]
fn universeg_computes_what_its_authors_code_does() {
    let Some(fixtures) = fixtures() else { return };
    let Net::UniverSeg(net, _) = load(&fixtures.join("universeg/random_nf64.pt")) else { panic!("another net") };
    let bytes = std::fs::read(fixtures.join("universeg/random_nf64_io.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let planes = |name: &str| images(&file, name, 0, 2);
    let support = Tensor::cat(vec![planes("support_image"), planes("support_label")], 1);
    let target = planes("target");
    let groups = vec![support.clone().narrow(0, 1, 2), support.clone().narrow(0, 0, 1)];
    for supports in [vec![support.clone()], groups] {
        let off = off(net.forward(target.clone(), supports, &mut Work::new(1.0, &mut |_| true)).unwrap(), flat(&file, "logits"));
        println!("UniverSeg: off by {off:e}");
        assert!(off <= TOLERANCE, "off by {off}");
    }
    let first = off(
        net.forward(target, vec![support.narrow(0, 0, 1)], &mut Work::new(1.0, &mut |_| true)).unwrap(),
        flat(&file, "logits_first_support_only"),
    );
    assert!(first <= TOLERANCE, "off by {first}");
}

/// `[1, N, C, H, W]` as `[N, C, 1, H, W]`.
fn members(file: &SafeTensors<'_>, name: &str) -> Tensor<5> {
    let x: Tensor<5> = tensor(file, name);
    let [_, n, c, h, w] = x.dims();
    x.reshape([n, c, 1, h, w])
}

#[test]
fn the_nets_without_a_fixture_compute_what_pytorchs_modules_do() {
    let published = folder().join("published");
    for name in ["multiverseg", "tyche", "scribbleprompt"] {
        let net = load(&published.join(format!("{name}.safetensors")));
        let bytes = std::fs::read(published.join(format!("{name}_io.safetensors"))).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut go_on = |_| true;
        let work = &mut Work::new(1.0, &mut go_on);
        let logits = match net {
            Net::UniverSeg(net, config) => {
                assert_eq!(config.target_channels, 5);
                net.forward(members(&file, "target"), vec![members(&file, "support")], work)
            }
            Net::Tyche(net) => net.forward(members(&file, "target"), vec![members(&file, "support")], work),
            Net::ScribblePrompt(net) => net.forward(tensor::<4>(&file, "input").reshape([1, 5, 1, 32, 32]), work),
            other => panic!("{other:?}"),
        };
        let off = off(logits.unwrap(), flat(&file, "logits"));
        println!("{name}: off by {off:e}");
        assert!(off <= TOLERANCE, "{name}: off by {off}");
    }
}

#[test]
fn trained_meshnets_compute_what_pytorch_does_on_a_crop() {
    let Some(fixtures) = fixtures() else { return };
    for name in ["model5_gw_ae", "model20chan3cls", "mindgrab"] {
        let Net::MeshNet(net, _) = load(&fixtures.join(format!("meshnet/models/{name}/model.json"))) else {
            panic!("another net")
        };
        let bytes = std::fs::read(folder().join(format!("published/meshnet_{name}_io.safetensors"))).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        for planes in [usize::MAX, 1 << 20] {
            let mut go_on = |_| true;
            let mut work = Work::new(1.0, &mut go_on).within(planes);
            let logits = net.forward(tensor(&file, "image"), &mut work).unwrap();
            let off = off(logits.join(), flat(&file, "logits"));
            println!("{name}: off by {off:e}");
            assert!(off <= TOLERANCE, "{name}: off by {off}");
        }
    }
}

/// The label counts, and the least, greatest and mean logit, that `fixtures/README.md` tells of the whole T1 image.
#[test]
fn a_trained_meshnet_labels_a_whole_head_as_its_authors_weights_do() {
    let Some(fixtures) = fixtures() else { return };
    let Net::MeshNet(net, config) = load(&fixtures.join("meshnet/models/model5_gw_ae/model.json")) else { panic!("another net") };
    let image = imaging::files::open(&fixtures.join("meshnet/t1_crop.nii.gz")).unwrap();
    let [i, j, k] = image.grid.shape;
    let voxels: Vec<f32> = (0..image.grid.len()).map(|at| image.value(at)).collect();
    let (low, high) = voxels.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let scaled: Vec<f32> = voxels.iter().map(|v| (v - low) / (high - low)).collect();
    // In memory the first axis is the fastest; the net takes it as the slowest.
    let stored = Tensor::<5>::from_data(burn::tensor::TensorData::new(scaled, [1, 1, k, j, i]), &Device::flex());
    let input = stored.permute([0, 1, 4, 3, 2]);
    let logits = net.forward(input, &mut Work::new(config.products(i * j * k), &mut |_| true)).unwrap().join();
    let logits: Vec<f32> = logits.into_data().try_into_vec().unwrap();
    let classes: Vec<&[f32]> = logits.chunks_exact(i * j * k).collect();
    let mut counts = [0_usize; 3];
    #[allow(clippy::needless_range_loop, reason = "three rows are read at once")]
    for at in 0..i * j * k {
        let best = (0..3).fold(0, |best, class| if classes[class][at] > classes[best][at] { class } else { best });
        counts[best] += 1;
    }
    let mean = logits.iter().map(|&v| f64::from(v)).sum::<f64>() / logits.len() as f64;
    println!("label counts {counts:?}, mean logit {mean}");
    for (count, want) in counts.iter().zip([15_523_464_usize, 518_540, 735_212]) {
        assert!(count.abs_diff(want) <= 50, "{counts:?}");
    }
    assert!((mean + 1.821247).abs() < 1e-4, "{mean}");
    let (least, most) = logits.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    assert!((least + 14.4273).abs() < 1e-3 && (most - 10.36296).abs() < 1e-3, "{least} to {most}");
}
