//! The masks that review would accept, kept from stroke to stroke: a new stroke is drawn on what was there, and
//! undo finds the mask as it was before. Masks share what does not change, so each costs its stroke's own area.

use crate::session::{Place, Session};
use imaging::{Kind, Mask, Project, Prompt, brush};
use std::collections::HashMap;
use std::sync::Arc;

/// Masks kept for undo, for each structure in a case; before them it is drawn anew.
const KEPT: usize = 64;

/// The drafts of a project.
#[derive(Default)]
pub struct Drafts(HashMap<Place, Built>);

/// A draft and how it came to be.
struct Built {
    /// What lies under the strokes: the guess, or the mask that stands.
    base: Option<Mask>,
    /// The strokes, each with the mask that it left, where that is kept.
    strokes: Vec<(Prompt, Option<Arc<Mask>>)>,
    draft: Arc<Mask>,
}

impl Drafts {
    /// The guess (or the mask already there) with the strokes on it; `None` where there is nothing to show. The same
    /// `Arc` as before where nothing changed.
    pub fn of(&mut self, project: &Project, session: &Session, place: Place, shape: [usize; 3]) -> Option<Arc<Mask>> {
        let case = project.case(place.0)?;
        let guess = session.guesses.get(&place).map(|guess| &*guess.mask);
        let kept = case.mask(place.1).map(|mask| &**mask);
        let base = guess.cloned().or_else(|| kept.cloned()).filter(|mask| mask.shape() == shape);
        let strokes: Vec<&Prompt> = case.prompts_of(place.1).filter(|prompt| prompt.shape.kind() == Kind::Mask).collect();
        if base.is_none() && strokes.is_empty() {
            self.0.remove(&place);
            return None;
        }
        let grid = session.views.get(&place.0)?.grid?;
        let built = self.0.entry(place).or_insert_with(|| Built::on(None, shape));
        if built.base != base || built.draft.shape() != shape {
            *built = Built::on(base, shape);
        }
        built.go_back_to(&strokes, &grid);
        for stroke in &strokes[built.strokes.len()..] {
            built.add((*stroke).clone(), |mask| brush::apply_strokes(mask, &grid, [*stroke]));
        }
        Some(built.draft.clone())
    }

    /// Notes what a stroke made of a draft, so that it need not be drawn again.
    pub fn note(&mut self, place: Place, before: &Arc<Mask>, stroke: Prompt, after: Arc<Mask>) {
        if let Some(built) = self.0.get_mut(&place).filter(|built| Arc::ptr_eq(&built.draft, before)) {
            built.push(stroke, after);
        }
    }
}

impl Built {
    fn on(base: Option<Mask>, shape: [usize; 3]) -> Self {
        let draft = Arc::new(base.clone().unwrap_or_else(|| Mask::empty(shape)));
        Self { base, strokes: Vec::new(), draft }
    }

    fn add(&mut self, stroke: Prompt, draw: impl FnOnce(&mut Mask)) {
        let mut mask = Mask::clone(&self.draft);
        draw(&mut mask);
        self.push(stroke, Arc::new(mask));
    }

    fn push(&mut self, stroke: Prompt, after: Arc<Mask>) {
        if let Some(old) = self.strokes.len().checked_sub(KEPT) {
            self.strokes[old].1 = None;
        }
        self.draft = after.clone();
        self.strokes.push((stroke, Some(after)));
    }

    /// Forgets the strokes that are no longer there, and those drawn over them.
    fn go_back_to(&mut self, strokes: &[&Prompt], grid: &imaging::Grid) {
        let same = self.strokes.iter().zip(strokes).take_while(|((ours, _), theirs)| ours == **theirs).count();
        if same == self.strokes.len() {
            return;
        }
        self.strokes.truncate(same);
        let known = self.strokes.iter().rposition(|(_, mask)| mask.is_some());
        let empty = || Arc::new(self.base.clone().unwrap_or_else(|| Mask::empty(self.draft.shape())));
        self.draft = known.and_then(|at| self.strokes[at].1.clone()).unwrap_or_else(empty);
        let behind = self.strokes.split_off(known.map_or(0, |at| at + 1));
        for (stroke, _) in behind {
            self.add(stroke.clone(), |mask| brush::apply_strokes(mask, grid, [&stroke]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{CaseView, draft};
    use imaging::{Affine, Case, CaseId, Grid, PromptId, Shape, Sign, Tip};

    const SHAPE: [usize; 3] = [40, 30, 5];

    fn world() -> (Project, Session, Place) {
        let mut project = Project::default();
        let structure = project.next_structure("liver");
        let place = (CaseId(0), structure.id);
        project.structures.push(structure);
        project.cases.push(Case::new(CaseId(0), "case".into(), std::path::PathBuf::new()));
        let mut session = Session::default();
        let grid = Some(Grid::new(SHAPE, Affine::IDENTITY));
        session.views.insert(CaseId(0), CaseView { grid, ..CaseView::default() });
        (project, session, place)
    }

    fn stroke(place: Place, id: u64) -> Prompt {
        let at = [(id * 7 % 40) as f32, (id * 11 % 30) as f32, 2.0];
        let sign = if id % 5 == 4 { Sign::Negative } else { Sign::Positive };
        let shape = Shape::Stroke { points: vec![at], radius_mm: 4.0, tip: Tip::Ball };
        Prompt { id: PromptId(id), structure: place.1, sign, shape }
    }

    #[test]
    fn drafts_are_what_drawing_all_anew_gives_after_any_undo() {
        let (mut project, session, place) = world();
        let mut drafts = Drafts::default();
        assert_eq!(drafts.of(&project, &session, place, SHAPE), None);
        // Far enough back that masks are no longer kept, a stroke that changes, and one that goes.
        for count in [3, 90, 60, 10, 9, 80, 0, 5] {
            project.cases[0].prompts = (0..count).map(|id| stroke(place, id)).collect();
            let kept = drafts.of(&project, &session, place, SHAPE);
            assert_eq!(kept.as_deref(), draft(&project, &session, place, SHAPE).as_ref(), "{count} strokes");
        }
        project.cases[0].prompts[2].sign = Sign::Negative;
        project.cases[0].prompts.remove(0);
        let kept = drafts.of(&project, &session, place, SHAPE);
        assert_eq!(kept.as_deref(), draft(&project, &session, place, SHAPE).as_ref());
        let again = drafts.of(&project, &session, place, SHAPE);
        assert!(kept.zip(again).is_some_and(|(a, b)| Arc::ptr_eq(&a, &b)), "nothing is drawn twice");
    }

    #[test]
    fn a_stroke_that_was_drawn_is_taken_as_noted() {
        let (mut project, session, place) = world();
        project.cases[0].prompts = vec![stroke(place, 0)];
        let mut drafts = Drafts::default();
        let before = drafts.of(&project, &session, place, SHAPE).expect("one stroke");
        let after = Arc::new(Mask::from_fn(SHAPE, |index| index < 9));
        drafts.note(place, &before, stroke(place, 1), after.clone());
        project.cases[0].prompts.push(stroke(place, 1));
        let drawn = drafts.of(&project, &session, place, SHAPE).expect("two strokes");
        assert!(Arc::ptr_eq(&drawn, &after));
        // Where the step was not made, the note is forgotten.
        project.cases[0].prompts.pop();
        assert_eq!(drafts.of(&project, &session, place, SHAPE), Some(before));
    }
}
