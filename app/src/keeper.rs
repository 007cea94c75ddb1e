//! The project on disk: a thread appends every entry to the journal, and the window says when it has.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use imaging::journal::Journal;
use imaging::ledger::{self, Line};
use imaging::{Entry, History, Project};
use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How the project stands on disk.
#[derive(Clone, Debug, Default)]
pub enum Saved {
    /// There is no project yet.
    #[default]
    Nothing,
    /// Entries wait to be written.
    Writing,
    /// Everything is on disk since then.
    Since(Instant),
    /// Another program has the project open, or its folder cannot be written: nothing can be changed.
    ReadOnly,
    /// The last entry could not be written; it is tried again.
    Failed,
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no project"),
            Self::Writing => f.write_str("saving…"),
            Self::Since(at) => match at.elapsed().as_secs() {
                secs @ 0..60 => write!(f, "saved {secs} s ago"),
                secs => write!(f, "saved {} min ago", secs / 60),
            },
            Self::ReadOnly => f.write_str("READ ONLY"),
            Self::Failed => f.write_str("NOT SAVED, trying again"),
        }
    }
}

/// A project as it was opened.
pub struct Opened {
    /// What keeps it.
    pub keeper: Keeper,
    /// The project.
    pub project: Project,
    /// Its history.
    pub history: History,
    /// What the user should know, each a sentence.
    pub warnings: Vec<String>,
}

/// What the thread is told.
enum Order {
    Entry(Box<Entry>),
    /// The project as it stands after all entries before this.
    Snapshot(Box<Project>),
    Ledger(Vec<Line>),
}

/// What the thread tells.
enum News {
    /// So many entries, of all that were ever sent, are on disk.
    Written(usize),
    /// The disk refused; told once until it no longer does.
    Fault(String),
    WantsSnapshot,
}

/// Keeps one project. Dropping it writes what waits.
pub struct Keeper {
    folder: PathBuf,
    orders: Option<Sender<Order>>,
    news: Receiver<News>,
    sent: usize,
    wants_snapshot: bool,
    saved: Saved,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Begins a project in a new folder.
    ///
    /// # Errors
    /// Where the folder cannot be written, or holds a project.
    pub fn create(folder: &Path, name: &str) -> anyhow::Result<Self> {
        Self::start(folder, Some(Journal::create(folder, name)?))
    }

    /// Opens the project in a folder.
    ///
    /// # Errors
    /// Where it is no project, or one of a newer program.
    pub fn open(folder: &Path) -> anyhow::Result<Opened> {
        let opened = Journal::open(folder)?;
        let journal = (!opened.read_only).then_some(opened.journal);
        let keeper = Self::start(folder, journal)?;
        Ok(Opened { keeper, project: opened.project, history: opened.history, warnings: opened.warnings })
    }

    fn start(folder: &Path, journal: Option<Journal>) -> anyhow::Result<Self> {
        let (orders, taken) = unbounded();
        let (told, news) = unbounded();
        let saved = if journal.is_some() { Saved::Since(Instant::now()) } else { Saved::ReadOnly };
        let thread = journal
            .map(|journal| {
                let mut writer = Writer { journal, news: told, written: 0, staged: 0, failing: false };
                std::thread::Builder::new().name("exemplar-journal".into()).spawn(move || writer.run(&taken))
            })
            .transpose()?;
        let folder = folder.to_owned();
        Ok(Self { folder, orders: Some(orders), news, sent: 0, wants_snapshot: false, saved, thread })
    }

    /// Where the project is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether nothing can be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.thread.is_none()
    }

    /// Appends an entry.
    pub fn keep(&mut self, entry: Entry) {
        if self.send(Order::Entry(Box::new(entry))) {
            self.sent += 1;
            self.saved = Saved::Writing;
        }
    }

    /// Appends lines to the ledger.
    pub fn note(&mut self, lines: Vec<Line>) {
        if !lines.is_empty() {
            self.send(Order::Ledger(lines));
        }
    }

    /// Keeps the project as it stands, if so much was written that it is time to.
    pub fn snapshot(&mut self, project: &Project) {
        if std::mem::take(&mut self.wants_snapshot) {
            self.send(Order::Snapshot(Box::new(project.clone())));
        }
    }

    fn send(&self, order: Order) -> bool {
        self.thread.is_some() && self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok())
    }

    /// How the project stands on disk; a fault is told once.
    pub fn poll(&mut self) -> (Saved, Option<String>) {
        let mut told = None;
        for news in self.news.try_iter() {
            match news {
                News::Written(count) if count == self.sent => self.saved = Saved::Since(Instant::now()),
                News::Written(_) => self.saved = Saved::Writing,
                News::WantsSnapshot => self.wants_snapshot = true,
                News::Fault(fault) => {
                    told = Some(fault);
                    self.saved = Saved::Failed;
                }
            }
        }
        (self.saved.clone(), told)
    }

    /// Writes what waits, and ends.
    pub fn close(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread failed");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's own.
struct Writer {
    journal: Journal,
    news: Sender<News>,
    /// Entries on disk.
    written: usize,
    /// Entries that wait for the disk.
    staged: usize,
    failing: bool,
}

/// How long until a disk that refused is asked again.
const RETRY: Duration = Duration::from_secs(2);

impl Writer {
    fn run(&mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(RETRY) {
                Ok(order) => {
                    self.follow(order);
                    // What has come in meanwhile goes to the disk at once.
                    while let Ok(order) = orders.try_recv() {
                        self.follow(order);
                    }
                    self.flush();
                }
                Err(RecvTimeoutError::Timeout) if self.journal.waits() => self.flush(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Entry(entry) => match self.journal.stage(&entry) {
                Ok(()) => self.staged += 1,
                Err(error) => self.tell(News::Fault(error.to_string())),
            },
            Order::Snapshot(project) => {
                self.flush();
                if let Err(error) = self.journal.snapshot(&project) {
                    // The journal holds all that it would have held.
                    tracing::warn!("{error}");
                }
            }
            Order::Ledger(lines) => {
                if let Err(error) = ledger::append(self.journal.folder(), &lines) {
                    self.tell(News::Fault(format!("the ledger could not be written: {error}")));
                }
            }
        }
    }

    fn flush(&mut self) {
        match self.journal.flush() {
            Ok(()) => {
                self.failing = false;
                self.written += std::mem::take(&mut self.staged);
                self.tell(News::Written(self.written));
                if self.journal.wants_snapshot() {
                    self.tell(News::WantsSnapshot);
                }
            }
            Err(error) if !self.failing => {
                self.failing = true;
                self.tell(News::Fault(error.to_string()));
            }
            Err(_) => {}
        }
    }

    /// The window may be gone; what waits is written all the same.
    fn tell(&self, news: News) {
        drop(self.news.send(news));
    }
}
