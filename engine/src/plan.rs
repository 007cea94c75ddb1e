//! How the looks at an unmarked target are combined, found out by letting the examples find each other.
//!
//! A target may be found by the net from all examples as they are, by the net from those examples that look most like it,
//! brought into line with it, or by the masks of these alone (label fusion, as of an atlas). Which of them is best depends
//! on the structure: cells lie anywhere, vertebrae look alike and are told apart by their place. So some examples are
//! taken for targets in turn, and the combination that finds them best is used for all targets. Knows numbers only.

use crate::encode::fit::Fit;

/// Ways to find a target at first sight.
pub(crate) const VOICES: usize = 3;
/// The net, from all examples as they are.
pub(crate) const ALL: usize = 0;
/// The net, from the nearest examples brought into line with the target.
pub(crate) const NEAREST: usize = 1;
/// The masks of the examples, brought into line with the target, those of the nearest above all.
pub(crate) const CARRIED: usize = 2;

/// How much each voice counts.
pub(crate) type Mix = [f32; VOICES];

/// The net as it is comes first: what is no better is not taken.
const MIXES: [Mix; 7] = [
    [1.0, 0.0, 0.0],
    [0.5, 0.5, 0.0],
    [0.0, 1.0, 0.0],
    [0.5, 0.0, 0.5],
    [0.0, 0.5, 0.5],
    [0.34, 0.33, 0.33],
    [0.0, 0.0, 1.0],
];
/// How much a second look counts against the first.
const CLOSELY: [f32; 3] = [1.0, 0.5, 0.0];
/// What another way must be better by, in Dice.
const MARGIN: f32 = 0.01;
/// How much more a mask counts that looks more like the target.
const SHARPNESS: f32 = 30.0;

/// How targets are found from some examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    pub mix: Mix,
    /// How much a second look counts against the first.
    pub closely: f32,
}

/// What is known of each way so far: sums of Dice.
#[derive(Clone, Default, Debug)]
pub(crate) struct Trial {
    mixes: [f32; MIXES.len()],
    closely: [f32; CLOSELY.len()],
    tried: [usize; 2],
}

impl Trial {
    /// Adds what first looks at an example found of what it really holds.
    pub fn add_first(&mut self, voices: &[Vec<f32>; VOICES], truth: &[f32]) {
        self.tried[0] += 1;
        self.mixes.iter_mut().zip(&MIXES).for_each(|(sum, mix)| *sum += dice(&mixed(voices, mix), truth));
    }

    /// Adds what a second look found, all on the same window.
    pub fn add_second(&mut self, first: &[f32], second: &[f32], truth: &[f32]) {
        self.tried[1] += 1;
        self.closely.iter_mut().zip(CLOSELY).for_each(|(sum, share)| *sum += dice(&blended(first, second, share), truth));
    }

    /// The way that found the examples best.
    pub fn plan(&self) -> Plan {
        Plan { mix: MIXES[best(&self.mixes, self.tried[0])], closely: CLOSELY[best(&self.closely, self.tried[1])] }
    }
}

/// The first of the best sums, over so many trials each, that are better than the very first by the margin.
fn best(sums: &[f32], tried: usize) -> usize {
    let least = sums[0] + MARGIN * tried as f32;
    (1..sums.len()).filter(|&at| sums[at] > least).fold(0, |best, at| if sums[at] > sums[best] { at } else { best })
}

/// Voices together, those that count nothing left out.
pub(crate) fn mixed(voices: &[Vec<f32>; VOICES], mix: &Mix) -> Vec<f32> {
    let mut out = vec![0.0; voices.iter().map(Vec::len).max().unwrap_or(0)];
    for (voice, share) in voices.iter().zip(mix).filter(|(_, share)| **share > 0.0) {
        out.iter_mut().zip(voice).for_each(|(out, value)| *out += share * value);
    }
    out
}

/// A second look laid over a first one.
pub(crate) fn blended(first: &[f32], second: &[f32], share: f32) -> Vec<f32> {
    first.iter().zip(second).map(|(first, second)| first + share * (second - first)).collect()
}

/// How much each example counts where masks are carried over, by how alike it looks: 1 in all.
pub(crate) fn shares(likeness: &[f32]) -> Vec<f32> {
    let most = likeness.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = likeness.iter().map(|one| (SHARPNESS * (one - most)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum.max(1e-9)).collect()
}

/// The examples that look most like a target, the nearest first.
pub(crate) fn nearest(likeness: &[f32], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..likeness.len()).collect();
    order.sort_by(|&a, &b| likeness[b].total_cmp(&likeness[a]));
    order.truncate(most);
    order
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
    let [d, h, w] = to.shape();
    let shape = from.shape();
    let value = |at: usize| {
        let voxel = to.voxel_from_cell([at / (h * w), at / w % h, at % w].map(|v| v as f64));
        let place = from.cell_from_voxel(voxel.map(|v| v as f32));
        let mut sum = 0.0;
        for corner in 0..8 {
            let (mut share, mut index) = (1.0, 0);
            for axis in 0..3 {
                let last = (shape[axis] - 1) as f32;
                if !(-0.501..=last + 0.501).contains(&place[axis]) {
                    return 0.0;
                }
                let along = place[axis].clamp(0.0, last);
                let (low, second) = (along as usize, corner >> axis & 1);
                share *= if second == 1 { along - low as f32 } else { 1.0 - (along - low as f32) };
                index = index * shape[axis] + (low + second).min(shape[axis] - 1);
            }
            sum += share * cells[index];
        }
        sum
    };
    (0..d * h * w).map(value).collect()
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
        trial.add_first(&[wrong.clone(), wrong.clone(), right.clone()], &HALF);
        trial.add_second(&right, &wrong, &HALF);
        assert_eq!(trial.plan(), Plan { mix: [0.0, 0.0, 1.0], closely: 0.0 });
        let mut trial = Trial::default();
        trial.add_first(&[right.clone(), right.clone(), right.clone()], &HALF);
        assert_eq!(trial.plan(), Plan { mix: [1.0, 0.0, 0.0], closely: 1.0 }, "nothing is better than the net as it is");
    }

    #[test]
    fn examples_that_look_alike_count_most() {
        let shares = shares(&[0.2, 0.6, 0.5]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares[1] > 0.9 && shares[2] > 0.03 && shares[0] < 0.01, "{shares:?}");
        assert_eq!(nearest(&[0.2, 0.6, 0.5], 2), [1, 2]);
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
