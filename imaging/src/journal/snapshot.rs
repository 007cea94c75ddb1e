//! The project as it stood at some length of its journal, so that opening need not replay all of it. A snapshot is
//! derived: whatever is wrong with one, the journal still tells everything.

use super::{line, mend, paths, whole_file};
use crate::bounds::Bounded as _;
use crate::history::Index;
use crate::project::Project;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many are kept; an older one serves where a newer one is damaged.
const GENERATIONS: usize = 3;
const PREFIX: &str = "snapshot-";

/// A project and where in its journal it stood so.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Bytes of the journal that led to it.
    pub bytes: u64,
    /// CRC-32 of these bytes.
    pub sum: u32,
    /// Entries in them.
    pub entries: u64,
    /// Where its steps lie.
    pub index: Index,
    /// The project.
    pub project: Project,
}

impl Snapshot {
    /// Brings it to the disk, and lets go of the oldest.
    pub fn write(mut self, folder: &Path) -> io::Result<()> {
        paths::store(&mut self.project, folder);
        let json = serde_json::to_string(&self)?;
        let line = line::summed(&json);
        whole_file(folder, &format!("{PREFIX}{:012}.json", self.entries), |file| io::Write::write_all(file, &line))?;
        for old in list(folder)?.into_iter().skip(GENERATIONS) {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    fn read(path: &Path, folder: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let json = line::json(&bytes)
            .map(<[u8]>::to_vec)
            .or_else(|| line::json(&mend::within(bytes.strip_suffix(b"\n")?)?).map(<[u8]>::to_vec))?;
        let mut snapshot: Self = serde_json::from_slice(&json).ok()?;
        // An entry takes a byte at least, so the count cannot be near its own end.
        if snapshot.entries > snapshot.bytes || !snapshot.project.is_bounded() {
            return None;
        }
        paths::find(&mut snapshot.project, folder);
        Some(snapshot)
    }
}

/// The newest snapshot that can be read, and how many newer ones cannot.
pub(super) fn newest(folder: &Path) -> io::Result<(Option<Snapshot>, usize)> {
    let files = list(folder)?;
    let found = files.iter().enumerate().find_map(|(at, path)| Some((at, Snapshot::read(path, folder)?)));
    Ok(found.map_or((None, files.len()), |(damaged, snapshot)| (Some(snapshot), damaged)))
}

/// Every snapshot that can be read, the newest first.
pub(super) fn all(folder: &Path) -> io::Result<Vec<Snapshot>> {
    Ok(list(folder)?.iter().filter_map(|path| Snapshot::read(path, folder)).collect())
}

/// Lets go of all: the journal is no longer the one they speak of.
pub(super) fn remove_all(folder: &Path) -> io::Result<()> {
    list(folder)?.into_iter().try_for_each(fs::remove_file)
}

/// The files, the newest first.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(".json") {
            files.push(path);
        }
    }
    files.sort();
    files.reverse();
    Ok(files)
}
