//! Accept, amend, reject, absent, next: what the reviewer says, as edits; and in which order cases come.

use crate::session::{Place, Session, Status, draft};
use imaging::{CaseId, Edit, Kind, Mask, Project, Review, Step, StructureId};

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
    let review = Edit::review(project, place.0, place.1, Review::Accepted, Some(mask))?;
    let corrected = case.prompts_of(place.1).next().is_some();
    let is_example = case.work(place.1).is_some_and(|work| work.example);
    Some(if corrected && !is_example {
        Edit::Several(vec![review, Edit::set_example(project, place.0, place.1, true)?])
    } else {
        review
    })
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

/// The case to show after this one: the next that waits for review; else the next without a review.
#[must_use]
pub fn next(project: &Project, session: &Session) -> Option<CaseId> {
    let (shown, structure) = session.place()?;
    let queue = waiting(project, session, structure);
    // A case that was marked by hand was not come to by the queue: from there it begins.
    let by_hand = project.case(shown).is_some_and(|case| case.prompts_of(structure).next().is_some());
    let after = queue.iter().position(|&case| case == shown && !by_hand).map_or(0, |at| at + 1);
    let in_queue = queue[after..].iter().chain(&queue).find(|&&case| case != shown).copied();
    in_queue.or_else(|| next_open(project, shown, structure))
}

fn next_open(project: &Project, shown: CaseId, structure: StructureId) -> Option<CaseId> {
    let at = project.cases.iter().position(|case| case.id == shown)?;
    let (before, after) = project.cases.split_at(at);
    after.iter().skip(1).chain(before).find(|case| !case.review(structure).is_locked()).map(|case| case.id)
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
    use std::sync::Arc;

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
            let guess = Guess { mask, probability: None, uncertainty, took: std::time::Duration::ZERO };
            session.guesses.insert((case, id), guess);
        }
        (project, session, id)
    }

    #[test]
    fn the_most_uncertain_comes_first() {
        let (project, mut session, structure) = world();
        assert_eq!(waiting(&project, &session, structure), [CaseId(1), CaseId(2), CaseId(0)]);
        session.case = Some(CaseId(1));
        assert_eq!(next(&project, &session), Some(CaseId(2)));
        session.case = Some(CaseId(0));
        assert_eq!(next(&project, &session), Some(CaseId(1)), "after the last comes the first");
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
    fn a_locked_review_is_only_reopened() {
        let (mut project, session, structure) = world();
        let step = accept_all(&project, &session, structure).expect("three guesses wait");
        History::default().apply(&mut project, step).expect("nothing is locked");
        assert!(say(&project, (CaseId(0), structure), Review::Absent).is_none());
        assert!(say(&project, (CaseId(0), structure), Review::Open).is_some());
    }
}
