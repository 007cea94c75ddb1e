//! `exemplar segment`: one image, marks from a JSON file, a mask.

use super::guess::{Guesser, Settled};
use super::less::Less;
use super::report::{Case, Found, Teller, secs};
use super::{Compute, Net, prompts, tasks};
use anyhow::anyhow;
use engine::{Example, Marks};
use imaging::export::{Drawn, ExportError, check_dicom_seg};
use imaging::project::PALETTE;
use imaging::{Image, Item, Mask, Part};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What `segment` takes.
#[derive(clap::Args)]
#[command(after_long_help = prompts::FORM, after_help = "The form of the file of marks is told by --help.")]
pub struct Arguments {
    /// The image: a DICOM file or folder, NIfTI (.nii, .nii.gz, .hdr/.img), PNG, JPEG, TIFF or BMP.
    image: PathBuf,
    /// Of a file that holds several images, which one: its number, counted from 0 (`exemplar info` lists them).
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    part: Part,
    #[command(flatten)]
    less: Less,
    /// The marks, a JSON file.
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// The mask to write, on the image's own grid: .nii or .nii.gz, for a picture .png; of a DICOM image also .dcm, a
    /// segmentation, which bears the image's patient and study.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the mask if it is there.
    #[arg(long)]
    overwrite: bool,
    /// Tell the result as a line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    net: Net,
}

/// What one structure of an image is to be guessed from.
pub struct Order<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its label value.
    pub value: u16,
    /// Marks on the image itself.
    pub marks: Marks,
    /// Examples.
    pub examples: &'a Arc<[Example]>,
}

impl Arguments {
    /// Segments and writes.
    pub fn run(self) -> anyhow::Result<()> {
        let started = Instant::now();
        let source = Item::new(self.image, self.part).reduced(self.less.reduction());
        let image = Arc::new(tasks::open_item(&source)?);
        let marked = prompts::read(&self.prompts, &image)?;
        check(&source, &self.out, self.overwrite)?;
        let mut guesser = Guesser::start(self.compute.choice())?;
        self.net.take(&mut guesser)?;
        let none: Arc<[Example]> = Arc::new([]);
        let orders = marked.iter().map(|m| {
            let marks = Marks { prompts: m.prompts.clone(), mask: None };
            Order { name: &m.name, value: m.value, marks, examples: &none }
        });
        let structures = segment(&guesser, &source, &image, orders, &self.out, || {})?;
        let case = imaging::files::case_name(&source.path);
        Teller { json: self.json }.done(&Case { case, file: self.out, took_secs: secs(started.elapsed()), structures });
        Ok(())
    }
}

/// Guesses the structures of an image and writes them as one label map, whole or not at all; `step` follows each guess.
///
/// # Errors
/// Where the engine refuses, or the file cannot be written.
pub fn segment<'a>(
    guesser: &Guesser,
    source: &Item,
    image: &Arc<Image>,
    orders: impl Iterator<Item = Order<'a>>,
    out: &Path,
    step: impl Fn(),
) -> anyhow::Result<Vec<Found>> {
    let mut settled = Settled::new(image.grid).last_wins(guesser.last_wins);
    let mut told = Vec::new();
    for order in orders {
        let guess = guesser.guess(image, order.marks, order.examples)?;
        settled.add(&guess.probability)?;
        told.push((order.value, order.name, guess.uncertainty));
        step();
    }
    let masks = settled.masks();
    let labels: Vec<(u16, &Mask)> = told.iter().zip(&masks).map(|((value, ..), mask)| (*value, mask)).collect();
    if is_segmentation(out) {
        let drawn: Vec<Drawn<'_>> = told.iter().zip(&masks).map(|((value, name, _), mask)| drawn(*value, name, mask)).collect();
        imaging::export::export_dicom_seg(source, &drawn, out, true)?;
    } else {
        imaging::export::export_nifti(source, &labels, out, true)?;
    }
    let found = |((value, name, uncertainty), mask): (&(u16, &str, f32), &Mask)| {
        Found::new(name, *value, mask, &image.grid, image.is_picture, *uncertainty)
    };
    Ok(told.iter().zip(&masks).map(found).collect())
}

/// Whether a mask's name asks for a DICOM segmentation.
fn is_segmentation(out: &Path) -> bool {
    out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm"))
}

/// A structure in the colour that its place would have in the window.
fn drawn<'a>(value: u16, name: &'a str, mask: &'a Mask) -> Drawn<'a> {
    let colour = PALETTE[usize::from(value.saturating_sub(1)) % PALETTE.len()];
    Drawn { name, colour, manual: false, mask }
}

/// Says what speaks against a mask of this name, before any work is done for it.
///
/// # Errors
/// Where the source cannot be read, or the mask is there or may not be.
pub fn check(source: &Item, out: &Path, overwrite: bool) -> anyhow::Result<()> {
    let check = if is_segmentation(out) { check_dicom_seg } else { imaging::export::check };
    check(source, out, overwrite).map_err(|error| match error {
        ExportError::Exists(path) => anyhow!("the mask is there already, and only --overwrite replaces it: {}", path.display()),
        error => error.into(),
    })
}
