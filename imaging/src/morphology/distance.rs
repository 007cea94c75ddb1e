//! Distances in mm for the tools that change a mask: kept in 32 bits, told how far they are, and ended on demand.

use super::{Cancelled, Watch, report};
use crate::distance::transformed;

/// The square of the distance in mm from each voxel's centre to that of the nearest seed; infinite where there is
/// none. `i` runs fastest in `seeds`.
pub(super) fn squared_mm(
    size: [usize; 3],
    seeds: impl Iterator<Item = bool>,
    spacing_mm: [f64; 3],
    watch: &mut Watch<'_>,
) -> Result<Vec<f32>, Cancelled> {
    transformed(size, spacing_mm, seeds, |part| report(watch, part))
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
