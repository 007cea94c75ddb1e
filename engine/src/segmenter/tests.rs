use super::*;
use crate::protocol::{ImageRef, Marks};
use imaging::{Affine, CaseId, Grid, Image, Mask, Prompt, PromptId, Shape, Sign, StructureId};
use std::slice;

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
    let whole = segmenter.images.encoded(&target.image).unwrap();
    let net = segmenter.net(whole.fit.dims).unwrap();
    let all: Vec<&Example> = examples.iter().collect();
    let (cells, _) = segmenter.look(&net, target, &whole, &all, None).unwrap();
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

/// A ball with a box on its middle slice, and its mask.
fn boxed_ball() -> (Target, Arc<Mask>) {
    let (case, image, truth) = ball(3, [75.0, 80.0, 75.0]);
    let shape = Shape::spanning([64.5, 69.5, 75.0], [85.5, 90.5, 75.0]);
    let prompts = vec![Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape }];
    let marks = Marks { prompts, mask: None };
    (Target { case, image: ImageRef::Loaded(image), marks, previous: None }, truth)
}

/// Whether an image with these first marks and so many clicks more goes to the net for images marked themselves.
fn goes_to_own_net(segmenter: &NetSegmenter, dims: usize, shape: Shape, clicks: usize, is_guessed: bool) -> bool {
    let grid = Grid::new([32, 32, if dims == 3 { 32 } else { 1 }], Affine::IDENTITY);
    let click = Shape::Click { at: [16.0, 16.0, 0.0] };
    let prompt = |shape| Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape };
    let prompts = std::iter::once(shape).chain(std::iter::repeat_n(click, clicks)).map(prompt).collect();
    let target = Target {
        case: CaseId(1),
        image: ImageRef::Loaded(Arc::new(Image::grey(Volume::filled(grid, 0.0)))),
        marks: Marks { prompts, mask: None },
        previous: is_guessed.then(|| Arc::new(Volume::filled(grid, 0))),
    };
    segmenter.own_net(dims, &target).is_some()
}

#[test]
fn marks_of_an_image_itself_go_to_the_net_that_knows_them() {
    let segmenter = segmenter();
    let click = || Shape::Click { at: [10.0, 10.0, 0.0] };
    let a_box = Shape::spanning([4.0, 4.0, 0.0], [20.0, 20.0, 0.0]);
    assert!(goes_to_own_net(&segmenter, 2, a_box, 0, false));
    assert!(goes_to_own_net(&segmenter, 2, click(), ENOUGH_MARKS - 1, true));
    assert!(!goes_to_own_net(&segmenter, 2, click(), ENOUGH_MARKS - 2, true), "so few tell little in a picture");
    assert!(!goes_to_own_net(&segmenter, 2, click(), ENOUGH_MARKS, false), "nothing was corrected yet");
    assert!(goes_to_own_net(&segmenter, 3, click(), 0, false), "in a volume the first tells enough");
    for dims in [2, 3] {
        let [own, other] = [true, false].map(|own| segmenter.shipped(dims, own).unwrap());
        assert!(Arc::ptr_eq(&segmenter.net(dims).unwrap(), &other) && !Arc::ptr_eq(&own, &other));
    }
}

/// A bright disc in a dark picture of cells of several pixels, its mask, and a guess of it that is a cell off.
fn disc() -> (Image, Arc<Mask>, Volume<u8>) {
    let grid = Grid::new([640, 640, 1], Affine::IDENTITY);
    let inside = move |at: usize, by: f32| {
        let [x, y, _] = grid.voxel(at).map(|v| v as f32);
        (x - 320.0 - by).hypot(y - 320.0) <= 90.0
    };
    let light = (0..grid.len()).map(|at| if inside(at, 0.0) { 200.0 } else { 60.0 }).collect();
    let image = Image { is_picture: true, ..Image::grey(Volume { grid, voxels: light }) };
    let guess = (0..grid.len()).map(|at| if inside(at, 3.0) { 230 } else { 25 }).collect();
    (image, Arc::new(Mask::from_fn(grid.shape, |at| inside(at, 0.0))), Volume { grid, voxels: guess })
}

#[test]
fn a_picture_that_is_marked_follows_its_edges() {
    let (image, truth, guess) = disc();
    let image = ImageRef::Loaded(Arc::new(image));
    let mut segmenter = segmenter();
    let fit = segmenter.images.encoded(&image).unwrap().fit.clone();
    let mut followed = |marks: Marks| {
        let target = Target { case: CaseId(1), image: image.clone(), marks, previous: None };
        let mut out = guess.clone();
        segmenter.follow_edges(&target, &mut out, &fit).unwrap();
        dice(&out, &truth)
    };
    let before = dice(&guess, &truth);
    assert_eq!(followed(Marks::default()), before, "what bears no mark stays");
    let click = Shape::Click { at: [320.0, 320.0, 0.0] };
    let click = Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape: click };
    let after = followed(Marks { prompts: vec![click], mask: None });
    assert!(1.0 - after < 0.8 * (1.0 - before), "{before:.4} to {after:.4}");
}

#[test]
fn a_box_in_a_large_volume_is_looked_at_closely() {
    let (target, truth) = boxed_ball();
    let (once, twice) = once_and_twice(&target, &[], &truth);
    assert!(twice != once && twice > 0.8, "once {once:.3}, twice {twice:.3}");
}

#[test]
fn clicks_of_a_lone_example_are_understood_before_they_are_shown() {
    let (case, image, truth) = ball(1, [60.0, 70.0, 80.0]);
    let click = |at| Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape: Shape::Click { at } };
    let marks = Marks { prompts: vec![click([60.0, 70.0, 80.0]), click([64.0, 70.0, 80.0])], mask: None };
    let example = Example { case, image: ImageRef::Loaded(image), marks };
    let mut segmenter = segmenter();
    let legible = segmenter.legible(&[&example], 3).unwrap().remove(0);
    let mask = legible.marks.mask.as_ref().expect("a mask in place of the clicks");
    assert!(mask.dice(&truth) > 0.5, "{}", mask.dice(&truth));
    let again = segmenter.legible(&[&example], 3).unwrap().remove(0);
    assert!(Arc::ptr_eq(mask, again.marks.mask.as_ref().unwrap()), "understood once");
    let (case, image, _) = ball(3, [75.0, 80.0, 75.0]);
    let target = Target { case, image: ImageRef::Loaded(image), marks: Marks::default(), previous: None };
    let [from_clicks, from_mask] =
        [example, legible].map(|example| segmenter.look_twice(&target, &[example], None, &mut |_| true).unwrap().0.probability);
    assert_eq!(from_clicks.voxels, from_mask.voxels, "without a plan the target is shown what was understood");
}

#[test]
fn a_marked_volume_is_looked_at_again_with_what_was_found() {
    let (mut target, _) = boxed_ball();
    let mut segmenter = segmenter();
    let whole = segmenter.images.encoded(&target.image).unwrap();
    let pass = |segmenter: &mut NetSegmenter, target: &Target| {
        let marking = segmenter.images.marking(&whole, &target.marks, target.previous.as_deref()).unwrap();
        let own = Input::new(&whole, &marking);
        (strategy::guess(&segmenter.net(3).unwrap(), &segmenter.compute.device, &own, true, &[]).unwrap().0, own)
    };
    let (first, own) = pass(&mut segmenter, &target);
    let net = segmenter.net(3).unwrap();
    let again = strategy::guess(&net, &segmenter.compute.device, &own.with_previous(&first), true, &[]).unwrap().0;
    assert_eq!(segmenter.look(&net, &target, &whole, &[], None).unwrap().0, again);
    target.previous = Some(Arc::new(whole.decode(&first)));
    let once = pass(&mut segmenter, &target).0;
    assert_eq!(segmenter.look(&net, &target, &whole, &[], None).unwrap().0, once, "an earlier guess was shown at once");
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

/// A picture of discs in rows that all look alike, moved as a whole; the structure is one of them, told apart by its place
/// alone.
fn alike(case: u64, moved: [f32; 2], marks: impl Fn(Arc<Mask>, [f32; 2]) -> Marks) -> (Example, Arc<Mask>) {
    let grid = Grid::new([128, 128, 1], Affine::from_spacing([1.0; 3]));
    let middles: Vec<[f32; 2]> = (0..25).map(|i| [20.0 + 18.0 * (i % 5) as f32, 20.0 + 18.0 * (i / 5) as f32]).collect();
    let meant = middles[17];
    let distance = |at: usize, [x, y]: [f32; 2]| ((at % 128) as f32 - x - moved[0]).hypot((at / 128) as f32 - y - moved[1]);
    let value = |at: usize| if middles.iter().any(|middle| distance(at, *middle) < 6.0) { 800.0 } else { 200.0 };
    let mask = Arc::new(Mask::from_fn(grid.shape, |at| distance(at, meant) < 6.0));
    let voxels = (0..grid.len()).map(value).collect();
    let image = Image { is_picture: true, ..Image::grey(Volume { grid, voxels }) };
    let at = [meant[0] + moved[0], meant[1] + moved[1]];
    (Example { case: CaseId(case), image: ImageRef::Loaded(Arc::new(image)), marks: marks(mask.clone(), at) }, mask)
}

/// Dice of a target as the net sees it, and as the plan of these examples says.
fn plain_and_planned(marks: impl Fn(Arc<Mask>, [f32; 2]) -> Marks) -> (f64, f64) {
    let moves = [[0.0, 0.0], [8.0, -6.0], [-9.0, 5.0], [4.0, 9.0]];
    let examples: Vec<Example> = (0..4).map(|i| alike(i as u64, moves[i], &marks).0).collect();
    let (Example { case, image, .. }, truth) = alike(9, [10.0, 7.0], &marks);
    let target = Target { case, image, marks: Marks::default(), previous: None };
    let mut segmenter = segmenter();
    let plain = segmenter.guess(&target, &examples, &mut |_| true).unwrap();
    let (mut shares, mut tried) = (Vec::new(), [0; 3]);
    while shares.last() != Some(&1.0) {
        shares.push(segmenter.prepare(&examples).unwrap());
        tried = segmenter.planning.as_ref().map_or(tried, Planning::tried);
    }
    assert!(shares.is_sorted() && shares.len() >= examples.len(), "{shares:?}");
    assert_eq!(tried, [4, 3, 0], "before the last step: at first sight, closely, and in tiles");
    let planned = segmenter.guess(&target, &examples, &mut |_| true).unwrap();
    (dice(&plain.probability, &truth), dice(&planned.probability, &truth))
}

#[test]
fn a_plan_finds_what_is_told_apart_by_its_place() {
    let (plain, planned) = plain_and_planned(|mask, _| Marks { prompts: Vec::new(), mask: Some(mask) });
    assert!(planned > 0.9 && planned > plain + 0.1, "plain {plain:.3}, planned {planned:.3}");
}

#[test]
fn a_lone_example_finds_what_is_told_apart_by_its_place() {
    let marks = |mask, _| Marks { prompts: Vec::new(), mask: Some(mask) };
    let mut segmenter = segmenter();
    let examples = [alike(1, [-9.0, 5.0], marks).0];
    let (Example { case, image, .. }, truth) = alike(9, [10.0, 7.0], marks);
    let target = Target { case, image, marks: Marks::default(), previous: None };
    let plain = dice(&segmenter.look_twice(&target, &examples, None, &mut |_| true).unwrap().0.probability, &truth);
    let planned = dice(&segmenter.guess(&target, &examples, &mut |_| true).unwrap().probability, &truth);
    assert!(planned > 0.6 && planned > plain + 0.2, "plain {plain:.3}, planned {planned:.3}");
}

#[test]
fn a_plan_of_pictures_is_not_used_for_a_volume() {
    let example = alike(1, [0.0, 0.0], |mask, _| Marks { prompts: Vec::new(), mask: Some(mask) }).0;
    let (case, image, _) = ball(3, [75.0, 80.0, 75.0]);
    let target = Target { case, image: ImageRef::Loaded(image), marks: Marks::default(), previous: None };
    let mut segmenter = segmenter();
    segmenter.prepare(slice::from_ref(&example)).unwrap();
    let refused = segmenter.guess(&target, &[example], &mut |_| true).err();
    assert!(matches!(refused, Some(EngineError::NoMarks)), "{refused:?}");
}

#[test]
fn a_plan_understands_boxes() {
    let (plain, planned) = plain_and_planned(|_, [x, y]| {
        let shape = Shape::spanning([x - 5.5, y - 5.5, 0.0], [x + 5.5, y + 5.5, 0.0]);
        let prompts = vec![Prompt { id: PromptId(1), structure: StructureId(1), sign: Sign::Positive, shape }];
        Marks { prompts, mask: None }
    });
    assert!(planned > 0.9 && planned > plain + 0.1, "plain {plain:.3}, planned {planned:.3}");
}

/// Bright discs of 6 pixels' radius all over the middle of a large picture, and their mask.
fn discs(case: u64, shift: f32) -> (CaseId, Arc<Image>, Arc<Mask>) {
    let grid = Grid::new([384, 384, 1], Affine::IDENTITY);
    let inside = |at: usize| {
        let [x, y, _] = grid.voxel(at).map(|v| v as f32 - 92.0 - shift);
        let off = |along: f32| along.rem_euclid(25.0) - 12.5;
        (0.0..200.0).contains(&x) && (0.0..200.0).contains(&y) && off(x).hypot(off(y)) <= 6.0
    };
    let grain = |at: usize| (at.wrapping_mul(2_654_435_761) >> 7) as f32 % 100.0;
    let voxels = (0..grid.len()).map(|at| grain(at) + if inside(at) { 700.0 } else { 300.0 }).collect();
    let mask = Mask::from_fn(grid.shape, inside);
    (CaseId(case), Arc::new(Image { is_picture: true, ..Image::grey(Volume { grid, voxels }) }), Arc::new(mask))
}

#[test]
fn what_spans_the_image_is_looked_at_tile_by_tile() {
    let (case, image, mask) = discs(1, 0.0);
    let marks = Marks { prompts: Vec::new(), mask: Some(mask) };
    let examples = [Example { case, image: ImageRef::Loaded(image), marks }];
    let (case, image, truth) = discs(2, 7.0);
    let target = Target { case, image: ImageRef::Loaded(image), marks: Marks::default(), previous: None };
    let (once, tiled) = once_and_twice(&target, &examples, &truth);
    assert!(tiled > once + 0.03, "once {once:.3}, tiled {tiled:.3}");

    let mut segmenter = segmenter();
    let mut shares = Vec::new();
    let stopped = segmenter.guess(&target, &examples, &mut |share| {
        shares.push(share);
        shares.len() < 3
    });
    assert!(matches!(stopped, Err(EngineError::Cancelled)));
    assert!(shares.len() == 3 && shares.is_sorted() && shares[0] > 0.0 && shares[2] < 1.0, "{shares:?}");
}
