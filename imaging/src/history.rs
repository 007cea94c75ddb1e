//! The steps that were made and those that were taken back. A step is in memory, or on a shelf: a place in the
//! project's journal from which it is read when it is wanted, so that a history is bounded by the disk alone.

use crate::edit::{Edit, EditError};
use crate::project::Project;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// An edit with the user's words for it: "accept liver in 12 cases".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What the undo button says.
    pub name: String,
    /// The change.
    pub edit: Edit,
}

/// What happened to a project, one entry a change; a journal of them rebuilds project and history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// A new step; whatever could be redone is forgotten.
    Do(Step),
    /// The last step was taken back.
    Undo,
    /// The last step taken back was made again.
    Redo,
    /// The project as it was saved from a damaged journal; steps before it are lost.
    Base(Box<Project>),
}

/// Where a step lies on its shelf: bytes from the start of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

/// Something that steps can be read from.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// The step at a place, or nothing where it cannot be read.
    fn step(&self, place: Place) -> Option<Step>;
}

/// Names and places of steps, done and undone, as a snapshot of a project keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Those that undo takes back, the last one last.
    pub done: Vec<(String, Place)>,
    /// Those that redo makes again, the next one last.
    pub undone: Vec<(String, Place)>,
}

impl Index {
    /// Follows an entry that lies at a place.
    pub fn note(&mut self, entry: &Entry, place: Place) {
        match entry {
            Entry::Do(step) => {
                self.done.push((step.name.clone(), place));
                self.undone.clear();
            }
            Entry::Undo => self.undone.extend(self.done.pop()),
            Entry::Redo => self.done.extend(self.undone.pop()),
            Entry::Base(_) => *self = Self::default(),
        }
    }
}

#[derive(Clone, Debug)]
enum Past {
    Here(Step),
    Shelved(String, Place),
}

impl Past {
    fn name(&self) -> &str {
        match self {
            Self::Here(step) => &step.name,
            Self::Shelved(name, _) => name,
        }
    }
}

/// The steps that were made, and those that were taken back.
#[derive(Clone, Debug, Default)]
pub struct History {
    done: Vec<Past>,
    undone: Vec<Past>,
    shelf: Option<Arc<dyn Shelf>>,
}

impl History {
    /// A history whose steps all lie on a shelf.
    #[must_use]
    pub fn shelved(index: &Index, shelf: Arc<dyn Shelf>) -> Self {
        let past = |steps: &[(String, Place)]| steps.iter().map(|(name, place)| Past::Shelved(name.clone(), *place)).collect();
        Self { done: past(&index.done), undone: past(&index.undone), shelf: Some(shelf) }
    }

    /// Makes a step.
    ///
    /// # Errors
    /// Where the edit does not fit or touches what is locked; nothing is changed then.
    pub fn apply(&mut self, project: &mut Project, step: Step) -> Result<(), EditError> {
        step.edit.apply(project)?;
        self.done.push(Past::Here(step));
        self.undone.clear();
        Ok(())
    }

    /// Takes the last step back.
    ///
    /// # Errors
    /// `Stale` where there is none, `Unreadable` where it cannot be had from the shelf.
    pub fn undo(&mut self, project: &mut Project) -> Result<(), EditError> {
        self.step(self.done.last())?.edit.inverse().apply(project)?;
        self.undone.extend(self.done.pop());
        Ok(())
    }

    /// Makes the last step that was taken back again.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn redo(&mut self, project: &mut Project) -> Result<(), EditError> {
        self.step(self.undone.last())?.edit.apply(project)?;
        self.done.extend(self.undone.pop());
        Ok(())
    }

    fn step(&self, past: Option<&Past>) -> Result<Step, EditError> {
        match past.ok_or(EditError::Stale)? {
            Past::Here(step) => Ok(step.clone()),
            Past::Shelved(_, place) => self.shelf.as_ref().and_then(|shelf| shelf.step(*place)).ok_or(EditError::Unreadable),
        }
    }

    /// Replays what a journal holds.
    ///
    /// # Errors
    /// As the entry's own call.
    pub fn replay(&mut self, project: &mut Project, entry: Entry) -> Result<(), EditError> {
        match entry {
            Entry::Do(step) => self.apply(project, step),
            Entry::Undo => self.undo(project),
            Entry::Redo => self.redo(project),
            Entry::Base(base) => {
                (*project, *self) = (*base, Self::default());
                Ok(())
            }
        }
    }

    /// The name of what undo would take back.
    #[must_use]
    pub fn undo_name(&self) -> Option<&str> {
        self.done.last().map(Past::name)
    }

    /// The name of what redo would make again.
    #[must_use]
    pub fn redo_name(&self) -> Option<&str> {
        self.undone.last().map(Past::name)
    }

    /// How many steps undo can take back.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.done.len()
    }
}

/// Histories are equal where they would take back and make again the same, wherever the steps lie.
impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        let steps = |history: &Self, past: &[Past]| past.iter().map(|past| history.step(Some(past))).collect::<Vec<_>>();
        [(&self.done, &other.done), (&self.undone, &other.undone)]
            .into_iter()
            .all(|(ours, theirs)| ours.len() == theirs.len() && steps(self, ours) == steps(other, theirs))
    }
}
