//! Where to look: first over the whole image, then closely at what was found or marked, so that small structures keep
//! their edges. Knows regions and windows, neither tensors nor files.

pub(crate) mod tiles;

use crate::encode::fit::Fit;
use crate::protocol::Marks;
use imaging::{Affine, Grid, Sign, regions};

/// A window is so many times as wide as the structures of the examples.
const AROUND_EXAMPLES: f64 = 1.8;
/// A window is so many times as wide as what was found and marked in the image itself.
const AROUND_OWN: f64 = 2.2;
/// A window that is wider than this share of the whole shows nothing new.
const WORTH_IT: f64 = 0.75;
/// Cells finer than this share of the finest voxel show nothing new.
const FINEST: f64 = 0.4;
/// What is found in pieces smaller than this share of the largest is passed over.
const SMALL: usize = 10;
/// What is taken for found.
const FOUND: f32 = 0.5;

/// A box of an image, in voxels from its edge along each axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Region {
    low: [f64; 3],
    high: [f64; 3],
}

impl Region {
    /// Where a structure is known to be: its mask, or its positive marks.
    pub fn of_marks(marks: &Marks) -> Option<Self> {
        if let Some([low, high]) = marks.mask.as_ref().and_then(|mask| mask.bounds()) {
            return Some(Self { low: low.map(|v| v as f64), high: high.map(|v| v as f64 + 1.0) });
        }
        let positive = marks.prompts.iter().filter(|prompt| prompt.sign == Sign::Positive);
        let points = positive.flat_map(|prompt| prompt.shape.points());
        points.filter(|point| point.iter().all(|v| v.is_finite())).map(Self::at).reduce(Self::joined)
    }

    /// What was found in an image and marked in it.
    pub fn of_target(marks: &Marks, found: Option<Self>) -> Option<Self> {
        found.into_iter().chain(Self::of_marks(marks)).reduce(Self::joined)
    }

    fn at(point: [f32; 3]) -> Self {
        let edge = point.map(|v| f64::from(v) + 0.5);
        Self { low: edge, high: edge }
    }

    /// Where a guess finds the structure; pieces far smaller than the largest are passed over.
    pub fn of_guess(fit: &Fit, cells: &[f32]) -> Option<Self> {
        let [depth, height, width] = fit.shape();
        let grid = Grid::new([width, height, depth], Affine::IDENTITY);
        let found = (0..cells.len()).filter(|&at| cells[at] >= FOUND);
        let pieces = regions::pieces(grid.shape, found);
        let least = pieces.first()?.len().div_ceil(SMALL);
        let large: Vec<usize> = pieces.into_iter().take_while(|piece| piece.len() >= least).flatten().collect();
        let [low, high] = regions::bounds(&grid, &large)?;
        // Corners of the outermost cells.
        let corner = |[x, y, z]: [usize; 3], by: f64| fit.voxel_from_cell([z, y, x].map(|v| v as f64 + by)).map(|v| v + 0.5);
        let (a, b) = (corner(low, -0.5), corner(high, 0.5));
        Some(Self { low: std::array::from_fn(|i| a[i].min(b[i])), high: std::array::from_fn(|i| a[i].max(b[i])) })
    }

    /// The box around both.
    pub fn joined(self, other: Self) -> Self {
        Self {
            low: std::array::from_fn(|axis| self.low[axis].min(other.low[axis])),
            high: std::array::from_fn(|axis| self.high[axis].max(other.high[axis])),
        }
    }

    fn middle(&self) -> [f64; 3] {
        std::array::from_fn(|axis| (self.low[axis] + self.high[axis]) / 2.0)
    }

    fn side(&self, fit: &Fit) -> f64 {
        fit.longest(std::array::from_fn(|axis| self.high[axis] - self.low[axis]))
    }
}

/// A window of `side` around a region of an image; none where the whole image shows as much.
pub(crate) fn around(whole: &Fit, region: &Region, side: f64) -> Option<Fit> {
    let cell = (side / whole.side() * whole.cell()).max(FINEST * whole.finest());
    (cell < WORTH_IT * whole.cell()).then(|| whole.window(region.middle(), cell))
}

/// As wide as the structures of the examples ask for, in steps, so that the examples' windows are the same for all
/// targets of a propagation.
pub(crate) fn side_of_examples<'a>(examples: impl Iterator<Item = (&'a Fit, Region)>) -> Option<f64> {
    examples.map(|(fit, region)| AROUND_EXAMPLES * region.side(fit)).reduce(f64::max).filter(|&side| side > 0.0)
}

/// As wide as what was found and marked in the image asks for.
pub(crate) fn side_of_own(whole: &Fit, region: &Region) -> f64 {
    AROUND_OWN * region.side(whole)
}

/// Whether the marks alone tell how large the structure is: a box on a picture does.
pub(crate) fn tells_size(marks: &Marks, whole: &Fit) -> bool {
    whole.dims == 2 && marks.has_box()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Image, Volume};

    fn fit(shape: [usize; 3], spacing: [f64; 3]) -> Fit {
        let grid = Grid::new(shape, Affine::from_spacing(spacing));
        Fit::new(&Image::grey(Volume::filled(grid, 0.0))).unwrap()
    }

    #[test]
    fn what_was_found_is_found_again_in_voxels() {
        let fit = fit([128, 64, 32], [1.0, 1.0, 2.0]);
        let mut cells = vec![0.0; fit.count()];
        // Ten cells a side of 2 mm, and a speck in a corner.
        for (z, y, x) in (20..30).flat_map(|z| (25..35).flat_map(move |y| (40..50).map(move |x| (z, y, x)))) {
            cells[(z * 64 + y) * 64 + x] = 0.9;
        }
        cells[0] = 1.0;
        let region = Region::of_guess(&fit, &cells).unwrap();
        assert_eq!(region.low.map(f64::round), [80.0, 18.0, 4.0], "{region:?}");
        assert_eq!(region.high.map(f64::round), [100.0, 38.0, 14.0], "{region:?}");
        assert_eq!(region.side(&fit).round(), 20.0);
        assert_eq!(Region::of_guess(&fit, &vec![0.4; fit.count()]), None);
    }

    #[test]
    fn a_window_lies_around_its_region_and_is_finer_than_the_whole() {
        let fit = fit([128, 128, 128], [1.0; 3]);
        let region = Region { low: [10.0; 3], high: [42.0; 3] };
        let window = around(&fit, &region, 64.0).unwrap();
        assert_eq!((fit.cell(), window.cell()), (2.0, 1.0));
        assert_eq!(window.cell_from_voxel([25.5; 3]), [31.5; 3], "the middle of the region is that of the window");
        assert!(around(&fit, &region, 120.0).is_none(), "hardly less than the whole");
        let speck = Region { low: [10.0; 3], high: [11.0; 3] };
        assert_eq!(around(&fit, &speck, 2.0).unwrap().cell(), 0.4, "no finer than the voxels bear");
    }

    #[test]
    fn marks_against_do_not_say_where_a_structure_is() {
        use imaging::{Prompt, PromptId, Shape, StructureId};
        let click = |at: [f32; 3], sign| Prompt { id: PromptId(0), structure: StructureId(0), sign, shape: Shape::Click { at } };
        let prompts = vec![click([4.0, 5.0, 6.0], Sign::Positive), click([90.0; 3], Sign::Negative)];
        let region = Region::of_marks(&Marks { prompts, mask: None }).unwrap();
        assert_eq!(region.middle(), [4.5, 5.5, 6.5]);
        assert_eq!(Region::of_marks(&Marks::default()), None);
    }
}
