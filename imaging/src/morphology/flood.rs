//! Flood fill: all that can be reached from a voxel, from face to face, over voxels that may be entered.

use super::{Cancelled, Watch, report};
use crate::labels::Mask;

/// How far a flood may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Over the slice across this voxel axis.
    Slice {
        /// Voxel axis across the slice.
        normal: usize,
    },
    /// Over the whole volume.
    Volume,
}

/// The voxels reached from `seed` over those that `may` be entered, asked by position in memory.
///
/// # Errors
/// Where the watch ends it.
pub fn flood(
    shape: [usize; 3],
    seed: [usize; 3],
    extent: Extent,
    may: impl Fn(usize) -> bool,
    watch: &mut Watch<'_>,
) -> Result<Mask, Cancelled> {
    let flat = |axis| extent == Extent::Slice { normal: axis };
    let index = |[i, j, k]: [usize; 3]| i + shape[0] * (j + shape[1] * k);
    let mut reached = Mask::empty(shape);
    let mut seeds = vec![seed];
    let mut done = 0;
    while let Some([i, j, k]) = seeds.pop() {
        let row = index([0, j, k]);
        let open = |reached: &Mask, i: usize| may(row + i) && !reached.get(row + i);
        if !open(&reached, i) {
            continue;
        }
        let (mut from, mut to) = (i, i + 1);
        if !flat(0) {
            from = (0..i).rev().take_while(|&i| open(&reached, i)).last().unwrap_or(i);
            to = (i + 1..shape[0]).take_while(|&i| open(&reached, i)).last().unwrap_or(i) + 1;
        }
        reached.set_run(row + from, row + to, true);
        for (axis, step) in [(1, -1), (1, 1), (2, -1), (2, 1)] {
            let mut next = [from, j, k];
            next[axis] = next[axis].wrapping_add_signed(step);
            if !flat(axis) && next[axis] < shape[axis] {
                let row = index([0, next[1], next[2]]);
                push_spans(&mut seeds, next, to, |i| may(row + i) && !reached.get(row + i));
            }
        }
        done += to - from;
        if seeds.len().is_multiple_of(256) {
            report(watch, done as f32 / reached.len() as f32)?;
        }
    }
    Ok(reached)
}

/// The first voxel of each span of a row that may be entered.
fn push_spans(seeds: &mut Vec<[usize; 3]>, [from, j, k]: [usize; 3], to: usize, open: impl Fn(usize) -> bool) {
    let mut before = false;
    for i in from..to {
        let now = open(i);
        if now && !before {
            seeds.push([i, j, k]);
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::super::islands::{Connection, Islands};
    use super::super::{plane, unwatched};
    use super::*;
    use proptest::prelude::*;

    const SHAPE: [usize; 3] = [8, 6, 5];

    proptest! {
        #[test]
        fn a_flood_is_the_island_of_its_seed(bits in prop::collection::vec(prop::bool::weighted(0.6), 240), seed in 0..240_usize) {
            let mask = Mask::from_fn(SHAPE, |index| bits[index]);
            let voxel = [seed % 8, seed / 8 % 6, seed / 48];
            let found = flood(SHAPE, voxel, Extent::Volume, |index| bits[index], &mut unwatched).expect("nobody cancels");
            let islands = Islands::of(&mask, Connection::Faces, &mut unwatched).expect("nobody cancels");
            let island = islands.at(voxel);
            prop_assert_eq!(&found, &islands.keep(|other, _| Some(other) == island));

            for normal in 0..3 {
                let found = flood(SHAPE, voxel, Extent::Slice { normal }, |index| bits[index], &mut unwatched).expect("nobody cancels");
                let slice = plane::cut(&mask, normal, voxel[normal]);
                let islands = Islands::of(&slice, Connection::Faces, &mut unwatched).expect("nobody cancels");
                let [u, v] = plane::axes(normal);
                let island = islands.at([voxel[u], voxel[v], 0]);
                prop_assert_eq!(plane::cut(&found, normal, voxel[normal]), islands.keep(|other, _| Some(other) == island));
                prop_assert!(plane::occupied(&found, normal).iter().all(|&at| at == voxel[normal]));
            }
        }
    }
}
