use super::*;
use crate::protocol::Marks;
use crate::weights::catalogue::Prompts;
use crate::weights::installed::Candidate;
use imaging::{Affine, CaseId, Mask, Prompt, PromptId, Shape, Sign, StructureId};
use std::path::{Path, PathBuf};

fn parity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/published").join(name)
}

fn fixtures() -> Option<PathBuf> {
    let data = std::env::var_os("EXEMPLAR_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let found = data.join("../fixtures");
    if !found.is_dir() {
        println!("left out: there are no fixtures at {}", found.display());
    }
    found.is_dir().then_some(found)
}

fn published(path: &Path, prompts: Prompts, manner: Manner) -> (tempfile::TempDir, Published) {
    let folder = tempfile::tempdir().unwrap();
    let installed = Candidate::new(path).unwrap().add(folder.path(), prompts).unwrap();
    let opened = Published::open(installed, manner, &Device::flex()).unwrap();
    (folder, opened)
}

fn image(shape: [usize; 3]) -> ImageRef {
    let grid = Grid::new(shape, Affine::IDENTITY);
    let voxels = (0..grid.len()).map(|at| (at % 97) as f32).collect();
    ImageRef::Loaded(Arc::new(Image::grey(Volume { grid, voxels })))
}

fn mask(shape: [usize; 3]) -> Marks {
    let inside = |at: usize| (3..9).contains(&(at % shape[0])) && (3..9).contains(&(at / shape[0] % shape[1]));
    Marks { prompts: Vec::new(), mask: Some(Arc::new(Mask::from_fn(shape, inside))) }
}

fn click(at: [f32; 3]) -> Marks {
    let prompt = Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape: Shape::Click { at } };
    Marks { prompts: vec![prompt], mask: None }
}

fn target(shape: [usize; 3], marks: Marks) -> Target {
    Target { case: CaseId(1), image: image(shape), marks, previous: None }
}

fn example(case: u64, shape: [usize; 3], marks: Marks) -> Example {
    Example { case: CaseId(case), image: image(shape), marks }
}

fn refusal(result: Result<Guess, EngineError>) -> String {
    result.err().expect("a refusal").to_string()
}

#[test]
fn pictures_are_segmented_from_masks_and_from_marks() {
    const SHAPE: [usize; 3] = [40, 30, 1];
    let examples = [example(2, SHAPE, mask(SHAPE)), example(3, SHAPE, mask(SHAPE))];
    for name in ["multiverseg", "tyche", "scribbleprompt"] {
        let (_folder, mut net) = published(&parity(&format!("{name}.safetensors")), Prompts::Masks, Manner::Published);
        let own = target(SHAPE, click([5.0, 5.0, 0.0]));
        let guess = net.guess(&own, &examples, &mut |_| true).unwrap();
        assert_eq!(guess.probability.grid.shape, SHAPE);
        assert!((0.0..=1.0).contains(&guess.uncertainty), "{name}");
        let volume = target([8, 8, 8], click([1.0, 1.0, 1.0]));
        assert!(refusal(net.guess(&volume, &[], &mut |_| true)).contains("not volumes"));
        let unmarked = net.guess(&target(SHAPE, Marks::default()), &examples, &mut |_| true);
        match name {
            "scribbleprompt" => assert!(refusal(unmarked).contains("on the image itself")),
            _ => assert!(unmarked.is_ok(), "{name} goes by its examples"),
        }
        let alone = net.guess(&own, &[], &mut |_| true);
        assert_eq!(alone.is_err(), name == "tyche", "{name}: marks alone");
    }
}

#[test]
fn volumes_are_segmented_from_what_the_net_knows_and_nothing_else() {
    let Some(fixtures) = fixtures() else { return };
    const SHAPE: [usize; 3] = [20, 16, 12];
    let file = fixtures.join("neuroverse3d/tiny_3d.ckpt");
    let (_folder, mut net) = published(&file, Prompts::Masks, Manner::Published);
    let plain = target(SHAPE, Marks::default());
    let mut shares = Vec::new();
    let guess = net.guess(&plain, &[example(2, SHAPE, mask(SHAPE))], &mut |share| {
        shares.push(share);
        true
    });
    assert_eq!(guess.unwrap().probability.voxels.len(), 20 * 16 * 12);
    assert!(shares.len() > 30 && shares.last().is_some_and(|&last| last > 0.95));
    assert!(refusal(net.guess(&plain, &[], &mut |_| true)).contains("nothing to go by"));
    let clicked = net.guess(&plain, &[example(2, SHAPE, click([5.0; 3]))], &mut |_| true);
    assert!(refusal(clicked).contains("whole mask"));
    let stopped = net.guess(&plain, &[example(2, SHAPE, mask(SHAPE))], &mut |share| share < 0.3);
    assert!(matches!(stopped, Err(EngineError::Cancelled)));
    let (_folder, mut clicks) = published(&file, Prompts::Clicks, Manner::Oriented);
    let own = target(SHAPE, click([5.0; 3]));
    assert!(clicks.guess(&own, &[], &mut |_| true).is_ok(), "an image that is marked is its own example");
}

#[test]
fn the_order_of_examples_changes_nothing() {
    let Some(fixtures) = fixtures() else { return };
    const SHAPE: [usize; 3] = [20, 16, 12];
    let (_folder, mut net) = published(&fixtures.join("neuroverse3d/tiny_3d.ckpt"), Prompts::Masks, Manner::Published);
    let examples = [example(2, SHAPE, mask(SHAPE)), example(3, SHAPE, mask([20, 16, 12]))];
    let turned = [examples[1].clone(), examples[0].clone()];
    let plain = target(SHAPE, Marks::default());
    let [a, b] = [&examples, &turned].map(|examples| net.guess(&plain, examples, &mut |_| true).unwrap().probability.voxels);
    assert_eq!(a, b);
}

#[test]
fn a_head_gets_its_brain() {
    let Some(fixtures) = fixtures() else { return };
    let (_folder, mut net) =
        published(&fixtures.join("meshnet/models/model5_gw_ae/model.json"), Prompts::Masks, Manner::Published);
    let item = imaging::Item::from(fixtures.join("meshnet/t1_crop.nii.gz"));
    let target = Target { case: CaseId(1), image: ImageRef::File(item), marks: Marks::default(), previous: None };
    let guess = net.guess(&target, &[], &mut |_| true).unwrap();
    let inside = guess.probability.voxels.iter().filter(|&&p| p >= 128).count();
    // White and grey matter of the label counts that the fixture's README tells.
    let want = 518_540 + 735_212;
    assert!(inside.abs_diff(want) <= 50, "{inside} voxels, not {want}");
}

#[test]
fn the_cost_of_the_published_net_is_told() {
    let config = Config::Neuroverse(crate::nets::neuroverse::NeuroverseConfig::published());
    let [one, eight] = [1, 8].map(|examples| cost(&config, examples));
    assert_eq!(one.bytes, eight.bytes, "memory does not grow with the examples");
    assert!(eight.products > 3.0 * one.products);
    assert!((1 << 30..4 << 30).contains(&one.bytes), "{}", one.bytes);
}
