//! `exemplar demo`: the main job on the sample, on a machine without a screen.

use super::less::Less;
use super::propagate::Run;
use super::report::{Case, Teller};
use super::sheet::{self, Layer, Shown};
use super::{Compute, Net, cohort, sample, tasks, told};
use image::RgbImage;
use imaging::Part;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `demo` takes.
#[derive(clap::Args)]
#[command(after_help = "\
DIR/sample: the sample; DIR/examples: the cases of it that serve as examples; DIR/masks: the masks of all the others;
DIR/masks.png: a picture of them, what was found as a fill and the reference as an outline.")]
pub struct Arguments {
    /// The folder to write; it is made if need be.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// How many cases of each set are examples.
const EXAMPLES: usize = 2;

/// A case beside its reference.
struct Compared {
    name: String,
    /// Dice of each structure, by name.
    dice: BTreeMap<String, f64>,
    picture: RgbImage,
}

impl Arguments {
    /// Does the whole job, once for the scans and once for the pictures.
    pub fn run(self) -> anyhow::Result<()> {
        sample::write(&self.folder.join("sample"))?;
        let mut rows = Vec::new();
        for (set, columns) in [("ct", 2), ("cells", 4)] {
            let cases = self.set(set)?;
            print_table(&cases);
            let pictures: Vec<RgbImage> = cases.into_iter().map(|case| case.picture).collect();
            rows.push(sheet::beside(&pictures, columns));
        }
        let picture = self.folder.join("masks.png");
        sheet::below(&rows).save(&picture).map_err(told("the picture cannot be written", &picture))?;
        println!("\nMasks: {}\nPicture: {}", self.folder.join("masks").display(), picture.display());
        Ok(())
    }

    /// Propagates one set from its examples and compares it with its reference.
    fn set(&self, set: &str) -> anyhow::Result<Vec<Compared>> {
        let source = self.folder.join("sample").join(set);
        let examples = self.folder.join("examples").join(set);
        let mut targets = cohort::images_in(&source)?;
        for name in targets.keys().take(EXAMPLES).cloned().collect::<Vec<_>>() {
            targets.remove(&name);
            copy_example(&source, &examples, &name)?;
        }
        copy(&source, &examples, "labels.json")?;
        let images = targets.clone();
        let mut compared = Vec::new();
        let run = Run {
            out: self.folder.join("masks").join(set),
            part: Part::Only,
            less: Less::default(),
            dicom: false,
            tune: false,
            overwrite: true,
            compute: self.compute,
            net: Net::default(),
        };
        run.propagate(&tasks::from_folder(&examples, &Part::Only, &[])?, targets, |name, result| {
            Teller { json: false }.tell(name, result);
            compared.extend(result.as_ref().ok().map(|case| compare(case, &images[name], &source)));
        })?;
        compared.into_iter().collect()
    }
}

fn copy_example(source: &Path, examples: &Path, name: &str) -> anyhow::Result<()> {
    for part in ["images", "labels"] {
        for file in imaging::files::list(&source.join(part))?.iter().filter(|file| imaging::files::case_name(file) == name) {
            let file = Path::new(part).join(file.file_name().unwrap_or_default());
            copy(source, examples, file)?;
        }
    }
    Ok(())
}

fn copy(source: &Path, examples: &Path, file: impl AsRef<Path>) -> anyhow::Result<()> {
    let to = examples.join(&file);
    let folder = to.parent().unwrap_or(examples);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(source.join(file), &to))
        .map(drop)
        .map_err(told("the example cannot be copied", &to))
}

fn compare(case: &Case, image: &Path, source: &Path) -> anyhow::Result<Compared> {
    let image = tasks::open(image)?;
    let found = tasks::open_labels(&case.file, &image)?;
    let labels = cohort::labels_in(source)?;
    let reference = tasks::open_labels(&labels[&case.case], &image)?;
    let layers = case.structures.iter().enumerate();
    let layers: Vec<Layer> = layers.map(|(place, s)| Layer::at(place, found.mask(s.value), reference.mask(s.value))).collect();
    let dice = case.structures.iter().zip(&layers).map(|(s, layer)| (s.name.clone(), layer.found.dice(&layer.reference)));
    let dice = dice.collect();
    let picture = sheet::row(&Shown { image: Arc::new(image), layers, marks: Vec::new() });
    Ok(Compared { name: case.case.clone(), dice, picture })
}

/// Dice of each case and structure, and the means.
fn print_table(cases: &[Compared]) {
    let Some(first) = cases.first() else { return };
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>13}")).collect();
        println!("{name:<12}{cells}");
    };
    println!();
    line("Dice", first.dice.keys().cloned().collect());
    for case in cases {
        line(&case.name, case.dice.values().map(|dice| format!("{dice:.3}")).collect());
    }
    let mean = |name: &String| cases.iter().filter_map(|case| case.dice.get(name)).sum::<f64>() / cases.len() as f64;
    line("mean", first.dice.keys().map(|name| format!("{:.3}", mean(name))).collect());
    println!();
}
