//! What a guess, or another reader, would change of a mask: the voxels added and those removed.

use crate::session::{Session, Versus, draft};
use imaging::{Mask, Project};
use std::sync::Arc;

/// A mask, and what another would change of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The mask that stands.
    pub before: Arc<Mask>,
    /// Voxels that the other adds.
    pub added: Arc<Mask>,
    /// Voxels that the other removes.
    pub removed: Arc<Mask>,
}

impl Change {
    fn between(before: Arc<Mask>, after: &Mask) -> Option<Self> {
        if before.shape() != after.shape() {
            return None;
        }
        let (mut added, mut removed) = (after.clone(), Mask::clone(&before));
        added.subtract(&before);
        removed.subtract(after);
        Some(Self { before, added: Arc::new(added), removed: Arc::new(removed) })
    }

    /// Voxels added and removed.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        [self.added.count(), self.removed.count()]
    }
}

/// What is compared on the screen: the second reader's mask or the guess with ours where the reader asked for it, and a
/// guess with the mask that it would replace always.
#[must_use]
pub fn change(project: &Project, session: &Session, shape: [usize; 3]) -> Option<Change> {
    let place = session.place()?;
    let case = project.case(place.0)?;
    let kept = case.mask(place.1).filter(|mask| mask.shape() == shape);
    let guess = session.guesses.get(&place).map(|guess| guess.mask.clone());
    let is_locked = case.review(place.1).is_locked();
    match session.versus {
        Some(Versus::Second) => {
            let theirs = session.second.as_ref()?.masks.get(&place)?;
            let ours = kept.cloned().or_else(|| draft(project, session, place, shape).map(Arc::new));
            Change::between(ours.unwrap_or_else(|| Arc::new(Mask::empty(shape))), theirs)
        }
        Some(Versus::Guess) if is_locked => Change::between(kept?.clone(), &*guess?),
        _ if is_locked => None,
        // Without a mask that stands, the guess is compared with what the reader's strokes made of it.
        Some(Versus::Guess) if kept.is_none() => Change::between(guess?, &draft(project, session, place, shape)?),
        _ => {
            guess?;
            Change::between(kept?.clone(), &draft(project, session, place, shape)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Guess;
    use imaging::{Case, CaseId, Edit, History, Review, Step, StructureId};

    const SHAPE: [usize; 3] = [6, 1, 1];

    fn world(review: Review) -> (Project, Session) {
        let mut project = Project::default();
        project.structures.push(project.next_structure("liver"));
        project.cases.push(Case::new(CaseId(0), "a".into(), std::path::PathBuf::new()));
        let mask = Mask::from_fn(SHAPE, |index| index < 3);
        let edit = Edit::review(&project, CaseId(0), StructureId(0), review, Some(&mask)).expect("the case is there");
        History::default().apply(&mut project, Step { name: String::new(), edit }).expect("nothing is locked");
        let mut session = Session { case: Some(CaseId(0)), structure: Some(StructureId(0)), ..Session::default() };
        let guess = Mask::from_fn(SHAPE, |index| (2..5).contains(&index));
        session.guesses.insert((CaseId(0), StructureId(0)), Guess::of(Arc::new(guess)));
        (project, session)
    }

    #[test]
    fn a_guess_that_would_replace_a_mask_shows_what_it_changes() {
        let (project, session) = world(Review::Open);
        let change = change(&project, &session, SHAPE).expect("a mask stands, and a guess would replace it");
        assert_eq!(
            (change.added.iter().collect::<Vec<_>>(), change.removed.iter().collect::<Vec<_>>()),
            (vec![3, 4], vec![0, 1])
        );
        assert_eq!(change.counts(), [2, 2]);
    }

    #[test]
    fn an_accepted_mask_is_compared_only_where_the_reader_asks() {
        let (project, mut session) = world(Review::Accepted);
        assert!(change(&project, &session, SHAPE).is_none());
        session.versus = Some(Versus::Guess);
        assert_eq!(change(&project, &session, SHAPE).map(|change| change.counts()), Some([2, 2]));
    }
}
