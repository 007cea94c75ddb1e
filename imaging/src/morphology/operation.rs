//! Every tool of this folder as plain data, so that a preview can be made on another thread and made anew when a
//! number changes.

use super::{
    Cancelled, Connection, Extent, Filter, Islands, Watch, between_slices, close, copy_slice, fill_holes, fill_holes_in_slices,
    flood, grow, open, shrink, smooth, threshold,
};
use crate::labels::Mask;
use crate::volume::Image;
use std::sync::Arc;

/// What an operation works on.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The image.
    pub image: &'a Image,
    /// The structure's mask as it is shown.
    pub mask: &'a Mask,
    /// The masks of the case's other structures, whose borders a joint smoothing leaves in place.
    pub others: &'a [Arc<Mask>],
}

/// A change to a whole mask.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Takes the voxels whose value lies in a range.
    Threshold {
        /// The least value.
        low: f32,
        /// The greatest.
        high: f32,
        /// Where.
        within: Within,
    },
    /// Adds (or takes away) what hangs together around a voxel.
    Flood {
        /// Where it begins.
        seed: [usize; 3],
        /// How far it may go.
        extent: Extent,
        /// How far a value may be from the seed's; any value where `None`.
        tolerance: Option<f32>,
        /// Whether it stops at the mask: with any value, it then fills a hole.
        stops_at_mask: bool,
        /// Whether it takes away, within the mask, instead.
        erases: bool,
    },
    /// Fills what is enclosed, in the volume or in each slice across an axis.
    FillHoles {
        /// Voxel axis across the slices.
        normal: Option<usize>,
    },
    /// Fills between marked slices, across an axis or the one that has gaps.
    FillBetween {
        /// Voxel axis across the slices.
        normal: Option<usize>,
    },
    /// Keeps the largest island alone.
    KeepLargest,
    /// Takes away islands of fewer voxels.
    RemoveSmall {
        /// The fewest voxels that an island may have.
        voxels: usize,
    },
    /// Keeps the island at a voxel alone, or takes it away.
    Island {
        /// The voxel.
        at: [usize; 3],
        /// Whether it is kept and the others go.
        keeps: bool,
    },
    /// Smooths.
    Smooth {
        /// How.
        filter: Filter,
        /// By how much.
        mm: f64,
        /// Whether borders with other structures stay in place.
        joint: bool,
    },
    /// Grows by mm.
    Grow(f64),
    /// Shrinks by mm.
    Shrink(f64),
    /// Takes away what is thin.
    Open(f64),
    /// Closes what is narrow.
    Close(f64),
    /// Adds a slice's voxels to another slice.
    CopySlice {
        /// Voxel axis across the slices.
        normal: usize,
        /// The slice copied.
        from: usize,
        /// The slice added to.
        to: usize,
    },
    /// Combines with another structure's mask.
    Combine(Logic, Arc<Mask>),
}

/// Where a threshold looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// In the whole image; what is found is added to the mask.
    Image,
    /// In a box (both ends included); what is found is added to the mask.
    Box([[usize; 3]; 2]),
    /// In the mask; what is out of range leaves it.
    Mask,
}

/// How two masks make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Logic {
    /// The voxels of either.
    Add,
    /// Those that are not in the other.
    Subtract,
    /// Those of both.
    Intersect,
}

/// An operation came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The watch ended it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// There is no mask to work on.
    #[error("the structure has no voxel in this case yet")]
    Empty,
    /// Nothing lies between marked slices.
    #[error("no two marked slices have a gap between them")]
    NoGap,
    /// The voxel is not in the mask.
    #[error("the structure has no voxel there")]
    NoIsland,
    /// The fill would run out of the image.
    #[error("the mask is not closed around that place")]
    NotEnclosed,
    /// The other mask lies on another grid.
    #[error("the other mask lies on another grid")]
    OtherGrid,
}

impl Operation {
    /// The mask as the operation leaves it. Where nothing is to be done it is the mask given.
    ///
    /// # Errors
    /// Where there is nothing that it could work on, or the watch ends it.
    pub fn run(&self, input: Input<'_>, watch: &mut Watch<'_>) -> Result<Mask, OperationError> {
        let Input { image, mask, others } = input;
        let grid = &image.grid;
        if mask.is_empty() && self.needs_a_mask() {
            return Err(OperationError::Empty);
        }
        let changed = match self {
            Self::Threshold { low, high, within } => thresholded(image, mask, [*low, *high], *within, watch)?,
            Self::Flood { .. } => return self.flooded(image, mask, watch),
            Self::FillHoles { normal: None } => fill_holes(mask, watch)?,
            Self::FillHoles { normal: Some(normal) } => fill_holes_in_slices(mask, *normal, watch)?,
            Self::FillBetween { normal } => between_slices(mask, grid, *normal, watch)?.ok_or(OperationError::NoGap)?,
            Self::KeepLargest => {
                let islands = Islands::of(mask, Connection::Corners, watch)?;
                let largest = islands.largest();
                islands.keep(|island, _| Some(island) == largest)
            }
            Self::RemoveSmall { voxels } => Islands::of(mask, Connection::Corners, watch)?.keep(|_, size| size >= *voxels),
            Self::Island { at, keeps } => {
                let islands = Islands::of(mask, Connection::Corners, watch)?;
                let found = islands.at(*at).ok_or(OperationError::NoIsland)?;
                islands.keep(|island, _| (island == found) == *keeps)
            }
            Self::Smooth { filter, mm, joint } => smooth(mask, if *joint { others } else { &[] }, grid, *filter, *mm, watch)?,
            Self::Grow(mm) => grow(mask, grid, *mm, watch)?,
            Self::Shrink(mm) => shrink(mask, grid, *mm, watch)?,
            Self::Open(mm) => open(mask, grid, *mm, watch)?,
            Self::Close(mm) => close(mask, grid, *mm, watch)?,
            Self::CopySlice { normal, from, to } => copy_slice(mask, *normal, *from, *to),
            Self::Combine(_, other) if other.shape() != mask.shape() => return Err(OperationError::OtherGrid),
            Self::Combine(logic, other) => combined(mask, *logic, other),
        };
        Ok(changed)
    }

    fn needs_a_mask(&self) -> bool {
        match self {
            Self::Threshold { within, .. } => *within == Within::Mask,
            Self::Flood { stops_at_mask, tolerance, erases, .. } => *erases || *stops_at_mask && tolerance.is_none(),
            Self::Combine(logic, _) => *logic != Logic::Add,
            _ => true,
        }
    }

    fn flooded(&self, image: &Image, mask: &Mask, watch: &mut Watch<'_>) -> Result<Mask, OperationError> {
        let Self::Flood { seed, extent, tolerance, stops_at_mask, erases } = self else { return Ok(mask.clone()) };
        let middle = image.value(image.grid.index(*seed));
        let alike = |at: usize| tolerance.is_none_or(|most| (image.value(at) - middle).abs() <= most);
        let enters = |at: usize| if *erases { mask.get(at) } else { !(*stops_at_mask && mask.get(at)) };
        let found = flood(mask.shape(), *seed, *extent, |at| enters(at) && alike(at), watch)?;
        if !erases && tolerance.is_none() && touches_border(&found, *extent) {
            return Err(OperationError::NotEnclosed);
        }
        Ok(combined(mask, if *erases { Logic::Subtract } else { Logic::Add }, &found))
    }
}

fn thresholded(
    image: &Image,
    mask: &Mask,
    [low, high]: [f32; 2],
    within: Within,
    watch: &mut Watch<'_>,
) -> Result<Mask, Cancelled> {
    let last = image.grid.shape.map(|n| n.saturating_sub(1));
    let (area, logic) = match within {
        Within::Image => ([[0; 3], last], Logic::Add),
        Within::Box(corners) => (corners.map(|corner| std::array::from_fn(|axis| corner[axis].min(last[axis]))), Logic::Add),
        Within::Mask => (mask.bounds().unwrap_or_default(), Logic::Intersect),
    };
    Ok(combined(mask, logic, &threshold(image, &(low..=high), area, watch)?))
}

fn combined(mask: &Mask, logic: Logic, other: &Mask) -> Mask {
    let mut combined = mask.clone();
    match logic {
        Logic::Add => combined.unite(other),
        Logic::Subtract => combined.subtract(other),
        Logic::Intersect => combined.intersect(other),
    }
    combined
}

/// Whether a flood came to where the image ends, along an axis on which it may go at all.
fn touches_border(found: &Mask, extent: Extent) -> bool {
    let shape = found.shape();
    found.bounds().is_some_and(|[low, high]| {
        (0..3).any(|axis| {
            let goes = shape[axis] > 1 && extent != (Extent::Slice { normal: axis });
            goes && (low[axis] == 0 || high[axis] + 1 == shape[axis])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use crate::space::Affine;
    use crate::volume::{Grid, Volume};

    /// Values from 0 at the left to 9 at the right.
    fn image() -> Image {
        let grid = Grid::new([10, 10, 4], Affine::from_spacing([1.0, 1.0, 3.0]));
        Image::grey(Volume { grid, voxels: (0..grid.len()).map(|at| (at % 10) as f32).collect() })
    }

    fn of(inside: impl Fn([usize; 3]) -> bool) -> Mask {
        let grid = image().grid;
        Mask::from_fn(grid.shape, |index| inside(grid.voxel(index)))
    }

    fn run(operation: &Operation, mask: &Mask) -> Result<Mask, OperationError> {
        operation.run(Input { image: &image(), mask, others: &[] }, &mut unwatched)
    }

    /// The border of a square on slice 1.
    fn ring() -> Mask {
        of(|[i, j, k]| k == 1 && (2..=7).contains(&i) && (2..=7).contains(&j) && (i == 2 || i == 7 || j == 2 || j == 7))
    }

    fn fill(seed: [usize; 3], tolerance: Option<f32>, extent: Extent) -> Operation {
        Operation::Flood { seed, extent, tolerance, stops_at_mask: true, erases: false }
    }

    #[test]
    fn a_fill_stays_in_the_ring_or_says_that_it_cannot() {
        let slice = Extent::Slice { normal: 2 };
        assert_eq!(run(&fill([4, 4, 1], None, slice), &ring()).map(|mask| mask.count()), Ok(36));
        assert_eq!(run(&fill([4, 4, 1], None, Extent::Volume), &ring()), Err(OperationError::NotEnclosed));
        assert_eq!(run(&fill([0, 0, 1], None, slice), &ring()), Err(OperationError::NotEnclosed));
        assert_eq!(run(&fill([4, 4, 1], None, slice), &Mask::empty(ring().shape())), Err(OperationError::Empty));
    }

    #[test]
    fn a_fill_by_value_and_an_erasing_one() {
        let filled = run(&fill([4, 4, 1], Some(1.0), Extent::Volume), &Mask::empty(ring().shape())).expect("it fills");
        assert_eq!(filled, of(|[i, ..]| (3..=5).contains(&i)));
        let erased = Operation::Flood {
            seed: [4, 0, 0],
            extent: Extent::Slice { normal: 2 },
            tolerance: Some(0.0),
            stops_at_mask: false,
            erases: true,
        };
        assert_eq!(run(&erased, &filled), Ok(of(|[i, _, k]| (3..=5).contains(&i) && !(i == 4 && k == 0))));
    }

    #[test]
    fn a_threshold_adds_or_narrows() {
        let threshold = |within| Operation::Threshold { low: 3.0, high: 4.0, within };
        assert_eq!(run(&threshold(Within::Image), &Mask::empty(ring().shape())), Ok(of(|[i, ..]| i == 3 || i == 4)));
        assert_eq!(run(&threshold(Within::Mask), &ring()).map(|mask| mask.count()), Ok(4));
        let area = Within::Box([[0, 0, 2], [3, 99, 2]]);
        assert_eq!(run(&threshold(area), &Mask::empty(ring().shape())), Ok(of(|[i, _, k]| i == 3 && k == 2)));
    }

    #[test]
    fn islands_by_size_and_by_place() {
        let two = of(|[i, j, k]| k == 0 && j < 3 && i < 3 || k == 3 && i == 9 && j == 9);
        assert_eq!(run(&Operation::KeepLargest, &two).map(|mask| mask.count()), Ok(9));
        assert_eq!(run(&Operation::RemoveSmall { voxels: 2 }, &two).map(|mask| mask.count()), Ok(9));
        assert_eq!(run(&Operation::Island { at: [9, 9, 3], keeps: true }, &two).map(|mask| mask.count()), Ok(1));
        assert_eq!(run(&Operation::Island { at: [0, 0, 0], keeps: false }, &two).map(|mask| mask.count()), Ok(1));
        assert_eq!(run(&Operation::Island { at: [5, 5, 0], keeps: true }, &two), Err(OperationError::NoIsland));
    }

    #[test]
    fn logic_and_what_has_no_mask() {
        let (left, top) = (of(|[i, ..]| i < 5), Arc::new(of(|[_, j, _]| j < 5)));
        let counts = [Logic::Add, Logic::Subtract, Logic::Intersect]
            .map(|logic| run(&Operation::Combine(logic, top.clone()), &left).map(|mask| mask.count()));
        assert_eq!(counts, [Ok(300), Ok(100), Ok(100)]);
        let elsewhere = Arc::new(Mask::empty([2, 2, 2]));
        assert_eq!(run(&Operation::Combine(Logic::Add, elsewhere), &left), Err(OperationError::OtherGrid));
        let empty = Mask::empty(left.shape());
        for operation in [Operation::Grow(1.0), Operation::KeepLargest, Operation::FillBetween { normal: None }] {
            assert_eq!(run(&operation, &empty), Err(OperationError::Empty));
        }
        assert_eq!(run(&Operation::FillBetween { normal: None }, &left), Err(OperationError::NoGap));
    }

    #[test]
    fn a_cancelled_operation_says_so() {
        let cancelled =
            Operation::FillHoles { normal: None }.run(Input { image: &image(), mask: &ring(), others: &[] }, &mut |_| false);
        assert_eq!(cancelled, Err(OperationError::Cancelled(Cancelled)));
    }
}
