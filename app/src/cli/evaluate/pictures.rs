//! The best, the middle and the worst case of each structure as pictures, and how its examples were marked. The guesses
//! are made again: they are the same ones, and thousands of masks need not be kept for a few pictures.

use super::results::{Mode, OURS, Record, Settings};
use super::run::{Shown as Marked, Work, chance};
use crate::cli::guess::Guesser;
use crate::cli::sheet::{self, Layer, Shown};
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Marks;
use engine::evaluate::user::{User, slice_axis};
use engine::evaluate::{Scored, Subject, in_context, interactive};
use image::{ImageFormat, RgbImage};
use imaging::{Kind, Mask};
use std::io::Cursor;

/// What was found is filled in this colour, the reference outlined in the other.
pub const COLOURS: [[u8; 3]; 2] = [[230, 159, 0], [86, 180, 233]];

/// A picture of a structure.
pub struct Picture {
    /// What it shows.
    pub caption: String,
    /// PNG in base64.
    pub png: String,
}

/// Takes the pictures.
pub struct Camera<'a> {
    /// The engine.
    pub guesser: &'a Guesser,
    /// What fixes the run.
    pub settings: &'a Settings,
    /// The simulated user.
    pub user: User,
}

impl Camera<'_> {
    /// The pictures of a task: of its first kind of mark, with the most examples or clicks, in the first repeat.
    ///
    /// # Errors
    /// Where a case cannot be read or guessed.
    pub fn pictures(&self, work: &Work, records: &[Record]) -> anyhow::Result<Vec<Picture>> {
        let Some(&kind) = self.settings.prompts.first() else { return Ok(Vec::new()) };
        let chosen: Vec<&Record> = records
            .iter()
            .filter(|r| r.method == OURS && r.task == work.task.name && r.repeat == 0 && r.prompt == kind)
            .collect();
        let Some(most) = chosen.iter().map(|record| (record.contexts, record.clicks)).max() else { return Ok(Vec::new()) };
        let mut ranked: Vec<&Record> = chosen.into_iter().filter(|record| (record.contexts, record.clicks) == most).collect();
        ranked.sort_by(|a, b| b.dice.total_cmp(&a.dice));
        let mut pictures = self.marked(work)?;
        let last = ranked.len().saturating_sub(1);
        // Of two cases there is no middle one, and a single one is the best.
        let places = [("Best", 0, 1), ("Median", last / 2, 3), ("Worst", last, 2)];
        for (what, at, _) in places.into_iter().filter(|(_, _, least)| ranked.len() >= *least) {
            pictures.push(self.guessed(work, ranked[at], what)?);
        }
        Ok(pictures)
    }

    fn guessed(&self, work: &Work, record: &Record, what: &str) -> anyhow::Result<Picture> {
        let at = (0..work.task.cases.len()).find(|&case| work.name(case) == record.case).context("the case is gone")?;
        let subject = work.open(at)?;
        let (scored, marks) = match self.settings.mode {
            Mode::InContext => (self.in_context(work, record, &subject)?, Marks::default()),
            Mode::Interactive => self.interactive(work, record, &subject)?,
        };
        let layer = Layer { found: scored.mask, reference: (*subject.truth).clone(), colours: COLOURS };
        let shown = Shown { image: subject.image.clone(), layers: vec![layer], marks: marks.prompts };
        Ok(Picture { caption: format!("{what}: {}, Dice {:.2}", record.case, record.dice), png: png(&sheet::row(&shown))? })
    }

    fn in_context(&self, work: &Work, record: &Record, subject: &Subject) -> anyhow::Result<Scored> {
        let shown = self.examples(work, record.prompt, record.contexts)?;
        in_context(subject, &shown.first(record.contexts), |order| self.guesser.ask(order))
    }

    fn interactive(&self, work: &Work, record: &Record, subject: &Subject) -> anyhow::Result<(Scored, Marks)> {
        let mut random = chance(self.settings.seed, &work.task.name, record.prompt, 0, &record.case);
        let most = self.settings.clicks;
        let steps = interactive(&self.user, record.prompt, most, subject, &mut random, |order| self.guesser.ask(order))?;
        steps.into_iter().next_back().map(|step| (step.scored, step.marks)).context("no step was made")
    }

    fn examples(&self, work: &Work, kind: Kind, count: usize) -> anyhow::Result<Marked> {
        let cases = work.rounds.first().map_or(&[][..], |round| &round.examples);
        let subjects = cases.iter().take(count).map(|&case| Ok((work.name(case).to_owned(), work.open(case)?)));
        let subjects: Vec<(String, Subject)> = subjects.collect::<anyhow::Result<_>>()?;
        Ok(Marked::new(&self.user, kind, &subjects, self.settings.seed, &work.task.name, 0))
    }

    /// The first example with each kind of weak mark.
    fn marked(&self, work: &Work) -> anyhow::Result<Vec<Picture>> {
        let Some(&first) = work.rounds.first().and_then(|round| round.examples.first()) else { return Ok(Vec::new()) };
        let subject = work.open(first)?;
        let weak = self.settings.prompts.iter().filter(|kind| **kind != Kind::Mask);
        let picture = |&kind: &Kind| {
            let mut random = chance(self.settings.seed, &work.task.name, kind, 0, work.name(first));
            let marks = self.user.marks(kind, &subject.image, &subject.truth, &mut random).prompts;
            let (found, reference) = (Mask::empty(subject.truth.shape()), (*subject.truth).clone());
            let shown = Shown { image: subject.image.clone(), layers: vec![Layer { found, reference, colours: COLOURS }], marks };
            let caption = format!("Example with {}: {}", super::results::prompt_name(kind), work.name(first));
            Ok(Picture { caption, png: png(&sheet::across(&shown, slice_axis(&subject.image.grid)))? })
        };
        weak.map(picture).collect()
    }
}

fn png(picture: &RgbImage) -> anyhow::Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(STANDARD.encode(bytes.into_inner()))
}
