//! The promises of `edit`: undo to the start is bit-identical, and what is locked stays.

use super::*;
use crate::history::{History, Step};
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
    match what % 14 {
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
        7 => Edit::set_weight(project, case, structure, (bits % 5) as u8),
        8 => Edit::set_flag(project, case, structure, (bits % 3 > 0).then(|| format!("note {}", bits % 9))),
        9 => Some(Edit::set_overlap(project, [Overlap::Allow, Overlap::Keep, Overlap::Replace][bits as usize % 3])),
        10 => Edit::import_mask(project, case, structure, &mask),
        11 => Edit::review(project, case, structure, Review::Rejected, Some(&mask)),
        12 => {
            let accept = |n: u64| Edit::review(project, CaseId(n), structure, Review::Accepted, Some(&mask));
            Some(Edit::Several(vec![
                accept(case.0)?,
                accept((case.0 + 1) % 3)?,
                Edit::set_example(project, case, structure, true)?,
            ]))
        }
        _ => Edit::remove_structure(project, structure),
    }
}

/// A project to the last bit: as it is written down.
fn bits(project: &Project) -> String {
    serde_json::to_string(project).expect("a project can be written")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_random_script_undone_is_the_start_and_redone_the_end(script in prop::collection::vec(any::<[u32; 4]>(), 1..60)) {
        let (mut project, mut history) = (start(), History::default());
        let mut states = vec![bits(&project)];
        for choice in script {
            let locked_before = locked(&project);
            let Some(edit) = random_edit(&project, choice) else { continue };
            // Only an edit that says so opens a lock: a review that was accepted and no longer is, or a whole case.
            let unlocks = matches!(edit, Edit::Review { before, after, .. } if before.is_locked() && !after.is_locked())
                || choice[0] % 14 == 13;
            if history.apply(&mut project, Step { name: String::new(), edit }).is_ok() {
                states.push(bits(&project));
            } else {
                prop_assert_eq!(&bits(&project), states.last().expect("there is a start"), "a refused edit left a trace");
            }
            for (key, mask) in locked_before.into_iter().filter(|_| !unlocks) {
                let now = project.case(key.0).and_then(|case| case.work(key.1)).and_then(|work| work.mask.clone());
                prop_assert_eq!(now, mask, "a mask changed under its lock");
            }
        }
        for state in states.iter().rev().skip(1) {
            history.undo(&mut project).expect("every step can be taken back");
            prop_assert_eq!(&bits(&project), state);
        }
        prop_assert_eq!((history.undo_name(), &project), (None, &start()));
        for state in &states[1..] {
            history.redo(&mut project).expect("every step can be made again");
            prop_assert_eq!(&bits(&project), state);
        }
        prop_assert_eq!(history.redo_name(), None);
    }
}

type MaskOfPlace = ((CaseId, StructureId), Option<Arc<Mask>>);

fn locked(project: &Project) -> Vec<MaskOfPlace> {
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
