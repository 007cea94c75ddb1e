//! Pieces of masks: what hangs together, and where a piece is deepest.

use crate::distance;
use crate::labels::Mask;
use crate::volume::Grid;

/// The set voxels of one slice of a mask, ascending: those whose coordinate along `axis` is `at`.
#[must_use]
pub fn on_slice(mask: &Mask, axis: usize, at: usize) -> Vec<usize> {
    let [nx, ny, nz] = mask.shape();
    let strides = [1, nx, nx * ny];
    let [first, second] = [[1, 2], [0, 2], [0, 1]][axis.min(2)];
    let sizes = [nx, ny, nz];
    let line = move |b: usize| {
        let start = at * strides[axis] + b * strides[second];
        (0..sizes[first]).map(move |a| start + a * strides[first])
    };
    (0..sizes[second]).flat_map(line).filter(|&index| mask.get(index)).collect()
}

/// The pieces of a set of voxels that hang together by faces, the largest first; of two as large, the one that begins
/// first in memory.
#[must_use]
pub fn pieces(shape: [usize; 3], voxels: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut left = Mask::empty(shape);
    let mut starts = Vec::new();
    for index in voxels {
        left.set(index, true);
        starts.push(index);
    }
    let mut pieces = Vec::new();
    for start in starts {
        if !left.get(start) {
            continue;
        }
        left.set(start, false);
        let (mut piece, mut next) = (vec![start], 0);
        while let Some(&index) = piece.get(next) {
            for other in neighbours(shape, index).into_iter().flatten().filter(|&other| left.get(other)).collect::<Vec<_>>() {
                left.set(other, false);
                piece.push(other);
            }
            next += 1;
        }
        pieces.push(piece);
    }
    pieces.sort_by_key(|piece: &Vec<usize>| std::cmp::Reverse(piece.len()));
    pieces
}

/// The voxels across the six faces of a voxel, as far as there are any.
pub(crate) fn neighbours(shape: [usize; 3], index: usize) -> [Option<usize>; 6] {
    let [nx, ny, nz] = shape;
    let [i, j, k] = [index % nx, index / nx % ny, index / (nx * ny)];
    let at = |is_there: bool, other: usize| is_there.then_some(other);
    [
        at(i > 0, index.wrapping_sub(1)),
        at(i + 1 < nx, index + 1),
        at(j > 0, index.wrapping_sub(nx)),
        at(j + 1 < ny, index + nx),
        at(k > 0, index.wrapping_sub(nx * ny)),
        at(k + 1 < nz, index + nx * ny),
    ]
}

/// The box of a set of voxels: the least and greatest coordinate along each axis; `None` of none.
#[must_use]
pub fn bounds(grid: &Grid, voxels: &[usize]) -> Option<[[usize; 3]; 2]> {
    voxels.iter().map(|&index| grid.voxel(index)).fold(None, |bounds, voxel| {
        let [low, high] = bounds.unwrap_or([voxel, voxel]);
        Some([std::array::from_fn(|i| low[i].min(voxel[i])), std::array::from_fn(|i| high[i].max(voxel[i]))])
    })
}

/// The voxel of a piece that lies farthest, in mm, from all that is outside of it: where a careful hand would click.
///
/// Beyond the image is outside. Across a piece that is one voxel thick nothing counts, so the middle of a piece of a
/// slice is its middle on the slice. `None` of no voxel.
#[must_use]
pub fn deepest(grid: &Grid, piece: &[usize]) -> Option<usize> {
    let [low, high] = bounds(grid, piece)?;
    let is_flat = |axis: usize| low[axis] == high[axis];
    let margin: [usize; 3] = std::array::from_fn(|axis| usize::from(!is_flat(axis)));
    let near = Grid::new(std::array::from_fn(|axis| high[axis] - low[axis] + 1 + 2 * margin[axis]), grid.world_from_voxel);
    let moved = |index: usize| {
        let voxel = grid.voxel(index);
        near.index(std::array::from_fn(|axis| voxel[axis] - low[axis] + margin[axis]))
    };
    let mut inside = vec![false; near.len()];
    piece.iter().for_each(|&index| inside[moved(index)] = true);
    let depth = distance::squared_mm(near.shape, grid.spacing_mm(), |at| !inside[at]);
    // Of voxels as deep, the one next to the piece's middle: a tube has a whole line of them.
    let centre: [f64; 3] = std::array::from_fn(|axis| (low[axis] + high[axis]) as f64 / 2.0);
    let off = |index: usize| {
        let voxel = grid.voxel(index);
        (0..3).map(|axis| (voxel[axis] as f64 - centre[axis]).powi(2)).sum::<f64>()
    };
    let deeper =
        |&a: &usize, &b: &usize| depth[moved(a)].total_cmp(&depth[moved(b)]).then(off(b).total_cmp(&off(a))).then(b.cmp(&a));
    piece.iter().copied().max_by(deeper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;

    fn grid(shape: [usize; 3], spacing: [f64; 3]) -> Grid {
        Grid::new(shape, Affine::from_spacing(spacing))
    }

    #[test]
    fn pieces_hang_together_by_faces_and_come_largest_first() {
        // A corner touches a corner: two pieces.
        assert_eq!(pieces([5, 3, 1], [0, 6, 7, 11]), [vec![6, 7, 11], vec![0]]);
        assert!(pieces([5, 3, 1], []).is_empty());
    }

    #[test]
    fn a_slice_of_any_axis_holds_its_voxels() {
        let grid = grid([4, 3, 5], [1.0; 3]);
        let mask = Mask::from_fn(grid.shape, |at| at.is_multiple_of(3));
        for axis in 0..3 {
            for at in 0..grid.shape[axis] {
                let mut wanted: Vec<usize> = mask.iter().filter(|&index| grid.voxel(index)[axis] == at).collect();
                let mut found = on_slice(&mask, axis, at);
                wanted.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, wanted);
            }
        }
    }

    #[test]
    fn the_deepest_voxel_is_in_the_middle_in_mm() {
        let grid = grid([9, 9, 5], [1.0, 1.0, 3.0]);
        let within = |at: [usize; 3], low: [usize; 3], high: [usize; 3]| (0..3).all(|a| (low[a]..=high[a]).contains(&at[a]));
        let solid = |low, high| (0..grid.len()).filter(|&at| within(grid.voxel(at), low, high)).collect::<Vec<_>>();
        let middle = |low, high| deepest(&grid, &solid(low, high)).map(|at| grid.voxel(at));
        assert_eq!(middle([1, 2, 1], [7, 6, 3]), Some([4, 4, 2]));
        assert_eq!(middle([2, 2, 4], [6, 6, 4]), Some([4, 4, 4]), "a piece of one slice");
        assert_eq!(middle([0, 0, 0], [8, 8, 4]), Some([4, 4, 2]), "the image's edge is an edge");
        assert_eq!(deepest(&grid, &[]), None);
    }
}
