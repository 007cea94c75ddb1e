//! All that a user would want to keep: cases, structures, marks, examples, reviews. Plain data that only
//! `edit` changes; how it reaches the disk is `journal`'s.

use crate::files::{Item, Part, Reduction};
use crate::labels::Mask;
use crate::prompt::{Prompt, PromptId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A case's identity within its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseId(pub u64);

/// A structure's identity within its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StructureId(pub u64);

/// Something to be segmented in every case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Its identity.
    pub id: StructureId,
    /// What the user calls it.
    pub name: String,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// Whether its masks and marks are drawn.
    pub visible: bool,
    /// Opacity of its mask's fill, 0 to 1.
    pub opacity: f32,
}

/// One image and what was said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its identity.
    pub id: CaseId,
    /// What the list calls it: the file's name without its ending.
    pub name: String,
    /// The image's file.
    pub path: PathBuf,
    /// The part of the file that is meant, where it holds several images.
    #[serde(default, skip_serializing_if = "Part::is_only")]
    pub part: Part,
    /// What is kept of it, where it was too large to be opened whole.
    #[serde(default, skip_serializing_if = "Reduction::is_none")]
    pub reduction: Reduction,
    /// Its marks, of all structures, in the order drawn.
    pub prompts: Vec<Prompt>,
    /// The state of each structure in this case; a structure that is missing here is `Work::default()`.
    pub works: BTreeMap<StructureId, Work>,
}

/// The state of one structure in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Whether the case is an example of the structure.
    pub example: bool,
    /// How many times the example counts; 0 turns it off without taking it from the list.
    #[serde(default = "once")]
    pub weight: u8,
    /// What the reviewer said.
    pub review: Review,
    /// A note for whoever comes after: the case is flagged.
    #[serde(default)]
    pub flag: Option<String>,
    /// The mask that was accepted or imported. One that is empty is kept only where it was accepted.
    pub mask: Option<Arc<Mask>>,
}

fn once() -> u8 {
    1
}

impl Default for Work {
    fn default() -> Self {
        Self { example: false, weight: once(), review: Review::Open, flag: None, mask: None }
    }
}

/// The greatest weight of an example.
pub const MOST_WEIGHT: u8 = 3;

/// What becomes of voxels that an accepted mask would share with other structures' masks of its case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Overlap {
    /// Both keep them: masks may overlap.
    #[default]
    Allow,
    /// The others keep them.
    Keep,
    /// The new mask takes them, but from masks that are locked.
    Replace,
}

/// What a project's user has chosen for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What becomes of shared voxels.
    pub overlap: Overlap,
}

/// What a reviewer said of a structure in a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Review {
    /// Nothing yet.
    #[default]
    Open,
    /// The mask is right, and locked.
    Accepted,
    /// The guess was wrong and waits for correction.
    Rejected,
    /// The structure is not in this case; locked.
    Absent,
}

impl Review {
    /// Whether nothing may change the mask before the review is taken back.
    #[must_use]
    pub fn is_locked(self) -> bool {
        matches!(self, Self::Accepted | Self::Absent)
    }
}

/// A whole project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// In the order shown.
    pub structures: Vec<Structure>,
    /// In the order opened.
    pub cases: Vec<Case>,
    /// What was chosen for all of it.
    #[serde(default)]
    pub settings: Settings,
}

/// Colours for new structures, told apart by colour-blind readers too (Okabe and Ito's set, without black).
pub const PALETTE: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [204, 121, 167], [213, 94, 0], [0, 114, 178]];

/// The number after the greatest; where there is none, as a file can have it, the least that is free.
fn unborne(borne: impl Iterator<Item = u64>) -> u64 {
    let borne: BTreeSet<u64> = borne.collect();
    let next = borne.last().map_or(Some(0), |greatest| greatest.checked_add(1));
    next.or_else(|| (0..=u64::MAX).find(|number| !borne.contains(number))).unwrap_or(0)
}

impl Project {
    /// A case by its identity.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// A structure by its identity.
    #[must_use]
    pub fn structure(&self, id: StructureId) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.id == id)
    }

    /// An identity that no case bears.
    #[must_use]
    pub fn next_case(&self) -> CaseId {
        CaseId(unborne(self.cases.iter().map(|case| case.id.0)))
    }

    /// An identity that no mark bears.
    #[must_use]
    pub fn next_prompt(&self) -> PromptId {
        PromptId(unborne(self.cases.iter().flat_map(|case| &case.prompts).map(|prompt| prompt.id.0)))
    }

    /// A structure as `New structure` makes it: the next identity and colour.
    #[must_use]
    pub fn next_structure(&self, name: &str) -> Structure {
        let id = unborne(self.structures.iter().map(|structure| structure.id.0));
        let colour = PALETTE[id as usize % PALETTE.len()];
        Structure { id: StructureId(id), name: name.to_owned(), colour, visible: true, opacity: 0.4 }
    }

    /// The cases that are examples of a structure and count as such, in order.
    pub fn examples(&self, structure: StructureId) -> impl Iterator<Item = &Case> {
        self.listed_examples(structure).filter(move |case| case.work(structure).is_some_and(|work| work.weight > 0))
    }

    /// The cases that are examples of a structure, those that are turned off too, in order.
    pub fn listed_examples(&self, structure: StructureId) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.work(structure).is_some_and(|work| work.example))
    }
}

impl Case {
    /// A case without marks.
    #[must_use]
    pub fn new(id: CaseId, name: String, image: impl Into<Item>) -> Self {
        let Item { path, part, reduction } = image.into();
        Self { id, name, path, part, reduction, prompts: Vec::new(), works: BTreeMap::new() }
    }

    /// The image: file, part, and what is kept of it.
    #[must_use]
    pub fn item(&self) -> Item {
        Item::new(self.path.clone(), self.part.clone()).reduced(self.reduction)
    }

    /// The state of a structure here, if anything was said of it.
    #[must_use]
    pub fn work(&self, structure: StructureId) -> Option<&Work> {
        self.works.get(&structure)
    }

    /// What the reviewer said of a structure here.
    #[must_use]
    pub fn review(&self, structure: StructureId) -> Review {
        self.work(structure).map_or(Review::Open, |work| work.review)
    }

    /// The mask that stands for a structure here, if one does.
    #[must_use]
    pub fn mask(&self, structure: StructureId) -> Option<&Arc<Mask>> {
        self.work(structure)?.mask.as_ref()
    }

    /// The marks of one structure here.
    pub fn prompts_of(&self, structure: StructureId) -> impl Iterator<Item = &Prompt> {
        self.prompts.iter().filter(move |prompt| prompt.structure == structure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_identity_is_free_even_after_the_greatest_number() {
        let mut project = Project::default();
        assert_eq!(project.next_case(), CaseId(0));
        for id in [0, 7, u64::MAX] {
            project.cases.push(Case::new(CaseId(id), String::new(), PathBuf::new()));
            let next = project.next_case();
            assert!(project.case(next).is_none(), "{next:?}");
        }
        assert_eq!(project.next_case(), CaseId(1));
    }
}
