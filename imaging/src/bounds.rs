//! Numbers that a project may hold. A file can have any (`1e39` is an infinite `f32`), and whoever draws, counts or
//! sets memory aside by them takes them for those of an image. Both doors ask here: `edit` and `journal`.

use crate::edit::Edit;
use crate::history::Entry;
use crate::labels::MOST_VOXELS;
use crate::project::{Case, MOST_WEIGHT, Project, Structure};
use crate::prompt::{Prompt, Shape};

/// No axis of an image has more voxels, and no mark lies farther out.
const MOST_POSITION: f32 = MOST_VOXELS as f32;
/// A brush of a kilometre.
const MOST_RADIUS_MM: f32 = 1e6;

/// Whether every number of something is finite and within what an image can have.
pub(crate) trait Bounded {
    fn is_bounded(&self) -> bool;
}

impl Bounded for Entry {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Do(step) => step.edit.is_bounded(),
            Self::Base(project) => project.is_bounded(),
            Self::Undo | Self::Redo => true,
        }
    }
}

impl Bounded for Edit {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Case { before, after, .. } => [before, after].into_iter().flatten().all(|case| case.is_bounded()),
            Self::Structure { before, after, .. } => [before, after].into_iter().flatten().all(Bounded::is_bounded),
            Self::Prompt { before, after, .. } => [before, after].into_iter().flatten().all(Bounded::is_bounded),
            Self::Weight { before, after, .. } => *before.max(after) <= MOST_WEIGHT,
            Self::Review { shape, patch, .. } => {
                let voxels = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
                voxels.is_some_and(|voxels| voxels <= MOST_VOXELS && patch.is_sound(voxels))
            }
            Self::Several(edits) => edits.iter().all(Bounded::is_bounded),
            Self::Example { .. } | Self::Flag { .. } | Self::Settings { .. } => true,
        }
    }
}

impl Bounded for Project {
    fn is_bounded(&self) -> bool {
        self.structures.iter().all(Bounded::is_bounded) && self.cases.iter().all(Bounded::is_bounded)
    }
}

impl Bounded for Case {
    fn is_bounded(&self) -> bool {
        self.prompts.iter().all(Bounded::is_bounded) && self.works.values().all(|work| work.weight <= MOST_WEIGHT)
    }
}

impl Bounded for Structure {
    fn is_bounded(&self) -> bool {
        (0.0..=1.0).contains(&self.opacity)
    }
}

impl Bounded for Prompt {
    fn is_bounded(&self) -> bool {
        let is_near = |point: &[f32; 3]| point.iter().all(|c| c.abs() <= MOST_POSITION);
        match &self.shape {
            Shape::Click { at } => is_near(at),
            Shape::Box { from, to } => is_near(from) && is_near(to),
            Shape::Doodle { points, .. } => points.iter().all(is_near),
            Shape::Stroke { points, radius_mm, .. } => points.iter().all(is_near) && (0.0..=MOST_RADIUS_MM).contains(radius_mm),
            // A mask was weighed as it was read.
            Shape::Region { .. } => true,
        }
    }
}
