use super::*;
use imaging::random::Random;

/// Smooth blobs on a grid.
fn scene(shape: [usize; 3], seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let blobs: Vec<([f32; 3], f32, f32)> = (0..14)
        .map(|_| (std::array::from_fn(|axis| random.unit() * shape[axis] as f32), random.unit(), random.between(0.05, 0.15)))
        .collect();
    let side = shape[2] as f32;
    let value = |at: [usize; 3]| {
        let near = |(middle, height, width): &([f32; 3], f32, f32)| {
            let square: f32 = (0..3).map(|axis| ((at[axis] as f32 - middle[axis]) / (width * side)).powi(2)).sum();
            height * (-square).exp()
        };
        blobs.iter().map(near).sum::<f32>()
    };
    (0..shape.iter().product()).map(|at| value(place(at, shape))).collect()
}

fn features(image: &[f32], shape: [usize; 3]) -> Features {
    Features::new(image, 1, shape)
}

fn aligned(target: &Features, example: &Features) -> Alignment {
    super::aligned(target, example, 1).remove(0)
}

/// Where the middle and a place between it and a corner come from must be found again.
fn check(shape: [usize; 3], numbers: Numbers) {
    let example = scene(shape, 5);
    let pose = Pose::of(&numbers);
    let target = Warp::rigid(&pose, shape).carried(&example);
    let found = aligned(&features(&target, shape), &features(&example, shape));
    assert!(found.likeness > 0.75, "{}", found.likeness);
    for at in [shape.map(|n| n / 2), shape.map(|n| n / 4)] {
        let (should, is) = (pose.source(at, shape), found.warp.at(at));
        let off = (0..3).map(|axis| (should[axis] - is[axis]).abs()).fold(0.0, f32::max);
        assert!(off < 0.02 * shape[2] as f32, "{at:?}: {is:?} in place of {should:?}");
    }
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

/// A scene; where each cell of it comes from when it is bent in a wave, which no pose can follow; and so bent.
fn waved(shape: [usize; 3]) -> (Vec<f32>, Vec<[f32; 3]>, Vec<f32>) {
    let (scene, side) = (scene(shape, 5), shape[2] as f32);
    let source = |at: usize| {
        let [z, y, x] = place(at, shape).map(|v| v as f32);
        [z, y + 0.04 * side * (x / side * 6.0).sin(), x]
    };
    let sources: Vec<[f32; 3]> = (0..scene.len()).map(source).collect();
    let bent = Warp::of(sources.clone(), shape).carried(&scene);
    (scene, sources, bent)
}

/// Wants most of the wave undone.
fn check_bent(shape: [usize; 3]) {
    let (example, sources, target) = waved(shape);
    let example = features(&example, shape);
    let found = aligned(&features(&target, shape), &example);
    let (mut bent, mut rigid, mut count) = (0.0, 0.0, 0);
    for at in (0..target.len())
        .filter(|&at| place(at, shape).iter().zip(shape).all(|(&v, n)| n == 1 || (n / 8..n - n / 8).contains(&v)))
    {
        let (should, place) = (sources[at], place(at, shape));
        let off = |is: [f32; 3]| (0..3).map(|axis| (should[axis] - is[axis]).powi(2)).sum::<f32>().sqrt();
        bent += off(found.warp.at(place));
        rigid += off(found.pose.source(place, shape));
        count += 1;
    }
    let (bent, rigid) = (bent / count as f32, rigid / count as f32);
    assert!(rigid > 0.01 * shape[2] as f32, "a pose follows the wave: {rigid} cells off");
    assert!(bent < 0.75 * rigid, "{bent} cells off, {rigid} by the pose alone");
    let other = aligned(&features(&scene(shape, 6), shape), &example);
    let [itself, other] = [&found, &other].map(|found| mean(&found.unlike));
    assert!(itself < 0.3 * other, "not more like itself, {itself}, than another scene, {other}");
}

#[test]
fn a_moved_and_turned_picture_is_found_again() {
    check([1, 128, 128], [0.0, 0.2, -0.15, 0.0, 0.12, 0.2, 0.1, 0.0, 0.0, 0.05]);
}

#[test]
fn a_moved_and_turned_volume_is_found_again() {
    check([64, 64, 64], [0.1, -0.2, 0.15, 0.1, -0.05, 0.1, 0.1, -0.08, 0.05, 0.0]);
}

#[test]
fn a_volume_that_is_cut_shorter_along_one_axis_is_found_again() {
    check([64, 64, 64], [0.05, 0.1, -0.05, 0.32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_bent_picture_is_straightened() {
    check_bent([1, 128, 128]);
}

#[test]
fn a_bent_volume_is_straightened() {
    check_bent([64, 64, 64]);
}

#[test]
fn a_volume_is_bent_further_around_a_structure() {
    let shape = [64; 3];
    let (example, _, target) = waved(shape);
    let is_inside = |at: usize| place(at, shape).iter().all(|v| (24..40).contains(v));
    let mask: Vec<f32> = (0..target.len()).map(|at| f32::from(is_inside(at))).collect();
    let unlike = |warp: &Warp| {
        let carried = warp.carried(&example);
        mean(&(0..mask.len()).filter(|&at| is_inside(at)).map(|at| (carried[at] - target[at]).abs()).collect::<Vec<_>>())
    };
    let [of_target, of_example] = [&target, &example].map(|image| features(image, shape));
    let mut found = aligned(&of_target, &of_example);
    let (before, far) = (unlike(&found.warp), found.warp.at([8; 3]));
    found.refine(&of_target, &of_example, &mask);
    let after = unlike(&found.warp);
    assert!(after < 0.8 * before, "{after} unlike in the structure, {before} before");
    assert_eq!(found.warp.at([8; 3]), far, "what lies far from the structure stays");
}

#[test]
fn a_column_may_lie_one_piece_further_on() {
    // Five equal pieces above each other, and a faint edge that tells where they begin.
    let shape = [1, 128, 128];
    let column = |first: usize| -> Vec<f32> {
        let value = |at: usize| {
            let [_, y, x] = place(at, shape);
            let is_piece = (50..70).contains(&x) && (first..first + 100).contains(&y) && (y - first) % 20 < 10;
            f32::from(is_piece) + 0.2 * f32::from(y + 8 < first)
        };
        (0..128 * 128).map(value).collect()
    };
    let [target, example] = [20, 40].map(|first| features(&column(first), shape));
    let found = super::aligned(&target, &example, 5);
    let moved: Vec<f32> = found.iter().map(|one| one.pose.source([0, 64, 64], shape)[1] - 64.0).collect();
    assert!((moved[0] - 20.0).abs() < 2.0, "all in line comes first: {moved:?}");
    assert!(moved[1..].iter().any(|moved| moved.abs() < 2.0), "one piece further on it looks alike too: {moved:?}");
    assert!(found.windows(2).all(|two| two[0].likeness >= two[1].likeness) && found.len() <= 5);
}

#[test]
fn images_that_have_nothing_in_common_are_not_alike() {
    let shape = [1, 128, 128];
    let [a, b] = [5, 6].map(|seed| features(&scene(shape, seed), shape));
    let [itself, other] = [&a, &b].map(|example| aligned(&a, example));
    assert!(itself.likeness > 0.999 && itself.pose == Pose::NONE, "{} {:?}", itself.likeness, itself.pose);
    assert!(itself.unlike.iter().all(|unlike| *unlike < 1e-6));
    assert!(other.likeness < 0.7, "{}", other.likeness);
}

#[test]
fn what_lies_far_from_a_structure_does_not_count_near_it() {
    let shape = [1, 128, 128];
    let image = scene(shape, 5);
    // Everything right of the middle is another scene.
    let other = scene(shape, 6);
    let half: Vec<f32> = image.iter().zip(&other).enumerate().map(|(at, (a, b))| if at % 128 < 64 { *a } else { *b }).collect();
    let [a, b] = [&image, &half].map(|image| features(image, shape));
    let as_it_is = Alignment { warp: Warp::rigid(&Pose::NONE, shape), likeness: 1.0, unlike: Vec::new(), pose: Pose::NONE };
    let at = |low: usize, high: usize| -> Vec<f32> {
        (0..128 * 128).map(|at| f32::from((low..high).contains(&(at % 128)) && (40..60).contains(&(at / 128)))).collect()
    };
    let [left, right] = [at(10, 20), at(100, 120)].map(|mask| as_it_is.likeness_near(&a, &b, &mask));
    assert!(left > 0.95 && right < 0.7, "{left} {right}");
}

#[test]
fn what_is_carried_is_0_where_the_example_ends() {
    let shape = [1, 8, 8];
    let pose = Pose::of(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let moved = Warp::rigid(&pose, shape).carried(&[1.0; 64]);
    assert_eq!(moved[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let values: Vec<f32> = (0..64).map(|v| v as f32).collect();
    assert_eq!(Warp::rigid(&Pose::NONE, shape).carried(&values), values);
}
