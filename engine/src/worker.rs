//! The engine's thread and the order of its work: a change of device first, then the newest preview, then a
//! step of tuning, then the next image of the oldest propagation. Between two of these it looks again, so a click never
//! waits for more than one.

use crate::control::Control;
use crate::device::panic_message;
use crate::error::EngineError;
use crate::protocol::{DeviceChoice, Event, Example, NetChoice, Request, Target, Ticket};
use crate::segmenter::{About, Guess, Segmenter};
use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, select};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes a segmenter for a device.
pub(crate) type Open = Box<dyn FnMut(DeviceChoice) -> Result<(Box<dyn Segmenter>, About), EngineError>>;

/// The worker's ends of the channels.
pub(crate) struct Ends {
    pub requests: Receiver<Request>,
    /// Tells that a flag of `control` has changed.
    pub wake: Receiver<()>,
    pub events: Sender<Event>,
    pub control: Control,
    pub notify: Rc<dyn Fn()>,
}

struct Preview {
    ticket: Ticket,
    target: Target,
    examples: Arc<[Example]>,
    /// The automatic net that shall do it, without the examples.
    net: Option<PathBuf>,
}

struct Propagation {
    ticket: Ticket,
    targets: VecDeque<Target>,
    examples: Arc<[Example]>,
    total: usize,
    done: usize,
    /// The share of the work at its examples that is done.
    prepared: f32,
    spent: Duration,
    panics: usize,
}

struct Lesson {
    ticket: Ticket,
    examples: Arc<[Example]>,
    spent: Duration,
    last_told: Instant,
}

/// A guess that takes longer than this tells how far it is.
const TELL_EVERY: Duration = Duration::from_millis(300);

/// A propagation that panics on so many images will on all.
const MOST_PANICS: usize = 3;

pub(crate) struct Worker {
    ends: Ends,
    open: Open,
    choice: DeviceChoice,
    net: NetChoice,
    segmenter: Result<Box<dyn Segmenter>, EngineError>,
    preview: Option<Preview>,
    propagations: VecDeque<Propagation>,
    lessons: VecDeque<Lesson>,
}

impl Worker {
    /// Works until the other ends are dropped or the flags say that the window closes.
    pub fn run(ends: Ends, open: Open, choice: DeviceChoice) {
        let segmenter = Err(EngineError::Stopped);
        let net = NetChoice::Own;
        let mut worker =
            Self { ends, open, choice, net, segmenter, preview: None, propagations: VecDeque::new(), lessons: VecDeque::new() };
        worker.use_device(choice);
        while worker.listen() {
            if let Some(preview) = worker.preview.take() {
                worker.run_preview(&preview);
            } else if worker.may_propagate() {
                // What is to be propagated may go by what is being learned.
                if worker.lessons.is_empty() { worker.run_next_target() } else { worker.learn() }
            }
        }
    }

    /// Takes in all orders, waiting for one if there is nothing to do; false at the end.
    fn listen(&mut self) -> bool {
        if self.preview.is_none() && !self.may_propagate() && !self.has_cancelled() {
            let order = select! {
                recv(self.ends.requests) -> order => order.map(Some),
                recv(self.ends.wake) -> _ => Ok(None),
            };
            match order {
                Ok(Some(order)) => self.take_in(order),
                Ok(None) => {}
                Err(RecvError) => return false,
            }
        }
        loop {
            if self.ends.control.is_closing() {
                return false;
            }
            match self.ends.requests.try_recv() {
                Ok(order) => self.take_in(order),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        self.drop_cancelled();
        true
    }

    fn may_propagate(&self) -> bool {
        self.jobs().next().is_some() && !self.ends.control.is_paused()
    }

    fn take_in(&mut self, order: Request) {
        match order {
            Request::UseDevice(choice) => self.use_device(choice),
            Request::UseNet(net) => self.use_net(net),
            Request::Measure => match self.guarded(|segmenter| segmenter.speed()) {
                Ok(products_a_second) => self.tell(Event::Measured { products_a_second }),
                Err(error) => self.tell(Event::Failed { ticket: None, error }),
            },
            Request::Preview { ticket, target, examples } => {
                self.take_in_preview(Preview { ticket, target, examples, net: None });
            }
            Request::Tune { ticket, examples } => {
                self.lessons.push_back(Lesson { ticket, examples, spent: Duration::ZERO, last_told: Instant::now() });
            }
            Request::Automatic { ticket, net, target } => {
                self.take_in_preview(Preview { ticket, target, examples: Arc::new([]), net: Some(net) });
            }
            Request::Propagate { ticket, targets, examples } => {
                let total = targets.len();
                let targets = targets.into();
                let (done, spent, panics) = (0, Duration::ZERO, 0);
                self.propagations.push_back(Propagation { ticket, targets, examples, total, done, prepared: 0.0, spent, panics });
            }
        }
    }

    fn take_in_preview(&mut self, preview: Preview) {
        if let Some(older) = self.preview.replace(preview) {
            self.finish(older.ticket);
        }
    }

    /// Takes another net into use; where that fails, the program's own.
    fn use_net(&mut self, net: NetChoice) {
        match self.guarded(|segmenter| segmenter.use_net(&net)) {
            Ok(()) => {
                self.net = net.clone();
                self.tell(Event::UsesNet(net));
            }
            Err(error) => {
                self.net = NetChoice::Own;
                self.tell(Event::UsesNet(NetChoice::Own));
                self.tell(Event::Failed { ticket: None, error });
            }
        }
    }

    fn has_cancelled(&self) -> bool {
        self.jobs().any(|ticket| self.ends.control.is_cancelled(ticket))
    }

    /// The orders that nobody waits for.
    fn jobs(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.lessons.iter().map(|job| job.ticket).chain(self.propagations.iter().map(|job| job.ticket))
    }

    fn drop_cancelled(&mut self) {
        let control = self.ends.control.clone();
        let is_cancelled = |ticket| control.is_cancelled(ticket);
        let mut over: Vec<Ticket> =
            self.preview.take_if(|preview| is_cancelled(preview.ticket)).map(|p| p.ticket).into_iter().collect();
        over.extend(self.jobs().filter(|&ticket| is_cancelled(ticket)));
        self.lessons.retain(|job| !is_cancelled(job.ticket));
        self.propagations.retain(|job| !is_cancelled(job.ticket));
        over.into_iter().for_each(|ticket| self.finish(ticket));
    }

    /// Opens a device; where that fails, the one in use stays.
    fn use_device(&mut self, choice: DeviceChoice) {
        match self.try_open(choice) {
            Ok((segmenter, About { adapter, is_cpu, nets, remarks })) => {
                (self.segmenter, self.choice) = (Ok(segmenter), choice);
                self.tell(Event::Ready { adapter, is_cpu, nets, remarks });
                if self.net != NetChoice::Own {
                    self.use_net(self.net.clone());
                }
            }
            Err(error) => {
                if let Err(older) = &mut self.segmenter {
                    *older = error.clone();
                }
                self.tell(Event::Failed { ticket: None, error });
            }
        }
    }

    fn try_open(&mut self, choice: DeviceChoice) -> Result<(Box<dyn Segmenter>, About), EngineError> {
        let opened = catch_unwind(AssertUnwindSafe(|| (self.open)(choice)));
        opened.unwrap_or_else(|panic| Err(EngineError::Panic(panic_message(panic.as_ref()))))
    }

    /// The one place where a panic of nets and drivers ends: it becomes an error, and the device is made anew.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut dyn Segmenter) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let segmenter = self.segmenter.as_mut().map_err(|error| error.clone())?;
        let panic = match catch_unwind(AssertUnwindSafe(|| work(segmenter.as_mut()))) {
            Ok(result) => return result,
            Err(panic) => EngineError::Panic(panic_message(panic.as_ref())),
        };
        tracing::error!("{panic}");
        self.segmenter = Err(panic.clone());
        self.use_device(self.choice);
        Err(panic)
    }

    fn run_preview(&mut self, Preview { ticket, target, examples, net }: &Preview) {
        let start = Instant::now();
        let mut go_on = self.watch(*ticket);
        let guess = self.guarded(|segmenter| match net {
            Some(net) => segmenter.automatic(net, target, &mut go_on),
            None => segmenter.guess(target, examples, &mut go_on),
        });
        match guess {
            Ok(guess) => {
                self.tell_guess(*ticket, target, guess, start.elapsed());
                self.finish(*ticket);
            }
            Err(EngineError::Cancelled) => self.finish(*ticket),
            Err(error) => self.fail(*ticket, error),
        }
    }

    /// Works at the oldest propagation: a little at its examples before the first image, then one image.
    fn run_next_target(&mut self) {
        let Some(mut job) = self.propagations.pop_front() else { return };
        if job.prepared < 1.0 {
            if job.prepared == 0.0 {
                self.tell(Event::Progress { ticket: job.ticket, done: 0, total: job.total, left: None });
            }
            match self.guarded(|segmenter| segmenter.prepare(&job.examples)) {
                Ok(share) => job.prepared = share,
                Err(error) => return self.fail(job.ticket, error),
            }
            self.tell(Event::Preparing { ticket: job.ticket, share: job.prepared });
            return self.propagations.push_front(job);
        }
        let Some(target) = job.targets.pop_front() else { return self.finish(job.ticket) };
        let start = Instant::now();
        let mut go_on = self.watch(job.ticket);
        let guess = self.guarded(|segmenter| segmenter.guess(&target, &job.examples, &mut go_on));
        job.done += 1;
        job.spent += start.elapsed();
        match guess {
            Ok(guess) => self.tell_guess(job.ticket, &target, guess, start.elapsed()),
            Err(EngineError::Cancelled) => return self.finish(job.ticket),
            Err(error) => {
                job.panics += usize::from(matches!(error, EngineError::Panic(_)));
                if job.panics >= MOST_PANICS {
                    return self.fail(job.ticket, error);
                }
                self.tell(Event::Skipped { ticket: job.ticket, case: target.case, error });
            }
        }
        let left = job.spent / job.done as u32 * job.targets.len() as u32;
        self.tell(Event::Progress { ticket: job.ticket, done: job.done, total: job.total, left: Some(left) });
        if job.targets.is_empty() { self.finish(job.ticket) } else { self.propagations.push_front(job) }
    }

    /// Learns a little for the oldest order to do so.
    fn learn(&mut self) {
        let Some(mut job) = self.lessons.pop_front() else { return };
        let start = Instant::now();
        match self.guarded(|segmenter| segmenter.tune(&job.examples)) {
            Ok(share) if share < 1.0 => {
                job.spent += start.elapsed();
                if job.last_told.elapsed() >= TELL_EVERY {
                    job.last_told = Instant::now();
                    let left = (share > 0.02).then(|| job.spent.mul_f32((1.0 - share) / share));
                    self.tell(Event::Working { ticket: job.ticket, share, left });
                }
                self.lessons.push_front(job);
            }
            Ok(_) => self.finish(job.ticket),
            Err(error) => self.fail(job.ticket, error),
        }
    }

    /// What a long guess is to call on its way: it tells how far it is, and stops where nobody wants it any longer.
    fn watch(&self, ticket: Ticket) -> impl FnMut(f32) -> bool + use<> {
        let (control, events, notify) = (self.ends.control.clone(), self.ends.events.clone(), self.ends.notify.clone());
        let start = Instant::now();
        let mut last_told = start;
        move |share| {
            // What is done before this is not worth a word.
            if last_told.elapsed() >= TELL_EVERY {
                last_told = Instant::now();
                let left = (share > 0.02).then(|| start.elapsed().mul_f32((1.0 - share) / share));
                drop(events.send(Event::Working { ticket, share, left }));
                notify();
            }
            !control.is_cancelled(ticket) && !control.is_closing()
        }
    }

    /// Tells a guess, unless it is no longer wanted.
    fn tell_guess(&self, ticket: Ticket, target: &Target, guess: Guess, took: Duration) {
        if !self.ends.control.is_cancelled(ticket) {
            let Guess { probability, uncertainty } = guess;
            self.tell(Event::Guess { ticket, case: target.case, probability: Arc::new(probability), uncertainty, took });
        }
    }

    fn finish(&self, ticket: Ticket) {
        self.ends.control.forget(ticket);
        self.tell(Event::Finished { ticket });
    }

    fn fail(&self, ticket: Ticket, error: EngineError) {
        self.ends.control.forget(ticket);
        self.tell(Event::Failed { ticket: Some(ticket), error });
    }

    fn tell(&self, event: Event) {
        // A window that is gone needs no news.
        drop(self.ends.events.send(event));
        (self.ends.notify)();
    }
}

#[cfg(test)]
mod tests;
