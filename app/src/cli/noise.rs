//! Smoothness for the sample: noise fields that are smooth in space, and blur.

use imaging::random::{Random, mixed};

/// Noise that is smooth in space: random values on a lattice, interpolated between.
#[derive(Clone, Copy)]
pub struct Noise {
    seed: u64,
    scale: f32,
}

impl Noise {
    /// A field whose bumps are about `scale` apart.
    pub fn new(random: &mut Random, scale: f32) -> Self {
        Self { seed: random.bits(), scale }
    }

    /// Its value at a position, in -1..1.
    pub fn at(&self, position: [f32; 3]) -> f32 {
        let cell = position.map(|p| (p / self.scale).floor());
        let part: [f32; 3] = std::array::from_fn(|axis| eased(position[axis] / self.scale - cell[axis]));
        let corner = |bits: usize| self.corner(std::array::from_fn(|axis| cell[axis] as i64 + (bits >> axis & 1) as i64));
        let along_i = |bits: usize| mix(corner(bits), corner(bits | 1), part[0]);
        let along_j = |bits: usize| mix(along_i(bits), along_i(bits | 2), part[1]);
        mix(along_j(0), along_j(4), part[2])
    }

    fn corner(&self, cell: [i64; 3]) -> f32 {
        let key = cell.iter().fold(self.seed, |key, &c| (key ^ c as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        (mixed(key) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

fn eased(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// The value a share `t` of the way from `a` to `b`.
pub fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Blurs along one axis of a field (`i` fastest) with the three weights `side, 1 - 2 side, side`.
pub fn blur(values: &mut [f32], shape: [usize; 3], axis: usize, side: f32) {
    let stride: usize = shape[..axis].iter().product();
    let length = shape[axis];
    for start in (0..values.len()).filter(|index| (index / stride).is_multiple_of(length)) {
        let mut before = values[start];
        for at in 0..length {
            let here = values[start + at * stride];
            let after = values[start + (at + 1).min(length - 1) * stride];
            values[start + at * stride] = here + side * (before + after - 2.0 * here);
            before = here;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_and_bounded() {
        let noise = Noise::new(&mut Random::new(1), 10.0);
        for step in -200..200 {
            let at = step as f32 * 0.37;
            let (here, near) = (noise.at([at, 2.0, -3.0]), noise.at([at + 0.1, 2.0, -3.0]));
            assert!(here.abs() <= 1.0 && (here - near).abs() < 0.05);
        }
    }

    #[test]
    fn a_blur_keeps_the_sum_of_what_lies_inside() {
        let mut values = vec![0.0; 5 * 4 * 3];
        values[2 + 5 * 2 + 20] = 1.0;
        for axis in 0..3 {
            blur(&mut values, [5, 4, 3], axis, 0.2);
        }
        assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((values[2 + 5 * 2 + 20] - 0.6_f32.powi(3)).abs() < 1e-5);
    }
}
