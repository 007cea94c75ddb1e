//! How the looks at an unmarked target are combined, found out by letting the examples find each other.
//!
//! At first sight a target may be found by the net from all examples as they are, by the net from those examples that look
//! most like it, brought into line with it, or by the masks of these alone (label fusion, as of an atlas). Closely it may
//! be found by the net, by masks brought into line with the window, or it may stay as it was at first. Which is best
//! depends on the structure: cells lie anywhere, vertebrae look alike and are told apart by their place. So some examples
//! are taken for targets in turn, and what finds them best is used for all targets. Knows numbers only.

use crate::align::{corners, place};
use crate::encode::fit::Fit;
use rayon::prelude::*;

/// Ways to find a target, at first sight and closely.
pub(crate) const VOICES: usize = 3;
/// At first sight: the net, from all examples as they are.
pub(crate) const ALL: usize = 0;
/// At first sight: the net, from the nearest examples brought into line with the target, shown what their masks say.
pub(crate) const NEAREST: usize = 1;
/// At first sight: the masks of the examples, brought into line with the target, those of the nearest above all.
pub(crate) const CARRIED: usize = 2;
/// Closely: the net, from windows of the examples, shown what was found at first sight.
pub(crate) const NET: usize = 0;
/// Closely: the masks in these windows, brought into line with the target's.
pub(crate) const FUSED: usize = 1;
/// Closely: what was found at first sight.
pub(crate) const BEFORE: usize = 2;

/// How much each voice counts.
pub(crate) type Mix = [f32; VOICES];

/// What the voices found.
pub(crate) type Voices = [Vec<f32>; VOICES];

/// The net as it is comes first: what is no better is not taken.
const MIXES: [Mix; 7] =
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.34, 0.33, 0.33], [0.0, 0.0, 1.0]];
/// Where among them the net and the last voice count as much, and where the last voice counts alone.
const HALVES: usize = 3;
const AS_BEFORE: usize = 6;
/// So few trials tell little: then the halves are taken where no other way is better by far. Mean Dice of pictures from two
/// masks 0.39 to 0.44, two with clicks 0.35 to 0.36; from three 0.47 to 0.47 and 0.42 to 0.43; hippocampus from two or three
/// masks 0.84 to 0.85, its parts the same.
const FEW: usize = 3;
/// What another way must be better by, in Dice.
const MARGIN: f32 = 0.01;
/// How much more a mask counts that looks more like the target, as a whole in 2-D and in 3-D, and around a cell.
const SHARPNESS: [f32; 2] = [30.0, 10.0];
const SHARPNESS_AROUND: f32 = 20.0;
/// How much more likely it is to lie right for agreeing with all others, who are heard so sharply, in so many rounds.
const AGREEMENT: f32 = 0.5;
const SHARPNESS_OF_OTHERS: f32 = 8.0;
const ROUNDS: usize = 3;
/// What an example that may lie in several ways loses for looking less alike in this one than in another.
const OTHER_WAY: f32 = 1.0;
/// What is as likely as this may belong to a mask, and so many bounds are tried from there to 0.5.
const LEAST_BOUND: f32 = 0.3;
const BOUNDS: usize = 5;
/// Masks that count less than this as a whole count nowhere.
const LEAST_SHARE: f32 = 0.01;

/// How targets are found from some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// At first sight.
    pub first: Mix,
    /// Closely, through one window.
    pub second: Mix,
    /// Closely, through many, where the structure is too large for one.
    pub tiled: Mix,
}

impl Plan {
    /// The plan of a lone example: the net's guess and its mask brought into line count as much, and a close look no more
    /// than what was found at first. Mean Dice from one mask, by the net alone and with it: hippocampus and its parts 0.74 to
    /// 0.78 (ten targets), heart, cine 0.54 to 0.60 (five), lumbar vertebrae 0.14 to 0.24, knee 0.63 to 0.68, heart 0.43 to
    /// 0.47, OCTA 0.76 to 0.84, carotid 0.08 to 0.09 (eight each). To find the example back from each way's guess, by the
    /// net, and take the way that finds it best, was hardly better than the net alone (0.32 to 0.29, where this had 0.37).
    pub const ALONE: Self = Self { first: MIXES[HALVES], second: [0.25, 0.25, 0.5], tiled: MIXES[AS_BEFORE] };

    /// The plan where the net has learned from the examples: they cannot tell how good it has become, so it counts half
    /// at least.
    pub fn with_learned_net(self) -> Self {
        let halved = |mix: Mix| std::array::from_fn(|voice| (mix[voice] + MIXES[0][voice]) / 2.0);
        Self { first: halved(self.first), second: halved(self.second), ..self }
    }
}

/// What is known so far of each way: the sum of Dice over so many trials.
#[derive(Clone, Default, Debug)]
pub(crate) struct Trial {
    sums: [f32; MIXES.len()],
    pub tried: usize,
}

impl Trial {
    /// Adds what was found of an example, and what it really holds; `decide` makes a guess of probabilities, as for targets.
    pub fn add(&mut self, voices: &Voices, truth: &[f32], decide: fn(Vec<f32>) -> Vec<f32>) {
        self.tried += 1;
        self.sums.iter_mut().zip(&MIXES).for_each(|(sum, mix)| *sum += dice(&decide(mixed(voices, mix)), truth));
    }

    /// The way that found the examples best; unless it is better by far, the net's, and after few trials the halves if the
    /// structure has its place in an image.
    pub fn best(&self, has_place: bool) -> Mix {
        self.better_than(if has_place && (1..=FEW).contains(&self.tried) { HALVES } else { 0 })
    }

    /// The same for a close look. One that was never tried may undo what the examples have found, so that stays; what the
    /// net alone has found it may always look at again.
    pub fn best_after(&self, first: &Mix, has_place: bool) -> Mix {
        if self.tried == 0 && first[ALL] < 1.0 { MIXES[AS_BEFORE] } else { self.best(has_place) }
    }

    /// The same, but what was there before stays, unless another is better by far.
    pub fn worth_it(&self) -> Mix {
        self.better_than(AS_BEFORE)
    }

    fn better_than(&self, usual: usize) -> Mix {
        let least = self.sums[usual] + MARGIN * self.tried as f32;
        let better = (0..MIXES.len()).filter(|&at| self.sums[at] > least);
        MIXES[better.fold(usual, |best, at| if self.sums[at] > self.sums[best] { at } else { best })]
    }
}

/// Voices together, those that count nothing left out.
pub(crate) fn mixed(voices: &Voices, mix: &Mix) -> Vec<f32> {
    let mut out = vec![0.0; voices.iter().map(Vec::len).max().unwrap_or(0)];
    for (voice, share) in voices.iter().zip(mix).filter(|(_, share)| **share > 0.0) {
        out.iter_mut().zip(voice).for_each(|(out, value)| *out += share * value);
    }
    out
}

/// An example's mask where it is brought into line with a target, in one way.
pub(crate) struct Carried {
    pub example: usize,
    pub mask: Vec<f32>,
    /// How alike it looks as a whole.
    pub whole: f32,
    /// How likely it lies right: how alike it looks, near the structure above all, and how well it agrees with others.
    pub likeness: f32,
    /// How unlike it is around each cell.
    pub unlike: Vec<f32>,
}

/// Lets masks count more that agree with those of other examples, as what is right agrees with itself and what is wrong is
/// wrong in many ways; and less where their example would rather lie in another way.
pub(crate) fn heard_by_others(carried: &mut [&mut Carried]) {
    let count = carried.len();
    // Of each pair once: of those before it, for each.
    let agreed = |at: usize| -> Vec<f32> {
        let one = &carried[at];
        carried[..at]
            .iter()
            .map(|other| if other.example == one.example { 0.0 } else { soft_dice(&one.mask, &other.mask) })
            .collect()
    };
    let agreed: Vec<Vec<f32>> = (0..count).into_par_iter().map(agreed).collect();
    let agreed = |a: usize, b: usize| agreed[a.max(b)][a.min(b)];
    let own: Vec<f32> = carried
        .iter()
        .map(|one| {
            let ways = carried.iter().filter(|other| other.example == one.example).map(|other| other.whole);
            one.likeness - OTHER_WAY * (ways.fold(one.whole, f32::max) - one.whole)
        })
        .collect();
    let mut likeness = own.clone();
    for _ in 0..ROUNDS {
        let most = likeness.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = likeness.iter().map(|one| (SHARPNESS_OF_OTHERS * (one - most)).exp()).collect();
        let heard = |at: usize| {
            let others = (0..count).filter(|&other| carried[other].example != carried[at].example);
            let (sum, all) =
                others.fold((0.0, 0.0), |(sum, all), other| (sum + weights[other] * agreed(at, other), all + weights[other]));
            own[at] + AGREEMENT * sum / f32::max(all, 1e-9)
        };
        likeness = (0..count).map(heard).collect();
    }
    carried.iter_mut().zip(likeness).for_each(|(one, likeness)| one.likeness = likeness);
}

/// Masks together (label fusion): those that look more like the target count more, as a whole and around each cell.
pub(crate) fn fused(carried: &[&Carried], dims: usize) -> Vec<f32> {
    let likeness: Vec<f32> = carried.iter().map(|one| one.likeness).collect();
    let shares = shares(&likeness, SHARPNESS[usize::from(dims == 3)]);
    let counted: Vec<(f32, &Carried)> =
        shares.into_iter().zip(carried.iter().copied()).filter(|(share, _)| *share >= LEAST_SHARE).collect();
    let cell = |at: usize| {
        let least = counted.iter().map(|(_, one)| one.unlike[at]).fold(f32::INFINITY, f32::min);
        let (mut sum, mut all) = (0.0, 0.0);
        for (share, one) in &counted {
            let weight = share * (SHARPNESS_AROUND * (least - one.unlike[at])).exp();
            sum += weight * one.mask[at];
            all += weight;
        }
        sum / all.max(1e-9)
    };
    (0..carried.first().map_or(0, |one| one.mask.len())).into_par_iter().map(cell).collect()
}

/// Probabilities moved so that the cells from 0.5 on are the mask that may expect the best Dice: where little is sure, what
/// is a little less likely than not belongs to it.
pub(crate) fn decided(mut cells: Vec<f32>) -> Vec<f32> {
    let all: f32 = cells.iter().sum();
    let expected = |bound: f32| {
        let inside = cells.iter().filter(|cell| **cell >= bound);
        let (sum, count) = inside.fold((0.0, 0_usize), |(sum, count), cell| (sum + cell, count + 1));
        2.0 * sum / (count as f32 + all).max(1e-6)
    };
    let bounds = (0..BOUNDS).map(|step| 0.5 - (0.5 - LEAST_BOUND) * step as f32 / (BOUNDS - 1) as f32);
    let (bound, _) = bounds
        .map(|bound| (bound, expected(bound)))
        .fold((0.5, f32::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best });
    let moved = |cell: f32| if cell < bound { 0.5 * cell / bound } else { 1.0 - 0.5 * (1.0 - cell) / (1.0 - bound) };
    cells.iter_mut().for_each(|cell| *cell = moved(*cell));
    cells
}

/// How much each example counts by how alike it looks: 1 in all.
fn shares(likeness: &[f32], sharpness: f32) -> Vec<f32> {
    let most = likeness.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = likeness.iter().map(|one| (sharpness * (one - most)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum.max(1e-9)).collect()
}

/// Dice of shares of cells.
fn soft_dice(a: &[f32], b: &[f32]) -> f32 {
    let (both, sum) = a.iter().zip(b).fold((0.0, 0.0), |(both, sum), (a, b)| (both + a * b, sum + a * a + b * b));
    if sum > 0.0 { 2.0 * both / sum } else { 0.0 }
}

/// Dice of what is more likely inside than not.
fn dice(found: &[f32], truth: &[f32]) -> f32 {
    let (mut both, mut sum) = (0_usize, 0_usize);
    for (found, truth) in found.iter().zip(truth) {
        let (found, truth) = (*found >= 0.5, *truth >= 0.5);
        both += usize::from(found && truth);
        sum += usize::from(found) + usize::from(truth);
    }
    if sum == 0 { 1.0 } else { 2.0 * both as f32 / sum as f32 }
}

/// Values on one working grid as they are on another of the same image, linearly; 0 outside.
pub(crate) fn resampled(cells: &[f32], from: &Fit, to: &Fit) -> Vec<f32> {
    let shape = from.shape();
    let value = |at: usize| {
        let voxel = to.voxel_from_cell(place(at, to.shape()).map(|v| v as f64));
        let mut cell = from.cell_from_voxel(voxel.map(|v| v as f32));
        for (place, cells) in cell.iter_mut().zip(shape) {
            let last = (cells - 1) as f32;
            // Rounding must not lose the outermost cells of a whole image.
            if !(-0.501..=last + 0.501).contains(place) {
                return 0.0;
            }
            *place = place.clamp(0.0, last);
        }
        corners(cell, shape).map_or(0.0, |corners| corners.iter().map(|&(at, share)| share * cells[at]).sum())
    };
    (0..to.count()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, Image, Volume};

    const HALF: [f32; 4] = [1.0, 1.0, 0.0, 0.0];

    #[test]
    fn the_way_that_finds_the_examples_is_taken() {
        let (right, wrong) = (HALF.to_vec(), vec![0.0, 0.0, 1.0, 1.0]);
        let mut trial = Trial::default();
        trial.add(&[wrong.clone(), wrong, right.clone()], &HALF, decided);
        assert_eq!(trial.best(true), [0.0, 0.0, 1.0]);
        let mut trial = Trial::default();
        trial.add(&[right.clone(), right.clone(), right.clone()], &HALF, decided);
        assert_eq!(trial.best(true), MIXES[HALVES], "nothing is better after so few trials");
        assert_eq!(trial.best(false), [1.0, 0.0, 0.0], "what lies anywhere is not found by its place");
        (0..FEW).for_each(|_| trial.add(&[right.clone(), right.clone(), right.clone()], &HALF, decided));
        assert_eq!(trial.best(true), [1.0, 0.0, 0.0], "nothing is better than the net as it is");
        assert_eq!(trial.worth_it(), [0.0, 0.0, 1.0], "nor better than what was there");
        assert_eq!(Trial::default().best(true), [1.0, 0.0, 0.0], "nothing is known");
        assert_eq!(Trial::default().best_after(&[1.0, 0.0, 0.0], true), [1.0, 0.0, 0.0], "the net looks twice as it always does");
        assert_eq!(
            Trial::default().best_after(&[0.0, 0.0, 1.0], true),
            [0.0, 0.0, 1.0],
            "nobody knows what a close look would do"
        );
    }

    #[test]
    fn a_net_that_has_learned_counts_half_at_least() {
        let tiled = [0.0, 0.0, 1.0];
        let plan = Plan { first: [0.0, 0.0, 1.0], second: [0.5, 0.5, 0.0], tiled }.with_learned_net();
        assert_eq!(plan, Plan { first: [0.5, 0.0, 0.5], second: [0.75, 0.25, 0.0], tiled });
    }

    #[test]
    fn examples_that_look_alike_count_most() {
        let shares = shares(&[0.2, 0.6, 0.5], 30.0);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares[1] > 0.9 && shares[2] > 0.03 && shares[0] < 1e-3, "{shares:?}");
    }

    #[test]
    fn the_mask_that_may_expect_the_best_dice_is_decided_for() {
        let sure = vec![0.9, 0.9, 0.1, 0.1];
        let same = decided(sure.clone()).iter().zip(&sure).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(same, "what is sure stays as it is");
        // Two cells of 0.6 expect 2 * 1.2 / (2 + 2.0), all four 2 * 2.0 / (4 + 2.0).
        let moved = decided(vec![0.6, 0.6, 0.4, 0.4]);
        assert!(moved.iter().all(|cell| *cell >= 0.5) && moved[0] > moved[2], "{moved:?}");
        let rare = decided(vec![0.2; 4]);
        assert!(rare.iter().all(|cell| *cell < 0.5), "what is hardly likely is never taken: {rare:?}");
    }

    #[test]
    fn where_an_example_looks_like_the_target_its_mask_counts() {
        let carried = |mask: [f32; 2], likeness: f32, unlike: [f32; 2]| Carried {
            example: 0,
            mask: mask.to_vec(),
            whole: likeness,
            likeness,
            unlike: unlike.to_vec(),
        };
        let [a, b] = [[[0.0, 2.0], [1.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]]].map(|[unlike, mask]| carried(mask, 0.5, unlike));
        let both = fused(&[&a, &b], 2);
        assert!(both.iter().all(|share| *share > 0.99), "each is right in one half: {both:?}");
        let other = carried([0.0; 2], 0.1, [0.0; 2]);
        assert_eq!(fused(&[&a, &other], 2), a.mask, "what looks quite different as a whole counts nowhere");
    }

    #[test]
    fn masks_that_agree_count_more_than_one_that_looks_a_little_more_alike() {
        let one = |example: usize, mask: [f32; 2], whole: f32| Carried {
            example,
            mask: mask.to_vec(),
            whole,
            likeness: whole,
            unlike: vec![0.0; 2],
        };
        // The first would rather lie as the second and third do not; its other way agrees with them.
        let mut all = [one(0, [0.0, 1.0], 0.6), one(0, [1.0, 0.0], 0.55), one(1, [1.0, 0.0], 0.5), one(2, [1.0, 0.0], 0.5)];
        heard_by_others(&mut all.each_mut());
        let likeness = all.each_ref().map(|one| one.likeness);
        assert!(likeness[1..].iter().all(|one| *one > likeness[0] + 0.1), "{likeness:?}");
        assert!(fused(&all.each_ref(), 2)[0] > 0.9);
        let mut alone = [one(0, [0.0, 1.0], 0.6), one(0, [1.0, 0.0], 0.55)];
        heard_by_others(&mut alone.each_mut());
        assert!(alone[0].likeness == 0.6 && alone[1].likeness < 0.55, "an example does not agree with itself");
    }

    #[test]
    fn a_window_shows_what_the_whole_holds_there() {
        let grid = Grid::new([64, 64, 1], Affine::IDENTITY);
        let image = Image { is_picture: true, ..Image::grey(Volume::filled(grid, 0.0)) };
        let whole = Fit::new(&image).unwrap();
        let [_, h, w] = whole.shape();
        let ramp: Vec<f32> = (0..h * w).map(|at| (at % w) as f32).collect();
        assert_eq!(resampled(&ramp, &whole, &whole), ramp);
        let window = whole.window([32.0, 32.0, 0.5], whole.cell() / 2.0);
        let seen = resampled(&ramp, &whole, &window);
        let row = &seen[64 * w..65 * w];
        assert!((row[64] - row[0] - 32.0).abs() < 1e-3, "half as wide: {} to {}", row[0], row[64]);
        assert!((row[64] - 63.75).abs() < 1e-3, "{}", row[64]);
    }
}
