//! What can be sent to whoever mends the program: the machine, the nets, sizes and counts, and what was logged last. It
//! holds no name, no path and no text of a message, for these may tell who a patient is: of a message only the place in
//! the code that spoke and its numbers are kept.

use crate::app::App;
use crate::jobs::Done;
use crate::keeper::Keeper;
use anyhow::Context as _;
use imaging::Review;
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

const MOST_LINES: usize = 500;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
static LAST: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Keeps the last messages of the log, without their texts.
pub struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let mut line = format!("{:10.3} s {:5} ", START.elapsed().as_secs_f64(), about.level());
        let place = (about.module_path().unwrap_or("?"), about.line().unwrap_or(0));
        // Writing to a string cannot fail.
        let _ = write!(line, "{}:{}", place.0, place.1);
        event.record(&mut Numbers(&mut line));
        let Ok(mut last) = LAST.lock() else { return };
        if last.len() == MOST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}

/// Writes the fields that are numbers, and leaves out all others.
struct Numbers<'a>(&'a mut String);

impl Numbers<'_> {
    fn put(&mut self, field: &Field, value: impl fmt::Display) {
        let _ = write!(self.0, " {}={value}", field.name());
    }
}

impl Visit for Numbers<'_> {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, _: &Field, _: &str) {}

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

impl App {
    /// Writes the diagnosis to a file.
    pub(crate) fn save_diagnosis(&mut self, file: PathBuf) {
        let text = self.diagnosis();
        self.jobs.run("diagnosis", move || {
            let written = std::fs::write(&file, text).context("The diagnosis could not be written");
            Some(Done::Told(
                written.map(|()| {
                    format!("The diagnosis is written; it names no patient, no file and no reader: {}", file.display())
                }),
            ))
        });
    }

    fn diagnosis(&self) -> String {
        let parts = [self.about_program(), self.about_nets(), self.about_project(), about_log()];
        parts.join("\n")
    }

    fn about_program(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        format!(
            "Exemplar {}\nsystem: {} {}, {cores} cores\ndevice: {}\nproducts in a second: {}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            self.session.adapter.as_deref().unwrap_or("not ready"),
            self.session.speed.map_or_else(|| "not measured".to_owned(), |speed| format!("{speed:.3e}")),
        )
    }

    fn about_nets(&self) -> String {
        let own = self.session.nets.iter().map(|net| format!("net of the program: {} ({}-D)\n", net.name, net.dims));
        let added =
            self.session.installed.iter().map(|net| format!("added: {}, SHA-256 {}\n", net.title(), net.sha256.join(" ")));
        own.chain(added).collect()
    }

    fn about_project(&self) -> String {
        let (project, session) = (&self.project, &self.session);
        let works =
            || project.cases.iter().flat_map(|case| project.structures.iter().map(move |structure| case.review(structure.id)));
        let count = |review: Review| works().filter(|&other| other == review).count();
        let mut text = format!(
            "project: {} cases, {} structures; accepted {}, absent {}, rejected {}, open {}\n",
            project.cases.len(),
            project.structures.len(),
            count(Review::Accepted),
            count(Review::Absent),
            count(Review::Rejected),
            count(Review::Open),
        );
        let marks: usize = project.cases.iter().map(|case| case.prompts.len()).sum();
        let _ = writeln!(
            text,
            "marks {marks}, guesses {}, waits for a guess: {}, propagates: {}, read only: {}",
            session.guesses.len(),
            session.waiting.is_some(),
            session.propagation.as_ref().map_or_else(|| "no".to_owned(), |run| format!("{} of {}", run.done, run.total)),
            self.keeper.as_ref().is_some_and(Keeper::is_read_only),
        );
        for (at, case) in project.cases.iter().enumerate() {
            let Some(view) = session.views.get(&case.id) else { continue };
            if let Some(grid) = view.grid {
                let _ = writeln!(text, "case {at}: {:?} voxels of {:.3?} mm", grid.shape, grid.spacing_mm());
            } else if view.fault.is_some() {
                let _ = writeln!(text, "case {at}: could not be read");
            }
        }
        text
    }
}

fn about_log() -> String {
    let Ok(last) = LAST.lock() else { return String::new() };
    let lines = last.iter().map(|line| format!("{line}\n"));
    std::iter::once("log, without texts: seconds, level, place in the code, numbers\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn numbers_are_kept_and_texts_are_not() {
        let subscriber = tracing_subscriber::registry().with(Recorder);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(took_ms = 1234, name = "Doe^Jane", "could not read {}", "/home/jane/scan.nii");
        });
        let text = about_log();
        let line = text.lines().find(|line| line.contains("took_ms=1234")).expect("the message was kept");
        assert!(line.contains("WARN") && line.contains("diagnosis"), "{line}");
        assert!(!text.contains("Doe") && !text.contains("jane"), "{text}");
    }
}
