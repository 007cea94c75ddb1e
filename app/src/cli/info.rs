//! `exemplar info`: what a file is.

use super::less::Less;
use super::told;
use imaging::Part;
use imaging::files::{self, Info, Item, ItemInfo};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;

/// What `info` takes.
#[derive(clap::Args)]
#[command(after_help = "\
Of a file that holds several images, all are listed, and the numbers are those of all of them together; --part names one.
The SHA-256 is that of all numbers after slope and intercept, each as a 64-bit float with the least byte first, the first
axis fastest, of a colour one channel after the other; in Python: sha256(image.get_fdata().tobytes(order=\"F\")).
Exit codes: 0 read, 1 refused with a sentence, 2 wrong use.")]
pub struct Arguments {
    /// The file.
    file: PathBuf,
    /// Of a file that holds several images, only this one: its number, counted from 0.
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    part: Part,
    #[command(flatten)]
    less: Less,
    /// Tell it as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What is told of a file.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a PathBuf,
    #[serde(skip_serializing_if = "String::is_empty")]
    part: String,
    #[serde(flatten)]
    info: Info,
    items: Vec<Listed>,
}

/// One of the images in a file.
#[derive(Serialize)]
struct Listed {
    part: String,
    name: String,
    title: String,
    shape: [usize; 3],
    details: String,
}

impl Arguments {
    /// Tells what the file is.
    pub fn run(self) -> anyhow::Result<()> {
        let listed = files::items(&self.file)?;
        let info = files::info(&Item::new(self.file.clone(), self.part.clone()).reduced(self.less.reduction()))?;
        let items = if listed.len() > 1 { listed.into_iter().map(Listed::from).collect() } else { Vec::new() };
        let report = Report { file: &self.file, part: self.part.to_string(), info, items };
        let text = if self.json { serde_json::to_string(&report)? + "\n" } else { report.text() };
        match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever reads has had enough, as `head` has.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(told("the report cannot be written", &self.file)),
        }
    }
}

impl From<ItemInfo> for Listed {
    fn from(info: ItemInfo) -> Self {
        let ItemInfo { item, name, title, shape, details, .. } = info;
        Self { part: item.part.to_string(), name, title, shape, details }
    }
}

impl Report<'_> {
    /// For people: a line a fact.
    fn text(&self) -> String {
        let Info {
            format,
            shape,
            affine,
            voxel_type,
            components,
            spacing_mm,
            orientation,
            min,
            max,
            mean,
            nan,
            sha256,
            warnings,
        } = &self.info;
        let [x, y, z] = spacing_mm;
        let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        let number = |value: &Option<f64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        let mut text = String::new();
        let mut line = |name: &str, value: String| text += &format!("{name:<12} {value}\n");
        line("file", self.file.display().to_string());
        line("format", format.clone());
        line("shape", shape);
        line("voxel type", if *components > 1 { format!("{voxel_type} x {components}") } else { voxel_type.clone() });
        line("spacing", format!("{x} x {y} x {z} mm"));
        line("orientation", orientation.clone());
        for (row, name) in affine.iter().zip(["affine", "", "", ""]) {
            line(name, row.map(|value| format!("{value:>12.6}")).join(" "));
        }
        line("min", number(min));
        line("max", number(max));
        line("mean", number(mean));
        if *nan > 0 {
            line("nan", nan.to_string());
        }
        line("sha256", sha256.clone());
        for warning in warnings {
            line("warning", warning.clone());
        }
        for item in &self.items {
            line("image", format!("{}  {}  {}", item.part, item.title, item.details));
        }
        text
    }
}
