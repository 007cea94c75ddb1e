//! Marks that a user puts on an image. Geometry only, in voxel positions of the image; whoever needs voxels
//! draws them (`brush` for masks, the engine for its nets).

use crate::labels::Mask;
use crate::project::StructureId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A mark's identity within its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PromptId(pub u64);

/// Whether a mark says "here" or "not here".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sign {
    /// The structure is here.
    #[default]
    Positive,
    /// The structure is not here.
    Negative,
}

impl Sign {
    /// The other sign.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
        }
    }
}

/// One mark for one structure on one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Its identity.
    pub id: PromptId,
    /// The structure it speaks of.
    pub structure: StructureId,
    /// Here, or not here. A box is always positive.
    pub sign: Sign,
    /// Where, in voxel positions.
    pub shape: Shape,
}

/// The geometry of a mark. Positions are continuous voxel indices: a voxel's centre is at whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// A point.
    Click {
        /// Its position.
        at: [f32; 3],
    },
    /// A box; flat (equal) along the axis across the slice on which it was drawn.
    Box {
        /// The corner with the least coordinates.
        from: [f32; 3],
        /// The corner with the greatest coordinates.
        to: [f32; 3],
    },
    /// A line drawn by hand on one slice.
    Doodle {
        /// Its vertices in the order drawn.
        points: Vec<[f32; 3]>,
        /// Voxel axis across the slice on which it was drawn.
        #[serde(deserialize_with = "axis")]
        normal: usize,
    },
    /// A stroke of the mask brush (or, negative, of the eraser).
    Stroke {
        /// Its vertices in the order drawn.
        points: Vec<[f32; 3]>,
        /// Radius of the brush in mm.
        radius_mm: f32,
        /// What the brush touches around each point.
        tip: Tip,
    },
    /// Voxels that a tool found or a hand corrected: they stand on every later guess, as a stroke does.
    Region {
        /// The voxels, on the image's grid.
        mask: Arc<Mask>,
    },
}

/// Which end of a box along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The one with the lesser coordinate.
    From,
    /// The one with the greater coordinate.
    To,
}

/// A corner of a box as it is seen on a slice: the ends that meet there, and nothing along the axis across the slice.
pub type Corner = [Option<End>; 3];

/// What a brush touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tip {
    /// A disc on the slice across this voxel axis.
    Disc {
        /// Voxel axis across the slice.
        #[serde(deserialize_with = "axis")]
        normal: usize,
    },
    /// A ball through the slices.
    Ball,
}

/// An axis of the grid. A file may hold any number, and what goes by it takes it for one of three.
fn axis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let axis = usize::deserialize(from)?;
    if axis < 3 { Ok(axis) } else { Err(serde::de::Error::custom("a grid has three axes")) }
}

/// The kinds of mark that the papers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A point.
    Click,
    /// A box.
    Box,
    /// A line.
    Doodle,
    /// Brushed voxels.
    Mask,
}

impl Shape {
    /// A box with its corners in order.
    #[must_use]
    pub fn spanning(a: [f32; 3], b: [f32; 3]) -> Self {
        Self::Box { from: std::array::from_fn(|i| a[i].min(b[i])), to: std::array::from_fn(|i| a[i].max(b[i])) }
    }

    /// Which kind of mark it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Click { .. } => Kind::Click,
            Self::Box { .. } => Kind::Box,
            Self::Doodle { .. } => Kind::Doodle,
            Self::Stroke { .. } | Self::Region { .. } => Kind::Mask,
        }
    }

    /// The same mark moved by a number of voxels along each axis.
    #[must_use]
    pub fn moved(&self, by: [f32; 3]) -> Self {
        let shift = |p: &[f32; 3]| std::array::from_fn(|i| p[i] + by[i]);
        let mut moved = self.clone();
        match &mut moved {
            Self::Click { at } => *at = shift(at),
            Self::Box { from, to } => (*from, *to) = (shift(from), shift(to)),
            Self::Doodle { points, .. } | Self::Stroke { points, .. } => {
                points.iter_mut().for_each(|p| *p = shift(p));
            }
            Self::Region { mask } => *mask = Arc::new(mask.moved(by.map(|c| c.round() as isize))),
        }
        moved
    }

    /// The same box with one corner moved by a number of voxels along each axis; other marks stay as they are.
    #[must_use]
    pub fn corner_moved(&self, corner: Corner, by: [f32; 3]) -> Self {
        let Self::Box { from, to } = self else { return self.clone() };
        let moved = |end: End, of: &[f32; 3]| -> [f32; 3] {
            std::array::from_fn(|axis| if corner[axis] == Some(end) { of[axis] + by[axis] } else { of[axis] })
        };
        // A corner that was dragged past the other one becomes the other one.
        Self::spanning(moved(End::From, from), moved(End::To, to))
    }

    /// Its vertices: one for a click, two corners for a box; of a region its first voxel.
    #[must_use]
    pub fn points(&self) -> Vec<[f32; 3]> {
        match self {
            Self::Click { at } => vec![*at],
            Self::Box { from, to } => vec![*from, *to],
            Self::Doodle { points, .. } | Self::Stroke { points, .. } => points.clone(),
            Self::Region { mask } => {
                let [nx, ny, _] = mask.shape();
                let first = mask.iter().next();
                first.map(|at| [at % nx, at / nx % ny, at / (nx * ny)].map(|c| c as f32)).into_iter().collect()
            }
        }
    }

    /// Whether every number in it is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let radius = if let Self::Stroke { radius_mm, .. } = self { *radius_mm } else { 0.0 };
        radius.is_finite() && self.points().iter().flatten().all(|c| c.is_finite())
    }

    /// Whether every coordinate is finite and something of it touches a grid of `shape` voxels.
    #[must_use]
    pub fn touches(&self, shape: [usize; 3]) -> bool {
        if let Self::Region { mask } = self {
            return mask.shape() == shape && !mask.is_empty();
        }
        let points = self.points();
        let margin = if let Self::Stroke { .. } = self { 64.0 } else { 0.5 };
        !points.is_empty()
            && points.iter().flatten().all(|c| c.is_finite())
            && (0..3).all(|axis| {
                let low = points.iter().map(|p| p[axis]).fold(f32::INFINITY, f32::min);
                let high = points.iter().map(|p| p[axis]).fold(f32::NEG_INFINITY, f32::max);
                high >= -margin && low <= shape[axis] as f32 - 1.0 + margin
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_drawn_backwards_has_its_corners_in_order() {
        let shape = Shape::spanning([5.0, 1.0, 2.0], [1.0, 4.0, 2.0]);
        assert_eq!(shape, Shape::Box { from: [1.0, 1.0, 2.0], to: [5.0, 4.0, 2.0] });
    }

    #[test]
    fn a_corner_moves_alone_and_past_the_other() {
        let shape = Shape::Box { from: [1.0, 1.0, 2.0], to: [5.0, 4.0, 2.0] };
        let corner = [Some(End::To), Some(End::From), None];
        let moved = shape.corner_moved(corner, [1.0, -1.0, 9.0]);
        assert_eq!(moved, Shape::Box { from: [1.0, 0.0, 2.0], to: [6.0, 4.0, 2.0] });
        let past = shape.corner_moved(corner, [-6.0, 0.0, 0.0]);
        assert_eq!(past, Shape::Box { from: [-1.0, 1.0, 2.0], to: [1.0, 4.0, 2.0] });
    }

    #[test]
    fn moving_there_and_back_changes_nothing() {
        let doodle = Shape::Doodle { points: vec![[1.0, 2.0, 3.0], [4.0, 2.0, 3.0]], normal: 2 };
        assert_eq!(doodle.moved([1.0, -2.0, 0.5]).moved([-1.0, 2.0, -0.5]), doodle);
    }

    #[test]
    fn a_region_moves_by_whole_voxels_and_loses_what_leaves_the_grid() {
        let region = |set: &'static [usize]| Shape::Region { mask: Arc::new(Mask::from_fn([4, 3, 2], |i| set.contains(&i))) };
        assert_eq!(region(&[0, 5, 11]).moved([1.2, 0.0, 1.0]), region(&[13, 18]));
        assert_eq!(region(&[5]).points(), [[1.0, 1.0, 0.0]]);
        assert!(!region(&[]).touches([4, 3, 2]) && !region(&[1]).touches([4, 3, 3]));
    }

    #[test]
    fn an_axis_that_no_grid_has_is_refused() {
        let doodle = |normal| format!(r#"{{"Doodle": {{"points": [], "normal": {normal}}}}}"#);
        assert!(serde_json::from_str::<Shape>(&doodle(2)).is_ok());
        assert!(serde_json::from_str::<Shape>(&doodle(3)).is_err());
        assert!(serde_json::from_str::<Tip>(r#"{"Disc": {"normal": 7}}"#).is_err());
    }

    #[test]
    fn a_mark_outside_or_not_finite_touches_nothing() {
        assert!(Shape::Click { at: [0.0, 0.0, 0.0] }.touches([4, 4, 4]));
        assert!(!Shape::Click { at: [9.0, 0.0, 0.0] }.touches([4, 4, 4]));
        assert!(!Shape::Click { at: [f32::NAN, 0.0, 0.0] }.touches([4, 4, 4]));
        assert!(!Shape::Doodle { points: vec![], normal: 0 }.touches([4, 4, 4]));
    }
}
