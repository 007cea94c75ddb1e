//! The exact Euclidean distance transform, by the lower envelope of parabolas (Felzenszwalb and Huttenlocher, "Distance
//! transforms of sampled functions", 2012), an axis after the other, with a spacing for each.

use std::convert::Infallible;

/// Squared distance in mm from each voxel to the nearest site; infinite where there is none.
///
/// `is_site` is asked for each position in memory of a grid of `shape` voxels, `i` fastest. Work and memory are
/// proportional to the number of voxels.
#[must_use]
pub fn squared_mm(shape: [usize; 3], spacing_mm: [f64; 3], is_site: impl Fn(usize) -> bool) -> Vec<f64> {
    let sites = (0..shape.iter().product()).map(is_site);
    transformed(shape, spacing_mm, sites, |_| Ok::<_, Infallible>(())).unwrap_or_else(|never| match never {})
}

/// A number in which squared distances are kept: 32 bits take half of the memory, and are exact to seven digits.
pub(crate) trait Squared: Copy + From<f32> {
    fn number(self) -> f64;
    fn of(number: f64) -> Self;
}

impl Squared for f32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
    fn of(number: f64) -> Self {
        number as Self
    }
}

impl Squared for f64 {
    fn number(self) -> f64 {
        self
    }
    fn of(number: f64) -> Self {
        number
    }
}

/// As [`squared_mm`], of sites in the order of memory. `watch` is told the part that is done, from 0 to 1, and may end it.
pub(crate) fn transformed<T: Squared, E>(
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    sites: impl Iterator<Item = bool>,
    mut watch: impl FnMut(f32) -> Result<(), E>,
) -> Result<Vec<T>, E> {
    let mut all: Vec<T> = sites.map(|site| T::from(if site { 0.0 } else { f32::INFINITY })).collect();
    let strides = [1, shape[0], shape[0] * shape[1]];
    let lines = shape.iter().map(|&n| all.len() / n.max(1)).sum::<usize>();
    let mut done = 0_usize;
    for axis in (0..3).filter(|&axis| shape[axis] > 1) {
        let mut line = Line::new(shape[axis], spacing_mm[axis]);
        for start in line_starts(shape, axis) {
            line.sweep(&mut all, start, strides[axis]);
            done += 1;
            if done.is_multiple_of(4096) {
                watch(done as f32 / lines as f32)?;
            }
        }
    }
    Ok(all)
}

/// Where the lines along an axis begin, neighbours in memory one after the other.
fn line_starts(shape: [usize; 3], axis: usize) -> impl Iterator<Item = usize> {
    let [nx, ny, nz] = std::array::from_fn(|other| if other == axis { 1 } else { shape[other] });
    let [width, height, _] = shape;
    (0..nz).flat_map(move |k| (0..ny).flat_map(move |j| (0..nx).map(move |i| i + width * (j + height * k))))
}

/// One line of voxels at work: the lower envelope of the parabolas that rise from its values.
struct Line {
    spacing: f64,
    values: Vec<f64>,
    /// Vertices of the envelope's parabolas, and from where on each is the lowest.
    vertices: Vec<(usize, f64)>,
}

impl Line {
    fn new(length: usize, spacing: f64) -> Self {
        Self { spacing, values: vec![0.0; length], vertices: Vec::with_capacity(length) }
    }

    fn sweep<T: Squared>(&mut self, all: &mut [T], start: usize, stride: usize) {
        for (at, value) in self.values.iter_mut().enumerate() {
            *value = all[start + at * stride].number();
        }
        // Most lines of a large image have no site, or are inside of one.
        if self.values.iter().all(|value| value.is_infinite()) || self.values.iter().all(|&value| value == 0.0) {
            return;
        }
        self.envelope();
        let mut next = 0;
        for at in 0..self.values.len() {
            let place = at as f64 * self.spacing;
            while self.vertices.get(next + 1).is_some_and(|(_, from)| *from <= place) {
                next += 1;
            }
            let Some(&(vertex, _)) = self.vertices.get(next) else { return };
            let off = (at as f64 - vertex as f64) * self.spacing;
            all[start + at * stride] = T::of(off * off + self.values[vertex]);
        }
    }

    fn envelope(&mut self) {
        self.vertices.clear();
        for at in (0..self.values.len()).filter(|&at| self.values[at].is_finite()) {
            let mut from = f64::NEG_INFINITY;
            while let Some(&(before, starts)) = self.vertices.last() {
                from = self.crossing(before, at);
                if from > starts {
                    break;
                }
                self.vertices.pop();
                from = f64::NEG_INFINITY;
            }
            self.vertices.push((at, from));
        }
    }

    /// Where the parabola of vertex `b` begins to be lower than that of the earlier vertex `a`.
    fn crossing(&self, a: usize, b: usize) -> f64 {
        let (x, y) = (a as f64 * self.spacing, b as f64 * self.spacing);
        (self.values[b] + y * y - self.values[a] - x * x) / (2.0 * (y - x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// By looking at every pair.
    fn slowly(shape: [usize; 3], spacing: [f64; 3], sites: &[usize]) -> Vec<f64> {
        let voxel = |at: usize| [at % shape[0], at / shape[0] % shape[1], at / (shape[0] * shape[1])];
        let squared = |a: [usize; 3], b: [usize; 3]| {
            (0..3).map(|axis| ((a[axis] as f64 - b[axis] as f64) * spacing[axis]).powi(2)).sum::<f64>()
        };
        let nearest = |at| sites.iter().map(|&site| squared(voxel(at), voxel(site))).fold(f64::INFINITY, f64::min);
        (0..shape.iter().product()).map(nearest).collect()
    }

    #[test]
    fn it_is_the_distance_to_the_nearest_site() {
        let mut random = Random::new(3);
        for (shape, spacing, count) in [
            ([7, 5, 4], [1.0, 1.0, 1.0], 6),
            ([9, 4, 6], [0.7, 3.0, 1.3], 9),
            ([13, 11, 1], [0.5, 2.0, 9.0], 3),
            ([1, 1, 8], [1.0; 3], 1),
        ] {
            let len = shape.iter().product();
            let sites: Vec<usize> = (0..count).map(|_| random.below(len)).collect();
            let found = squared_mm(shape, spacing, |at| sites.contains(&at));
            for (found, wanted) in found.iter().zip(slowly(shape, spacing, &sites)) {
                assert!((found - wanted).abs() < 1e-9, "{found} against {wanted}");
            }
        }
    }

    #[test]
    fn without_a_site_all_is_infinitely_far() {
        assert!(squared_mm([3, 2, 2], [1.0; 3], |_| false).iter().all(|d| d.is_infinite()));
        assert!(squared_mm([0, 2, 2], [1.0; 3], |_| true).is_empty());
    }
}
