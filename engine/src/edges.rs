//! A guess drawn to the edges of its picture: cells of a working grid are coarser than pixels, and a net's answer is smooth.
//! The guided filter (He, Sun and Tang, IEEE TPAMI 35(6), 2013). Knows intensities and guesses, neither nets nor marks.

use crate::align::blurred;
use rayon::prelude::*;

/// Where intensities (0 to 1) vary less than this around a pixel, there is no edge to follow.
const FLAT: f32 = 0.01;
/// So many rows are worked on at once: what is needed on the way is several times as large as the picture.
const BAND: usize = 128;

/// A guess (0 to 255) on rows of `width` pixels, as the intensities (0 to 1) have it within `reach` pixels: there it becomes
/// that linear function of them which is closest to it, the mean of these functions where neighbourhoods overlap.
pub(crate) fn followed(guess: &[u8], intensity: impl Fn(usize) -> f32 + Sync, width: usize, reach: usize) -> Vec<u8> {
    in_bands(guess, intensity, width, reach, BAND)
}

fn in_bands(guess: &[u8], intensity: impl Fn(usize) -> f32 + Sync, width: usize, reach: usize, band: usize) -> Vec<u8> {
    let height = guess.len() / width.max(1);
    let mut out = guess.to_vec();
    out.par_chunks_mut((band * width).max(1)).enumerate().for_each(|(at, out)| {
        let first = at * band;
        // Twice a mean is taken, so rows so far away have a say.
        let shown = first.saturating_sub(2 * reach)..(first + band + 2 * reach).min(height);
        let cells = shown.start * width..shown.end * width;
        if guess[cells.clone()].iter().all(|&guess| guess == 0) {
            return;
        }
        let light: Vec<f32> = cells.clone().map(&intensity).collect();
        let followed = filtered(&guess[cells], &light, width, reach);
        let from = (first - shown.start) * width;
        out.iter_mut().zip(&followed[from..]).for_each(|(out, value)| *out = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
    });
    out
}

fn filtered(guess: &[u8], light: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let guess: Vec<f32> = guess.iter().map(|&value| f32::from(value) / 255.0).collect();
    let mean = |values: &[f32]| blurred(values, [1, values.len() / width, width], reach);
    let times = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f32>>();
    let (mut slope, mut level) = (mean(&times(light, &guess)), mean(&guess));
    let (light_mean, square_mean) = (mean(light), mean(&times(light, light)));
    for at in 0..slope.len() {
        let variance = square_mean[at] - light_mean[at].powi(2);
        slope[at] = (slope[at] - light_mean[at] * level[at]) / (variance.max(0.0) + FLAT);
        level[at] -= slope[at] * light_mean[at];
    }
    let (slope, level) = (mean(&slope), mean(&level));
    (0..light.len()).map(|at| slope[at] * light[at] + level[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;

    /// A bright square in the dark.
    fn picture(at: usize) -> f32 {
        let inside = |v: usize| (20..44).contains(&v);
        if inside(at % WIDTH) && inside(at / WIDTH) { 0.8 } else { 0.2 }
    }

    /// A guess of it that fades out over six pixels, three pixels off.
    fn smooth_guess() -> Vec<u8> {
        let along = |v: usize| (((v as f32 - 20.0).min(47.0 - v as f32)) / 6.0).clamp(0.0, 1.0);
        (0..WIDTH * WIDTH).map(|at| (255.0 * along(at % WIDTH).min(along(at / WIDTH))) as u8).collect()
    }

    fn wrong(guess: &[u8]) -> usize {
        guess.iter().enumerate().filter(|&(at, &value)| (value >= 128) != (picture(at) > 0.5)).count()
    }

    #[test]
    fn a_guess_follows_the_edges_within_reach() {
        let guess = smooth_guess();
        let before = wrong(&guess);
        let after = wrong(&followed(&guess, picture, WIDTH, 4));
        assert!(before > 100 && after < before * 9 / 10, "{before} to {after}");
    }

    #[test]
    fn where_there_is_no_edge_a_guess_stays_where_it_was() {
        let guess = smooth_guess();
        let out = followed(&guess, |_| 0.5, WIDTH, 2);
        let moved = guess.iter().zip(&out).filter(|&(&a, &b)| (a >= 128) != (b >= 128)).count();
        assert!(moved <= 16, "corners alone become rounder: {moved}");
        assert_eq!(followed(&[0; 64], |at| at as f32 / 64.0, 8, 3), [0; 64], "nothing stays nothing");
    }

    #[test]
    fn bands_fit_together() {
        let guess = smooth_guess();
        let all = in_bands(&guess, picture, WIDTH, 3, WIDTH);
        let close = |band: usize| in_bands(&guess, picture, WIDTH, 3, band).iter().zip(&all).all(|(a, b)| a.abs_diff(*b) <= 1);
        assert!([1, 7, 20].into_iter().all(close));
        assert_ne!(all, guess);
    }

    #[test]
    fn means_are_of_what_lies_around() {
        let values: Vec<f32> = (0..12).map(|at| at as f32).collect();
        let of = blurred(&values, [1, 3, 4], 1);
        assert_eq!((of[0], of[5], of[11]), (2.5, 5.0, 8.5));
    }
}
