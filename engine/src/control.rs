//! What the window may say at any time, past the queue: cancel, pause. Shared by both threads.

use crate::protocol::Ticket;
use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct State {
    cancelled: HashSet<Ticket>,
    paused: bool,
    closing: bool,
}

/// The flags; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Control(Arc<(Mutex<State>, Condvar)>);

impl Control {
    fn state(&self) -> MutexGuard<'_, State> {
        // Plain flags stay true to themselves even if a holder panicked.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    pub fn cancel(&self, ticket: Ticket) {
        self.change(|state| {
            state.cancelled.insert(ticket);
        });
    }

    /// Drops what is known of a ticket that has ended.
    pub fn forget(&self, ticket: Ticket) {
        self.change(|state| {
            state.cancelled.remove(&ticket);
        });
    }

    pub fn set_paused(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    pub fn close(&self) {
        self.change(|state| state.closing = true);
    }

    /// Whether the work on a ticket is to end: cancelled, or the engine is closing.
    pub fn is_over(&self, ticket: Ticket) -> bool {
        let state = self.state();
        state.closing || state.cancelled.contains(&ticket)
    }

    pub fn is_cancelled(&self, ticket: Ticket) -> bool {
        self.state().cancelled.contains(&ticket)
    }

    pub fn is_closing(&self) -> bool {
        self.state().closing
    }

    pub fn is_paused(&self) -> bool {
        self.state().paused
    }

    /// Waits until something here changes or `at_most` has passed.
    pub fn wait(&self, at_most: Duration) {
        drop(self.0.1.wait_timeout(self.state(), at_most));
    }
}
