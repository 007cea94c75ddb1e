//! How a source grid lies in the fixed grid of a published net, and the way there and back: by the nearest voxel, or
//! linearly, with the same rounding as PyTorch's `interpolate`.

use super::Manner;
use imaging::{Direction, Grid, space::closest_canonical};

/// A source grid in the fixed one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    source: [usize; 3],
    /// Voxel axis and way along it of each tensor axis.
    axes: [Direction; 3],
    /// Cells along each tensor axis.
    pub size: [usize; 3],
}

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Nearest,
    Linear,
}

/// Two places and the share of the second.
type Place = (usize, usize, f32);

impl Frame {
    /// A volume, `side` cells along each axis. As published the tensor's axes are those of the array as it is stored; a
    /// net has no notion of orientation, so it does better where all images lie the same way (right, anterior, superior).
    pub fn volume(grid: &Grid, side: usize, manner: Manner) -> Self {
        let stored = [0, 1, 2].map(|axis| Direction { axis, sign: 1 });
        let axes = if manner == Manner::Oriented { closest_canonical(&grid.world_from_voxel) } else { stored };
        Self { source: grid.shape, axes, size: [side; 3] }
    }

    /// A picture, `side` by `side` cells: rows, then columns.
    pub fn picture(grid: &Grid, side: usize) -> Self {
        let flat = (0..3).rev().find(|&axis| grid.shape[axis] == 1).unwrap_or(2);
        let mut others = (0..3).rev().filter(|&axis| axis != flat);
        let [rows, columns] = [(); 2].map(|()| others.next().unwrap_or(0));
        Self { source: grid.shape, axes: [flat, rows, columns].map(|axis| Direction { axis, sign: 1 }), size: [1, side, side] }
    }

    /// Cells in all.
    pub fn count(&self) -> usize {
        self.size.iter().product()
    }

    fn voxels(&self, tensor: usize) -> usize {
        self.source[self.axes[tensor].axis]
    }

    /// Values of the source grid, by position in memory, on the cells.
    pub fn take(&self, between: Between, value: impl Fn(usize) -> f32) -> Vec<f32> {
        let strides = [1, self.source[0], self.source[0] * self.source[1]];
        let table = |tensor: usize| -> Vec<Place> {
            let Direction { axis, sign } = self.axes[tensor];
            let len = self.source[axis];
            let stride = |at: usize| strides[axis] * if sign < 0 { len - 1 - at } else { at };
            places(len, self.size[tensor], between).map(|(low, high, share)| (stride(low), stride(high), share)).collect()
        };
        sample([table(0), table(1), table(2)], value)
    }

    /// Cells on the source grid, in its order in memory.
    pub fn back(&self, between: Between, cells: &[f32]) -> Vec<f32> {
        let strides = [self.size[1] * self.size[2], self.size[2], 1];
        // The slowest axis of memory first.
        let tables = [2, 1, 0].map(|axis| -> Vec<Place> {
            let Some(tensor) = self.axes.iter().position(|direction| direction.axis == axis) else { return Vec::new() };
            let (len, count) = (self.size[tensor], self.source[axis]);
            let stride = strides[tensor];
            let mut table: Vec<Place> =
                places(len, count, between).map(|(low, high, share)| (stride * low, stride * high, share)).collect();
            if self.axes[tensor].sign < 0 {
                table.reverse();
            }
            table
        });
        sample(tables, |at| cells[at])
    }

    /// Continuous cell position, edges at whole numbers, of a voxel position, centres at whole numbers.
    pub fn cell_from_voxel(&self, voxel: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|tensor| {
            let Direction { axis, sign } = self.axes[tensor];
            let along = (voxel[axis] + 0.5) * self.size[tensor] as f32 / self.voxels(tensor) as f32;
            if sign < 0 { self.size[tensor] as f32 - along } else { along }
        })
    }

    /// The cell in which a voxel position lies.
    pub fn cell(&self, voxel: [f32; 3]) -> [usize; 3] {
        let at = self.cell_from_voxel(voxel);
        std::array::from_fn(|axis| (at[axis].max(0.0) as usize).min(self.size[axis] - 1))
    }
}

/// Where `to` places over `from` ones lie between them.
fn places(from: usize, to: usize, between: Between) -> impl Iterator<Item = Place> {
    let scale = from as f32 / to as f32;
    (0..to).map(move |at| match between {
        Between::Nearest => {
            let near = ((at as f32 * scale) as usize).min(from - 1);
            (near, near, 0.0)
        }
        Between::Linear => {
            let along = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (along as usize).min(from - 1);
            (low, (low + 1).min(from - 1), along - low as f32)
        }
    })
}

/// Values at the places of three tables of offsets, the last one fastest.
fn sample([first, second, third]: [Vec<Place>; 3], value: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(first.len() * second.len() * third.len());
    let mix = |(low, high, share): Place, at: &dyn Fn(usize) -> f32| {
        let below = at(low);
        if share == 0.0 { below } else { below + (at(high) - below) * share }
    };
    for &a in &first {
        for &b in &second {
            for &c in &third {
                out.push(mix(a, &|a| mix(b, &|b| mix(c, &|c| value(a + b + c)))));
            }
        }
    }
    out
}

/// Values brought to 0..1 by their least and greatest (a range below `least_range` counts as that).
pub(super) fn min_max(cells: &mut [f32], least_range: f32) {
    let finite = cells.iter().copied().filter(|value| value.is_finite());
    let [low, high] = finite.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
    let range = (high - low).max(least_range);
    for cell in cells {
        *cell = if cell.is_finite() { (*cell - low) / range } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Affine;

    #[test]
    fn the_nearest_voxel_is_pytorchs() {
        let near = |from, to| places(from, to, Between::Nearest).map(|place| place.0).collect::<Vec<_>>();
        assert_eq!(near(5, 3), [0, 1, 3]);
        assert_eq!(near(3, 5), [0, 0, 1, 1, 2]);
        let linear: Vec<Place> = places(2, 4, Between::Linear).collect();
        assert_eq!(linear, [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75), (1, 1, 0.25)]);
    }

    #[test]
    fn what_is_taken_comes_back_to_its_place_whatever_the_orientation() {
        let turned = Affine([[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0]]);
        let grid = Grid::new([4, 6, 8], turned);
        for manner in [Manner::Published, Manner::Oriented] {
            let frame = Frame::volume(&grid, 24, manner);
            let cells = frame.take(Between::Nearest, |at| at as f32);
            let back = frame.back(Between::Nearest, &cells);
            assert!(back.iter().enumerate().all(|(at, &value)| value == at as f32), "{manner:?}");
            let [d, h, w] = frame.cell([1.0, 4.0, 7.0]);
            assert_eq!(cells[(d * 24 + h) * 24 + w], grid.index([1, 4, 7]) as f32);
        }
    }

    #[test]
    fn as_published_the_first_voxel_axis_is_the_tensors_first() {
        let grid = Grid::new([2, 2, 2], Affine::IDENTITY);
        let cells = Frame::volume(&grid, 2, Manner::Published).take(Between::Nearest, |at| at as f32);
        assert_eq!(cells, [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0]);
        let picture = Frame::picture(&Grid::new([3, 2, 1], Affine::IDENTITY), 6);
        assert_eq!(picture.cell([2.0, 0.0, 0.0]), [0, 1, 5]);
    }
}
