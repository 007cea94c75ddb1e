use super::*;
use imaging::{Affine, Grid, Pixels, Prompt, Shape, Sign};
use user::{correction, seconds};

const KINDS: [Kind; 4] = [Kind::Mask, Kind::Box, Kind::Click, Kind::Doodle];

/// Two balls of different size in a volume, or two discs in a picture, or a ring.
fn subject(shape: [usize; 3], spacing: [f64; 3], is_ring: bool) -> Subject {
    let grid = Grid::new(shape, Affine::from_spacing(spacing));
    let middle = |share: f64| -> [f64; 3] { std::array::from_fn(|axis| (shape[axis] as f64 - 1.0) * share) };
    let far = |voxel: [usize; 3], from: [f64; 3]| {
        (0..3).map(|axis| ((voxel[axis] as f64 - from[axis]) * spacing[axis]).powi(2)).sum::<f64>().sqrt()
    };
    let truth = Mask::from_fn(shape, |at| {
        let voxel = grid.voxel(at);
        if is_ring {
            (9.0..12.0).contains(&far(voxel, middle(0.5)))
        } else {
            far(voxel, middle(0.4)) < 7.0 || far(voxel, middle(0.8)) < 3.0
        }
    });
    let pixels = Pixels::I16((0..grid.len()).map(|at| i16::from(truth.get(at))).collect());
    let image = Image { grid, pixels, is_picture: shape[2] == 1, window: None, warnings: Vec::new() };
    Subject { case: CaseId(1), image: Arc::new(image), truth: Arc::new(truth) }
}

fn subjects() -> Vec<Subject> {
    [([48, 48, 1], [1.0; 3]), ([40, 44, 36], [1.0; 3]), ([40, 44, 14], [1.0, 0.8, 3.0]), ([12, 44, 40], [4.0, 1.0, 1.0])]
        .into_iter()
        .flat_map(|(shape, spacing)| [subject(shape, spacing, false), subject(shape, spacing, true)])
        .collect()
}

fn voxels_of(grid: &Grid, prompt: &Prompt) -> Vec<usize> {
    prompt.shape.points().iter().map(|&point| grid.index(grid.nearest(point).unwrap())).collect()
}

#[test]
fn marks_say_the_truth_and_follow_from_the_seed() {
    for subject in subjects() {
        let grid = &subject.image.grid;
        for kind in KINDS {
            for seed in 0..8 {
                let marks = || User::default().marks(kind, &subject.image, &subject.truth, &mut Random::new(seed));
                assert_eq!(marks().prompts, marks().prompts);
                let Marks { prompts, mask } = marks();
                assert_eq!(mask.is_some(), kind == Kind::Mask);
                assert_eq!(prompts.is_empty(), kind == Kind::Mask);
                for prompt in prompts.iter().filter(|prompt| prompt.shape.kind() != Kind::Box) {
                    assert_eq!(prompt.shape.kind(), kind);
                    for at in voxels_of(grid, prompt) {
                        assert_eq!(subject.truth.get(at), prompt.sign == Sign::Positive, "{kind:?} {prompt:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn boxes_hold_their_pieces_but_for_a_little() {
    let subject = subject([48, 48, 1], [1.0; 3], false);
    let grid = &subject.image.grid;
    for seed in 0..20 {
        let marks = User::default().marks(Kind::Box, &subject.image, &subject.truth, &mut Random::new(seed));
        assert_eq!(marks.prompts.len(), 2, "a box for each piece");
        let is_in = |at: usize| {
            let voxel = grid.voxel(at).map(|c| c as f32);
            marks.prompts.iter().any(|prompt| {
                let Shape::Box { from, to } = prompt.shape else { return false };
                assert_eq!(from[2], to[2], "flat on its slice");
                (0..2).all(|axis| (from[axis]..=to[axis]).contains(&voxel[axis]))
            })
        };
        let (mut held, mut size) = (0, 0);
        (0..grid.len())
            .filter(|&at| is_in(at))
            .for_each(|at| (size, held) = (size + 1, held + usize::from(subject.truth.get(at))));
        assert!(held as f64 > 0.85 * subject.truth.count() as f64);
        assert!((size as f64) < 2.0 * subject.truth.count() as f64);
    }
}

#[test]
fn weak_marks_lie_on_slices_spread_through_the_structure() {
    for (subject, axis) in [(subject([40, 44, 36], [1.0; 3], false), 2), (subject([12, 44, 40], [4.0, 1.0, 1.0], false), 0)] {
        let marks = User::default().marks(Kind::Box, &subject.image, &subject.truth, &mut Random::new(1));
        let mut slices: Vec<usize> = marks.prompts.iter().map(|prompt| prompt.shape.points()[0][axis] as usize).collect();
        slices.dedup();
        let [low, high] = subject.truth.bounds().unwrap();
        let wanted = 5.min(high[axis] - low[axis] + 1);
        assert!(slices.len() <= wanted && slices.len() + 1 >= wanted, "{slices:?}");
        assert!(slices.is_sorted());
    }
}

#[test]
fn flat_images_get_three_clicks_for_and_two_against() {
    let subject = subject([48, 48, 1], [1.0; 3], false);
    let marks = User::default().marks(Kind::Click, &subject.image, &subject.truth, &mut Random::new(3));
    let count = |sign| marks.prompts.iter().filter(|prompt| prompt.sign == sign).count();
    assert_eq!((count(Sign::Positive), count(Sign::Negative)), (3, 2));
}

#[test]
fn a_correction_falls_in_the_middle_of_the_largest_error() {
    let subject = subject([48, 48, 1], [1.0; 3], false);
    let grid = &subject.image.grid;
    let first = correction(grid, &subject.truth, &Mask::empty(grid.shape)).unwrap();
    assert_eq!((first.shape.points()[0], first.sign), ([19.0, 19.0, 0.0], Sign::Positive));
    let everything = Mask::from_fn(grid.shape, |_| true);
    assert_eq!(correction(grid, &subject.truth, &everything).unwrap().sign, Sign::Negative);
    assert!(correction(grid, &subject.truth, &subject.truth).is_none());
}

#[test]
fn seconds_are_by_the_rates_of_ws_icl() {
    let volume = subject([40, 44, 36], [1.0; 3], true);
    let picture = subject([48, 48, 1], [1.0; 3], false);
    let of = |kind, subject: &Subject| {
        let marks = User::default().marks(kind, &subject.image, &subject.truth, &mut Random::new(0));
        seconds(&marks, subject.image.is_flat())
    };
    assert_eq!((of(Kind::Mask, &volume), of(Kind::Mask, &picture)), (1600.0, 80.0));
    assert_eq!((of(Kind::Box, &picture), of(Kind::Click, &picture)), (20.0, 25.0));
    assert_eq!(of(Kind::Box, &volume), 50.0, "five slices through a ball of shell, one piece on each");
}

/// An engine that paints a disc where each click says so.
fn discs(order: Order<'_>) -> Result<Answer, String> {
    let Order::Preview(target) = order else { return Err("no preview".to_owned()) };
    let ImageRef::Loaded(image) = target.image else { return Err("no image".to_owned()) };
    let grid = image.grid;
    let mut voxels = target.previous.map_or_else(|| vec![0; grid.len()], |previous| previous.voxels.clone());
    let Some(last) = target.marks.prompts.last() else { return Err("no mark".to_owned()) };
    let centre = last.shape.points()[0];
    for (at, value) in voxels.iter_mut().enumerate() {
        let voxel = grid.voxel(at);
        if (0..3).map(|axis| (voxel[axis] as f32 - centre[axis]).powi(2)).sum::<f32>() < 16.0 {
            *value = if last.sign == Sign::Positive { 255 } else { 0 };
        }
    }
    Ok(Answer { probability: Arc::new(Volume { grid, voxels }), uncertainty: 0.5, took: Duration::from_millis(3) })
}

#[test]
fn corrections_add_clicks_until_nothing_is_wrong() {
    let subject = subject([48, 48, 1], [1.0; 3], false);
    let steps = interactive(&User::default(), Kind::Click, 12, &subject, &mut Random::new(0), discs).unwrap();
    assert_eq!(steps.iter().map(|step| step.clicks).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert!(steps.iter().take(4).all(|step| step.marks.prompts.len() == step.clicks));
    assert!(steps[5].scored.agreement.dice > steps[0].scored.agreement.dice);
    let boxed = interactive(&User::default(), Kind::Box, 2, &subject, &mut Random::new(0), discs).unwrap();
    assert_eq!(boxed.iter().map(|step| step.clicks).collect::<Vec<_>>(), [0, 1, 2]);
    let silent = |_: Order<'_>| Err::<Answer, _>("gone");
    assert_eq!(interactive(&User::default(), Kind::Box, 2, &subject, &mut Random::new(0), silent).unwrap_err(), "gone");
}

#[test]
fn clicks_are_counted_to_the_first_that_suffices() {
    let steps = [(1, 0.4), (2, 0.86), (3, 0.8), (4, 0.9)];
    assert_eq!((clicks_to(&steps, 0.85), clicks_to(&steps, 0.95)), (Some(2), None));
}

#[test]
fn an_image_is_guessed_from_the_examples_given() {
    let subject = subject([48, 48, 1], [1.0; 3], false);
    let examples: Arc<[Example]> = Arc::new([subject.example(Marks::default())]);
    let truth = subject.truth.clone();
    let perfect = |order: Order<'_>| {
        let Order::Propagate(target, examples) = order else { return Err("no propagation") };
        assert!(target.marks.is_empty() && examples.len() == 1);
        let voxels = (0..truth.len()).map(|at| if truth.get(at) { 255 } else { 0 }).collect();
        let probability = Arc::new(Volume { grid: subject.image.grid, voxels });
        Ok(Answer { probability, uncertainty: 0.0, took: Duration::ZERO })
    };
    assert_eq!(in_context(&subject, &examples, perfect).unwrap().agreement.dice, 1.0);
}
