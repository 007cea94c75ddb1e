//! What was measured so far, on disk: the results of a run that ended, and beside them, line by line, those of one that
//! did not. A killed run loses the guess in work.

use super::results::{Key, NetUsed, OURS, Record, Results, SCHEMA, Settings};
use crate::cli::told;
use crate::whole;
use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The records of a run, as they come in.
pub struct Store {
    partial: PathBuf,
    file: File,
    records: Vec<Record>,
    done: BTreeSet<Key>,
}

/// The first line of a partial file.
#[derive(Serialize, Deserialize)]
struct Head {
    schema: u32,
    settings: Settings,
    nets: Vec<NetUsed>,
}

/// What to do with results that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// Refuse.
    Refuse,
    /// Go on from them.
    Resume,
    /// Begin anew.
    Overwrite,
}

impl Store {
    /// Opens the store of the results at `path`.
    ///
    /// # Errors
    /// Where results are there and may not be used or replaced, or nothing can be written.
    pub fn open(path: &Path, present: Present, settings: &Settings, nets: &[NetUsed]) -> anyhow::Result<Self> {
        let partial = partial(path);
        let mut records = Vec::new();
        match present {
            Present::Resume => records = before(path, &partial, settings, nets)?,
            Present::Overwrite => {}
            Present::Refuse => check(path)?,
        }
        let head = Head { schema: SCHEMA, settings: settings.clone(), nets: nets.to_vec() };
        let text = serde_json::to_string(&head)? + "\n" + &lines(&records)?;
        let file = begin(&partial, &text).map_err(told("the results cannot be written", &partial))?;
        let done = records.iter().map(Record::key).collect();
        Ok(Self { partial, file, records, done })
    }

    /// Whether a guess was made.
    pub fn has(&self, key: &Key) -> bool {
        self.done.contains(key)
    }

    /// Takes records in, on disk before they count as done.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn put(&mut self, records: Vec<Record>) -> anyhow::Result<()> {
        let text = lines(&records)?;
        self.file.write_all(text.as_bytes()).map_err(told("the results cannot be written", &self.partial))?;
        for record in records {
            if self.done.insert(record.key()) {
                self.records.push(record);
            }
        }
        Ok(())
    }

    /// All records, in order of what they are of.
    pub fn records(&self) -> Vec<Record> {
        let mut records = self.records.clone();
        records.sort_by_key(Record::key);
        records
    }

    /// Writes the results, whole or not at all, and drops the partial file.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn finish(self, path: &Path, results: &Results) -> anyhow::Result<()> {
        whole::write(path, serde_json::to_string_pretty(results)? + "\n")
            .and_then(|()| std::fs::remove_file(&self.partial))
            .map_err(told("the results cannot be written", path))
    }
}

fn lines(records: &[Record]) -> anyhow::Result<String> {
    let mut text = String::new();
    for record in records {
        text += &serde_json::to_string(record)?;
        text.push('\n');
    }
    Ok(text)
}

/// Begins a partial file with what is known already: the file before it stands until this one is whole.
fn begin(partial: &Path, text: &str) -> std::io::Result<File> {
    whole::write(partial, text)?;
    File::options().append(true).open(partial)
}

/// Refuses where results, whole or partial, are there.
///
/// # Errors
/// Where they are.
pub fn check(path: &Path) -> anyhow::Result<()> {
    let there = [path.to_owned(), partial(path)].into_iter().find(|path| path.exists());
    there.map_or(Ok(()), |path| {
        bail!("results are there already; --resume goes on from them, --overwrite begins anew: {}", path.display())
    })
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

/// The records of whole and partial results.
fn before(path: &Path, partial: &Path, settings: &Settings, nets: &[NetUsed]) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    if path.exists() {
        let results = read(path)?;
        fits(&results.settings, &results.nets, settings, nets, path)?;
        records.extend(results.records.into_iter().filter(|record| record.method == OURS));
    }
    if partial.exists() {
        let text = std::fs::read_to_string(partial).map_err(told("the results cannot be read", partial))?;
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| serde_json::from_str::<Head>(line).ok());
        // Killed before the first line was written: there is nothing to go on from.
        if let Some(head) = head {
            fits(&head.settings, &head.nets, settings, nets, partial)?;
            // The last line may have been cut short; what it held is measured again.
            records.extend(lines.map_while(|line| serde_json::from_str::<Record>(line).ok()));
        }
    }
    let mut seen = BTreeSet::new();
    records.retain(|record| seen.insert(record.key()));
    Ok(records)
}

/// Reads results.
///
/// # Errors
/// Where they cannot be read or are of another schema.
pub fn read(path: &Path) -> anyhow::Result<Results> {
    let parse = || -> anyhow::Result<Results> {
        let value: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
        ensure!(value["schema"] == SCHEMA, "they are of another version of this program");
        Ok(serde_json::from_value(value)?)
    };
    parse().map_err(told("the results cannot be read", path))
}

fn fits(old: &Settings, old_nets: &[NetUsed], new: &Settings, nets: &[NetUsed], path: &Path) -> anyhow::Result<()> {
    let cannot = "--resume cannot go on from these results";
    ensure!(old_nets == nets, "{cannot}: they were measured with other weights: {}", path.display());
    ensure!(new.go_on_from(old), "{cannot}: they were measured with other settings: {}", path.display());
    Ok(())
}
