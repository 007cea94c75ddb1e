//! `exemplar propagate`: every structure that the examples show, in every target.

use super::guess::Guesser;
use super::less::Less;
use super::report::{Case, Teller, secs};
use super::segment::{Order, check, segment};
use super::tasks::{Task, Tasks};
use super::{Compute, Net, cohort, tasks, told};
use anyhow::ensure;
use engine::Marks;
use imaging::export::is_from_dicom;
use imaging::{Item, Part};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What `propagate` takes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples and labels belong together by name: images/case.nii.gz and labels/case.nii.gz. Each label value is a
structure; labels.json ({\"liver\": 1}) or nnU-Net's dataset.json beside the folders names them. Instead of a label map
an example may have labels/case.json with marks, of the form that `exemplar segment --help` tells.
Targets are the images of a folder, or of the folder images in it; images that serve as examples are left out.
One mask is written for each target, on its own grid, with the examples' label values; where structures overlap,
the more probable one is taken. A target that cannot be segmented does not stop the others.")]
pub struct Arguments {
    /// A folder with the examples in images/ and labels/.
    #[arg(long, value_name = "DIR")]
    examples: PathBuf,
    /// A folder with the images to segment.
    #[arg(long, value_name = "DIR")]
    targets: PathBuf,
    /// The folder for the masks; it is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only these structures, by name or label value; all if left out.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    structures: Vec<String>,
    /// Of targets that hold several images, which one: its number, counted from 0 (`exemplar info` lists them).
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    part: Part,
    /// Of images of examples that hold several, which one; their labels may be of one volume, or of as many.
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    example_part: Part,
    #[command(flatten)]
    less: Less,
    /// Write a DICOM segmentation (.dcm) for each target that came from DICOM; it bears the patient and the study of its
    /// image.
    #[arg(long)]
    dicom_seg: bool,
    /// Tune the net to the examples of each structure first: minutes, and better masks of what is unlike all that the
    /// net was trained on.
    #[arg(long)]
    tune: bool,
    /// Replace masks that are there.
    #[arg(long)]
    overwrite: bool,
    /// Tell each result as a line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    net: Net,
}

/// A target and its mask.
struct Target {
    name: String,
    image: Item,
    out: PathBuf,
}

impl Arguments {
    /// Segments all targets.
    pub fn run(self) -> anyhow::Result<()> {
        let tasks = tasks::from_folder(&self.examples, &self.example_part, &self.structures)?;
        let targets = cohort::images_in(&self.targets)?;
        let Self { out, part, less, dicom_seg: dicom, tune, overwrite, compute, net, .. } = self;
        let run = Run { out, part, less, dicom, tune, overwrite, compute, net };
        let teller = Teller { json: self.json };
        run.propagate(&tasks, targets, |name, result| teller.tell(name, result))
    }
}

/// How to propagate.
pub struct Run {
    /// The folder for the masks.
    pub out: PathBuf,
    /// Which image of a target that holds several.
    pub part: Part,
    /// How much of each target is opened.
    pub less: Less,
    /// Whether targets from DICOM get DICOM segmentations.
    pub dicom: bool,
    /// Whether the net is tuned to the examples first.
    pub tune: bool,
    /// Whether masks that are there are replaced.
    pub overwrite: bool,
    /// Where to compute.
    pub compute: Compute,
    /// With which net.
    pub net: Net,
}

impl Run {
    /// Segments all `targets` but those that serve as examples; `tell` takes each result by the case's name.
    ///
    /// # Errors
    /// Where nothing can be done at all, or at the end where some targets could not be segmented.
    pub fn propagate(
        &self,
        Tasks { tasks, images }: &Tasks,
        targets: BTreeMap<String, PathBuf>,
        mut tell: impl FnMut(&str, &anyhow::Result<Case>),
    ) -> anyhow::Result<()> {
        let is_example = |path: &PathBuf| path.canonicalize().is_ok_and(|path| images.contains(&path));
        let targets: Vec<Target> =
            targets.into_iter().filter(|(_, path)| !is_example(path)).map(|(name, image)| self.target(name, image)).collect();
        self.check(&targets)?;
        std::fs::create_dir_all(&self.out).map_err(told("the folder for the masks cannot be made", &self.out))?;
        let mut guesser = Guesser::start(self.compute.choice())?;
        self.net.take(&mut guesser)?;
        if self.tune {
            tune(&guesser, tasks)?;
        }
        let bar = progress(targets.len() * tasks.len());
        let mut left_out = Vec::new();
        for (place, target) in targets.iter().enumerate() {
            bar.set_message(target.name.clone());
            let result = one(&guesser, target, tasks, &bar);
            bar.suspend(|| tell(&target.name, &result));
            if result.is_err() {
                left_out.push(target.name.as_str());
            }
            bar.set_position(((place + 1) * tasks.len()) as u64);
        }
        bar.finish_and_clear();
        write_names(tasks, &self.out)?;
        ensure!(
            left_out.is_empty(),
            "{} of {} images could not be segmented: {}",
            left_out.len(),
            targets.len(),
            left_out.join(", ")
        );
        Ok(())
    }

    fn target(&self, name: String, image: PathBuf) -> Target {
        // One that cannot be read is left out when its turn comes.
        let part = imaging::files::part_for(&image, &self.part);
        let image = Item::new(image, part).reduced(self.less.reduction());
        let ending = match self.dicom && is_from_dicom(&image) {
            true => ".dcm",
            false => imaging::export::ending(&image).unwrap_or(".nii.gz"),
        };
        let out = self.out.join(format!("{name}{ending}"));
        Target { name, image, out }
    }

    /// Refuses before any work is done for it.
    fn check(&self, targets: &[Target]) -> anyhow::Result<()> {
        ensure!(!targets.is_empty(), "every target is an example: nothing is left to segment");
        let is_readable = |target: &&Target| imaging::export::ending(&target.image).is_ok();
        targets.iter().filter(is_readable).try_for_each(|target| check(&target.image, &target.out, self.overwrite))
    }
}

/// Tunes the net to each structure's examples.
fn tune(guesser: &Guesser, tasks: &[Task]) -> anyhow::Result<()> {
    let bar = progress(100 * tasks.len());
    for (place, task) in tasks.iter().enumerate() {
        bar.set_message(format!("tuning to {}", task.name));
        guesser.tune(&task.examples, |share| bar.set_position((100 * place) as u64 + (100.0 * share) as u64))?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Beside the masks: which label value is which structure.
fn write_names(tasks: &[Task], out: &Path) -> anyhow::Result<()> {
    let names: BTreeMap<&str, u16> = tasks.iter().map(|task| (task.name.as_str(), task.value)).collect();
    let path = out.join("labels.json");
    std::fs::write(&path, serde_json::to_string_pretty(&names)?).map_err(told("the names cannot be written", &path))
}

fn one(guesser: &Guesser, target: &Target, tasks: &[Task], bar: &ProgressBar) -> anyhow::Result<Case> {
    let started = Instant::now();
    let image = Arc::new(tasks::open_item(&target.image)?);
    let orders =
        tasks.iter().map(|task| Order { name: &task.name, value: task.value, marks: Marks::default(), examples: &task.examples });
    let structures = segment(guesser, &target.image, &image, orders, &target.out, || bar.inc(1))?;
    Ok(Case { case: target.name.clone(), file: target.out.clone(), took_secs: secs(started.elapsed()), structures })
}

/// A bar on standard error, drawn only where that is a terminal.
pub fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar
}
