//! What is given: volumes and the spaces they lie in, marks, masks, projects, and their files.
//!
//! This crate knows no GPU, no window and no thread, so most truths of the program are tested here.

mod bits;
mod bounds;
pub mod brush;
pub mod distance;
pub mod doubt;
pub mod edit;
pub mod export;
pub mod files;
pub mod history;
pub mod journal;
pub mod labels;
pub mod ledger;
pub mod metrics;
pub mod morphology;
pub mod project;
pub mod prompt;
pub mod random;
pub mod regions;
pub mod space;
pub mod volume;

pub use edit::{Edit, EditError};
pub use files::{Item, Part, Reduction};
pub use history::{Entry, History, Step};
pub use labels::{Mask, Patch};
pub use project::{Case, CaseId, MOST_WEIGHT, Overlap, Project, Review, Settings, Structure, StructureId, Work};
pub use prompt::{Corner, End, Kind, Prompt, PromptId, Shape, Sign, Tip};
pub use space::{Affine, Convention, Direction, Plane, Slicing};
pub use volume::{Grid, Image, Pixels, Volume};
