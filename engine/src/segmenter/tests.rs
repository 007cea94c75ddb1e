use super::*;
use imaging::{Affine, CaseId, Grid, Prompt, PromptId, Shape, Sign, StructureId};

const SIDE: usize = 160;
const RADIUS: f32 = 10.0;

/// A ball of a few cells' width in a large volume, brighter than what lies around it, and its mask.
fn ball(case: u64, centre: [f32; 3]) -> (CaseId, Arc<Image>, Arc<Mask>) {
    let grid = Grid::new([SIDE; 3], Affine::from_spacing([1.0; 3]));
    let inside = |at: usize| {
        let off = std::array::from_fn::<f32, 3, _>(|axis| grid.voxel(at)[axis] as f32 - centre[axis]);
        off.iter().map(|d| d * d).sum::<f32>().sqrt() <= RADIUS
    };
    let grain = |at: usize| (at.wrapping_mul(2_654_435_761) >> 7) as f32 % 100.0;
    let voxels = (0..grid.len()).map(|at| grain(at) + if inside(at) { 700.0 } else { 300.0 }).collect();
    let mask = Mask::from_fn(grid.shape, inside);
    (CaseId(case), Arc::new(Image::grey(Volume { grid, voxels })), Arc::new(mask))
}

fn dice(probability: &Volume<u8>, truth: &Mask) -> f64 {
    Mask::from_fn(truth.shape(), |at| probability.voxels[at] >= 128).dice(truth)
}

fn segmenter() -> NetSegmenter {
    let compute = device::open(DeviceChoice::Cpu).unwrap();
    let nets = load_nets(&compute.device, &mut Vec::new()).unwrap();
    NetSegmenter::new(compute, nets)
}

/// Dice after a look at the whole image, and after the second look.
fn once_and_twice(target: &Target, examples: &[Example], truth: &Mask) -> (f64, f64) {
    let mut segmenter = segmenter();
    let whole = segmenter.encoded(&target.image).unwrap();
    let all: Vec<&Example> = examples.iter().collect();
    let (cells, _) = segmenter.look(target, &whole, &all, None).unwrap();
    let twice = segmenter.guess(target, examples, &mut |_| true).unwrap();
    (dice(&whole.decode(&cells), truth), dice(&twice.probability, truth))
}

#[test]
fn a_second_look_gives_a_small_structure_its_edges() {
    let examples: Vec<Example> = [(1, [60.0, 70.0, 80.0]), (2, [90.0, 75.0, 70.0])]
        .map(|(case, centre)| ball(case, centre))
        .map(|(case, image, mask)| Example {
            case,
            image: ImageRef::Loaded(image),
            marks: Marks { prompts: Vec::new(), mask: Some(mask) },
        })
        .into();
    let (case, image, truth) = ball(3, [75.0, 80.0, 75.0]);
    let target = Target { case, image: ImageRef::Loaded(image), marks: Marks::default(), previous: None };
    let (once, twice) = once_and_twice(&target, &examples, &truth);
    assert!(twice > once + 0.1, "once {once:.3}, twice {twice:.3}");
}

#[test]
fn a_box_in_a_large_volume_is_looked_at_closely() {
    let (case, image, truth) = ball(3, [75.0, 80.0, 75.0]);
    let shape = Shape::spanning([64.5, 69.5, 75.0], [85.5, 90.5, 75.0]);
    let prompts = vec![Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape }];
    let marks = Marks { prompts, mask: None };
    let target = Target { case, image: ImageRef::Loaded(image), marks, previous: None };
    let (once, twice) = once_and_twice(&target, &[], &truth);
    assert!(twice > once && twice > 0.7, "once {once:.3}, twice {twice:.3}");
}

#[test]
fn tuning_to_a_picture_and_a_volume_is_refused_in_words() {
    let (case, image, mask) = ball(1, [60.0, 70.0, 80.0]);
    let slice = Grid::new([SIDE, SIDE, 1], Affine::from_spacing([1.0; 3]));
    let voxels = (0..slice.len()).map(|at| image.value(at + 80 * slice.len())).collect();
    let flat = Mask::from_fn(slice.shape, |at| mask.get(at + 80 * slice.len()));
    let picture = Arc::new(Image::grey(Volume { grid: slice, voxels }));
    let examples = [(case, image, mask), (CaseId(2), picture, Arc::new(flat))].map(|(case, image, mask)| Example {
        case,
        image: ImageRef::Loaded(image),
        marks: Marks { prompts: Vec::new(), mask: Some(mask) },
    });
    let mut segmenter = segmenter();
    assert_eq!(segmenter.tune(&examples).unwrap(), 0.0);
    let refusal = segmenter.tune(&examples).unwrap_err();
    assert!(matches!(refusal, EngineError::Prompts(text) if text.contains("pictures and volumes")), "{refusal}");
}
