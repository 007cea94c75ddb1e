//! Slices of a mask across any voxel axis, as masks one voxel deep.

use super::rows::profile;
use crate::labels::Mask;

/// The axes of the slices across `normal`, in order.
pub(super) fn axes(normal: usize) -> [usize; 2] {
    match normal {
        0 => [1, 2],
        1 => [0, 2],
        _ => [0, 1],
    }
}

/// The shape of a slice across `normal`.
pub(super) fn shape(shape: [usize; 3], normal: usize) -> [usize; 3] {
    let [u, v] = axes(normal);
    [shape[u], shape[v], 1]
}

/// Where in memory a place of a slice lies.
pub(super) fn index(shape: [usize; 3], normal: usize, at: usize, [u, v]: [usize; 2]) -> usize {
    let mut voxel = [at; 3];
    let [along, down] = axes(normal);
    (voxel[along], voxel[down]) = (u, v);
    voxel[0] + shape[0] * (voxel[1] + shape[1] * voxel[2])
}

/// A slice of a mask.
pub(super) fn cut(mask: &Mask, normal: usize, at: usize) -> Mask {
    let plane = shape(mask.shape(), normal);
    Mask::from_fn(plane, |flat| mask.get(index(mask.shape(), normal, at, [flat % plane[0], flat / plane[0]])))
}

/// Adds the set voxels of a slice to a mask.
pub(super) fn add(mask: &mut Mask, normal: usize, at: usize, plane: &Mask) {
    let shape = mask.shape();
    for flat in plane.iter() {
        mask.set(index(shape, normal, at, [flat % plane.shape()[0], flat / plane.shape()[0]]), true);
    }
}

/// The slices across `normal` on which something is set.
pub(super) fn occupied(mask: &Mask, normal: usize) -> Vec<usize> {
    profile(mask, normal).iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, _)| at).collect()
}

/// Adds what is set on one slice to another; what was there stays.
#[must_use]
pub fn copy_slice(mask: &Mask, normal: usize, from: usize, to: usize) -> Mask {
    let mut copied = mask.clone();
    add(&mut copied, normal, to, &cut(mask, normal, from));
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_copied_across_each_axis() {
        let shape = [4, 5, 6];
        let index = |[i, j, k]: [usize; 3]| i + 4 * (j + 5 * k);
        for normal in 0..3 {
            let mut mask = Mask::empty(shape);
            for mut voxel in [[1, 2, 3], [3, 1, 5], [0, 4, 0]] {
                voxel[normal] = 2;
                mask.set(index(voxel), true);
            }
            let copied = copy_slice(&mask, normal, 2, 3);
            let mut by = [0; 3];
            by[normal] = 1;
            let mut wanted = mask.moved(by);
            wanted.unite(&mask);
            assert_eq!(copied, wanted);
            assert_eq!(occupied(&copied, normal), [2, 3]);
        }
    }
}
