//! Grow, shrink, open, close: by the voxels whose centres lie within so many mm of a structure's, or of what is
//! around it. What lies beyond the image is taken to go on as at its border: a structure that is cut there does not
//! shrink from the cut.

use super::block::Block;
use super::{Cancelled, Watch, distance, part};
use crate::labels::Mask;
use crate::volume::Grid;

/// Radii count with this much more, so that a voxel exactly on the rim is in on every machine.
const RIM: f64 = 1.0 + 1e-5;

/// Every voxel within `mm` of the mask.
///
/// # Errors
/// Where the watch ends it.
pub fn grow(mask: &Mask, grid: &Grid, mm: f64, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let Some(block) = Block::around(mask, grid, mm) else { return Ok(mask.clone()) };
    let squares = distance::squared_mm(block.size, block.inside.iter().copied(), grid.spacing_mm(), watch)?;
    let most = (mm * mm * RIM) as f32;
    let mut grown = mask.clone();
    block.paste(&mut grown, |at| squares[at] <= most);
    Ok(grown)
}

/// The voxels of the mask that are farther than `mm` from every voxel outside it.
///
/// # Errors
/// Where the watch ends it.
pub fn shrink(mask: &Mask, grid: &Grid, mm: f64, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let Some(block) = Block::around(mask, grid, 0.0) else { return Ok(mask.clone()) };
    let squares = distance::squared_mm(block.size, block.inside.iter().map(|inside| !inside), grid.spacing_mm(), watch)?;
    let least = (mm * mm * RIM) as f32;
    let mut shrunk = mask.clone();
    block.paste(&mut shrunk, |at| squares[at] > least);
    Ok(shrunk)
}

/// Shrinks, then grows: what is thinner than twice `mm` goes, the rest stays as it is.
///
/// # Errors
/// Where the watch ends it.
pub fn open(mask: &Mask, grid: &Grid, mm: f64, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let shrunk = shrink(mask, grid, mm, &mut part(watch, 0.0, 0.5))?;
    grow(&shrunk, grid, mm, &mut part(watch, 0.5, 1.0))
}

/// Grows, then shrinks: gaps narrower than twice `mm` are filled, the rest stays as it is.
///
/// # Errors
/// Where the watch ends it.
pub fn close(mask: &Mask, grid: &Grid, mm: f64, watch: &mut Watch<'_>) -> Result<Mask, Cancelled> {
    let grown = grow(mask, grid, mm, &mut part(watch, 0.0, 0.5))?;
    shrink(&grown, grid, mm, &mut part(watch, 0.5, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use crate::space::Affine;
    use proptest::prelude::*;

    const SPACING: [f64; 3] = [0.5, 1.0, 3.0];

    fn grid() -> Grid {
        // Oblique: turned by 30 degrees around the third axis, which changes no distance.
        let (sin, cos) = (0.5, 0.75_f64.sqrt());
        let [x, y, z] = SPACING;
        Grid::new([24, 16, 9], Affine([[x * cos, -y * sin, 0.0, 4.0], [x * sin, y * cos, 0.0, -9.0], [0.0, 0.0, z, 1.0]]))
    }

    fn point(at: [usize; 3]) -> Mask {
        let mut mask = Mask::empty(grid().shape);
        mask.set(grid().index(at), true);
        mask
    }

    fn shape_of(mask: &Mask) -> [[usize; 3]; 2] {
        mask.bounds().expect("something is set")
    }

    #[test]
    fn a_point_grows_by_mm_and_not_by_voxels() {
        let grown = |mm| grow(&point([12, 8, 4]), &grid(), mm, &mut unwatched).expect("nobody cancels");
        assert_eq!(shape_of(&grown(1.0)), [[10, 7, 4], [14, 9, 4]]);
        assert_eq!(shape_of(&grown(3.0)), [[6, 5, 3], [18, 11, 5]]);
        assert_eq!(grown(0.4), point([12, 8, 4]));
    }

    #[test]
    fn borders_stop_growth_and_do_not_shrink() {
        let grown = grow(&point([0, 0, 0]), &grid(), 3.0, &mut unwatched).expect("nobody cancels");
        assert_eq!(shape_of(&grown), [[0, 0, 0], [6, 3, 1]]);
        let whole = Mask::from_fn(grid().shape, |_| true);
        assert_eq!(shrink(&whole, &grid(), 5.0, &mut unwatched), Ok(whole));
    }

    #[test]
    fn opening_takes_a_bridge_and_closing_a_gap() {
        let grid = Grid::new([40, 12, 1], Affine::IDENTITY);
        let boxes = |i: usize, j: usize| (2..10).contains(&j) && !(12..28).contains(&i);
        let at = |index: usize| (index % 40, index / 40);
        let two = Mask::from_fn(grid.shape, |index| boxes(at(index).0, at(index).1));
        let bridged = Mask::from_fn(grid.shape, |index| two.get(index) || at(index).1 == 5);
        let opened = open(&bridged, &grid, 1.5, &mut unwatched).expect("nobody cancels");
        assert!((12..28).all(|i| !opened.get(grid.index([i, 5, 0]))), "the bridge is gone");
        assert!(opened.dice(&two) > 0.97);
        let slit = Mask::from_fn(grid.shape, |index| (2..10).contains(&at(index).1) && at(index).0 != 20);
        let closed = close(&slit, &grid, 1.0, &mut unwatched).expect("nobody cancels");
        assert!((3..9).all(|j| closed.get(grid.index([20, j, 0]))), "the slit is closed");
    }

    #[test]
    fn nothing_stays_nothing() {
        let empty = Mask::empty(grid().shape);
        for operation in [grow, shrink, open, close] {
            assert_eq!(operation(&empty, &grid(), 2.0, &mut unwatched), Ok(empty.clone()));
        }
    }

    proptest! {
        #[test]
        fn opening_is_within_and_closing_around(bits in prop::collection::vec(prop::bool::weighted(0.7), 24 * 16 * 9), tenths in 1..40_u32) {
            let mask = Mask::from_fn(grid().shape, |index| bits[index]);
            let mm = f64::from(tenths) / 10.0;
            let opened = open(&mask, &grid(), mm, &mut unwatched).expect("nobody cancels");
            let closed = close(&mask, &grid(), mm, &mut unwatched).expect("nobody cancels");
            prop_assert_eq!(opened.count_shared(&mask), opened.count());
            prop_assert_eq!(mask.count_shared(&closed), mask.count());
            prop_assert_eq!(open(&opened, &grid(), mm, &mut unwatched), Ok(opened));
            prop_assert_eq!(close(&closed, &grid(), mm, &mut unwatched), Ok(closed));
        }
    }
}
