//! What the window may say at any time, past the queue: cancel, pause. Shared by both threads.

use crate::protocol::Ticket;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Flags {
    cancelled: Mutex<HashSet<Ticket>>,
    paused: AtomicBool,
    closing: AtomicBool,
}

/// The flags; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Control(Arc<Flags>);

impl Control {
    fn cancelled(&self) -> MutexGuard<'_, HashSet<Ticket>> {
        // A set of tickets stays true to itself even if a holder panicked.
        self.0.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn cancel(&self, ticket: Ticket) {
        self.cancelled().insert(ticket);
    }

    /// Drops what is known of a ticket that has ended.
    pub fn forget(&self, ticket: Ticket) {
        self.cancelled().remove(&ticket);
    }

    pub fn is_cancelled(&self, ticket: Ticket) -> bool {
        self.cancelled().contains(&ticket)
    }

    pub fn set_paused(&self, paused: bool) {
        self.0.paused.store(paused, Ordering::Release);
    }

    pub fn is_paused(&self) -> bool {
        self.0.paused.load(Ordering::Acquire)
    }

    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Release);
    }

    pub fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::Acquire)
    }
}
