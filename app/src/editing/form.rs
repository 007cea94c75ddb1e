//! The changes that are shown before they are made, with what can be set of each, and the operation that each is.

use crate::editing::Slice;
use crate::editing::drafts::Drafts;
use crate::session::{Place, Session};
use imaging::morphology::{Extent, Filter, Logic, Operation, Within};
use imaging::{Image, Mask, Project, Shape, StructureId};
use std::sync::Arc;

/// The changes of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// By value.
    Threshold,
    /// Between marked slices.
    Between,
    /// Holes.
    Holes,
    /// The largest island alone.
    Largest,
    /// Small islands away.
    Small,
    /// Smoother.
    Smooth,
    /// Larger.
    Grow,
    /// Smaller.
    Shrink,
    /// Thin parts away.
    Open,
    /// Narrow gaps closed.
    Close,
    /// This slice to the next one up, to the front or to the right.
    CopyUp,
    /// This slice to the next one down, to the back or to the left.
    CopyDown,
    /// Another structure's voxels too.
    Add,
    /// Another structure's voxels away.
    Subtract,
    /// Only what another structure has too.
    Intersect,
}

impl Kind {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 15] = [
        Self::Threshold,
        Self::Between,
        Self::Holes,
        Self::Largest,
        Self::Small,
        Self::Smooth,
        Self::Grow,
        Self::Shrink,
        Self::Open,
        Self::Close,
        Self::CopyUp,
        Self::CopyDown,
        Self::Add,
        Self::Subtract,
        Self::Intersect,
    ];

    /// What the menu calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Threshold => "Threshold",
            Self::Between => "Fill between slices",
            Self::Holes => "Fill holes",
            Self::Largest => "Keep the largest island",
            Self::Small => "Remove small islands",
            Self::Smooth => "Smooth",
            Self::Grow => "Grow",
            Self::Shrink => "Shrink",
            Self::Open => "Remove thin parts",
            Self::Close => "Close narrow gaps",
            Self::CopyUp => "Copy slice up",
            Self::CopyDown => "Copy slice down",
            Self::Add => "Add another structure",
            Self::Subtract => "Subtract another structure",
            Self::Intersect => "Intersect with another structure",
        }
    }

    /// The form as it opens for the first time.
    #[must_use]
    pub fn form(self, session: &Session) -> Option<Form> {
        let finest = session.image().map(|image| image.grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min))?;
        let mm = 2.0 * finest;
        Some(match self {
            Self::Threshold => {
                let [low, high] = super::Range::Window.values(session);
                Form::Threshold { low, high, area: Area::Image }
            }
            Self::Between => Form::Between,
            Self::Holes => Form::Holes { slices: false },
            Self::Largest => Form::Largest,
            Self::Small => Form::Small { voxels: 100 },
            Self::Smooth => Form::Smooth { filter: Filter::Median, mm, joint: true },
            Self::Grow => Form::Resize { way: Way::Grow, mm },
            Self::Shrink => Form::Resize { way: Way::Shrink, mm },
            Self::Open => Form::Resize { way: Way::Open, mm },
            Self::Close => Form::Resize { way: Way::Close, mm },
            Self::CopyUp => copy(session, 1)?,
            Self::CopyDown => copy(session, -1)?,
            Self::Add => Form::Combine { logic: Logic::Add, other: None },
            Self::Subtract => Form::Combine { logic: Logic::Subtract, other: None },
            Self::Intersect => Form::Combine { logic: Logic::Intersect, other: None },
        })
    }
}

/// The slice under the pointer, copied one on in the direction that the wheel calls up (1) or down (-1).
fn copy(session: &Session, by: isize) -> Option<Form> {
    let Slice { normal, at } = session.editing.slice?;
    let grid = session.image()?.grid;
    let canonical = imaging::space::closest_canonical(&grid.world_from_voxel);
    let up = canonical.iter().find(|direction| direction.axis == normal).map_or(1, |direction| isize::from(direction.sign));
    let to = at.checked_add_signed(by * up).filter(|&to| to < grid.shape[normal])?;
    Some(Form::Copy { normal, from: at, to })
}

/// Grow, shrink and what is made of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// By so many mm.
    Grow,
    /// By so many mm.
    Shrink,
    /// Shrinks, then grows.
    Open,
    /// Grows, then shrinks.
    Close,
}

/// Where a threshold looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// In the whole image.
    Image,
    /// In the box that is selected, or the structure's last one here.
    Box,
    /// In the mask.
    Mask,
}

/// How the fill tool fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FillSettings {
    /// How far a value may be from the one clicked; any value where `None`.
    pub tolerance: Option<f32>,
    /// Whether it stops at the mask.
    pub stops_at_mask: bool,
    /// Whether it goes through the slices.
    pub volume: bool,
}

impl Default for FillSettings {
    /// What is enclosed on the slice: no number has to be known for it.
    fn default() -> Self {
        Self { tolerance: None, stops_at_mask: true, volume: false }
    }
}

/// A change with what is set of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// The voxels of a range of values.
    Threshold {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
        /// Where.
        area: Area,
    },
    /// Between marked slices.
    Between,
    /// Holes.
    Holes {
        /// In each slice under the pointer's plane.
        slices: bool,
    },
    /// The largest island alone.
    Largest,
    /// Islands of fewer voxels away.
    Small {
        /// The fewest that an island may have.
        voxels: usize,
    },
    /// Smoother.
    Smooth {
        /// How.
        filter: Filter,
        /// By how much.
        mm: f64,
        /// Whether borders with other structures stay.
        joint: bool,
    },
    /// Larger, smaller, opened, closed.
    Resize {
        /// Which.
        way: Way,
        /// By how much.
        mm: f64,
    },
    /// A slice to another.
    Copy {
        /// Voxel axis across the slices.
        normal: usize,
        /// From.
        from: usize,
        /// To.
        to: usize,
    },
    /// With another structure.
    Combine {
        /// How.
        logic: Logic,
        /// Which; the first other one where `None`.
        other: Option<StructureId>,
    },
    /// The fill tool's click.
    Fill {
        /// Where.
        seed: [usize; 3],
        /// Voxel axis across the slice clicked.
        normal: usize,
        /// Whether it erases.
        erases: bool,
        /// How.
        settings: FillSettings,
    },
    /// The island tool's click.
    Island {
        /// Where.
        at: [usize; 3],
        /// Whether it is kept and the others go.
        keeps: bool,
    },
}

/// What a form needs to become an operation.
pub struct Surroundings<'a> {
    /// The project.
    pub project: &'a Project,
    /// The session.
    pub session: &'a Session,
    /// The drafts.
    pub drafts: &'a mut Drafts,
    /// The structure and the case.
    pub place: Place,
    /// The image shown.
    pub image: &'a Image,
}

impl Form {
    /// What the strip calls it, and the undo button with the structure's name.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::Threshold { .. } => "Threshold",
            Self::Between => "Fill between slices",
            Self::Holes { .. } => "Fill holes",
            Self::Largest => "Keep largest island",
            Self::Small { .. } => "Remove small islands",
            Self::Smooth { .. } => "Smooth",
            Self::Resize { way: Way::Grow, .. } => "Grow",
            Self::Resize { way: Way::Shrink, .. } => "Shrink",
            Self::Resize { way: Way::Open, .. } => "Remove thin parts",
            Self::Resize { way: Way::Close, .. } => "Close narrow gaps",
            Self::Copy { .. } => "Copy slice",
            Self::Combine { logic: Logic::Add, .. } => "Add structure",
            Self::Combine { logic: Logic::Subtract, .. } => "Subtract structure",
            Self::Combine { logic: Logic::Intersect, .. } => "Intersect with structure",
            Self::Fill { erases: false, .. } => "Fill",
            Self::Fill { erases: true, .. } => "Erase from a place",
            Self::Island { keeps: true, .. } => "Keep island",
            Self::Island { keeps: false, .. } => "Remove island",
        }
    }

    /// Whether it opens again as it was left; what belongs to a place or an image opens anew.
    #[must_use]
    pub fn lasts(&self) -> bool {
        matches!(self, Self::Holes { .. } | Self::Small { .. } | Self::Smooth { .. } | Self::Resize { .. })
    }

    /// The operation, or a sentence that says what it lacks.
    ///
    /// # Errors
    /// Where there is no box, no other structure, no slice.
    pub fn operation(&self, around: &mut Surroundings<'_>) -> Result<Operation, String> {
        Ok(match self {
            Self::Threshold { low, high, area } => {
                Operation::Threshold { low: *low, high: *high, within: within(*area, around)? }
            }
            Self::Between => Operation::FillBetween { normal: None },
            Self::Holes { slices } => {
                let normal = around.session.editing.slice.map_or(2, |slice| slice.normal);
                Operation::FillHoles { normal: slices.then_some(normal) }
            }
            Self::Largest => Operation::KeepLargest,
            Self::Small { voxels } => Operation::RemoveSmall { voxels: *voxels },
            Self::Smooth { filter, mm, joint } => Operation::Smooth { filter: *filter, mm: *mm, joint: *joint },
            Self::Resize { way, mm } => match way {
                Way::Grow => Operation::Grow(*mm),
                Way::Shrink => Operation::Shrink(*mm),
                Way::Open => Operation::Open(*mm),
                Way::Close => Operation::Close(*mm),
            },
            Self::Copy { normal, from, to } => Operation::CopySlice { normal: *normal, from: *from, to: *to },
            Self::Combine { logic, other } => {
                let other = other.or_else(|| first_other(around)).ok_or("There is no other structure.")?;
                let mask = around.mask(other).ok_or("The other structure has no voxel in this case.")?;
                Operation::Combine(*logic, mask)
            }
            Self::Fill { seed, normal, erases, settings } => Operation::Flood {
                seed: *seed,
                extent: if settings.volume { Extent::Volume } else { Extent::Slice { normal: *normal } },
                tolerance: settings.tolerance,
                stops_at_mask: settings.stops_at_mask,
                erases: *erases,
            },
            Self::Island { at, keeps } => Operation::Island { at: *at, keeps: *keeps },
        })
    }
}

impl Surroundings<'_> {
    /// What is shown of a structure in the case.
    pub fn mask(&mut self, structure: StructureId) -> Option<Arc<Mask>> {
        let place = (self.place.0, structure);
        self.drafts.of(self.project, self.session, place, self.image.grid.shape)
    }

    /// What is shown of all the others.
    pub fn others(&mut self) -> Vec<Arc<Mask>> {
        let own = self.place.1;
        let ids: Vec<StructureId> =
            self.project.structures.iter().map(|structure| structure.id).filter(|&id| id != own).collect();
        ids.into_iter().filter_map(|id| self.mask(id)).collect()
    }
}

fn first_other(around: &Surroundings<'_>) -> Option<StructureId> {
    around.project.structures.iter().map(|structure| structure.id).find(|&id| id != around.place.1)
}

fn within(area: Area, around: &Surroundings<'_>) -> Result<Within, String> {
    match area {
        Area::Image => Ok(Within::Image),
        Area::Mask => Ok(Within::Mask),
        Area::Box => last_box(around).map(Within::Box).ok_or_else(|| "Draw a box around the region first (B).".to_owned()),
    }
}

/// The voxels of the selected box, or else of the structure's last one.
fn last_box(around: &Surroundings<'_>) -> Option<[[usize; 3]; 2]> {
    let case = around.project.case(around.place.0)?;
    let boxes = case.prompts_of(around.place.1).filter_map(|prompt| match &prompt.shape {
        Shape::Box { from, to } => Some((prompt.id, [*from, *to])),
        _ => None,
    });
    let boxes: Vec<_> = boxes.collect();
    let selected = boxes.iter().find(|(id, _)| around.session.selected == Some(*id));
    let (_, [from, to]) = selected.or(boxes.last())?;
    let shape = around.image.grid.shape;
    let voxel = |corner: &[f32; 3], up: bool| {
        std::array::from_fn(|axis| {
            let at = if up { corner[axis].floor() } else { corner[axis].ceil() };
            (at.max(0.0) as usize).min(shape[axis].saturating_sub(1))
        })
    };
    // A flat box covers the one slice on which it was drawn, between voxels or not.
    let [low, high]: [[usize; 3]; 2] = [voxel(from, false), voxel(to, true)];
    Some([low, std::array::from_fn(|axis| high[axis].max(low[axis]))])
}
