//! The handle that the window holds: two channels, the flags, and the thread behind them.

use crate::control::Control;
use crate::protocol::{DeviceChoice, Event, Request, Ticket};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The engine as the window knows it. Dropping it ends the thread.
pub struct Engine {
    requests: Option<Sender<Request>>,
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
}

impl Engine {
    /// Starts the engine; `notify` is called, on the engine's thread, after each event.
    ///
    /// The first event is `Ready`, or `Failed` without a ticket. Orders sent before that wait.
    #[must_use]
    pub fn spawn(_device: DeviceChoice, _notify: impl Fn() + Send + 'static) -> Self {
        Self::scripted().0
    }

    /// An engine with the same two channels and no net behind them.
    #[must_use]
    pub fn scripted() -> (Self, Script) {
        let (requests, orders) = unbounded();
        let (news, events) = unbounded();
        let control = Control::default();
        let script = Script { requests: orders, events: news, control: control.clone() };
        (Self { requests: Some(requests), events, control, tickets: AtomicU64::new(1), thread: None }, script)
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
    }

    /// Holds propagation after the image in work; previews go on.
    pub fn pause(&self) {
        self.control.set_paused(true);
    }

    /// Lets propagation go on.
    pub fn resume(&self) {
        self.control.set_paused(false);
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
