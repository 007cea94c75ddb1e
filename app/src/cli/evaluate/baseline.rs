//! What another method guessed of the same cases: its masks are scored here, by the same code as ours.

use super::results::{Record, SCHEMA, rounded};
use super::run::Work;
use crate::cli::{tasks, told};
use anyhow::{Context as _, ensure};
use engine::Marks;
use engine::evaluate::user::seconds;
use imaging::Kind;
use imaging::metrics::Agreement;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that a baseline writes.
#[derive(Deserialize)]
struct Baseline {
    schema: u32,
    method: String,
    guesses: Vec<Guess>,
}

/// One mask that it made from the masks of the first examples of a repeat.
#[derive(Deserialize)]
struct Guess {
    task: String,
    repeat: usize,
    case: String,
    contexts: usize,
    seconds: f64,
    /// From the file's folder on.
    mask: PathBuf,
}

/// The records of a baseline's file, for those tasks and targets that are measured.
///
/// # Errors
/// Where the file or a mask cannot be read, or none of its guesses is of these cases.
pub fn records(path: &Path, works: &[Work]) -> anyhow::Result<Vec<Record>> {
    let read = || -> anyhow::Result<Baseline> {
        let baseline: Baseline = serde_json::from_slice(&std::fs::read(path)?)?;
        ensure!(baseline.schema == SCHEMA, "it is of another version of this program");
        Ok(baseline)
    };
    let baseline = read().map_err(told("the baseline cannot be read", path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut records = Vec::new();
    for guess in &baseline.guesses {
        if let Some((work, target)) = found(works, guess) {
            records.push(record(&baseline.method, guess, folder, work, target)?);
        }
    }
    ensure!(!records.is_empty(), "the baseline holds no guess of these cases: {}", path.display());
    Ok(records)
}

/// The task and the target that a guess is of, if it is measured.
fn found<'a>(works: &'a [Work], guess: &Guess) -> Option<(&'a Work, usize)> {
    let work = works.iter().find(|work| work.task.name == guess.task)?;
    let round = work.rounds.get(guess.repeat)?;
    let target = round.targets.iter().copied().find(|&target| work.name(target) == guess.case)?;
    (guess.contexts <= round.examples.len()).then_some((work, target))
}

fn record(method: &str, guess: &Guess, folder: &Path, work: &Work, target: usize) -> anyhow::Result<Record> {
    let subject = work.open(target)?;
    let path = folder.join(&guess.mask);
    let found = tasks::open_labels(&path, &subject.image).context("a mask of the baseline cannot be used")?.foreground();
    let agreement = Agreement::of(&subject.image.grid, &found, &subject.truth);
    let mask = Marks { prompts: Vec::new(), mask: Some(Arc::new(found)) };
    Ok(Record {
        method: method.to_owned(),
        task: guess.task.clone(),
        prompt: Kind::Mask,
        contexts: guess.contexts,
        clicks: None,
        repeat: guess.repeat,
        case: guess.case.clone(),
        dice: rounded(agreement.dice),
        hausdorff95_mm: agreement.hausdorff95_mm.map(rounded),
        surface_dice_2mm: agreement.surface_dice.map(rounded),
        uncertainty: None,
        seconds: rounded(guess.seconds),
        marks: guess.contexts,
        annotation_seconds: guess.contexts as f64 * seconds(&mask, subject.image.is_flat()),
    })
}
