//! Another reader's masks beside ours: how far they agree, and one of the two or both taken.

use crate::review::structure_name;
use crate::session::Place;
use imaging::{Edit, Mask, Project, Review, Step};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Another reader's masks.
#[derive(Clone, Debug, Default)]
pub struct Second {
    /// What the folder is called.
    pub name: String,
    /// The masks.
    pub masks: BTreeMap<Place, Arc<Mask>>,
}

/// How two readers' masks of a structure agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Of which case and structure.
    pub place: Place,
    /// Dice, voxels that are theirs alone, voxels that are ours alone; nothing where there is no mask here.
    pub overlap: Option<[f64; 3]>,
}

/// How two masks become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Theirs instead of ours.
    Theirs,
    /// What either marked.
    Union,
    /// What both marked.
    Intersection,
}

impl Second {
    /// Every mask of theirs with ours, those that agree least first.
    #[must_use]
    pub fn compared(&self, project: &Project) -> Vec<Compared> {
        let mut rows: Vec<Compared> = self
            .masks
            .iter()
            .map(|(&place, theirs)| Compared { place, overlap: ours(project, place).and_then(|ours| overlap(&ours, theirs)) })
            .collect();
        rows.sort_by(|a, b| {
            let dice = |row: &Compared| row.overlap.map_or(2.0, |[dice, ..]| dice);
            dice(a).total_cmp(&dice(b)).then(a.place.cmp(&b.place))
        });
        rows
    }

    /// Taking theirs, or both as one, at a place: accepted, and where ours was locked its review is taken back first.
    /// One step, for it is one decision. `None` where there is nothing of theirs, or it does not fit ours.
    #[must_use]
    pub fn take(&self, project: &Project, place: Place, merge: Merge) -> Option<Step> {
        let theirs = self.masks.get(&place)?;
        let mut mask = Mask::clone(theirs);
        if let Some(ours) = ours(project, place).filter(|_| merge != Merge::Theirs) {
            if ours.shape() != mask.shape() {
                return None;
            }
            if merge == Merge::Union { mask.unite(&ours) } else { mask.intersect(&ours) }
        }
        let mut after = project.clone();
        let mut edits = Vec::new();
        if project.case(place.0)?.review(place.1).is_locked() {
            let reopened = Edit::review(project, place.0, place.1, Review::Open, None)?;
            reopened.try_on(&mut after).ok()?;
            edits.push(reopened);
        }
        edits.push(Edit::review(&after, place.0, place.1, Review::Accepted, Some(&mask))?);
        let verb = match merge {
            Merge::Theirs => "take the second reader's",
            Merge::Union => "unite with the second reader's",
            Merge::Intersection => "intersect with the second reader's",
        };
        Some(Step { name: format!("{verb} {}", structure_name(project, place.1)), edit: Edit::Several(edits) })
    }
}

/// Our mask; an empty one where we said that the structure is absent and theirs tells its shape.
fn ours(project: &Project, place: Place) -> Option<Arc<Mask>> {
    project.case(place.0)?.mask(place.1).cloned()
}

fn overlap(ours: &Mask, theirs: &Mask) -> Option<[f64; 3]> {
    (ours.shape() == theirs.shape()).then(|| {
        let shared = ours.count_shared(theirs);
        [ours.dice(theirs), (theirs.count() - shared) as f64, (ours.count() - shared) as f64]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Case, CaseId, History, StructureId};

    const PLACE: Place = (CaseId(0), StructureId(0));

    fn world() -> (Project, History, Second) {
        let mut project = Project::default();
        project.structures.push(project.next_structure("liver"));
        project.cases.push(Case::new(CaseId(0), "a".into(), std::path::PathBuf::new()));
        let mut history = History::default();
        let ours = Mask::from_fn([8, 1, 1], |index| index < 4);
        let edit = Edit::review(&project, PLACE.0, PLACE.1, Review::Accepted, Some(&ours)).expect("the case is there");
        history.apply(&mut project, Step { name: String::new(), edit }).expect("nothing is locked");
        let theirs = Arc::new(Mask::from_fn([8, 1, 1], |index| (2..5).contains(&index)));
        (project, history, Second { name: "B".into(), masks: [(PLACE, theirs)].into() })
    }

    #[test]
    fn two_readers_are_compared() {
        let (project, _, second) = world();
        let row = second.compared(&project)[0];
        assert_eq!(row.overlap, Some([2.0 * 2.0 / 7.0, 1.0, 2.0]));
    }

    #[test]
    fn one_is_taken_or_both_are_merged_as_one_step_that_can_be_undone() {
        for (merge, voxels) in
            [(Merge::Theirs, vec![2, 3, 4]), (Merge::Union, vec![0, 1, 2, 3, 4]), (Merge::Intersection, vec![2, 3])]
        {
            let (mut project, mut history, second) = world();
            let before = project.clone();
            let step = second.take(&project, PLACE, merge).expect("it fits");
            history.apply(&mut project, step).expect("its lock is opened first");
            let case = project.case(PLACE.0).expect("it is there");
            assert_eq!(case.review(PLACE.1), Review::Accepted);
            assert_eq!(case.mask(PLACE.1).expect("it has a mask").iter().collect::<Vec<_>>(), voxels);
            history.undo(&mut project).expect("one step back");
            assert_eq!(project, before);
        }
    }
}
