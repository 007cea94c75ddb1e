//! The project on disk: a thread appends every entry to the journal, and the window says when it has.

use crossbeam_channel::{Receiver, Sender, unbounded};
use imaging::journal::Journal;
use imaging::{Entry, History, Project};
use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Instant;

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
    /// Another program has the project open: nothing is written.
    ReadOnly,
    /// The last entry could not be written.
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
            Self::ReadOnly => f.write_str("read only: open in another window"),
            Self::Failed => f.write_str("NOT SAVED"),
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

/// Keeps one project. Dropping it writes what waits.
pub struct Keeper {
    folder: PathBuf,
    entries: Option<Sender<Entry>>,
    results: Receiver<Result<(), String>>,
    sent: usize,
    written: usize,
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
        let (entries, orders) = unbounded();
        let (answers, results) = unbounded();
        let saved = if journal.is_some() { Saved::Since(Instant::now()) } else { Saved::ReadOnly };
        let thread = journal
            .map(|journal| {
                std::thread::Builder::new().name("exemplar-journal".into()).spawn(move || write(journal, &orders, &answers))
            })
            .transpose()?;
        Ok(Self { folder: folder.to_owned(), entries: Some(entries), results, sent: 0, written: 0, saved, thread })
    }

    /// Where the project is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends an entry.
    pub fn keep(&mut self, entry: Entry) {
        if self.thread.is_some() && self.entries.as_ref().is_some_and(|entries| entries.send(entry).is_ok()) {
            self.sent += 1;
            self.saved = Saved::Writing;
        }
    }

    /// How the project stands on disk; a fault is told once.
    pub fn poll(&mut self) -> (Saved, Option<String>) {
        let mut fault = None;
        for result in self.results.try_iter() {
            self.written += 1;
            self.saved = match result {
                Ok(()) if self.written == self.sent => Saved::Since(Instant::now()),
                Ok(()) => Saved::Writing,
                Err(error) => {
                    fault = Some(error);
                    Saved::Failed
                }
            };
        }
        (self.saved.clone(), fault)
    }

    /// Writes what waits, and ends.
    pub fn close(&mut self) {
        self.entries = None;
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

fn write(mut journal: Journal, orders: &Receiver<Entry>, answers: &Sender<Result<(), String>>) {
    for entry in orders {
        let result = journal.append(&entry).map_err(|error| error.to_string());
        if answers.send(result).is_err() {
            // The window is gone; what waits is written all the same.
            continue;
        }
    }
}
