//! Every edit on disk before it is forgotten: a project's folder, opened, appended to, and brought back.
//!
//! `project.json` says what the folder is; `journal.jsonl` holds one entry a line (`line`), each brought to the
//! disk before `append` returns; `journal.lock` keeps a second program from writing. Nothing that was written is
//! ever thrown away but a last line that was cut short; damaged lines are set aside in a file of their own.

mod line;
mod paths;

use crate::edit::{Entry, History};
use crate::files::io_text;
use crate::project::Project;
use line::{Ending, MOST_LINE};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const FORMAT: &str = "exemplar project";
/// Raised when an older program could no longer read what is written.
const VERSION: u32 = 1;
const ABOUT: &str = "project.json";
const ENTRIES: &str = "journal.jsonl";
const LOCK: &str = "journal.lock";

/// A project's folder, held open. Dropping it lets another program write.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    name: String,
    /// The journal and the lock on it; none where the project is open for reading only.
    files: Option<[File; 2]>,
    /// Bytes that are known to be whole on the disk.
    length: u64,
    /// Lines that could not be written yet; they go first, for later entries build on them.
    waiting: Vec<u8>,
}

/// A project as it was found.
#[derive(Debug)]
pub struct Opened {
    /// Where further entries go.
    pub journal: Journal,
    /// The project.
    pub project: Project,
    /// Its steps, done and undone.
    pub history: History,
    /// What had to be left out or put right, each a sentence for the user.
    pub warnings: Vec<String>,
    /// Whether another program holds the project, or the disk cannot be written: nothing can be appended.
    pub read_only: bool,
}

/// A project could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder is no project.
    #[error("could not open the project: this folder holds no project that can be read ({why}): {}", path.display())]
    NotAProject {
        /// What is missing or wrong.
        why: String,
        /// The folder.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("could not open the project: a newer version of this program made it (format {found}, this one knows {VERSION}): {}", path.display())]
    Newer {
        /// Its version.
        found: u32,
        /// The folder.
        path: PathBuf,
    },
    /// There is a project already.
    #[error("could not make a project: the folder holds one already: {}", .0.display())]
    Exists(PathBuf),
    /// The project is open for reading only.
    #[error("could not save the change: the project is open in another window: {}", .0.display())]
    ReadOnly(PathBuf),
    /// The entry would not read back as it is.
    #[error("could not save the change: it cannot be written down ({0})")]
    Unwritable(String),
    /// The system refused.
    #[error("could not {doing}: {}: {}", io_text(error), path.display())]
    System {
        /// What could not be done.
        doing: &'static str,
        /// Why.
        error: io::Error,
        /// The folder.
        path: PathBuf,
    },
}

/// What `project.json` holds.
#[derive(Serialize, Deserialize)]
struct About {
    format: String,
    version: u32,
    name: String,
}

impl Journal {
    /// Makes a new project in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// Where the folder holds a project already, or cannot be written.
    pub fn create(folder: &Path, name: &str) -> Result<Self, JournalError> {
        let failed = |error| JournalError::System { doing: "make a project", error, path: folder.to_owned() };
        let folder = &std::path::absolute(folder).map_err(failed)?;
        std::fs::create_dir_all(folder).map_err(failed)?;
        // A journal of no length is what an interrupted creation leaves.
        let written = folder.join(ENTRIES).metadata().is_ok_and(|about| about.len() > 0);
        if written || folder.join(ABOUT).exists() {
            return Err(JournalError::Exists(folder.clone()));
        }
        let lock = locked(folder).map_err(failed)?.ok_or_else(|| JournalError::Exists(folder.clone()))?;
        let entries = open_entries(folder).map_err(failed)?;
        write_about(folder, name).map_err(failed)?;
        Ok(Self { folder: folder.clone(), name: name.to_owned(), files: Some([entries, lock]), length: 0, waiting: Vec::new() })
    }

    /// Opens a project and replays what it holds. A last line that was cut short is dropped; what follows a
    /// damaged line is set aside as `journal.damaged-1` (or the next free number).
    ///
    /// # Errors
    /// Where the folder is no project, is of a newer program, or cannot be read.
    pub fn open(folder: &Path) -> Result<Opened, JournalError> {
        let failed = |error| JournalError::System { doing: "open the project", error, path: folder.to_owned() };
        let folder = &std::path::absolute(folder).map_err(failed)?;
        let about = read_about(folder)?;
        let mut warnings = Vec::new();
        let lock = lock_or_read_only(folder, &mut warnings).map_err(failed)?;
        let files = lock.map(|lock| open_entries(folder).map(|entries| [entries, lock])).transpose().map_err(failed)?;
        let (mut project, mut history) = (Project::default(), History::default());
        let mut count = 0_usize;
        let (length, ending) = read_entries(folder, |entry| {
            let fits = history.replay(&mut project, entry).is_ok();
            count += usize::from(fits);
            fits
        })
        .map_err(failed)?;
        let journal = Self { folder: folder.clone(), name: about.name, files, length, waiting: Vec::new() };
        warnings.extend(journal.repair(&ending, count).map_err(failed)?);
        let read_only = journal.files.is_none();
        Ok(Opened { journal, project, history, warnings, read_only })
    }

    /// Where the project is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the project is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Brings an entry to the disk. An entry that could not be written waits, and goes first with the next.
    ///
    /// # Errors
    /// Where the project is open for reading only, or the disk refuses.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let line = line::write(&paths::stored(entry, &self.folder)).map_err(JournalError::Unwritable)?;
        if self.files.is_none() {
            return Err(JournalError::ReadOnly(self.folder.clone()));
        }
        self.waiting.extend(line);
        self.flush()
    }

    /// Writes the entries that wait, if any.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        let Some([entries, _]) = &mut self.files else { return Ok(()) };
        if self.waiting.is_empty() {
            return Ok(());
        }
        write_at(entries, self.length, &self.waiting).map_err(|error| JournalError::System {
            doing: "save the change",
            error,
            path: self.folder.clone(),
        })?;
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Cuts off what does not read; sets aside what may be worth something.
    fn repair(&self, ending: &Ending, count: usize) -> io::Result<Option<String>> {
        let told = match (ending, &self.files) {
            (Ending::Whole, _) => return Ok(None),
            (Ending::Torn, _) => "The last change was not wholly written when the program stopped, and is left out.".to_owned(),
            (Ending::Damaged, None) => format!("The project's journal is damaged: only its first {count} changes can be read."),
            (Ending::Damaged, Some(_)) => {
                let aside = self.set_aside()?;
                format!("The project's journal is damaged: its first {count} changes were read, and the rest is kept in {aside}.")
            }
        };
        if let Some([entries, _]) = &self.files {
            entries.set_len(self.length)?;
            entries.sync_all()?;
        }
        Ok(Some(told))
    }

    /// Copies what follows the last good line to a file of its own.
    fn set_aside(&self) -> io::Result<String> {
        let mut rest = File::open(self.folder.join(ENTRIES))?;
        rest.seek(SeekFrom::Start(self.length))?;
        let mut number = 1;
        let (name, mut aside) = loop {
            let name = format!("journal.damaged-{number}");
            match File::create_new(self.folder.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                file => break (name, file?),
            }
        };
        io::copy(&mut rest, &mut aside)?;
        aside.sync_all()?;
        Ok(name)
    }
}

/// Copies a project to another folder, where its images' paths are stored anew.
///
/// # Errors
/// Where the one cannot be read or the other written, or the other holds a project already.
pub fn copy(from: &Path, to: &Path) -> Result<(), JournalError> {
    let failed = |error| JournalError::System { doing: "copy the project", error, path: to.to_owned() };
    let (from, to) = (&std::path::absolute(from).map_err(failed)?, &std::path::absolute(to).map_err(failed)?);
    let name = read_about(from)?.name;
    let mut lines = Ok(Vec::new());
    let take = |entry: Entry| match (&mut lines, line::write(&paths::stored(&entry, to))) {
        (Ok(lines), Ok(line)) => {
            lines.extend(line);
            true
        }
        (_, why) => {
            lines = why;
            false
        }
    };
    read_entries(from, take).map_err(failed)?;
    let lines = lines.map_err(JournalError::Unwritable)?;
    let mut journal = Journal::create(to, &name)?;
    journal.waiting = lines;
    journal.flush()
}

/// Reads the good entries of a project from the first on, as long as `each` takes them; says how many bytes they
/// make up, and what follows them.
fn read_entries(folder: &Path, mut each: impl FnMut(Entry) -> bool) -> io::Result<(u64, Ending)> {
    let file = match File::open(folder.join(ENTRIES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, Ending::Whole)),
        file => file?,
    };
    let mut reader = BufReader::new(file);
    let mut length = 0;
    loop {
        let mut bytes = Vec::new();
        io::BufRead::read_until(&mut reader.by_ref().take(MOST_LINE), b'\n', &mut bytes)?;
        match line::read(&bytes).map(|entry| each(paths::found(entry, folder))) {
            Ok(true) => length += bytes.len() as u64,
            Ok(false) => return Ok((length, Ending::Damaged)),
            Err(ending) => return Ok((length, ending)),
        }
    }
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    // What an earlier attempt left half written goes first.
    if file.metadata()?.len() != at {
        file.set_len(at)?;
    }
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.sync_data()
}

fn open_entries(folder: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(ENTRIES))
}

/// The lock on a project, or nothing where another program has it.
fn locked(folder: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        // Some network disks know no locks; one program at a time works there all the same.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Some(lock)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn lock_or_read_only(folder: &Path, warnings: &mut Vec<String>) -> io::Result<Option<File>> {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let why = match locked(folder) {
        Ok(Some(lock)) => return Ok(Some(lock)),
        Ok(None) => "it is open in another window",
        Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => "its folder cannot be written",
        Err(error) => return Err(error),
    };
    warnings.push(format!("The project is open for reading only: {why}."));
    Ok(None)
}

fn read_about(folder: &Path) -> Result<About, JournalError> {
    const MOST_BYTES: u64 = 1 << 20;
    let fault = |why: String| JournalError::NotAProject { why, path: folder.to_owned() };
    let file = File::open(folder.join(ABOUT)).map_err(|error| fault(format!("{ABOUT}: {}", io_text(&error))))?;
    // The version is asked before the rest, for a newer program may have changed all else.
    let about: serde_json::Value =
        serde_json::from_reader(file.take(MOST_BYTES)).map_err(|error| fault(format!("{ABOUT}: {error}")))?;
    if about["format"] != FORMAT {
        return Err(fault(format!("{ABOUT} is of another program")));
    }
    match about["version"].as_u64() {
        Some(found) if found > u64::from(VERSION) => {
            Err(JournalError::Newer { found: u32::try_from(found).unwrap_or(u32::MAX), path: folder.to_owned() })
        }
        _ => serde_json::from_value(about).map_err(|error| fault(format!("{ABOUT}: {error}"))),
    }
}

fn write_about(folder: &Path, name: &str) -> io::Result<()> {
    let about = About { format: FORMAT.to_owned(), version: VERSION, name: name.to_owned() };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, &about)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(ABOUT))?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
