//! From a journal's lines back to project and history: quickly where they are whole, patiently where they are not.

use super::line::{self, Ending, MOST_LINE};
use super::snapshot::Snapshot;
use super::{ENTRIES, mend, paths, snapshot};
use crate::edit::Edit;
use crate::history::{Entry, History, Index, Place, Shelf, Step};
use crate::project::Project;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A project as far as its journal was read.
#[derive(Default)]
pub(super) struct State {
    pub project: Project,
    pub history: History,
    pub log: Log,
    /// Entries since the snapshot from which reading began.
    pub replayed: u64,
}

/// What is known of the lines of a journal without looking at them again.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// Bytes.
    pub length: u64,
    /// CRC-32 of the bytes.
    pub sum: crc32fast::Hasher,
    /// Lines.
    pub entries: u64,
    /// Where the steps lie.
    pub index: Index,
}

impl Log {
    /// Follows a line that comes next.
    pub fn note(&mut self, entry: &Entry, line: &[u8]) {
        self.index.note(entry, Place { start: self.length, length: line.len() as u64 });
        self.length += line.len() as u64;
        self.sum.update(line);
        self.entries += 1;
    }
}

impl State {
    /// Where a snapshot stands, if the journal's head is what the snapshot saw.
    fn at(snapshot: Snapshot, folder: &Path) -> io::Result<Option<Self>> {
        let Some(sum) = sum_of(&folder.join(ENTRIES), snapshot.bytes)? else { return Ok(None) };
        if sum.clone().finalize() != snapshot.sum {
            return Ok(None);
        }
        let history = History::shelved(&snapshot.index, Arc::new(JournalShelf::open(folder)?));
        let log = Log { length: snapshot.bytes, sum, entries: snapshot.entries, index: snapshot.index };
        Ok(Some(Self { project: snapshot.project, history, log, replayed: 0 }))
    }

    /// Follows an entry and its line; false, and nothing changed, where it does not fit.
    fn take(&mut self, entry: &Entry, line: &[u8]) -> bool {
        let fits = self.history.replay(&mut self.project, entry.clone()).is_ok();
        if fits {
            self.log.note(entry, line);
            self.replayed += 1;
        }
        fits
    }
}

/// What reading came to.
pub(super) struct Found {
    pub state: State,
    pub ending: Ending,
    /// Snapshots that could not be read.
    pub damaged_snapshots: usize,
}

/// Reads a project: from its newest snapshot on, or from the first line.
pub(super) fn read(folder: &Path) -> io::Result<Found> {
    let (newest, damaged_snapshots) = snapshot::newest(folder)?;
    let start = match newest {
        None => Some(State::default()),
        Some(newest) => State::at(newest, folder)?,
    };
    let Some(mut state) = start else {
        return Ok(Found { state: State::default(), ending: Ending::Damaged, damaged_snapshots });
    };
    let mut ending = read_entries(folder, state.log.length, |entry, line| state.take(&entry, line))?;
    // A last line whose line feed was flipped looks as if it had been cut short, but it was told as saved.
    if ending == Ending::Torn && mend::mend(&tail(folder, state.log.length)?).is_some() {
        ending = Ending::Damaged;
    }
    Ok(Found { state, ending, damaged_snapshots })
}

fn tail(folder: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(folder.join(ENTRIES))?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST_LINE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the good entries of a project from a byte on, as long as `each` takes them; says what follows them.
pub(super) fn read_entries(folder: &Path, from: u64, mut each: impl FnMut(Entry, &[u8]) -> bool) -> io::Result<Ending> {
    let mut file = match File::open(folder.join(ENTRIES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ending::Whole),
        file => file?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    loop {
        let mut bytes = Vec::new();
        io::BufRead::read_until(&mut reader.by_ref().take(MOST_LINE), b'\n', &mut bytes)?;
        match line::read(&bytes).map(|entry| each(paths::found(entry, folder), &bytes)) {
            Ok(true) => {}
            Ok(false) => return Ok(Ending::Damaged),
            Err(ending) => return Ok(ending),
        }
    }
}

/// The checksum of a file's head, or nothing where the file is shorter.
fn sum_of(path: &Path, bytes: u64) -> io::Result<Option<crc32fast::Hasher>> {
    let mut sum = crc32fast::Hasher::new();
    let mut left = bytes;
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((bytes == 0).then_some(sum)),
        file => file?,
    };
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let got = file.read(&mut buffer[..most])?;
        if got == 0 {
            return Ok(None);
        }
        sum.update(&buffer[..got]);
        left -= got as u64;
    }
    Ok(Some(sum))
}

/// What was lost in a damaged journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Lines that were put right.
    pub mended: usize,
    /// Lines that could not be read.
    pub lost: usize,
    /// Lines that could be read but no longer fit.
    pub left_out: usize,
    /// Whether earlier steps can no longer be taken back.
    pub history: bool,
}

/// Reads a journal past its damage, and writes what it made of it to `out` as a journal without any.
pub(super) fn recover(folder: &Path, out: &mut impl Write) -> io::Result<(State, Losses)> {
    let bytes = match fs::read(folder.join(ENTRIES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let mut recovery = Recovery { folder, out, state: State::default(), losses: Losses::default(), holes: 0 };
    let mut snapshots = snapshot::all(folder)?;
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|&byte| byte == b'\n').map(|end| at + end + 1);
        let good = end.filter(|&end| line::read(&bytes[at..end]).is_ok());
        if let Some(end) = good {
            recovery.take(&bytes[at..end])?;
            at = end;
        } else if let Some((line, taken)) = mend::mend(&bytes[at..]) {
            recovery.losses.mended += 1;
            recovery.take(&line)?;
            at += taken;
        } else if let Some(place) = snapshots.iter().position(|snapshot| snapshot.bytes > at as u64) {
            let snapshot = snapshots.swap_remove(place);
            at = usize::try_from(snapshot.bytes).unwrap_or(usize::MAX);
            recovery.begin_anew(snapshot)?;
        } else {
            let Some(end) = end else { break };
            recovery.holes += 1;
            recovery.losses.lost += 1;
            at = end;
        }
    }
    // A journal that lost its tail: the snapshot saw more of it.
    if let Some(place) = snapshots.iter().position(|snapshot| snapshot.bytes > at as u64) {
        recovery.begin_anew(snapshots.swap_remove(place))?;
    }
    Ok((recovery.state, recovery.losses))
}

struct Recovery<'a, W> {
    folder: &'a Path,
    out: &'a mut W,
    state: State,
    losses: Losses,
    /// Lost lines for which nothing stands yet; what follows counts on a step in their place.
    holes: usize,
}

impl<W: Write> Recovery<'_, W> {
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        for _ in 0..std::mem::take(&mut self.holes) {
            self.stand_in("a change that could not be read".into())?;
        }
        let Ok(entry) = line::read(line) else { return Ok(()) };
        let name = if let Entry::Do(step) = &entry { Some(step.name.clone()) } else { None };
        if self.state.take(&paths::found(entry, self.folder), line) {
            return self.out.write_all(line);
        }
        self.losses.left_out += 1;
        name.map_or(Ok(()), |name| self.stand_in(name))
    }

    /// A step that does nothing, so that undo and redo after it still speak of the same steps.
    fn stand_in(&mut self, name: String) -> io::Result<()> {
        self.put(&Entry::Do(Step { name, edit: Edit::Several(Vec::new()) }))
    }

    fn begin_anew(&mut self, snapshot: Snapshot) -> io::Result<()> {
        self.losses.history = true;
        self.losses.lost += std::mem::take(&mut self.holes);
        self.put(&Entry::Base(Box::new(snapshot.project)))
    }

    fn put(&mut self, entry: &Entry) -> io::Result<()> {
        let line = line::write(&paths::stored(entry, self.folder)).map_err(io::Error::other)?;
        self.state.take(entry, &line);
        self.out.write_all(&line)
    }
}

/// A journal's steps, read from the disk when they are wanted.
#[derive(Debug)]
struct JournalShelf {
    folder: PathBuf,
    file: Mutex<File>,
}

impl JournalShelf {
    fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), file: Mutex::new(File::open(folder.join(ENTRIES))?) })
    }
}

impl Shelf for JournalShelf {
    fn step(&self, place: Place) -> Option<Step> {
        let mut bytes = Vec::new();
        let mut file = self.file.lock().ok()?;
        file.seek(SeekFrom::Start(place.start)).ok()?;
        // Memory grows with what is there, for a snapshot may name any length.
        Read::by_ref(&mut *file).take(place.length.min(MOST_LINE)).read_to_end(&mut bytes).ok()?;
        let line = line::read(&bytes).ok().map(|entry| paths::found(entry, &self.folder));
        if let Some(Entry::Do(step)) = line { Some(step) } else { None }
    }
}
