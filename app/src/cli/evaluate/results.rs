//! The form of what is measured: the JSON that `evaluate` writes, that it reads to go on, and that the baselines read
//! and write. Figures are rounded where they are made, so that the same run writes the same text but for seconds.

use super::tile::Tile;
use imaging::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The version of the form.
pub const SCHEMA: u32 = 1;
/// The name under which this program's figures stand.
pub const OURS: &str = "exemplar";

/// How cases are segmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// From marks on other cases.
    InContext,
    /// From marks on the case itself.
    Interactive,
}

/// What fixes a run: two runs of the same settings, nets and data give the same figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How cases are segmented.
    pub mode: Mode,
    /// Numbers of examples; none in interactive mode.
    pub contexts: Vec<usize>,
    /// Kinds of mark; interactive: of the first mark.
    pub prompts: Vec<Kind>,
    /// How often, each time with other examples and marks.
    pub repeats: usize,
    /// Most targets of a task.
    pub targets: usize,
    /// Slices of a volume that bear weak marks.
    pub slices: usize,
    /// Interactive: clicks up to which a case is corrected.
    pub clicks: usize,
    /// What chance follows from.
    pub seed: u64,
    /// Cases that a structure needs to be measured.
    pub least_cases: usize,
    /// The file that tells which cases are held back.
    pub split: Option<PathBuf>,
    /// Pictures that are cut into windows, as they were asked for.
    pub tile: Vec<String>,
    /// Labels that are measured joined, as they were asked for.
    #[serde(default)]
    pub join: Vec<String>,
    /// In context: whether the net is tuned to the examples first.
    #[serde(default)]
    pub tune: bool,
}

impl Settings {
    /// Whether what was measured with `other` counts for these as well: kinds of mark, joined labels and repeats may be
    /// added, all else decides which cases are taken.
    pub fn go_on_from(&self, other: &Self) -> bool {
        let (prompts, join) = (other.prompts.clone(), other.join.clone());
        let others = Self { prompts, join, repeats: other.repeats, ..self.clone() };
        others == *other && other.join.iter().all(|join| self.join.contains(join))
    }
}

/// A net that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetUsed {
    /// Its name.
    pub name: String,
    /// 2 or 3.
    pub dims: usize,
    /// SHA-256 of its weights.
    pub sha256: String,
}

/// Where the seconds were measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// What the engine computed on.
    pub device: String,
    /// Processors at hand.
    pub cores: usize,
    /// Processes that were at work or waited for it when the run began (the system's load), if it is known. More than
    /// 1 means that others took a share, and the seconds are too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
}

/// The files of a case; paths are from the folder of data on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// The image.
    pub image: PathBuf,
    /// Its label map.
    pub labels: PathBuf,
    /// The part of the picture that the case is, if not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile: Option<Tile>,
}

/// Who was marked and who was guessed, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// K examples are the first K.
    pub examples: Vec<String>,
    /// The cases to guess.
    pub targets: Vec<String>,
}

/// A structure and its cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// `set/structure`.
    pub name: String,
    /// The set.
    pub set: String,
    /// 2 or 3.
    pub dims: usize,
    /// Its label values.
    pub values: Vec<u16>,
    /// Of colour-coded label maps: the colour of each value. A file may hold numbers all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub palette: Vec<[u8; 3]>,
    /// The files of the cases that take part, by name.
    pub cases: BTreeMap<String, Files>,
    /// Repeat by repeat.
    pub repeats: Vec<Repeat>,
}

/// One guess and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Who guessed: this program or a baseline.
    pub method: String,
    /// The task's name.
    pub task: String,
    /// The kind of mark; interactive: of the first mark.
    pub prompt: Kind,
    /// Examples; 0 in interactive mode.
    pub contexts: usize,
    /// Interactive: clicks so far, the first mark among them if it was a click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicks: Option<usize>,
    /// Which repeat, from 0 on.
    pub repeat: usize,
    /// The case that was guessed.
    pub case: String,
    /// Dice with the reference.
    pub dice: f64,
    /// 95% Hausdorff distance in mm; none of pictures, and none where nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hausdorff95_mm: Option<f64>,
    /// Share of both surfaces within 2 mm of each other; none of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface_dice_2mm: Option<f64>,
    /// How little the guess was said to be trusted, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<f64>,
    /// The machine's seconds for this guess.
    pub seconds: f64,
    /// Marks that it came from, of all examples together.
    pub marks: usize,
    /// A hand's seconds for these marks, by the rates of WS-ICL.
    pub annotation_seconds: f64,
}

/// What was guessed, apart from how it went: the same guess is made once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    task: String,
    prompt: &'static str,
    contexts: usize,
    clicks: Option<usize>,
    repeat: usize,
    case: String,
}

impl Record {
    /// Which guess it is.
    pub fn key(&self) -> Key {
        Key::new(&self.task, self.prompt, self.contexts, self.clicks, self.repeat, &self.case)
    }
}

impl Key {
    /// A guess's.
    pub fn new(task: &str, prompt: Kind, contexts: usize, clicks: Option<usize>, repeat: usize, case: &str) -> Self {
        Self { task: task.to_owned(), prompt: prompt_name(prompt), contexts, clicks, repeat, case: case.to_owned() }
    }
}

/// A kind of mark in one word.
pub fn prompt_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Mask => "mask",
        Kind::Box => "box",
        Kind::Click => "click",
        Kind::Doodle => "doodle",
    }
}

/// All of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The version of this form.
    pub schema: u32,
    /// Name and version of the program.
    pub program: String,
    /// The folder of data, as it was given.
    pub data: PathBuf,
    /// What fixes the run.
    pub settings: Settings,
    /// The nets that were measured.
    pub nets: Vec<NetUsed>,
    /// Where.
    pub machine: Machine,
    /// In the order in which they ran.
    pub tasks: Vec<Planned>,
    /// Guess by guess.
    pub records: Vec<Record>,
    /// Means over cases, structures and sets.
    #[serde(default)]
    pub summary: super::summary::Summary,
    /// What could not be measured, each a sentence.
    pub remarks: Vec<String>,
}

/// To the ten-thousandth, as figures are written.
pub fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_mark_and_repeats_may_be_added_and_nothing_else_changed() {
        let before = Settings {
            mode: Mode::InContext,
            contexts: vec![1, 2],
            prompts: vec![Kind::Mask],
            repeats: 1,
            targets: 20,
            slices: 5,
            clicks: 10,
            seed: 0,
            least_cases: 4,
            split: None,
            tile: Vec::new(),
            join: vec!["whole=1+2".to_owned()],
            tune: false,
        };
        assert!(Settings { prompts: vec![Kind::Mask, Kind::Box], repeats: 3, ..before.clone() }.go_on_from(&before));
        assert!(!Settings { join: vec!["whole=1+3".to_owned()], ..before.clone() }.go_on_from(&before));
        assert!(!Settings { tune: true, ..before.clone() }.go_on_from(&before));
        assert!(!Settings { seed: 1, ..before.clone() }.go_on_from(&before));
        assert!(!Settings { contexts: vec![1, 2, 4], ..before.clone() }.go_on_from(&before));
    }
}
