//! Editing of masks: live strokes, lasso, and changes that are shown before they are made. What comes of each is a
//! mark like any other, so that it stands on every later guess and can be taken away again. Which voxels change is
//! computed by `imaging::morphology`.

pub mod drafts;
pub mod form;
mod lasso;
pub mod proposal;
mod stroke;

pub use form::{Area, FillSettings, Form, Kind};
pub use proposal::{Change, Proposal};
pub use stroke::{Live, Range};

use crate::session::Place;
use imaging::{Edit, Mask, Project, Prompt, PromptId, Shape, Sign, Step};
use std::sync::Arc;

/// How masks are edited, and what is on its way.
#[derive(Default)]
pub struct Editing {
    /// The values that the brush is held to, if any.
    pub range: Option<Range>,
    /// How the fill tool fills.
    pub fill: FillSettings,
    /// The forms as they were last used, one of each kind.
    pub last: Vec<Form>,
    /// The stroke being drawn.
    pub live: Option<Live>,
    /// The change that waits for the user's word.
    pub proposal: Option<Proposal>,
    /// The slice under the pointer, or the one last pointed to.
    pub slice: Option<Slice>,
}

/// A slice on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Voxel axis across it.
    pub normal: usize,
    /// Which one.
    pub at: usize,
}

/// The step that adds voxels to a structure's mask and takes others away, as marks. `None` where it would do nothing.
#[must_use]
pub fn correction(project: &Project, place: Place, name: String, added: &Arc<Mask>, removed: &Arc<Mask>) -> Option<Step> {
    let at = project.case(place.0)?.prompts.len();
    let first = project.next_prompt().0;
    let parts = [(Sign::Positive, added), (Sign::Negative, removed)];
    let edits: Vec<Edit> = parts
        .into_iter()
        .filter(|(_, mask)| !mask.is_empty())
        .zip(0..)
        .map(|((sign, mask), more)| {
            let shape = Shape::Region { mask: mask.clone() };
            let prompt = Prompt { id: PromptId(first + more), structure: place.1, sign, shape };
            Edit::Prompt { case: place.0, at: at + more as usize, before: None, after: Some(prompt) }
        })
        .collect();
    (!edits.is_empty()).then_some(Step { name, edit: Edit::Several(edits) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Case, CaseId, EditError, History, Review, brush};

    fn world() -> (Project, Place) {
        let mut project = Project::default();
        let structure = project.next_structure("liver");
        let place = (CaseId(0), structure.id);
        project.structures.push(structure);
        project.cases.push(Case::new(CaseId(0), "case".into(), std::path::PathBuf::new()));
        (project, place)
    }

    fn mask(set: &[usize]) -> Arc<Mask> {
        Arc::new(Mask::from_fn([4, 4, 1], |index| set.contains(&index)))
    }

    #[test]
    fn a_correction_is_one_step_that_turns_one_mask_into_the_other() {
        let (mut project, place) = world();
        let step = correction(&project, place, "grow liver".into(), &mask(&[1, 2]), &mask(&[7])).expect("it changes");
        let mut history = History::default();
        history.apply(&mut project, step).expect("nothing is locked");
        let mut drawn = Mask::clone(&mask(&[2, 7, 8]));
        let grid = imaging::Grid::new([4, 4, 1], imaging::Affine::IDENTITY);
        brush::apply_strokes(&mut drawn, &grid, project.cases[0].prompts_of(place.1));
        assert_eq!(drawn, *mask(&[1, 2, 8]));
        history.undo(&mut project).expect("one step back");
        assert!(project.cases[0].prompts.is_empty());
        assert!(correction(&project, place, String::new(), &mask(&[]), &mask(&[])).is_none());
    }

    #[test]
    fn an_accepted_structure_is_never_changed() {
        let (mut project, place) = world();
        let accept = Edit::review(&project, place.0, place.1, Review::Accepted, Some(&mask(&[3]))).expect("it fits");
        let mut history = History::default();
        history.apply(&mut project, Step { name: "accept".into(), edit: accept }).expect("nothing is locked yet");
        let before = project.clone();
        let step = correction(&project, place, "grow".into(), &mask(&[1]), &mask(&[3])).expect("it would change");
        assert_eq!(history.apply(&mut project, step), Err(EditError::Locked));
        assert_eq!(project, before);
    }
}
