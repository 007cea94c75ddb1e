//! The work itself: task by task, repeat by repeat, case by case, each guess once and on disk before the next.

use super::data::{Set, Task};
use super::results::{Files, Key, Mode, OURS, Planned, Record, Repeat, Settings, rounded};
use super::store::Store;
use crate::cli::guess::Guesser;
use crate::cli::report::secs;
use engine::Example;
use engine::evaluate::plan::{Round, Size, round};
use engine::evaluate::user::{User, seconds};
use engine::evaluate::{Scored, Step, Subject, in_context, interactive};
use imaging::Kind;
use imaging::random::Random;
use indicatif::ProgressBar;
use std::path::Path;
use std::sync::Arc;

/// A structure to measure, and where its cases are.
pub struct Work {
    /// Its set.
    pub set: Arc<Set>,
    /// The structure.
    pub task: Task,
    /// Who is marked and guessed, repeat by repeat.
    pub rounds: Vec<Round>,
}

impl Work {
    /// Draws the cases of a task.
    pub fn new(set: &Arc<Set>, task: Task, settings: &Settings) -> Self {
        let examples = if settings.mode == Mode::InContext { settings.contexts.iter().copied().max().unwrap_or(0) } else { 0 };
        let size = Size { cases: task.cases.len(), examples, targets: settings.targets };
        let rounds = (0..settings.repeats).map(|repeat| round(settings.seed, &task.name, repeat, size)).collect();
        Self { set: set.clone(), task, rounds }
    }

    /// The name of one of the task's cases.
    pub fn name(&self, case: usize) -> &str {
        &self.set.cases[self.task.cases[case]].name
    }

    /// Opens one of the task's cases.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(&self, case: usize) -> anyhow::Result<Subject> {
        self.set.open(self.task.cases[case], &self.task.values)
    }

    /// The task as the results tell it.
    pub fn planned(&self, data: &Path) -> Planned {
        let names = |cases: &[usize]| cases.iter().map(|&case| self.name(case).to_owned()).collect();
        let within = |path: &Path| path.strip_prefix(data).unwrap_or(path).to_owned();
        let part = self.rounds.iter().flat_map(|round| round.examples.iter().chain(&round.targets));
        let files = |&case: &usize| {
            let case = &self.set.cases[self.task.cases[case]];
            (case.name.clone(), Files { image: within(&case.image), labels: within(&case.labels), tile: case.tile })
        };
        Planned {
            name: self.task.name.clone(),
            set: self.set.name.clone(),
            dims: if self.task.is_flat { 2 } else { 3 },
            values: self.task.values.clone(),
            palette: if self.set.colours.len() > 1 { self.set.colours.clone() } else { Vec::new() },
            cases: part.map(files).collect(),
            repeats: self
                .rounds
                .iter()
                .map(|round| Repeat { examples: names(&round.examples), targets: names(&round.targets) })
                .collect(),
        }
    }
}

/// What the work is done with.
pub struct Runner<'a> {
    /// The engine.
    pub guesser: &'a Guesser,
    /// What fixes the run.
    pub settings: &'a Settings,
    /// The simulated user.
    pub user: User,
    /// Where records go.
    pub store: &'a mut Store,
    /// What could not be measured.
    pub remarks: &'a mut Vec<String>,
    /// How far it is, in guesses.
    pub bar: ProgressBar,
}

/// Examples with marks of one kind, and what the first K of them cost a hand.
pub struct Shown {
    examples: Vec<Example>,
    costs: Vec<(usize, f64)>,
}

impl Shown {
    /// Marks cases with one kind of mark; the same marks each time for a case, kind and repeat.
    pub fn new(user: &User, kind: Kind, subjects: &[(String, Subject)], seed: u64, task: &str, repeat: usize) -> Self {
        let (mut examples, mut costs, mut total) = (Vec::new(), vec![(0, 0.0)], (0, 0.0));
        for (name, subject) in subjects {
            let mut random = chance(seed, task, kind, repeat, name);
            let marks = user.marks(kind, &subject.image, &subject.truth, &mut random);
            total.0 += marks.prompts.len() + usize::from(marks.mask.is_some());
            total.1 += seconds(&marks, subject.image.is_flat());
            examples.push(subject.example(marks));
            costs.push(total);
        }
        Self { examples, costs }
    }

    /// The first `count` examples.
    pub fn first(&self, count: usize) -> Arc<[Example]> {
        self.examples.iter().take(count).cloned().collect()
    }
}

/// The chance behind the marks on a case.
pub fn chance(seed: u64, task: &str, kind: Kind, repeat: usize, case: &str) -> Random {
    Random::named(seed, [task, super::results::prompt_name(kind), &repeat.to_string(), case])
}

/// Guesses of a run, for its progress.
pub fn guesses(settings: &Settings, works: &[Work]) -> usize {
    let of_case = match settings.mode {
        Mode::InContext => settings.prompts.len() * settings.contexts.len(),
        Mode::Interactive => settings.prompts.len(),
    };
    works.iter().flat_map(|work| &work.rounds).map(|round| round.targets.len() * of_case).sum()
}

impl Runner<'_> {
    /// Measures one task.
    ///
    /// # Errors
    /// Where records cannot be written. A case that cannot be measured is a remark.
    pub fn measure(&mut self, work: &Work) -> anyhow::Result<()> {
        self.bar.set_message(work.task.name.clone());
        for (repeat, round) in work.rounds.iter().enumerate() {
            match self.settings.mode {
                Mode::InContext => self.in_context(work, repeat, round)?,
                Mode::Interactive => self.interactive(work, repeat, round)?,
            }
        }
        Ok(())
    }

    fn in_context(&mut self, work: &Work, repeat: usize, round: &Round) -> anyhow::Result<()> {
        let enough = |count: &&usize| **count <= round.examples.len();
        let counts: Vec<usize> = self.settings.contexts.iter().filter(enough).copied().collect();
        let prompts = self.settings.prompts.clone();
        let all: Vec<(Kind, usize)> = prompts.iter().flat_map(|&kind| counts.iter().map(move |&count| (kind, count))).collect();
        let asked = self.settings.prompts.len() * self.settings.contexts.len();
        let mut shown = None;
        for &target in &round.targets {
            let name = work.name(target);
            let is_left =
                |(kind, count): &&(Kind, usize)| !self.store.has(&Key::new(&work.task.name, *kind, *count, None, repeat, name));
            let left: Vec<(Kind, usize)> = all.iter().filter(is_left).copied().collect();
            self.bar.inc((asked - left.len()) as u64);
            if left.is_empty() {
                continue;
            }
            if shown.is_none() {
                match self.examples(work, repeat, round) {
                    Ok(examples) => shown = Some(examples),
                    Err(error) => {
                        self.leave_out(&format!("{}, repeat {repeat},", work.task.name), &error);
                        return Ok(());
                    }
                }
            }
            self.case(work, (repeat, target), &left, shown.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Guesses one case from each kind and number of examples that is left.
    fn case(
        &mut self,
        work: &Work,
        (repeat, target): (usize, usize),
        left: &[(Kind, usize)],
        shown: &[(Kind, Shown)],
    ) -> anyhow::Result<()> {
        let name = work.name(target);
        let subject = match work.open(target) {
            Ok(subject) => subject,
            Err(error) => {
                self.bar.inc(left.len() as u64);
                self.leave_out(&format!("{}/{name}", work.task.name), &error);
                return Ok(());
            }
        };
        for &(kind, count) in left {
            let Some((_, shown)) = shown.iter().find(|(other, _)| *other == kind) else { continue };
            let examples = shown.first(count);
            let tuned = if self.settings.tune { self.guesser.tune(&examples, |_| {}) } else { Ok(()) };
            match tuned.and_then(|()| in_context(&subject, &examples, |order| self.guesser.ask(order))) {
                Ok(scored) => {
                    let what = (kind, count, None);
                    self.store.put(vec![record(&scored, (&work.task.name, repeat, name), what, shown.costs[count])])?;
                }
                Err(error) => self.leave_out(&format!("{}/{name}", work.task.name), &error),
            }
            self.bar.inc(1);
        }
        Ok(())
    }

    /// The examples of a repeat, with each kind of mark.
    fn examples(&self, work: &Work, repeat: usize, round: &Round) -> anyhow::Result<Vec<(Kind, Shown)>> {
        let subjects = round.examples.iter().map(|&case| Ok((work.name(case).to_owned(), work.open(case)?)));
        let subjects: Vec<(String, Subject)> = subjects.collect::<anyhow::Result<_>>()?;
        let seed = self.settings.seed;
        let shown = |&kind: &Kind| (kind, Shown::new(&self.user, kind, &subjects, seed, &work.task.name, repeat));
        Ok(self.settings.prompts.iter().map(shown).collect())
    }

    fn interactive(&mut self, work: &Work, repeat: usize, round: &Round) -> anyhow::Result<()> {
        for &target in &round.targets {
            for kind in self.settings.prompts.clone() {
                let last = Key::new(&work.task.name, kind, 0, Some(self.settings.clicks), repeat, work.name(target));
                if !self.store.has(&last) {
                    match self.corrected(work, kind, repeat, target) {
                        Ok(records) => self.store.put(records)?,
                        Err(error) => self.leave_out(&format!("{}/{}", work.task.name, work.name(target)), &error),
                    }
                }
                self.bar.inc(1);
            }
        }
        Ok(())
    }

    /// A case from its first mark to the last correction.
    fn corrected(&self, work: &Work, kind: Kind, repeat: usize, target: usize) -> anyhow::Result<Vec<Record>> {
        let (name, subject) = (work.name(target), work.open(target)?);
        let mut random = chance(self.settings.seed, &work.task.name, kind, repeat, name);
        let most = self.settings.clicks;
        let steps = interactive(&self.user, kind, most, &subject, &mut random, |order| self.guesser.ask(order))?;
        let told = |step: &Step| {
            let cost = (step.marks.prompts.len(), seconds(&step.marks, subject.image.is_flat()));
            record(&step.scored, (&work.task.name, repeat, name), (kind, 0, Some(step.clicks)), cost)
        };
        Ok(steps.iter().map(told).collect())
    }

    /// Remarks once that something could not be measured; the others go on.
    fn leave_out(&mut self, what: &str, error: &anyhow::Error) {
        let remark = format!("{what} is left out: {error:#}");
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

fn record(
    scored: &Scored,
    (task, repeat, case): (&str, usize, &str),
    (prompt, contexts, clicks): (Kind, usize, Option<usize>),
    (marks, annotation_seconds): (usize, f64),
) -> Record {
    Record {
        method: OURS.to_owned(),
        task: task.to_owned(),
        prompt,
        contexts,
        clicks,
        repeat,
        case: case.to_owned(),
        dice: rounded(scored.agreement.dice),
        hausdorff95_mm: scored.agreement.hausdorff95_mm.map(rounded),
        surface_dice_2mm: scored.agreement.surface_dice.map(rounded),
        uncertainty: Some(rounded(f64::from(scored.uncertainty))),
        seconds: secs(scored.took),
        marks,
        annotation_seconds,
    }
}
