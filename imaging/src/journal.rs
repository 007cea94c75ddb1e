//! Every edit on disk before it is forgotten: a project's folder, opened, appended to, and brought back.
//!
//! `project.json` says what the folder is (`about`); `journal.jsonl` holds one entry a line (`line`), each brought to
//! the disk before `append` returns; `snapshot-*.json` keep replay short (`snapshot`); `journal.lock` keeps a second
//! program from writing. Nothing that was written is ever thrown away but a last line that was cut short: a damaged
//! journal is read past its damage (`replay`, `mend`), and kept beside the one that was made of it.

mod about;
mod line;
mod mend;
mod paths;
mod replay;
mod snapshot;

use crate::files::io_text;
use crate::history::{Entry, History};
use crate::project::Project;
use about::VERSION;
use line::Ending;
use replay::{Log, Losses};
use snapshot::Snapshot;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const ENTRIES: &str = "journal.jsonl";
/// What was written beside a file, and left there when the program was killed.
const BESIDE: &str = ".beside-";
/// A snapshot is due after so many entries.
const MOST_ENTRIES: u64 = 256;
/// A snapshot is due after so many bytes.
const MOST_BYTES: u64 = 8 << 20;

/// A project's folder, held open. Dropping it lets another program write.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    name: String,
    /// The journal and the lock on it; none where the project is open for reading only.
    files: Option<[File; 2]>,
    /// All entries, those that wait too.
    log: Log,
    /// Bytes and entries at the last snapshot.
    snapped: [u64; 2],
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

impl Journal {
    /// Begins a project in a folder, which is made if need be.
    ///
    /// # Errors
    /// Where the folder holds a project, or cannot be written.
    pub fn create(folder: &Path, name: &str) -> Result<Self, JournalError> {
        let failed = |error| JournalError::System { doing: "make a project", error, path: folder.to_owned() };
        let folder = &std::path::absolute(folder).map_err(failed)?;
        fs::create_dir_all(folder).map_err(failed)?;
        if about::is_there(folder) || folder.join(ENTRIES).exists() {
            return Err(JournalError::Exists(folder.clone()));
        }
        let lock = about::locked(folder).map_err(failed)?.ok_or_else(|| JournalError::Exists(folder.clone()))?;
        let entries = open_entries(folder).map_err(failed)?;
        about::write(folder, name).map_err(failed)?;
        let files = Some([entries, lock]);
        let (folder, name) = (folder.clone(), name.to_owned());
        Ok(Self { folder, name, files, log: Log::default(), snapped: [0; 2], length: 0, waiting: Vec::new() })
    }

    /// Opens a project: its newest snapshot, and the entries since. A last line that was cut short is dropped; a
    /// damaged journal is read past its damage, and kept as `journal.damaged-1` (or the next free number).
    ///
    /// # Errors
    /// Where the folder is no project, is of a newer program, or cannot be read.
    pub fn open(folder: &Path) -> Result<Opened, JournalError> {
        let failed = |error| JournalError::System { doing: "open the project", error, path: folder.to_owned() };
        let folder = &std::path::absolute(folder).map_err(failed)?;
        let about = about::read(folder)?;
        let (lock, mut warnings) = match about::lock_or_why(folder).map_err(failed)? {
            Ok(lock) => (Some(lock), Vec::new()),
            Err(why) => (None, vec![why]),
        };
        let mut found = replay::read(folder).map_err(failed)?;
        let is_ours = lock.is_some();
        if found.ending == Ending::Damaged {
            let (state, told) = recovered(folder, is_ours).map_err(failed)?;
            found.state = state;
            warnings.extend(told);
        }
        warnings.extend(told(&found, is_ours));
        let files = lock.map(|lock| clean(folder, &about, found.state.log.length).map(|entries| [entries, lock]));
        let files = files.transpose().map_err(failed)?;
        let replay::State { project, history, log, replayed } = found.state;
        let (name, length) = (about.name, log.length);
        let snapped = if replayed == log.entries { [0; 2] } else { [length, log.entries] };
        let mut journal = Self { folder: folder.clone(), name, files, log, snapped, length, waiting: Vec::new() };
        if replayed >= MOST_ENTRIES {
            // Without it the next opening takes as long as this one; that is all.
            journal.snapshot(&project).unwrap_or_else(|error| tracing::warn!("{error}"));
        }
        Ok(Opened { journal, project, history, warnings, read_only: !is_ours })
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
        self.stage(entry)?;
        self.flush()
    }

    /// Has an entry wait for the next flush, which brings all that wait to the disk at once.
    ///
    /// # Errors
    /// Where the project is open for reading only, or the entry would not read back as it is.
    pub fn stage(&mut self, entry: &Entry) -> Result<(), JournalError> {
        if self.files.is_none() {
            return Err(JournalError::ReadOnly(self.folder.clone()));
        }
        let line = line::write(&paths::stored(entry, &self.folder)).map_err(JournalError::Unwritable)?;
        self.log.note(entry, &line);
        self.waiting.extend(line);
        Ok(())
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

    /// How many entries there are, those that wait too.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.log.entries
    }

    /// Whether entries could not be written yet.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether so much was written since the last snapshot that another is due.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        let [bytes, entries] = self.snapped;
        !self.waits() && (self.log.entries - entries >= MOST_ENTRIES || self.length - bytes >= MOST_BYTES)
    }

    /// Keeps the project as it stands after all entries, so that the next opening is quick. Only whoever made these
    /// entries knows that project.
    ///
    /// # Errors
    /// Where the disk refuses; nothing is lost then.
    pub fn snapshot(&mut self, project: &Project) -> Result<(), JournalError> {
        // Whatever comes of it, the next try is for later.
        self.snapped = [self.length, self.log.entries];
        if self.files.is_none() || self.waits() {
            return Ok(());
        }
        let Log { length, sum, entries, index } = self.log.clone();
        let snapshot = Snapshot { bytes: length, sum: sum.finalize(), entries, index, project: project.clone() };
        let failed = |error| JournalError::System { doing: "keep a snapshot", error, path: self.folder.clone() };
        snapshot.write(&self.folder).map_err(failed)
    }
}

/// Reads a project as it stands and leaves everything in its folder as it is, whoever has it open.
///
/// # Errors
/// As [`Journal::open`].
pub fn look(folder: &Path) -> Result<Project, JournalError> {
    let failed = |error| JournalError::System { doing: "read the project", error, path: folder.to_owned() };
    let folder = &std::path::absolute(folder).map_err(failed)?;
    about::read(folder)?;
    let found = replay::read(folder).map_err(failed)?;
    if found.ending == Ending::Damaged {
        return Ok(recovered(folder, false).map_err(failed)?.0.project);
    }
    Ok(found.state.project)
}

/// Reads a journal past its damage. Where it is ours to write, the damaged one is set aside, and what was made of
/// it takes its place.
fn recovered(folder: &Path, is_ours: bool) -> io::Result<(replay::State, Option<String>)> {
    if !is_ours {
        let (state, losses) = replay::recover(folder, &mut io::sink())?;
        return Ok((state, told_losses(losses, None)));
    }
    let mut mended = tempfile::Builder::new().prefix(BESIDE).tempfile_in(folder)?;
    let mut out = io::BufWriter::new(mended.as_file_mut());
    let (state, losses) = replay::recover(folder, &mut out)?;
    out.flush()?;
    drop(out);
    let mut aside = None;
    if losses != Losses::default() {
        mended.as_file().sync_all()?;
        aside = Some(set_aside(folder)?);
        mended.persist(folder.join(ENTRIES))?;
        sync_folder(folder)?;
    }
    snapshot::remove_all(folder)?;
    Ok((state, told_losses(losses, aside)))
}

fn told_losses(losses: Losses, aside: Option<String>) -> Option<String> {
    let Losses { mended, lost, left_out, history } = losses;
    let changes = |count: usize| if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    let mut parts = Vec::new();
    if mended > 0 {
        parts.push(format!("{} could be put right", changes(mended)));
    }
    if lost > 0 {
        parts.push(format!("{} could not be read", changes(lost)));
    }
    if left_out > 0 {
        parts.push(format!("{} after them no longer fit", changes(left_out)));
    }
    if history {
        parts.push("steps before the damage can no longer be undone".to_owned());
    }
    let aside = aside.map(|name| format!(" The damaged journal is kept as {name}.")).unwrap_or_default();
    (!parts.is_empty())
        .then(|| format!("The project's journal was damaged: {}; everything else was recovered.{aside}", parts.join(", ")))
}

fn told(found: &replay::Found, is_ours: bool) -> Vec<String> {
    let mut told = Vec::new();
    // Under another program's hands the last line may just be on its way.
    if found.ending == Ending::Torn && is_ours {
        told.push("The last change was not wholly written when the program stopped, and is left out.".to_owned());
    }
    if found.damaged_snapshots > 0 {
        told.push("A snapshot of the project was damaged, and is not used; nothing is lost.".to_owned());
    }
    told
}

/// Cuts off what does not read, and what a kill left behind; gives the journal to write on.
fn clean(folder: &Path, about: &about::About, length: u64) -> io::Result<File> {
    about::raise(folder, about)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BESIDE)) {
            fs::remove_file(path)?;
        }
    }
    let entries = open_entries(folder)?;
    if entries.metadata()?.len() != length {
        entries.set_len(length)?;
        entries.sync_all()?;
    }
    Ok(entries)
}

/// Copies the journal to a file of its own; gives its name.
fn set_aside(folder: &Path) -> io::Result<String> {
    let mut number = 1;
    let (name, mut aside) = loop {
        let name = format!("journal.damaged-{number}");
        match File::create_new(folder.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            file => break (name, file?),
        }
    };
    io::copy(&mut File::open(folder.join(ENTRIES))?, &mut aside)?;
    aside.sync_all()?;
    Ok(name)
}

/// Copies a project to another folder, where its images' paths are stored anew. Its ledger goes along.
///
/// # Errors
/// Where the one cannot be read or the other written, or the other holds a project already.
pub fn copy(from: &Path, to: &Path) -> Result<(), JournalError> {
    let failed = |error| JournalError::System { doing: "copy the project", error, path: to.to_owned() };
    let (from, to) = (&std::path::absolute(from).map_err(failed)?, &std::path::absolute(to).map_err(failed)?);
    let name = about::read(from)?.name;
    let mut journal = Journal::create(to, &name)?;
    let mut fault = None;
    replay::read_entries(from, 0, |entry, _| journal.stage(&entry).map_err(|error| fault = Some(error)).is_ok())
        .map_err(failed)?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    match fs::copy(from.join(crate::ledger::FILE), to.join(crate::ledger::FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    journal.flush()
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

/// A file that is there whole or not at all: written beside, synced, renamed.
fn whole_file(folder: &Path, name: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(BESIDE).tempfile_in(folder)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
