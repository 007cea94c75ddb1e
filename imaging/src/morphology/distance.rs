//! Exact Euclidean distances in mm, by the lower envelope of parabolas (Felzenszwalb and Huttenlocher, "Distance
//! transforms of sampled functions", 2012), an axis after the other.

use super::{Cancelled, Watch, report};

/// The square of the distance in mm from each voxel's centre to that of the nearest seed; infinite where there is
/// none. `i` runs fastest in `seeds`.
pub(super) fn squared_mm(
    size: [usize; 3],
    seeds: impl Iterator<Item = bool>,
    spacing_mm: [f64; 3],
    watch: &mut Watch<'_>,
) -> Result<Vec<f32>, Cancelled> {
    let mut values: Vec<f32> = seeds.map(|seed| if seed { 0.0 } else { f32::INFINITY }).collect();
    let strides = [1, size[0], size[0] * size[1]];
    let lines = size.iter().map(|&n| values.len() / n.max(1)).sum::<usize>();
    let mut done = 0_usize;
    for axis in 0..3 {
        if size[axis] == 1 {
            continue;
        }
        let mut envelope = Envelope::new(size[axis], spacing_mm[axis]);
        for start in line_starts(size, axis) {
            envelope.transform(&mut values, start, strides[axis]);
            done += 1;
            if done.is_multiple_of(4096) {
                report(watch, done as f32 / lines as f32)?;
            }
        }
    }
    Ok(values)
}

/// Where the lines along an axis begin, neighbours in memory one after the other.
fn line_starts(size: [usize; 3], axis: usize) -> impl Iterator<Item = usize> {
    let [nx, ny, nz] = std::array::from_fn(|other| if other == axis { 1 } else { size[other] });
    let [width, height, _] = size;
    (0..nz).flat_map(move |k| (0..ny).flat_map(move |j| (0..nx).map(move |i| i + width * (j + height * k))))
}

/// The lower envelope of the parabolas over one line, with room for it.
struct Envelope {
    spacing: f64,
    line: Vec<f32>,
    /// The samples whose parabolas are lowest somewhere, and from where on each is.
    lowest: Vec<(usize, f64)>,
}

impl Envelope {
    fn new(length: usize, spacing: f64) -> Self {
        Self { spacing, line: vec![0.0; length], lowest: Vec::with_capacity(length) }
    }

    fn transform(&mut self, values: &mut [f32], start: usize, stride: usize) {
        let Self { spacing, line, lowest } = self;
        for (at, value) in line.iter_mut().enumerate() {
            *value = values[start + at * stride];
        }
        if line.iter().all(|value| value.is_infinite()) || line.iter().all(|&value| value == 0.0) {
            return;
        }
        build(line, *spacing, lowest);
        let mut parabola = 0;
        for at in 0..line.len() {
            let x = at as f64 * *spacing;
            while lowest.get(parabola + 1).is_some_and(|next| next.1 <= x) {
                parabola += 1;
            }
            let (sample, _) = lowest[parabola];
            let off = (at as f64 - sample as f64) * *spacing;
            values[start + at * stride] = (off * off + f64::from(line[sample])) as f32;
        }
    }
}

fn build(line: &[f32], spacing: f64, lowest: &mut Vec<(usize, f64)>) {
    lowest.clear();
    for (at, &value) in line.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let x = at as f64 * spacing;
        let height = f64::from(value) + x * x;
        let mut from = f64::NEG_INFINITY;
        while let Some(&(other, begins)) = lowest.last() {
            let y = other as f64 * spacing;
            from = (height - f64::from(line[other]) - y * y) / (2.0 * (x - y));
            if from > begins {
                break;
            }
            lowest.pop();
            from = f64::NEG_INFINITY;
        }
        lowest.push((at, from));
    }
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_are_those_to_the_nearest_seed(seeds in prop::collection::vec(prop::bool::weighted(0.06), 7 * 5 * 6)) {
            let (size, spacing) = ([7, 5, 6], [0.6, 1.3, 2.9]);
            let found = squared_mm(size, seeds.iter().copied(), spacing, &mut unwatched).expect("nobody cancels");
            let voxel = |at: usize| [at % 7, at / 7 % 5, at / 35];
            for (at, found) in found.iter().enumerate() {
                let square = |other: usize| (0..3).map(|axis| {
                    ((voxel(at)[axis] as f64 - voxel(other)[axis] as f64) * spacing[axis]).powi(2)
                }).sum::<f64>();
                let wanted = (0..seeds.len()).filter(|&other| seeds[other]).map(square).fold(f64::INFINITY, f64::min);
                prop_assert!(f64::from(*found) == wanted || (f64::from(*found) - wanted).abs() < 1e-4, "{} {}", found, wanted);
            }
        }
    }

    #[test]
    fn a_watch_ends_it() {
        let ended = squared_mm([200, 200, 4], (0..160_000).map(|at| at == 7), [1.0; 3], &mut |_| false);
        assert_eq!(ended, Err(Cancelled));
    }
}
