//! Accept, reject, absent: what the reviewer says, as edits. In which order cases come is `queue`'s.

use crate::session::{Place, Session, Status, draft};
use imaging::{Case, CaseId, Edit, Kind, Mask, Overlap, Project, Review, Step, StructureId};
use std::sync::Arc;

/// Accepting what is shown of a structure in a case; a case that was corrected by marks becomes an example.
#[must_use]
pub fn accept(project: &Project, session: &Session, place: Place) -> Option<Step> {
    let shape = session.views.get(&place.0)?.grid?.shape;
    let mask = draft(project, session, place, shape)?;
    let edit = accepted(project, place, &mask)?;
    Some(Step { name: format!("accept {}", structure_name(project, place.1)), edit })
}

/// Accepting every guess of a structure that waits for review, as one step.
#[must_use]
pub fn accept_all(project: &Project, session: &Session, structure: StructureId) -> Option<Step> {
    let edits: Vec<Edit> = waiting(project, session, structure)
        .into_iter()
        .filter_map(|case| {
            let place = (case, structure);
            let shape = session.guesses.get(&place)?.mask.shape();
            accepted(project, place, &draft(project, session, place, shape)?)
        })
        .collect();
    let name = format!("accept {} in {} cases", structure_name(project, structure), edits.len());
    (!edits.is_empty()).then_some(Step { name, edit: Edit::Several(edits) })
}

fn accepted(project: &Project, place: Place, mask: &Mask) -> Option<Edit> {
    let case = project.case(place.0)?;
    if case.review(place.1).is_locked() {
        return None;
    }
    let (mask, mut edits) = shared_out(project, case, place.1, mask.clone());
    edits.push(Edit::review(project, place.0, place.1, Review::Accepted, Some(&mask))?);
    if is_corrected(project, place) && !case.work(place.1).is_some_and(|work| work.example) {
        edits.push(Edit::set_example(project, place.0, place.1, true)?);
    }
    Some(if edits.len() == 1 { edits.remove(0) } else { Edit::Several(edits) })
}

/// Whether a structure was marked in a case by the reader's own hand.
#[must_use]
pub fn is_corrected(project: &Project, place: Place) -> bool {
    project.case(place.0).is_some_and(|case| case.prompts_of(place.1).next().is_some())
}

/// What a new mask keeps of the voxels that other structures' masks hold too, and what it takes from them, as the
/// project's policy has it. A locked mask always keeps its own.
fn shared_out(project: &Project, case: &Case, structure: StructureId, mut mask: Mask) -> (Mask, Vec<Edit>) {
    let policy = project.settings.overlap;
    let shape = mask.shape();
    let others = case.works.iter().filter(|(other, _)| **other != structure && policy != Overlap::Allow);
    let masks: Vec<_> = others.filter_map(|(other, work)| Some((*other, work.review, work.mask.as_ref()?))).collect();
    let (keep, give): (Vec<_>, Vec<_>) = masks
        .into_iter()
        .filter(|(.., held)| held.shape() == shape)
        .partition(|(_, review, _)| policy == Overlap::Keep || review.is_locked());
    keep.iter().for_each(|(.., held)| mask.subtract(held));
    let gives = |&(other, review, held): &(StructureId, Review, &Arc<Mask>)| {
        let mut left = Mask::clone(held);
        left.subtract(&mask);
        (mask.count_shared(held) > 0).then(|| Edit::review(project, case.id, other, review, Some(&left))).flatten()
    };
    let edits = give.iter().filter_map(gives).collect();
    (mask, edits)
}

/// Saying that a guess is wrong, or that the structure is not there, or taking a review back.
#[must_use]
pub fn say(project: &Project, place: Place, review: Review) -> Option<Step> {
    let before = project.case(place.0)?.review(place.1);
    if before == review || (before.is_locked() && review != Review::Open) {
        return None;
    }
    let verb = match review {
        Review::Rejected => "reject",
        Review::Absent => "mark absent",
        Review::Open => "reopen",
        Review::Accepted => return None,
    };
    let kept = project.case(place.0)?.mask(place.1);
    let empty = kept.map(|mask| Mask::empty(mask.shape()));
    let mask = if review == Review::Absent { empty.as_ref() } else { None };
    let edit = Edit::review(project, place.0, place.1, review, mask)?;
    Some(Step { name: format!("{verb} {}", structure_name(project, place.1)), edit })
}

/// The cases whose guess waits for review, the most uncertain first.
#[must_use]
pub fn waiting(project: &Project, session: &Session, structure: StructureId) -> Vec<CaseId> {
    let mut cases: Vec<(f32, CaseId)> = project
        .cases
        .iter()
        .filter(|case| Status::of(case, structure, session) == Status::Guessed)
        .map(|case| (session.guesses[&(case.id, structure)].uncertainty, case.id))
        .collect();
    cases.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    cases.into_iter().map(|(_, case)| case).collect()
}

/// What the user calls a structure.
#[must_use]
pub fn structure_name(project: &Project, id: StructureId) -> &str {
    project.structure(id).map_or("structure", |structure| structure.name.as_str())
}

/// Whether a structure has marks in a case that ask for a guess: strokes alone are the mask.
#[must_use]
pub fn has_marks(project: &Project, place: Place) -> bool {
    project.case(place.0).is_some_and(|case| case.prompts_of(place.1).any(|prompt| prompt.shape.kind() != Kind::Mask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Guess;
    use imaging::{Case, History};
    use std::path::PathBuf;

    fn world() -> (Project, Session, StructureId) {
        let mut project = Project::default();
        let structure = project.next_structure("liver");
        let id = structure.id;
        project.structures.push(structure);
        let mut session = Session { structure: Some(id), case: Some(CaseId(0)), ..Session::default() };
        for (n, uncertainty) in [0.1, 0.9, 0.5].into_iter().enumerate() {
            let case = CaseId(n as u64);
            project.cases.push(Case::new(case, format!("case {n}"), PathBuf::new()));
            let mask = Arc::new(Mask::from_fn([2, 2, 2], |i| i <= n));
            session.guesses.insert((case, id), Guess { uncertainty, ..Guess::of(mask) });
        }
        (project, session, id)
    }

    #[test]
    fn the_most_uncertain_comes_first() {
        let (project, session, structure) = world();
        assert_eq!(waiting(&project, &session, structure), [CaseId(1), CaseId(2), CaseId(0)]);
    }

    #[test]
    fn accepting_all_is_one_step_and_leaves_locked_cases_alone() {
        let (mut project, session, structure) = world();
        let mut history = History::default();
        let absent = say(&project, (CaseId(2), structure), Review::Absent).expect("nothing is locked yet");
        history.apply(&mut project, absent).expect("the case is there");
        let step = accept_all(&project, &session, structure).expect("two guesses wait");
        assert_eq!(step.name, "accept liver in 2 cases");
        history.apply(&mut project, step).expect("nothing of it is locked");
        let reviews: Vec<_> = project.cases.iter().map(|case| case.review(structure)).collect();
        assert_eq!(reviews, [Review::Accepted, Review::Accepted, Review::Absent]);
        history.undo(&mut project).expect("one step back");
        assert_eq!(project.case(CaseId(0)).map(|case| case.review(structure)), Some(Review::Open));
    }

    #[test]
    fn shared_voxels_go_where_the_policy_says_and_never_from_a_locked_mask() {
        let voxels = |project: &Project, structure: u64| -> Vec<usize> {
            project.cases[0].mask(StructureId(structure)).map(|mask| mask.iter().collect()).unwrap_or_default()
        };
        for (overlap, ours, standing) in [
            (Overlap::Allow, vec![0, 1, 2, 3, 4], vec![3, 4, 5]),
            (Overlap::Keep, vec![2], vec![3, 4, 5]),
            (Overlap::Replace, vec![2, 3, 4], vec![5]),
        ] {
            let (mut project, mut session, structure) = world();
            let mut history = History::default();
            for name in ["spleen", "kidney"] {
                project.structures.push(project.next_structure(name));
            }
            let mask = |set: &[usize]| Mask::from_fn([2, 2, 2], |index| set.contains(&index));
            let mut make = |project: &mut Project, edit: Option<Edit>| {
                history.apply(project, Step { name: String::new(), edit: edit.expect("it fits") }).expect("it fits");
            };
            let locked = Edit::review(&project, CaseId(0), StructureId(1), Review::Accepted, Some(&mask(&[0, 1])));
            make(&mut project, locked);
            let imported = Edit::import_mask(&project, CaseId(0), StructureId(2), &mask(&[3, 4, 5]));
            make(&mut project, imported);
            let chosen = Edit::set_overlap(&project, overlap);
            make(&mut project, Some(chosen));
            session.guesses.insert((CaseId(0), structure), Guess::of(Arc::new(mask(&[0, 1, 2, 3, 4]))));
            let step = accept_all(&project, &session, structure).expect("guesses wait");
            make(&mut project, Some(step.edit));
            assert_eq!((voxels(&project, 0), voxels(&project, 2)), (ours, standing), "{overlap:?}");
            assert_eq!(voxels(&project, 1), [0, 1], "what is locked stays");
        }
    }

    #[test]
    fn a_locked_review_is_only_reopened() {
        let (mut project, session, structure) = world();
        let step = accept_all(&project, &session, structure).expect("three guesses wait");
        History::default().apply(&mut project, step).expect("nothing is locked");
        assert!(say(&project, (CaseId(0), structure), Review::Absent).is_none());
        assert!(say(&project, (CaseId(0), structure), Review::Open).is_some());
    }
}
