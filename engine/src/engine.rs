//! The handle that the window holds: two channels, the flags, and the thread behind them.

use crate::control::Control;
use crate::error::EngineError;
use crate::protocol::{DeviceChoice, Event, Request, Ticket};
use crate::segmenter;
use crate::threads::{self, Beside};
use crate::worker::{Ends, Open, Worker};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The engine as the window knows it. Dropping it ends the thread, after the image in work.
pub struct Engine {
    requests: Option<Sender<Request>>,
    wake: Sender<()>,
    events: Receiver<Event>,
    control: Control,
    tickets: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// The other end of an engine without a net: a test reads the orders and tells the news.
pub struct Script {
    /// The orders, oldest first.
    pub requests: Receiver<Request>,
    /// Where news is put.
    pub events: Sender<Event>,
    control: Control,
    wake: Receiver<()>,
}

impl Engine {
    /// Starts the engine; `notify` is called, on the engine's thread, after each event.
    ///
    /// The first event is `Ready`, or `Failed` without a ticket. Orders sent before that wait.
    #[must_use]
    pub fn spawn(device: DeviceChoice, notify: impl Fn() + Send + 'static) -> Self {
        Self::spawn_with(Beside::Window, device, notify, || Box::new(segmenter::open))
    }

    /// As `spawn`, for a program that has no window and waits for the engine: no core is left free.
    #[must_use]
    pub fn spawn_windowless(device: DeviceChoice) -> Self {
        Self::spawn_with(Beside::Nothing, device, || {}, || Box::new(segmenter::open))
    }

    /// As `spawn`, with another segmenter; `make` runs on the engine's thread.
    pub(crate) fn spawn_with(
        beside: Beside,
        device: DeviceChoice,
        notify: impl Fn() + Send + 'static,
        make: impl FnOnce() -> Open + Send + 'static,
    ) -> Self {
        let (mut engine, Script { requests, events, control, wake }) = Self::scripted();
        let failed = events.clone();
        let work = move || {
            threads::lower_priority();
            // As long as this is held, all that computes on the CPU keeps to the engine's own threads.
            let _pool = threads::pool(beside);
            Worker::run(Ends { requests, wake, events, control, notify: Rc::new(notify) }, make(), device);
        };
        match std::thread::Builder::new().name("exemplar-engine".to_owned()).spawn(work) {
            Ok(thread) => engine.thread = Some(thread),
            Err(error) => {
                let error = EngineError::Device { name: "the engine's thread".to_owned(), why: error.to_string() };
                drop(failed.send(Event::Failed { ticket: None, error }));
            }
        }
        engine
    }

    /// An engine with the same two channels and no net behind them.
    #[must_use]
    pub fn scripted() -> (Self, Script) {
        let (requests, orders) = unbounded();
        let (news, events) = unbounded();
        let (wake, woken) = bounded(1);
        let control = Control::default();
        let script = Script { requests: orders, events: news, control: control.clone(), wake: woken };
        let tickets = AtomicU64::new(1);
        (Self { requests: Some(requests), wake, events, control, tickets, thread: None }, script)
    }

    /// A ticket that was not given out before.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Gives an order. Returns whether there is still a thread to take it.
    pub fn send(&self, request: Request) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok())
    }

    /// Ends an order as soon as the image in work is done; it is still answered by `Finished`.
    pub fn cancel(&self, ticket: Ticket) {
        self.control.cancel(ticket);
        self.wake();
    }

    /// Holds propagation after the image in work; previews go on.
    pub fn pause(&self) {
        self.control.set_paused(true);
    }

    /// Lets propagation go on.
    pub fn resume(&self) {
        self.control.set_paused(false);
        self.wake();
    }

    /// Has the thread look at the flags, if it waits. One call that waits to be heard is enough.
    fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Whether propagation is held.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.control.is_paused()
    }

    /// The news that has come in, without waiting.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.events.try_iter()
    }

    /// The next news, waiting for it at most `timeout`. For programs without frames.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.control.close();
        self.requests = None;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was told as an event already.
            drop(thread.join());
        }
    }
}

impl Script {
    /// Puts news where the window finds it.
    pub fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }

    /// Whether the window has cancelled an order.
    #[must_use]
    pub fn is_cancelled(&self, ticket: Ticket) -> bool {
        self.control.is_cancelled(ticket)
    }

    /// Whether the window has paused propagation.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.control.is_paused()
    }

    /// Whether the window has dropped its engine.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.control.is_closing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_engine_hands_orders_out_and_news_in() {
        let (engine, script) = Engine::scripted();
        let ticket = engine.ticket();
        assert_ne!(ticket, engine.ticket());
        assert!(engine.send(Request::UseDevice(DeviceChoice::Cpu)));
        assert!(matches!(script.requests.try_recv(), Ok(Request::UseDevice(DeviceChoice::Cpu))));
        script.tell(Event::Finished { ticket });
        assert!(engine.events().next().is_some_and(|event| event.is_last() && event.ticket() == Some(ticket)));
        engine.cancel(ticket);
        assert!(script.is_cancelled(ticket));
        drop(engine);
        assert!(script.is_closed());
    }
}
