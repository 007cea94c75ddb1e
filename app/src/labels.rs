//! Label files onto the case shown: structures found or made by name, masks brought in as one step that undoes. What
//! is accepted or absent is locked and stays as it is.

use crate::words;
use imaging::files::{FileError, Fit, Structures};
use imaging::{CaseId, Edit, Grid, Project, Review, Step};
use std::path::PathBuf;
use std::sync::Arc;

/// A label file that was read for a case.
pub struct LabelsRead {
    /// The case.
    pub case: CaseId,
    /// The file.
    pub path: PathBuf,
    /// Whether it was dropped on the window, so that it may have been meant as an image.
    pub dropped: bool,
    /// What it holds.
    pub structures: Result<Arc<Structures>, FileError>,
}

/// How structures are to be laid on a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Laying {
    /// The case.
    pub case: CaseId,
    /// The structures.
    pub structures: Arc<Structures>,
    /// How.
    pub way: Way,
}

/// How labels come onto an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Voxel on voxel: the shapes are equal.
    VoxelByVoxel,
    /// By what lies nearest in space.
    Nearest,
}

/// Structures on an image's grid. They are resampled only where `Way::Nearest` says so.
#[must_use]
pub fn on_grid(laying: &Laying, grid: &Grid) -> Option<Structures> {
    match (laying.structures.fit(grid), laying.way) {
        (Fit::Same | Fit::Elsewhere(_), Way::VoxelByVoxel) => Some((*laying.structures).clone().laid_on(grid)),
        (_, Way::Nearest) => Some(laying.structures.resampled(grid)),
        (Fit::Other, Way::VoxelByVoxel) => None,
    }
}

/// The step that brings structures into a case, and the names of those that are locked there and stay. Nothing where
/// all of them are locked.
#[must_use]
pub fn step(project: &Project, case: CaseId, structures: &Structures) -> (Option<Step>, Vec<String>) {
    // Cases hold all masks of the project, and none of them is needed to find a name.
    let mut after = Project { structures: project.structures.clone(), ..Project::default() };
    let (mut edits, mut locked, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for segment in structures.list.iter().filter(|segment| !segment.mask.is_empty()) {
        let known = after
            .structures
            .iter()
            .find(|structure| structure.name.eq_ignore_ascii_case(&segment.name) && !taken.contains(&structure.id));
        let id = known.map_or_else(|| after.next_structure(&segment.name).id, |structure| structure.id);
        taken.push(id);
        if project.case(case).is_some_and(|case| case.review(id).is_locked()) {
            locked.push(segment.name.clone());
            continue;
        }
        if after.structure(id).is_none() {
            let mut structure = after.next_structure(&segment.name);
            structure.colour = segment.colour.unwrap_or(structure.colour);
            edits.push(Edit::add_structure(&after, structure.clone()));
            after.structures.push(structure);
        }
        edits.extend(Edit::review(project, case, id, Review::Open, Some(&segment.mask)));
    }
    let count = edits.iter().filter(|edit| matches!(edit, Edit::Review { .. })).count();
    let name = format!("open labels of {}", words::count(count, "structure"));
    ((count > 0).then_some(Step { name, edit: Edit::Several(edits) }), locked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::files::Segment;
    use imaging::{Affine, Case, History, Mask, StructureId};

    const SHAPE: [usize; 3] = [3, 2, 1];

    fn structures(names: &[&str]) -> Structures {
        let mask = |n: usize| Mask::from_fn(SHAPE, |index| index % names.len() == n);
        let list = names.iter().enumerate().map(|(n, name)| Segment {
            name: (*name).to_owned(),
            colour: Some([9, n as u8, 0]),
            mask: mask(n),
        });
        Structures { grid: Grid::new(SHAPE, Affine::IDENTITY), list: list.collect(), warnings: Vec::new() }
    }

    fn project() -> Project {
        let mut project = Project::default();
        project.cases.push(Case::new(CaseId(0), "a".into(), PathBuf::from("a.nii")));
        let liver = project.next_structure("liver");
        project.structures.push(liver);
        project
    }

    #[test]
    fn structures_are_found_by_name_or_made_with_their_colour() {
        let mut project = project();
        let labels = structures(&["Liver", "spleen"]);
        let (step, locked) = step(&project, CaseId(0), &labels);
        assert!(locked.is_empty());
        let mut history = History::default();
        let before = project.clone();
        history.apply(&mut project, step.expect("there is something to do")).expect("it fits");
        assert_eq!(project.structures.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["liver", "spleen"]);
        assert_eq!(project.structures[1].colour, [9, 1, 0]);
        let work = project.cases[0].work(StructureId(1)).expect("the mask is there");
        assert_eq!((work.mask.as_deref(), work.review), (Some(&labels.list[1].mask), Review::Open));
        history.undo(&mut project).expect("it undoes");
        assert_eq!(project, before);
    }

    #[test]
    fn what_is_accepted_stays() {
        let mut project = project();
        let kept = Mask::from_fn(SHAPE, |index| index == 5);
        let accept = Edit::review(&project, CaseId(0), StructureId(0), Review::Accepted, Some(&kept)).expect("the case is there");
        History::default().apply(&mut project, Step { name: "accept".into(), edit: accept }).expect("it fits");
        let (made, locked) = step(&project, CaseId(0), &structures(&["liver", "spleen"]));
        assert_eq!(locked, ["liver"]);
        History::default().apply(&mut project, made.expect("the spleen is new")).expect("it fits");
        assert_eq!(project.cases[0].work(StructureId(0)).and_then(|work| work.mask.as_deref()), Some(&kept));
        assert!(step(&project, CaseId(0), &structures(&["liver"])).0.is_none());
    }

    #[test]
    fn another_shape_is_resampled_or_nothing() {
        let laying = |way| Laying { case: CaseId(0), structures: Arc::new(structures(&["liver"])), way };
        let finer = Grid::new([6, 4, 1], Affine([[0.5, 0.0, 0.0, -0.25], [0.0, 0.5, 0.0, -0.25], [0.0, 0.0, 1.0, 0.0]]));
        assert!(on_grid(&laying(Way::VoxelByVoxel), &finer).is_none());
        let resampled = on_grid(&laying(Way::Nearest), &finer).expect("it is resampled");
        assert_eq!((resampled.grid, resampled.list[0].mask.count()), (finer, 24));
    }
}
