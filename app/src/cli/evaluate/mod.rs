//! `exemplar evaluate`: the papers' protocols on a folder of images with labels; results, plot and report.

mod baseline;
mod charts;
mod compare;
mod data;
mod page;
mod pictures;
mod plot;
mod results;
mod run;
mod split;
mod store;
mod summary;
mod tile;

use super::guess::Guesser;
use super::propagate::progress;
use super::{Compute, told};
use crate::words;
use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use engine::evaluate::user::User;
use engine::weights::{self, Card};
use imaging::Kind;
use page::Album;
use pictures::Camera;
use results::{Machine, Mode, NetUsed, Results, SCHEMA, Settings};
use run::{Runner, Work};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Present, Store};
use summary::Summary;

/// Of so many structures the report shows pictures.
const PICTURED: usize = 60;

/// What `evaluate` takes.
#[derive(clap::Args)]
#[command(after_help = "\
DATA is a folder with images/ and labels/, which belong together by name, or a folder of such folders. Each label value
that enough cases show is a structure to measure; labels.json, dataset.json or palette.txt beside images/ tell names and
colours. In context, K examples are drawn at random for each repeat and the structure is found in the other cases, up to
--targets; interactive, each of these is marked itself and then corrected by clicks in the middle of the largest error.
Marks are simulated from the labels. The same seed gives the same cases and marks, also for other weights.
A killed run goes on with --resume, which may also add kinds of mark and repeats to a run that ended.")]
pub struct Arguments {
    /// The folder of images and labels.
    data: PathBuf,
    /// The results to write, JSON.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// The plots to write, SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// The report to write, HTML; beside the results if left out.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How cases are segmented.
    #[arg(long, value_enum, default_value = "in-context")]
    mode: Mode,
    /// In context: numbers of examples.
    #[arg(long, value_name = "K,..", value_delimiter = ',', default_value = "1,2,4,8")]
    contexts: Vec<usize>,
    /// Kinds of mark; interactive: of the first mark. All if left out.
    #[arg(long, value_name = "KIND,..", value_delimiter = ',', value_enum)]
    prompts: Vec<Prompt>,
    /// How often, each time with other examples and marks.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Most cases to segment of each structure.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    targets: u32,
    /// Slices of a volume that bear weak marks.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    slices: u16,
    /// Interactive: clicks up to which a case is corrected.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    clicks: u16,
    /// What chance follows from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Only structures whose names (SET/STRUCTURE) begin so.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    tasks: Vec<String>,
    /// Only the cases that a JSON file holds back: {"SET": {"held_back": ["CASE"]}, "held_back_tasks": ["SET"]}.
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Measure labels joined, by value or name, besides each by itself; may be given again.
    #[arg(long, value_name = "NAME=1+2", value_parser = data::parse_join)]
    join: Vec<data::Join>,
    /// Cut pictures, or those of one set, into squares of so many pixels; may be given again.
    #[arg(long, value_name = "[SET=]N", value_parser = tile::parse)]
    tile: Vec<tile::Tiling>,
    /// Cases that must show a structure for it to be measured; two more than the most examples if left out.
    #[arg(long, value_name = "N")]
    least_cases: Option<usize>,
    /// What another method made of the same cases (see app/baselines); may be given again.
    #[arg(long, value_name = "FILE")]
    baseline: Vec<PathBuf>,
    /// In context: tune the net to each set of examples first, which takes minutes for each.
    #[arg(long)]
    tune: bool,
    /// Go on from results that are there.
    #[arg(long)]
    resume: bool,
    /// Replace results that are there.
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    #[command(flatten)]
    compute: Compute,
}

/// A kind of mark on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Prompt {
    Mask,
    Box,
    Doodle,
    Click,
}

impl Prompt {
    fn kind(self) -> Kind {
        match self {
            Self::Mask => Kind::Mask,
            Self::Box => Kind::Box,
            Self::Doodle => Kind::Doodle,
            Self::Click => Kind::Click,
        }
    }
}

impl Arguments {
    /// Measures and reports.
    pub fn run(self) -> anyhow::Result<()> {
        let settings = self.settings()?;
        let present = match (self.resume, self.overwrite) {
            (true, _) => Present::Resume,
            (_, true) => Present::Overwrite,
            _ => Present::Refuse,
        };
        if present == Present::Refuse {
            store::check(&self.json)?;
        }
        let mut remarks = Vec::new();
        let works = self.works(&settings, &mut remarks)?;
        let nets = nets()?;
        let machine = machine();
        let mut store = Store::open(&self.json, present, &settings, &nets)?;
        let guesser = Guesser::start(self.compute.choice())?;
        let user = User { slices: settings.slices, ..User::default() };
        let bar = progress(run::guesses(&settings, &works));
        let mut runner = Runner { guesser: &guesser, settings: &settings, user, store: &mut store, remarks: &mut remarks, bar };
        works.iter().try_for_each(|work| runner.measure(work))?;
        runner.bar.finish_and_clear();
        let mut records = store.records();
        for path in &self.baseline {
            records.extend(baseline::records(path, &works)?);
        }
        let tasks: Vec<_> = works.iter().map(|work| work.planned(&self.data)).collect();
        let summary = Summary::new(&tasks, &records);
        let camera = Camera { guesser: &guesser, settings: &settings, user };
        let albums = albums(&camera, &works, &records, &mut remarks);
        let results = Results {
            schema: SCHEMA,
            program: format!("exemplar {}", env!("CARGO_PKG_VERSION")),
            data: self.data.clone(),
            machine: Machine { device: guesser.adapter.clone(), ..machine },
            settings,
            nets,
            tasks,
            records,
            summary,
            remarks,
        };
        self.write(store, &results, &albums)
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let is_interactive = self.mode == Mode::Interactive;
        let mut prompts: Vec<Kind> = self.prompts.iter().map(|prompt| prompt.kind()).collect();
        if prompts.is_empty() {
            prompts = if is_interactive { Vec::new() } else { vec![Kind::Mask] };
            prompts.extend([Kind::Box, Kind::Doodle, Kind::Click]);
        }
        ensure!(
            !(is_interactive && prompts.contains(&Kind::Mask)),
            "a mask of the case itself leaves nothing to guess: --mode interactive takes box, doodle and click"
        );
        let mut contexts = if is_interactive { Vec::new() } else { self.contexts.clone() };
        contexts.sort_unstable();
        contexts.dedup();
        ensure!(!contexts.contains(&0), "--contexts are numbers of examples, from 1 on");
        let least = contexts.last().map_or(2, |most| most + 2);
        let tile = self.tile.iter().map(|tiling| match &tiling.set {
            Some(set) => format!("{set}={}", tiling.side),
            None => tiling.side.to_string(),
        });
        Ok(Settings {
            mode: self.mode,
            contexts,
            prompts,
            repeats: self.repeats.into(),
            targets: self.targets as usize,
            slices: self.slices.into(),
            clicks: self.clicks.into(),
            seed: self.seed,
            least_cases: self.least_cases.unwrap_or(least),
            join: self.join.iter().map(|join| format!("{}={}", join.name, join.parts.join("+"))).collect(),
            split: self.split.clone(),
            tile: tile.collect(),
            tune: self.tune && self.mode == Mode::InContext,
        })
    }

    /// What is to be measured, in the order of the tasks' names.
    fn works(&self, settings: &Settings, remarks: &mut Vec<String>) -> anyhow::Result<Vec<Work>> {
        let split = self.split.as_deref().map(split::Split::read).transpose()?;
        let tile = |set: &str| tile::side_for(&self.tile, set);
        let how = data::Reading { split: split.as_ref(), tile: &tile };
        let mut works = Vec::new();
        for (name, folder) in data::folders(&self.data)? {
            let is_wanted = self.tasks.is_empty() || self.tasks.iter().any(|task| may_begin(&name, task));
            let set = if is_wanted { data::Set::read(&name, &folder, &how, remarks)? } else { None };
            if let Some(set) = set.map(Arc::new) {
                let tasks = set.tasks(&self.join, settings.least_cases);
                works.extend(tasks.into_iter().map(|task| Work::new(&set, task, settings)));
            }
        }
        if let Some(join) = self.join.iter().find(|join| !works.iter().any(|work: &Work| work.task.structure == join.name)) {
            bail!("no set has all the labels that {} would join", join.name);
        }
        works.sort_by(|a, b| a.task.name.cmp(&b.task.name));
        ensure!(
            !works.is_empty(),
            "no structure is shown by {} cases; ask for fewer --contexts or --least-cases: {}",
            settings.least_cases,
            self.data.display()
        );
        data::chosen(works, &self.tasks, |work| &work.task.name)
    }

    fn write(&self, store: Store, results: &Results, albums: &[Album]) -> anyhow::Result<()> {
        let report = self.report.clone().unwrap_or_else(|| self.json.with_extension("html"));
        std::fs::write(&report, page::page(results, albums)).map_err(told("the report cannot be written", &report))?;
        if let Some(plot) = &self.plot {
            let figure = charts::figure(&results.settings, &results.summary);
            std::fs::write(plot, figure).map_err(told("the plots cannot be written", plot))?;
        }
        store.finish(&self.json, results)?;
        for row in &results.summary.means {
            println!("{}", line(&results.settings, row));
        }
        println!("Report: {}", report.display());
        let left_out = results.remarks.len();
        ensure!(
            left_out == 0,
            "{left_out} of the cases or repeats could not be measured; the report names them: {}",
            report.display()
        );
        Ok(())
    }
}

/// Whether tasks of a set may be meant by a text that begins their names.
fn may_begin(set: &str, task: &str) -> bool {
    let (set, task) = (format!("{}/", set.to_lowercase()), task.to_lowercase());
    set.starts_with(&task) || task.starts_with(&set)
}

/// A mean as a line for people.
fn line(settings: &Settings, row: &summary::Row) -> String {
    let amount = row.clicks.map_or_else(|| words::count(row.contexts, "example"), |clicks| words::count(clicks, "click"));
    let spread = row.dice_spread.map_or_else(String::new, |spread| format!(" ± {spread:.3}"));
    let name = charts::name(settings, &row.method, row.prompt);
    format!("{}-D, {name}, {amount}: Dice {:.3}{spread}, {:.2} s a guess", row.dims, row.dice, row.seconds)
}

fn albums(camera: &Camera<'_>, works: &[Work], records: &[results::Record], remarks: &mut Vec<String>) -> Vec<Album> {
    let mut albums = Vec::new();
    for work in works.iter().take(PICTURED) {
        match camera.pictures(work, records) {
            Ok(pictures) => albums.push(Album { task: work.task.name.clone(), pictures }),
            Err(error) => remarks.push(format!("{} is without pictures: {error:#}", work.task.name)),
        }
    }
    albums
}

/// The nets whose cards lie beside the program.
fn nets() -> anyhow::Result<Vec<NetUsed>> {
    let folder = weights::folder().context("there are no weights: assets/weights")?;
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(told("a card of weights cannot be read", &path))?;
        let card = Card::parse(&text).map_err(anyhow::Error::msg).map_err(told("a card of weights cannot be read", &path))?;
        Ok(NetUsed { name: card.name, dims: card.config.dims, sha256: card.sha256 })
    };
    weights::cards(&folder).into_iter().map(read).collect()
}

fn machine() -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = std::fs::read_to_string(Path::new("/proc/loadavg")).ok();
    let load = load.and_then(|text| text.split_whitespace().next()?.parse().ok());
    Machine { device: String::new(), cores, load }
}
