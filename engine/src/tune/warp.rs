//! A sample seen anew: bent, turned, moved and lit in another way, as another patient's image would be. Geometry and looks
//! after `engine/training` (`fields.py`, `looks.py`), gently, for the axes of an image are known.

use super::Sample;
use imaging::random::Random;
use rayon::prelude::*;

/// Most by which an image is turned (rad), stretched, moved (of half its side) and zoomed.
const TURN: f32 = 0.12;
const STRETCH: f32 = 0.08;
const MOVE: f32 = 0.06;
const ZOOM: f32 = 0.1;
/// Most by which places are bent, of half the side, at knots so many along each axis.
const BEND: f32 = 0.02;
const KNOTS: usize = 4;

/// Where each cell of a warped image comes from.
struct Way {
    /// Rows for z, y, x; the last column moves.
    affine: [[f32; 4]; 3],
    /// `[KNOTS; 3]` of z, y, x, slowest first.
    bends: Vec<[f32; 3]>,
    flat: bool,
}

impl Way {
    fn random(flat: bool, random: &mut Random) -> Self {
        let zoom = random.between(1.0 - ZOOM, 1.0 + ZOOM);
        let mut affine = [[0.0; 4]; 3];
        for (axis, row) in affine.iter_mut().enumerate() {
            row[axis] = zoom * (1.0 + random.between(-STRETCH, STRETCH));
        }
        // In the plane of a picture, and in all three planes of a volume.
        let planes: &[[usize; 2]] = if flat { &[[1, 2]] } else { &[[1, 2], [0, 2], [0, 1]] };
        for &[a, b] in planes {
            let (sin, cos) = random.between(-TURN, TURN).sin_cos();
            let (row_a, row_b) = (affine[a], affine[b]);
            affine[a] = std::array::from_fn(|i| cos * row_a[i] + sin * row_b[i]);
            affine[b] = std::array::from_fn(|i| cos * row_b[i] - sin * row_a[i]);
        }
        for row in &mut affine {
            row[3] = random.between(-MOVE, MOVE);
        }
        let strength = random.between(0.0, BEND);
        let bends = (0..KNOTS.pow(3)).map(|_| std::array::from_fn(|_| strength * random.normal())).collect();
        if flat {
            affine[0] = [1.0, 0.0, 0.0, 0.0];
        }
        Self { affine, bends, flat }
    }

    /// Where a place in -1..1 comes from.
    fn from(&self, place: [f32; 3]) -> [f32; 3] {
        let bend = self.bend(place);
        std::array::from_fn(|axis| {
            let row = self.affine[axis];
            if self.flat && axis == 0 {
                return 0.0;
            }
            row[0] * place[0] + row[1] * place[1] + row[2] * place[2] + row[3] + bend[axis]
        })
    }

    fn bend(&self, place: [f32; 3]) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for (at, share) in corners(place, [KNOTS; 3]) {
            let Some(at) = at else { continue };
            (0..3).for_each(|axis| sum[axis] += share * self.bends[at][axis]);
        }
        sum
    }
}

/// The cells around a place in -1..1 of a grid, where they are inside, and their shares.
fn corners(place: [f32; 3], shape: [usize; 3]) -> [(Option<usize>, f32); 8] {
    let coordinate: [f32; 3] = std::array::from_fn(|axis| ((place[axis] + 1.0) * shape[axis] as f32 - 1.0) / 2.0);
    let low = coordinate.map(f32::floor);
    let beyond: [f32; 3] = std::array::from_fn(|axis| coordinate[axis] - low[axis]);
    std::array::from_fn(|corner| {
        let step = [corner >> 2, corner >> 1 & 1, corner & 1];
        let share = (0..3).map(|axis| if step[axis] == 1 { beyond[axis] } else { 1.0 - beyond[axis] }).product();
        let mut at = 0;
        for axis in 0..3 {
            let index = low[axis] as isize + step[axis] as isize;
            if index < 0 || index >= shape[axis] as isize {
                return (None, share);
            }
            at = at * shape[axis] + index as usize;
        }
        (Some(at), share)
    })
}

/// All channels of a sample by one random way, and the first `image_channels` of them in another light.
pub(super) fn warped(sample: &Sample, image_channels: usize, random: &mut Random) -> Vec<f32> {
    let [d, h, w] = sample.shape;
    let len = d * h * w;
    let way = Way::random(d == 1, random);
    let centre = |i: usize, n: usize| (2 * i + 1) as f32 / n as f32 - 1.0;
    let around: Vec<[(Option<usize>, f32); 8]> = (0..len)
        .into_par_iter()
        .map(|at| corners(way.from([centre(at / (h * w), d), centre(at / w % h, h), centre(at % w, w)]), sample.shape))
        .collect();
    let mut out = vec![0.0; sample.cells.len()];
    out.par_chunks_exact_mut(len).zip(sample.cells.par_chunks_exact(len)).for_each(|(out, from)| {
        for (out, around) in out.iter_mut().zip(&around) {
            *out = around.iter().map(|(at, share)| at.map_or(0.0, |at| share * from[at])).sum();
        }
    });
    light(&mut out[..image_channels * len], random);
    out
}

/// Gamma, gain and noise; what is 0 lies outside of the image and stays so.
fn light(image: &mut [f32], random: &mut Random) {
    let gamma = random.between(-0.3, 0.3).exp();
    let (gain, shift) = (1.0 + random.between(-0.15, 0.15), random.between(-0.1, 0.1));
    let grain = (random.between(-0.06, 0.06)).max(0.0);
    for value in image.iter_mut().filter(|value| **value > 0.0) {
        let noise = if grain > 0.0 { grain * random.normal() } else { 0.0 };
        *value = (value.clamp(0.0, 1.0).powf(gamma) * gain + shift + noise).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_lies_between_its_corners() {
        for (place, shape) in [([0.0, 0.1, -0.3], [1, 8, 8]), ([0.2, -0.5, 0.7], [4, 6, 8])] {
            let corners = corners(place, shape);
            let total: f32 = corners.iter().map(|(_, share)| share).sum();
            assert!((total - 1.0).abs() < 1e-5);
            let inside: f32 = corners.iter().filter(|(at, _)| at.is_some()).map(|(_, share)| share).sum();
            assert!(inside > 0.99, "{place:?} in {shape:?}: {inside}");
        }
    }

    #[test]
    fn mask_and_image_are_warped_alike() {
        let side = 32_usize;
        let disc: Vec<f32> = (0..side * side)
            .map(|at| f32::from((at / side).abs_diff(14).pow(2) + (at % side).abs_diff(18).pow(2) < 60))
            .collect();
        let sample = Sample { cells: [disc.clone(), disc.clone()].concat(), shape: [1, side, side] };
        let mut random = Random::new(3);
        let mut moved = 0;
        for _ in 0..10 {
            let out = warped(&sample, 1, &mut random);
            let (image, mask) = out.split_at(side * side);
            let apart = image.iter().zip(mask).filter(|(a, b)| (**a > 0.3) != (**b > 0.3)).count();
            assert!(apart < 40, "{apart} cells of the image and of the mask differ");
            moved += mask.iter().zip(&disc).filter(|(a, b)| (**a >= 0.5) != (**b >= 0.5)).count();
            let area = mask.iter().filter(|cell| **cell >= 0.5).count();
            assert!((100..300).contains(&area), "{area}");
        }
        assert!(moved > 100, "nothing was moved");
    }
}
