//! What the reviewer's words do: accept, amend, reject, absent, flag, next, compare; and the ledger's lines of them.

use crate::app::App;
use crate::ask;
use crate::panels::dialogs::NoteForm;
use crate::queue;
use crate::review;
use crate::session::{Guess, Place, Versus};
use crate::tools::Tool;
use engine::Ticket;
use imaging::ledger::{self, Line, Marks, What};
use imaging::{CaseId, Edit, Review, Step};

impl App {
    /// Shows a structure of a case.
    pub(crate) fn show_place(&mut self, place: Place) {
        self.session.structure = Some(place.1);
        self.session.show(place.0);
    }

    pub(crate) fn accept(&mut self) {
        let Some(place) = self.session.place() else { return };
        let Some(step) = review::accept(&self.project, &self.session, place) else {
            self.notices.news("There is nothing to accept here: no guess, no brushed mask, or it is locked already.");
            return;
        };
        let next = queue::step(&self.project, &self.session, 1);
        let corrected = review::is_corrected(&self.project, place);
        if !self.make(step) {
            return;
        }
        tracing::info!("accepted");
        self.note(What::Accepted, &[place]);
        self.settle(place);
        // A corrected case teaches the others: the untouched rest is guessed again.
        if corrected && self.session.propagated.contains(&place.1) {
            let _ = ask::propagate(&self.project, &mut self.session, &self.engine, place.1, false);
        }
        if let Some(next) = next {
            self.show_place(next);
        }
    }

    pub(crate) fn accept_all(&mut self) {
        let Some(structure) = self.session.structure else { return };
        let waiting = review::waiting(&self.project, &self.session, structure);
        let Some(step) = review::accept_all(&self.project, &self.session, structure) else {
            self.notices.news("No guess waits for review.");
            return;
        };
        if self.make(step) {
            let places: Vec<Place> = waiting.into_iter().map(|case| (case, structure)).collect();
            self.note(What::Accepted, &places);
            places.into_iter().for_each(|place| self.settle(place));
        }
    }

    /// Waits no longer for a guess of a structure that is locked now. The guess that it has stays, for undo.
    fn settle(&mut self, place: Place) {
        if self.project.case(place.0).is_some_and(|case| case.review(place.1).is_locked()) {
            self.session.waiting.take_if(|waiting| waiting.place == place);
            self.session.newer.remove(&place);
        }
    }

    pub(crate) fn say(&mut self, review: Review) {
        let Some(place) = self.session.place() else { return };
        let Some(step) = review::say(&self.project, place, review) else {
            self.notices.news("This structure is locked here: take its review back first (O).");
            return;
        };
        let next = (review == Review::Absent).then(|| queue::step(&self.project, &self.session, 1)).flatten();
        if !self.make(step) {
            return;
        }
        self.note(if review == Review::Absent { What::Absent } else { What::Rejected }, &[place]);
        self.session.guesses.remove(&place);
        self.session.newer.remove(&place);
        // What the engine is still at was asked for before this was said.
        self.session.void.insert(place, self.engine.ticket());
        self.pictures.remove(&place);
        self.stage.forget_layers();
        ask::forget(&mut self.asked, place);
        if let Some(next) = next {
            self.show_place(next);
        }
    }

    pub(crate) fn reopen(&mut self) {
        let Some(place) = self.session.place() else { return };
        if let Some(step) = review::say(&self.project, place, Review::Open)
            && self.make(step)
        {
            self.note(What::Reopened, &[place]);
        }
    }

    /// The brush on what is shown: the first stroke begins the correction.
    pub(crate) fn amend(&mut self) {
        let Some((case, structure)) = self.session.place() else { return };
        if self.project.case(case).is_some_and(|case| case.review(structure).is_locked()) {
            self.reopen();
        }
        self.session.tool = Tool::Brush;
        self.session.selected = None;
    }

    pub(crate) fn go(&mut self, by: isize) {
        match queue::step(&self.project, &self.session, by) {
            Some(place) => self.show_place(place),
            None => self.notices.news("Every case is reviewed."),
        }
    }

    pub(crate) fn show_note(&mut self) {
        let Some(place) = self.session.place() else { return };
        let work = self.project.case(place.0).and_then(|case| case.work(place.1));
        let text = work.and_then(|work| work.flag.clone()).unwrap_or_default();
        self.dialogs.note = Some(NoteForm { place, text, is_new: true });
    }

    pub(crate) fn set_note(&mut self, place: Place, note: Option<String>) {
        let name = review::structure_name(&self.project, place.1);
        let name = if note.is_some() { format!("flag {name}") } else { format!("take the flag from {name}") };
        if let Some(edit) = Edit::set_flag(&self.project, place.0, place.1, note)
            && self.make(Step { name, edit })
        {
            self.note(What::Flagged, &[place]);
        }
    }

    pub(crate) fn toggle_versus(&mut self) {
        let is_on = self.session.versus == Some(Versus::Guess);
        self.session.versus = (!is_on).then_some(Versus::Guess);
        self.stage.forget_layers();
        let guessed = self.session.place().is_some_and(|place| self.session.guesses.contains_key(&place));
        if !is_on && !guessed {
            self.notices.news("There is no guess here to compare with.");
        }
    }

    /// A guess that came from the engine.
    pub(crate) fn guessed(&mut self, ticket: Ticket, place: Place, guess: Guess, is_preview: bool) {
        // A review given while the engine was at work stands above its guess.
        let is_void = self.session.void.get(&place).is_some_and(|void| ticket < *void);
        let locked = self.project.case(place.0).is_none_or(|case| case.review(place.1).is_locked());
        if is_void || locked {
            return;
        }
        // What is being looked at does not change under the reader's eyes.
        let looked_at = self.session.place() == Some(place) && self.session.guesses.contains_key(&place);
        if looked_at && !is_preview {
            self.session.newer.insert(place, guess);
        } else {
            self.put_guess(place, guess);
        }
    }

    pub(crate) fn put_guess(&mut self, place: Place, mut guess: Guess) {
        let shown = self.session.place() == Some(place);
        guess.probability = guess.probability.filter(|_| shown);
        if let (Some(case), Some(look)) = (self.project.case(place.0), self.project.structure(place.1)) {
            self.jobs.picture(case.id, case.item(), look.id, guess.mask.clone(), look.colour);
        }
        self.session.guesses.insert(place, guess);
        self.stage.forget_layers();
    }

    pub(crate) fn take_newer(&mut self) {
        if let Some(place) = self.session.place()
            && let Some(guess) = self.session.newer.remove(&place)
        {
            self.put_guess(place, guess);
        }
    }

    /// Newer guesses of what is no longer looked at take their place.
    pub(crate) fn renew_guesses(&mut self) {
        let shown = self.session.place();
        let left: Vec<Place> = self.session.newer.keys().copied().filter(|&place| Some(place) != shown).collect();
        for place in left {
            if let Some(guess) = self.session.newer.remove(&place)
                && self.project.case(place.0).is_some_and(|case| !case.review(place.1).is_locked())
            {
                self.put_guess(place, guess);
            }
        }
    }

    /// Writes what was said to the ledger; of several at once only the first was looked at.
    pub(crate) fn note(&mut self, what: What, places: &[Place]) {
        let lines: Vec<Line> = places.iter().filter_map(|&place| self.line(what, place, places.len() > 1)).collect();
        self.session.ledger.extend(lines.iter().cloned());
        if let Some(keeper) = &mut self.keeper {
            keeper.note(lines);
        }
    }

    fn line(&mut self, what: What, place: Place, in_bulk: bool) -> Option<Line> {
        let (case, structure) = (self.project.case(place.0)?, self.project.structure(place.1)?);
        let spent = self.watch.take(place);
        let flat = self.dims_of(place.0) == 2;
        Some(Line {
            who: self.session.prefs.reader.clone(),
            when: ledger::now(),
            what,
            case: case.name.clone(),
            case_id: case.id,
            structure: structure.name.clone(),
            structure_id: structure.id,
            seconds: spent.seconds,
            clicks: spent.clicks,
            marks: Marks::count(case.prompts_of(structure.id).map(|prompt| prompt.shape.kind())),
            dims: if flat { 2 } else { 3 },
            in_bulk,
        })
    }

    fn dims_of(&self, case: CaseId) -> usize {
        let grid = self.session.views.get(&case).and_then(|view| view.grid);
        if grid.is_some_and(|grid| grid.shape.contains(&1)) { 2 } else { 3 }
    }
}
