//! The promises of `edit`: undo to the start is bit-identical, and what is locked stays.

use super::*;
use crate::prompt::{PromptId, Shape, Sign};
use proptest::prelude::*;
use std::path::PathBuf;

const SHAPE: [usize; 3] = [4, 3, 2];

fn start() -> Project {
    let mut project = Project::default();
    for n in 0..3 {
        project.cases.push(Case::new(CaseId(n), format!("case {n}"), PathBuf::from(format!("{n}.nii"))));
        project.structures.push(project.next_structure("liver"));
    }
    project
}

fn click(project: &Project, structure: u64) -> Prompt {
    Prompt {
        id: project.next_prompt(),
        structure: StructureId(structure),
        sign: Sign::Positive,
        shape: Shape::Click { at: [1.0; 3] },
    }
}

/// One random edit, built against the project as it stands.
fn random_edit(project: &Project, [what, case, structure, bits]: [u32; 4]) -> Option<Edit> {
    let (case, structure) = (CaseId(u64::from(case % 3)), StructureId(u64::from(structure % 3)));
    let mask = Mask::from_fn(SHAPE, |index| bits >> (index % 32) & 1 == 1);
    match what % 8 {
        0 => Edit::add_prompt(project, case, click(project, structure.0)),
        1 => {
            let old = project.case(case)?.prompts.first()?;
            let moved = Prompt { shape: old.shape.moved([1.0, 0.0, 0.0]), ..old.clone() };
            Edit::change_prompt(project, case, old, Some(moved))
        }
        2 => Edit::change_prompt(project, case, project.case(case)?.prompts.last()?, None),
        3 => Edit::set_example(project, case, structure, bits % 2 == 0),
        4 => Edit::review(project, case, structure, Review::Accepted, Some(&mask)),
        5 => Edit::review(project, case, structure, Review::Open, None),
        6 => Edit::review(project, case, structure, Review::Absent, Some(&Mask::empty(SHAPE))),
        _ => Edit::remove_structure(project, structure),
    }
}

proptest! {
    #[test]
    fn a_random_script_undone_is_the_start_and_redone_the_end(script in prop::collection::vec(any::<[u32; 4]>(), 1..60)) {
        let (mut project, mut history) = (start(), History::default());
        let mut locked_masks;
        for choice in script {
            locked_masks = locked(&project);
            let Some(edit) = random_edit(&project, choice) else { continue };
            let guess = matches!(edit, Edit::Review { after: Review::Accepted, .. });
            let _ = history.apply(&mut project, Step { name: String::new(), edit });
            if guess {
                for (key, mask) in locked_masks {
                    let now = project.case(key.0).and_then(|case| case.work(key.1)).and_then(|work| work.mask.clone());
                    prop_assert_eq!(now, mask, "a mask changed under its lock");
                }
            }
        }
        let end = project.clone();
        while history.undo_name().is_some() {
            history.undo(&mut project).expect("every step can be taken back");
        }
        prop_assert_eq!(&project, &start());
        while history.redo_name().is_some() {
            history.redo(&mut project).expect("every step can be made again");
        }
        prop_assert_eq!(&project, &end);
    }
}

fn locked(project: &Project) -> Vec<((CaseId, StructureId), Option<Mask>)> {
    let works = project.cases.iter().flat_map(|case| case.works.iter().map(move |(id, work)| ((case.id, *id), work)));
    works.filter(|(_, work)| work.review.is_locked()).map(|(key, work)| (key, work.mask.clone())).collect()
}

fn accept(project: &mut Project, history: &mut History, mask: &Mask) -> Result<(), EditError> {
    let edit = Edit::review(project, CaseId(0), StructureId(0), Review::Accepted, Some(mask)).expect("the case is there");
    history.apply(project, Step { name: "accept liver".into(), edit })
}

#[test]
fn an_accepted_mask_is_locked_until_its_review_is_taken_back() {
    let (mut project, mut history) = (start(), History::default());
    accept(&mut project, &mut history, &Mask::from_fn(SHAPE, |i| i < 5)).expect("nothing is locked yet");
    let other = Mask::from_fn(SHAPE, |i| i > 7);
    assert_eq!(accept(&mut project, &mut history, &other), Err(EditError::Locked));
    let mark = Edit::add_prompt(&project, CaseId(0), click(&project, 0)).expect("the case is there");
    assert_eq!(history.apply(&mut project, Step { name: "click".into(), edit: mark }), Err(EditError::Locked));
    assert_eq!(history.undo_name(), Some("accept liver"), "a refused edit is no step");

    let reopen = Edit::review(&project, CaseId(0), StructureId(0), Review::Open, None).expect("the case is there");
    history.apply(&mut project, Step { name: "reopen liver".into(), edit: reopen }).expect("a review can be taken back");
    accept(&mut project, &mut history, &other).expect("and then given again");
}

#[test]
fn a_batch_with_one_locked_part_changes_nothing() {
    let (mut project, mut history) = (start(), History::default());
    accept(&mut project, &mut history, &Mask::from_fn(SHAPE, |i| i < 5)).expect("nothing is locked yet");
    let before = project.clone();
    let mask = Mask::from_fn(SHAPE, |i| i == 1);
    let both = [1, 0]
        .map(|n| Edit::review(&project, CaseId(n), StructureId(0), Review::Accepted, Some(&mask)).expect("cases are there"));
    let step = Step { name: "accept both".into(), edit: Edit::Several(both.into()) };
    assert_eq!(history.apply(&mut project, step), Err(EditError::Locked));
    assert_eq!(project, before);
    assert_eq!(PromptId(0), project.next_prompt());
}
