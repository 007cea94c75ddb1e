//! `project.json`, which says that a folder is a project; and the lock that keeps a second program from writing.

use super::JournalError;
use crate::files::io_text;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

const FORMAT: &str = "exemplar project";
/// Raised when an older program could no longer read what is written. 2: notes, weights, settings. 3: stacks of pages.
pub(super) const VERSION: u32 = 3;
const ABOUT: &str = "project.json";
const LOCK: &str = "journal.lock";

/// What `project.json` holds.
#[derive(Serialize, Deserialize)]
pub(super) struct About {
    format: String,
    version: u32,
    pub name: String,
}

/// Whether a folder holds a project, readable or not.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(ABOUT).exists()
}

/// What a folder says of itself.
pub(super) fn read(folder: &Path) -> Result<About, JournalError> {
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

/// Says of a folder that it is a project, in the form of this program.
pub(super) fn write(folder: &Path, name: &str) -> io::Result<()> {
    let about = About { format: FORMAT.to_owned(), version: VERSION, name: name.to_owned() };
    super::whole_file(folder, ABOUT, |file| serde_json::to_writer_pretty(file, &about).map_err(io::Error::from))
}

/// A project of an older program gets this one's number before anything that the older one could not read.
pub(super) fn raise(folder: &Path, about: &About) -> io::Result<()> {
    if about.version < VERSION { write(folder, &about.name) } else { Ok(()) }
}

/// The lock on a project, or nothing where another program has it. The system takes it from a program that dies.
pub(super) fn locked(folder: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        // Some network disks know no locks; one program at a time works there all the same.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Some(lock)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// As [`locked`], but a folder that cannot be written is no fault; why there is no lock is told as a sentence.
pub(super) fn lock_or_why(folder: &Path) -> io::Result<Result<File, String>> {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let why = match locked(folder) {
        Ok(Some(lock)) => return Ok(Ok(lock)),
        Ok(None) => "it is open in another window",
        Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => "its folder cannot be written",
        Err(error) => return Err(error),
    };
    Ok(Err(format!("The project is open for reading only: {why}.")))
}
