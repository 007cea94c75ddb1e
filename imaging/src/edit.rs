//! The one door through which a `Project` changes; who remembers the changes is `history`.
//!
//! An `Edit` holds what was and what shall be, so its inverse is itself with the two exchanged.

use crate::bounds::Bounded as _;
use crate::labels::{Mask, Patch};
use crate::project::{Case, CaseId, MOST_WEIGHT, Overlap, Project, Review, Settings, Structure, StructureId, Work};
use crate::prompt::Prompt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A reversible change to a project. `before: None` adds, `after: None` removes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    /// A case comes or goes at a place in the list.
    Case {
        /// Its place in the list.
        at: usize,
        /// What stood there.
        before: Option<Box<Case>>,
        /// What shall stand there.
        after: Option<Box<Case>>,
    },
    /// A structure comes, changes or goes.
    Structure {
        /// Its place in the list.
        at: usize,
        /// What stood there.
        before: Option<Structure>,
        /// What shall stand there.
        after: Option<Structure>,
    },
    /// A mark comes, changes or goes.
    Prompt {
        /// The image on which it lies.
        case: CaseId,
        /// Its place among the case's marks.
        at: usize,
        /// What stood there.
        before: Option<Prompt>,
        /// What shall stand there.
        after: Option<Prompt>,
    },
    /// A case becomes an example of a structure, or no longer is one.
    Example {
        /// The case.
        case: CaseId,
        /// The structure.
        structure: StructureId,
        /// Whether it was one.
        before: bool,
        /// Whether it shall be one.
        after: bool,
    },
    /// An example counts more, less or not at all.
    Weight {
        /// The case.
        case: CaseId,
        /// The structure.
        structure: StructureId,
        /// How many times it counted.
        before: u8,
        /// How many times it shall count.
        after: u8,
    },
    /// A case is flagged with a note, or no longer is.
    Flag {
        /// The case.
        case: CaseId,
        /// The structure.
        structure: StructureId,
        /// The note that stood there.
        before: Option<String>,
        /// The note that shall stand there.
        after: Option<String>,
    },
    /// Something is chosen for the whole project.
    Settings {
        /// What was chosen before.
        before: Settings,
        /// What is chosen now.
        after: Settings,
    },
    /// A review, with the change to the mask that it brings.
    Review {
        /// The case.
        case: CaseId,
        /// The structure.
        structure: StructureId,
        /// What was said before.
        before: Review,
        /// What is said now.
        after: Review,
        /// Shape of the mask, needed where it is the first.
        shape: [usize; 3],
        /// The voxels that flip.
        patch: Patch,
    },
    /// Several changes as one.
    Several(Vec<Edit>),
}

/// An edit could not be made; the project is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The structure is accepted or absent in this case.
    #[error("this structure is locked in this case: take its review back first")]
    Locked,
    /// The edit speaks of something that is not, or no longer, as it says.
    #[error("the project has changed since this edit was prepared")]
    Stale,
    /// A number in it is not finite, or none that an image can have: it could not be written down.
    #[error("a number in it is not finite, or beyond any image")]
    NotFinite,
    /// The step lies in a journal that can no longer be read there.
    #[error("this step can no longer be read from the project's journal")]
    Unreadable,
}

impl Edit {
    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Case { at, before, after } => Self::Case { at, before: after, after: before },
            Self::Structure { at, before, after } => Self::Structure { at, before: after, after: before },
            Self::Prompt { case, at, before, after } => Self::Prompt { case, at, before: after, after: before },
            Self::Example { case, structure, before, after } => Self::Example { case, structure, before: after, after: before },
            Self::Weight { case, structure, before, after } => Self::Weight { case, structure, before: after, after: before },
            Self::Flag { case, structure, before, after } => Self::Flag { case, structure, before: after, after: before },
            Self::Settings { before, after } => Self::Settings { before: after, after: before },
            Self::Review { case, structure, before, after, shape, patch } => {
                Self::Review { case, structure, before: after, after: before, shape, patch }
            }
            Self::Several(edits) => Self::Several(edits.into_iter().rev().map(Self::inverse).collect()),
        }
    }

    /// A new case at the end of the list.
    #[must_use]
    pub fn add_case(project: &Project, case: Case) -> Self {
        Self::Case { at: project.cases.len(), before: None, after: Some(Box::new(case)) }
    }

    /// A new structure at the end of the list.
    #[must_use]
    pub fn add_structure(project: &Project, structure: Structure) -> Self {
        Self::Structure { at: project.structures.len(), before: None, after: Some(structure) }
    }

    /// A structure takes another's name, colour or look.
    #[must_use]
    pub fn change_structure(project: &Project, after: Structure) -> Option<Self> {
        let at = project.structures.iter().position(|structure| structure.id == after.id)?;
        Some(Self::Structure { at, before: Some(project.structures[at].clone()), after: Some(after) })
    }

    /// A structure goes, with its marks and masks in every case.
    #[must_use]
    pub fn remove_structure(project: &Project, id: StructureId) -> Option<Self> {
        let at = project.structures.iter().position(|structure| structure.id == id)?;
        let mut edits = Vec::new();
        for (place, case) in project.cases.iter().enumerate() {
            let mut bare = case.clone();
            bare.prompts.retain(|prompt| prompt.structure != id);
            bare.works.remove(&id);
            if bare != *case {
                edits.push(Self::Case { at: place, before: Some(Box::new(case.clone())), after: Some(Box::new(bare)) });
            }
        }
        edits.push(Self::Structure { at, before: Some(project.structures[at].clone()), after: None });
        Some(Self::Several(edits))
    }

    /// A new mark on a case.
    #[must_use]
    pub fn add_prompt(project: &Project, case: CaseId, prompt: Prompt) -> Option<Self> {
        let at = project.case(case)?.prompts.len();
        Some(Self::Prompt { case, at, before: None, after: Some(prompt) })
    }

    /// A mark changes (`Some`) or goes (`None`).
    #[must_use]
    pub fn change_prompt(project: &Project, case: CaseId, old: &Prompt, after: Option<Prompt>) -> Option<Self> {
        let at = project.case(case)?.prompts.iter().position(|prompt| prompt.id == old.id)?;
        Some(Self::Prompt { case, at, before: Some(old.clone()), after })
    }

    /// A case becomes an example of a structure, or no longer is one.
    #[must_use]
    pub fn set_example(project: &Project, case: CaseId, structure: StructureId, after: bool) -> Option<Self> {
        let before = project.case(case)?.work(structure).is_some_and(|work| work.example);
        Some(Self::Example { case, structure, before, after })
    }

    /// An example counts `after` times, at most [`MOST_WEIGHT`]; 0 turns it off.
    #[must_use]
    pub fn set_weight(project: &Project, case: CaseId, structure: StructureId, after: u8) -> Option<Self> {
        let before = project.case(case)?.work(structure)?.weight;
        Some(Self::Weight { case, structure, before, after: after.min(MOST_WEIGHT) })
    }

    /// A case is flagged with a note, or (`None`) no longer is.
    #[must_use]
    pub fn set_flag(project: &Project, case: CaseId, structure: StructureId, after: Option<String>) -> Option<Self> {
        let before = project.case(case)?.work(structure).and_then(|work| work.flag.clone());
        Some(Self::Flag { case, structure, before, after })
    }

    /// Another policy for voxels that several masks claim.
    #[must_use]
    pub fn set_overlap(project: &Project, overlap: Overlap) -> Self {
        Self::Settings { before: project.settings, after: Settings { overlap } }
    }

    /// A mask comes from elsewhere and stands until review; `None` where the structure is locked or the mask does not fit.
    #[must_use]
    pub fn import_mask(project: &Project, case: CaseId, structure: StructureId, mask: &Mask) -> Option<Self> {
        let review = project.case(case)?.review(structure);
        if review.is_locked() { None } else { Self::review(project, case, structure, review, Some(mask)) }
    }

    /// A review that leaves `mask` behind; `None` keeps the mask that is there.
    #[must_use]
    pub fn review(project: &Project, case: CaseId, structure: StructureId, after: Review, mask: Option<&Mask>) -> Option<Self> {
        let work = project.case(case)?.work(structure).cloned().unwrap_or_default();
        let (shape, patch) = match (&work.mask, mask) {
            (Some(old), Some(new)) if old.shape() != new.shape() => return None,
            (Some(old), Some(new)) => (old.shape(), old.patch_to(new)),
            (None, Some(new)) => (new.shape(), Mask::empty(new.shape()).patch_to(new)),
            (Some(old), None) => (old.shape(), Patch::default()),
            (None, None) => ([0; 3], Patch::default()),
        };
        Some(Self::Review { case, structure, before: work.review, after, shape, patch })
    }

    /// Makes the change on a project that no history watches: a copy, on which a step of several edits is tried out.
    ///
    /// # Errors
    /// Where the edit does not fit or touches what is locked; nothing is changed then.
    pub fn try_on(&self, project: &mut Project) -> Result<(), EditError> {
        self.apply(project)
    }

    pub(crate) fn apply(&self, project: &mut Project) -> Result<(), EditError> {
        if self.is_bounded() { self.make(project) } else { Err(EditError::NotFinite) }
    }

    fn make(&self, project: &mut Project) -> Result<(), EditError> {
        let applied = match self {
            Self::Case { at, before, after } => replace(&mut project.cases, *at, before.as_deref(), after.as_deref()),
            Self::Structure { at, before, after } => replace(&mut project.structures, *at, before.as_ref(), after.as_ref()),
            Self::Prompt { case, at, before, after } => {
                let case = case_mut(project, *case)?;
                if [before, after].into_iter().flatten().any(|prompt| case.review(prompt.structure).is_locked()) {
                    return Err(EditError::Locked);
                }
                replace(&mut case.prompts, *at, before.as_ref(), after.as_ref())
            }
            Self::Example { case, structure, before, after } => {
                change(&mut case_mut(project, *case)?.works.entry(*structure).or_default().example, before, after)
            }
            Self::Weight { case, structure, before, after } => {
                change(&mut case_mut(project, *case)?.works.entry(*structure).or_default().weight, before, after)
            }
            Self::Flag { case, structure, before, after } => {
                change(&mut case_mut(project, *case)?.works.entry(*structure).or_default().flag, before, after)
            }
            Self::Settings { before, after } => change(&mut project.settings, before, after),
            Self::Review { case, structure, before, after, shape, patch } => {
                review(case_mut(project, *case)?.works.entry(*structure).or_default(), [*before, *after], *shape, patch)
            }
            Self::Several(edits) => apply_all(edits, project),
        };
        // Also where the edit did not fit: it may have made a work only to look at it.
        drop_default_works(project, self);
        applied
    }
}

/// Applies edits in order; where one fails, takes the others back.
fn apply_all(edits: &[Edit], project: &mut Project) -> Result<(), EditError> {
    for (done, edit) in edits.iter().enumerate() {
        if let Err(error) = edit.make(project) {
            for undo in edits[..done].iter().rev() {
                undo.clone().inverse().make(project)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// A work that says nothing is left out, so that undo to the start leaves no trace.
fn drop_default_works(project: &mut Project, edit: &Edit) {
    use Edit::{Example, Flag, Review, Weight};
    if let Example { case, structure, .. }
    | Weight { case, structure, .. }
    | Flag { case, structure, .. }
    | Review { case, structure, .. } = edit
        && let Ok(case) = case_mut(project, *case)
        && case.work(*structure) == Some(&Work::default())
    {
        case.works.remove(structure);
    }
}

fn case_mut(project: &mut Project, id: CaseId) -> Result<&mut Case, EditError> {
    project.cases.iter_mut().find(|case| case.id == id).ok_or(EditError::Stale)
}

fn change<T: Clone + PartialEq>(place: &mut T, before: &T, after: &T) -> Result<(), EditError> {
    if place != before {
        return Err(EditError::Stale);
    }
    place.clone_from(after);
    Ok(())
}

fn replace<T: Clone + PartialEq>(list: &mut Vec<T>, at: usize, before: Option<&T>, after: Option<&T>) -> Result<(), EditError> {
    if before.is_some() && list.get(at) != before || at > list.len() {
        return Err(EditError::Stale);
    }
    list.splice(at..at + usize::from(before.is_some()), after.cloned());
    Ok(())
}

/// Only a review that opens or closes a lock may touch a locked work, and it must say so in `before`.
fn review(work: &mut Work, [before, after]: [Review; 2], shape: [usize; 3], patch: &Patch) -> Result<(), EditError> {
    if work.review != before {
        return Err(if work.review.is_locked() { EditError::Locked } else { EditError::Stale });
    }
    if before.is_locked() && after.is_locked() {
        return Err(EditError::Locked);
    }
    if !patch.is_empty() {
        let mask = work.mask.get_or_insert_with(|| Arc::new(Mask::empty(shape)));
        if mask.shape() != shape {
            return Err(EditError::Stale);
        }
        Arc::make_mut(mask).apply(patch);
    }
    // Whether an empty mask is kept follows from the review alone, so that it comes back when an edit is taken back.
    if after != Review::Accepted {
        work.mask.take_if(|mask| mask.is_empty());
    } else if work.mask.is_none() && shape != [0; 3] {
        work.mask = Some(Arc::new(Mask::empty(shape)));
    }
    work.review = after;
    Ok(())
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
