//! Holes: what is not in the mask and cannot be left, from face to face, without crossing it. A cavity that is open
//! to the image's border is none.

use super::islands::{Connection, Islands};
use super::{Cancelled, Watch, part, plane, report};
use crate::labels::Mask;

/// The mask with its holes; of an image one voxel deep those of its plane.
///
/// # Errors
/// Where the watch ends it.
pub fn fill_holes(mask: &Mask, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let Some([low, high]) = mask.bounds() else { return Ok(mask.clone()) };
    let shape = mask.shape();
    // A margin of one voxel joins all that is outside, but not across the plane of a flat image.
    let margin = shape.map(|n| usize::from(n > 1));
    let size: [usize; 3] = std::array::from_fn(|axis| high[axis] + 1 - low[axis] + 2 * margin[axis]);
    let source = |at: usize| {
        let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        let voxel: [usize; 3] = std::array::from_fn(|axis| (place[axis] + low[axis]).wrapping_sub(margin[axis]));
        let within = (0..3).all(|axis| voxel[axis] >= low[axis] && voxel[axis] <= high[axis]);
        within.then(|| voxel[0] + shape[0] * (voxel[1] + shape[1] * voxel[2]))
    };
    let around = Mask::from_fn(size, |at| source(at).is_none_or(|index| !mask.get(index)));
    report(watch, 0.2)?;
    let islands = Islands::of(&around, Connection::Faces, &mut part(watch, 0.2, 0.9))?;
    let outside = islands.at([0; 3]);
    let holes = islands.keep(|island, _| Some(island) != outside);
    let mut filled = mask.clone();
    holes.iter().filter_map(source).for_each(|index| filled.set(index, true));
    Ok(filled)
}

/// The mask with the holes of each slice across `normal`: also a tube's, which is open at its ends.
///
/// # Errors
/// Where the watch ends it.
pub fn fill_holes_in_slices(mask: &Mask, normal: usize, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let slices = plane::occupied(mask, normal);
    let mut filled = mask.clone();
    for (done, &at) in slices.iter().enumerate() {
        report(watch, done as f32 / slices.len() as f32)?;
        let slice = fill_holes(&plane::cut(mask, normal, at), &mut super::unwatched)?;
        plane::add(&mut filled, normal, at, &slice);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;

    const SHAPE: [usize; 3] = [12, 11, 10];

    fn index([i, j, k]: [usize; 3]) -> usize {
        i + 12 * (j + 11 * k)
    }

    /// A box from 2 to 8 whose inner voxels from 4 to 6 are missing.
    fn hollow() -> Mask {
        let within = |from: usize, to: usize, index: usize| {
            [index % 12, index / 12 % 11, index / 132].iter().all(|c| (from..=to).contains(c))
        };
        Mask::from_fn(SHAPE, |index| within(2, 8, index) && !within(4, 6, index))
    }

    #[test]
    fn a_cavity_is_filled_and_a_pierced_one_is_not() {
        let filled = fill_holes(&hollow(), &mut unwatched).expect("nobody cancels");
        assert_eq!(filled.count(), 7 * 7 * 7);
        let mut pierced = hollow();
        [7, 8].into_iter().for_each(|i| pierced.set(index([i, 5, 5]), false));
        assert_eq!(fill_holes(&pierced, &mut unwatched), Ok(pierced.clone()));
        let in_slices = fill_holes_in_slices(&pierced, 0, &mut unwatched).expect("nobody cancels");
        assert_eq!(in_slices.count(), 7 * 7 * 7, "but in the slices across the piercing it is closed");
    }

    #[test]
    fn a_cavity_at_the_border_is_open() {
        let mut mask = Mask::from_fn(SHAPE, |index| index % 12 < 3);
        mask.set(index([0, 5, 5]), false);
        mask.set(index([1, 2, 2]), false);
        let filled = fill_holes(&mask, &mut unwatched).expect("nobody cancels");
        assert!(!filled.get(index([0, 5, 5])) && filled.get(index([1, 2, 2])));
    }

    #[test]
    fn a_flat_image_has_holes_in_its_plane() {
        let ring = Mask::from_fn([5, 5, 1], |at| at != 12);
        assert_eq!(fill_holes(&ring, &mut unwatched).map(|mask| mask.count()), Ok(25));
        assert_eq!(fill_holes(&Mask::empty([5, 5, 1]), &mut unwatched), Ok(Mask::empty([5, 5, 1])));
    }
}
