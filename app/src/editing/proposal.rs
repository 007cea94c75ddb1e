//! A change that is shown before it is made: computed beside the window, made anew when what is set of it or the
//! project changes, then applied as one step or left.

use super::form::{Form, Kind, Surroundings};
use super::stroke::differences;
use super::{Slice, correction};
use crate::app::App;
use crate::jobs::Done;
use crate::review::structure_name;
use crate::session::Place;
use egui::Context;
use imaging::morphology::{Input, Operation, OperationError};
use imaging::{Image, Mask};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// A change that waits for the user's word.
pub struct Proposal {
    /// The structure and the case.
    pub place: Place,
    /// What it is.
    pub form: Form,
    /// What it would change, as last computed.
    pub change: Option<Change>,
    /// Why it cannot be, a sentence.
    pub fault: Option<String>,
    /// Its computation, while that runs.
    work: Option<Work>,
    /// The change to the project on which it was computed.
    revision: u64,
    /// The mask on which it was computed.
    base: Option<Arc<Mask>>,
}

impl Proposal {
    /// How far its computation is, 0 to 1; `None` where it is done.
    #[must_use]
    pub fn progress(&self) -> Option<f32> {
        Some(f32::from_bits(self.work.as_ref()?.share.load(Ordering::Relaxed)))
    }
}

/// What a proposal would change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Voxels that come.
    pub added: Arc<Mask>,
    /// Voxels that go.
    pub removed: Arc<Mask>,
    /// How many of each.
    pub counts: [usize; 2],
}

/// A computation beside the window. Dropping it ends it.
struct Work {
    ticket: u64,
    share: Arc<AtomicU32>,
    ended: Arc<AtomicBool>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// What a computation comes to: the ticket of the one who asked, and the change, or why there is none.
pub struct Proposed {
    ticket: u64,
    change: Result<Change, String>,
}

impl App {
    /// Opens a change of the menu as it was last used.
    pub(crate) fn open_edit(&mut self, kind: Kind) {
        if !self.may_mark() {
            return;
        }
        let Some(form) = kind.form(&self.session) else {
            self.notices.news(match kind {
                Kind::CopyUp | Kind::CopyDown => "There is no slice there: point at the slice to copy first.",
                _ => "Open an image first.",
            });
            return;
        };
        let last = self.session.editing.last.iter().find(|last| last.title() == form.title()).cloned();
        self.propose(last.unwrap_or(form));
    }

    /// Shows a change, or shows it anew as it is set now.
    pub(crate) fn propose(&mut self, form: Form) {
        let (Some(place), Some(image)) = (self.session.place(), self.session.image().cloned()) else { return };
        if let Form::Fill { settings, .. } = &form {
            self.session.editing.fill = *settings;
        }
        if form.lasts() {
            let last = &mut self.session.editing.last;
            last.retain(|other| other.title() != form.title());
            last.push(form.clone());
        }
        self.go_to_copy(place, &form, &image);
        let before = self.session.editing.proposal.take().filter(|proposal| proposal.place == place);
        let shown =
            before.filter(|proposal| proposal.form.title() == form.title()).and_then(|mut proposal| proposal.change.take());
        let mut proposal = Proposal { place, form, change: shown, fault: None, work: None, revision: self.revision, base: None };
        proposal.base = self.stage.drafts.of(&self.project, &self.session, place, image.grid.shape);
        match self.order(&proposal.form, place, &image) {
            Ok(work) => proposal.work = Some(work),
            Err(fault) => (proposal.change, proposal.fault) = (None, Some(fault)),
        }
        self.session.editing.proposal = Some(proposal);
    }

    /// A slice that is copied is seen where it goes.
    fn go_to_copy(&mut self, place: Place, form: &Form, image: &Image) {
        if let Form::Copy { normal, to, .. } = *form {
            self.stage.go_to_slice(place.0, normal, to, &image.grid);
            self.session.editing.slice = Some(Slice { normal, at: to });
        }
    }

    fn order(&mut self, form: &Form, place: Place, image: &Arc<Image>) -> Result<Work, String> {
        let Self { project, session, stage, .. } = self;
        let mut around = Surroundings { project, session, drafts: &mut stage.drafts, place, image: image.as_ref() };
        let operation = form.operation(&mut around)?;
        let mask = around.mask(place.1).unwrap_or_else(|| Arc::new(Mask::empty(image.grid.shape)));
        let others = around.others();
        self.tickets += 1;
        let work = Work { ticket: self.tickets, share: Arc::default(), ended: Arc::default() };
        let (ticket, share, ended, image) = (work.ticket, work.share.clone(), work.ended.clone(), image.clone());
        self.jobs.run("edit", move || {
            let mut watch = |done: f32| {
                share.store(done.to_bits(), Ordering::Relaxed);
                !ended.load(Ordering::Relaxed)
            };
            let input = Input { image: &image, mask: &mask, others: &others };
            let change = compute(&operation, input, &mut watch)?;
            Some(Done::Proposed(Proposed { ticket, change }))
        });
        Ok(work)
    }

    /// Takes what a computation came to; one that was superseded comes too late.
    pub(crate) fn proposed(&mut self, proposed: Proposed) {
        let awaited = |proposal: &&mut Proposal| proposal.work.as_ref().is_some_and(|work| work.ticket == proposed.ticket);
        let Some(proposal) = self.session.editing.proposal.as_mut().filter(awaited) else { return };
        proposal.work = None;
        match proposed.change {
            Ok(change) => proposal.change = Some(change),
            Err(fault) => (proposal.change, proposal.fault) = (None, Some(fault)),
        }
    }

    /// Keeps the proposal true to the project: another case or structure ends it, another edit makes it anew.
    pub(crate) fn tend_proposal(&mut self, ctx: &Context) {
        let Some(proposal) = &self.session.editing.proposal else { return };
        if proposal.work.is_some() {
            ctx.request_repaint_after(Duration::from_millis(50));
        }
        let place = proposal.place;
        let locked = self.project.case(place.0).is_none_or(|case| case.review(place.1).is_locked());
        if self.session.place() != Some(place) || locked {
            self.session.editing.proposal = None;
            return;
        }
        let Some(shape) = self.session.image().map(|image| image.grid.shape) else { return };
        let base = self.stage.drafts.of(&self.project, &self.session, place, shape);
        // A guess can come too, which is no change to the project.
        let same = base.as_ref().map(Arc::as_ptr) == proposal.base.as_ref().map(Arc::as_ptr);
        if proposal.revision != self.revision || !same {
            let form = proposal.form.clone();
            self.propose(form);
        }
    }

    /// Makes the change that is shown. Returns whether there was a proposal.
    pub(crate) fn apply_proposal(&mut self) -> bool {
        let Some(proposal) = self.session.editing.proposal.take() else { return false };
        if proposal.work.is_some() {
            self.notices.news("The change is still being computed: wait for it, or let it go with Esc.");
            self.session.editing.proposal = Some(proposal);
            return true;
        }
        let name = structure_name(&self.project, proposal.place.1);
        let name = format!("{} of {name}", proposal.form.title().to_lowercase());
        let step = proposal
            .change
            .and_then(|Change { added, removed, .. }| correction(&self.project, proposal.place, name, &added, &removed));
        match (step, proposal.fault) {
            (Some(step), _) => {
                self.make(step);
            }
            (None, Some(fault)) => self.notices.news(fault),
            (None, None) => self.notices.news("Nothing would change."),
        }
        true
    }

    /// Leaves the change that is shown. Returns whether there was one.
    pub(crate) fn leave_proposal(&mut self) -> bool {
        self.session.editing.proposal.take().is_some()
    }
}

/// `None` where it was ended. An operation that panics costs its preview, not the window.
fn compute(operation: &Operation, input: Input<'_>, watch: &mut dyn FnMut(f32) -> bool) -> Option<Result<Change, String>> {
    let run = AssertUnwindSafe(|| operation.run(input, watch));
    let changed = match std::panic::catch_unwind(run) {
        Ok(Err(OperationError::Cancelled(_))) => return None,
        Ok(Err(error)) => return Some(Err(sentence(&error.to_string()))),
        Err(_) => return Some(Err("The change could not be computed: the operation failed.".to_owned())),
        Ok(Ok(changed)) => changed,
    };
    let [added, removed] = differences(input.mask, &changed);
    let counts = [added.count(), removed.count()];
    Some(Ok(Change { added, removed, counts }))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
