//! The exact Euclidean distance transform (Felzenszwalb and Huttenlocher, 2012), with a spacing for each axis.

/// Squared distance in mm from each voxel to the nearest site; infinite where there is none.
///
/// `is_site` is asked for each position in memory of a grid of `shape` voxels, `i` fastest. Work and memory are
/// proportional to the number of voxels.
#[must_use]
pub fn squared_mm(shape: [usize; 3], spacing_mm: [f64; 3], is_site: impl Fn(usize) -> bool) -> Vec<f64> {
    let len = shape.iter().product();
    let mut all: Vec<f64> = (0..len).map(|at| if is_site(at) { 0.0 } else { f64::INFINITY }).collect();
    for axis in 0..3 {
        let stride: usize = shape[..axis].iter().product();
        let mut line = Line::new(shape[axis], spacing_mm[axis]);
        for start in (0..len).filter(|index| (index / stride.max(1)).is_multiple_of(shape[axis].max(1))) {
            line.sweep(&mut all, start, stride);
        }
    }
    all
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

    fn sweep(&mut self, all: &mut [f64], start: usize, stride: usize) {
        for (at, value) in self.values.iter_mut().enumerate() {
            *value = all[start + at * stride];
        }
        self.envelope();
        let mut next = 0;
        for at in 0..self.values.len() {
            let place = at as f64 * self.spacing;
            while self.vertices.get(next + 1).is_some_and(|(_, from)| *from <= place) {
                next += 1;
            }
            let Some(&(vertex, _)) = self.vertices.get(next) else { return };
            all[start + at * stride] = (place - vertex as f64 * self.spacing).powi(2) + self.values[vertex];
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
