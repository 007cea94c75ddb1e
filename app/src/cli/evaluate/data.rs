//! What can be measured in a folder: sets of images with labels, their cases, and the structures that these show.

use super::split::Split;
use super::tile::{self, Tile};
use crate::cli::{cohort, tasks};
use anyhow::{Context as _, bail, ensure};
use engine::evaluate::Subject;
use imaging::files::LabelMap;
use imaging::{CaseId, Mask};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders are looked through to this depth.
const DEPTH: usize = 4;
/// A picture shows a structure if it covers this share of it; a volume, if so many voxels do.
const LEAST_SHARE: f64 = 0.0008;
const LEAST_VOXELS: usize = 10;

/// A folder of images and labels.
pub struct Set {
    /// Its path within the data, or its folder's name.
    pub name: String,
    /// In the order of their names.
    pub cases: Vec<Case>,
    names: BTreeMap<u16, String>,
    /// Of colour-coded label maps: the colour of each value.
    pub colours: Vec<[u8; 3]>,
}

/// An image with labels, or a window of one.
pub struct Case {
    /// The file's name without its ending; of a window, with its place.
    pub name: String,
    /// The image.
    pub image: PathBuf,
    /// Its label map.
    pub labels: PathBuf,
    /// The part of the picture that it is, if it is not the whole.
    pub tile: Option<Tile>,
    /// Whether it is one plane.
    pub is_flat: bool,
    /// Voxels of each label value.
    counts: BTreeMap<u16, usize>,
    voxels: usize,
}

/// A structure and the cases that show it.
pub struct Task {
    /// `set/structure`.
    pub name: String,
    /// What the structure is called.
    pub structure: String,
    /// Its label values; more than one where they are joined.
    pub values: Vec<u16>,
    /// Positions in the set's cases.
    pub cases: Vec<usize>,
    /// Whether they are single planes.
    pub is_flat: bool,
}

/// Labels that are to be measured as one: a name and the values or names of the labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// What they are called together.
    pub name: String,
    /// Label values or names.
    pub parts: Vec<String>,
}

/// Reads `NAME=1+2`.
pub fn parse_join(text: &str) -> Result<Join, String> {
    let (name, parts) = text.split_once('=').ok_or("write it as NAME=1+2")?;
    let parts: Vec<String> = parts.split('+').map(|part| part.trim().to_owned()).collect();
    if name.is_empty() || parts.len() < 2 || parts.iter().any(String::is_empty) {
        return Err("write it as NAME=1+2".to_owned());
    }
    Ok(Join { name: name.trim().to_owned(), parts })
}

/// The folders with `images` and `labels` in a folder, or the folder itself, by name in order.
///
/// # Errors
/// Where there is none.
pub fn folders(data: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    ensure!(data.is_dir(), "there is no such folder: {}", data.display());
    let mut found = BTreeMap::new();
    if is_set(data) {
        let whole = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let name = whole.file_name().map_or_else(|| "data".to_owned(), |name| name.to_string_lossy().into_owned());
        found.insert(name, data.to_owned());
    } else {
        search(data, "", DEPTH, &mut found);
    }
    ensure!(!found.is_empty(), "no folder in it holds both images and labels: {}", data.display());
    Ok(found)
}

fn is_set(folder: &Path) -> bool {
    folder.join("images").is_dir() && folder.join("labels").is_dir()
}

fn search(folder: &Path, name: &str, depth: usize, found: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        let part = entry.file_name().to_string_lossy().into_owned();
        let name = if name.is_empty() { part } else { format!("{name}/{part}") };
        if is_set(&path) {
            found.insert(name, path);
        } else if depth > 1 && path.is_dir() {
            search(&path, &name, depth - 1, found);
        }
    }
}

/// What a set is read with.
pub struct Reading<'a> {
    /// Which cases are held back, if not all.
    pub split: Option<&'a Split>,
    /// The side of the windows that pictures of a set are cut into, if they are.
    pub tile: &'a dyn Fn(&str) -> Option<usize>,
}

impl Set {
    /// Reads which labels each case of a folder shows; a case whose labels cannot be read is a remark, not a failure.
    ///
    /// # Errors
    /// Where the folder cannot be listed or the names of its structures cannot be read.
    pub fn read(name: &str, folder: &Path, how: &Reading<'_>, remarks: &mut Vec<String>) -> anyhow::Result<Option<Self>> {
        let Some(is_chosen) = how.split.map_or(Some(None), |split| split.of_set(name).map(Some)) else { return Ok(None) };
        let labels = cohort::labels_in(folder)?;
        let names = cohort::structure_names(folder)?;
        let mut set = Self { name: name.to_owned(), cases: Vec::new(), names, colours: cohort::palette(folder)? };
        for (case, image) in cohort::images_in(folder)? {
            let file = cohort::labels_of(&case, &labels).filter(|file| !cohort::is_mark_file(file));
            let Some(file) = file.filter(|_| is_chosen.as_ref().is_none_or(|chosen| chosen.holds(&case))) else { continue };
            if let Err(error) = set.add(&case, &image, file, (how.tile)(name)) {
                remarks.push(format!("{name}/{case} is left out: {error:#}"));
            }
        }
        Ok(Some(set))
    }

    fn add(&mut self, name: &str, image: &Path, file: &Path, tile: Option<usize>) -> anyhow::Result<()> {
        let mut labels = imaging::files::open_labels(file)?;
        labels.number_by(&mut self.colours);
        let is_flat = labels.grid.shape.contains(&1);
        let case = |name: String, tile: Option<Tile>| {
            let (counts, voxels) = counted(&labels, tile);
            Case { name, image: image.to_owned(), labels: file.to_owned(), tile, is_flat, counts, voxels }
        };
        let tiles = tile.map_or_else(Vec::new, |side| tile::tiles(labels.grid.shape, side));
        if tiles.is_empty() {
            self.cases.push(case(name.to_owned(), None));
        }
        self.cases.extend(tiles.into_iter().map(|tile| case(format!("{name}_{}_{}", tile.y, tile.x), Some(tile))));
        Ok(())
    }

    /// The structures that at least `least` cases show, in order of their names, with those that are joined.
    pub fn tasks(&self, joins: &[Join], least: usize) -> Vec<Task> {
        let mut values: Vec<u16> = self.cases.iter().flat_map(|case| case.counts.keys().copied()).collect();
        values.sort_unstable();
        values.dedup();
        let single = values.iter().map(|&value| (self.structure(value), vec![value]));
        let parts = |join: &Join| {
            let of = |part: &String| {
                values
                    .iter()
                    .copied()
                    .find(|value| self.structure(*value).eq_ignore_ascii_case(part) || value.to_string() == *part)
            };
            join.parts.iter().map(of).collect::<Option<Vec<u16>>>()
        };
        let joined = joins.iter().filter_map(|join| Some((join.name.clone(), parts(join)?)));
        let tasks = single.chain(joined).filter_map(|(structure, values)| self.task(structure, values));
        let mut tasks: Vec<Task> = tasks.filter(|task| task.cases.len() >= least.max(1)).collect();
        tasks.sort_by(|a, b| a.name.cmp(&b.name));
        tasks
    }

    fn structure(&self, value: u16) -> String {
        self.names.get(&value).cloned().unwrap_or_else(|| format!("label {value}"))
    }

    fn task(&self, structure: String, values: Vec<u16>) -> Option<Task> {
        let shows = |case: &Case| {
            let voxels: usize = values.iter().filter_map(|value| case.counts.get(value)).sum();
            if case.is_flat { voxels as f64 > LEAST_SHARE * case.voxels as f64 } else { voxels >= LEAST_VOXELS }
        };
        let shown: Vec<usize> = (0..self.cases.len()).filter(|&case| shows(&self.cases[case])).collect();
        let is_flat = self.cases[*shown.first()?].is_flat;
        let cases = shown.into_iter().filter(|&case| self.cases[case].is_flat == is_flat).collect();
        Some(Task { name: format!("{}/{structure}", self.name), structure, values, cases, is_flat })
    }

    /// Opens a case and the truth of some label values in it.
    ///
    /// # Errors
    /// Where image or labels cannot be read, or do not fit each other.
    pub fn open(&self, case: usize, values: &[u16]) -> anyhow::Result<Subject> {
        let Case { image, labels, tile, .. } = self.cases.get(case).context("there is no such case")?;
        let mut image = tasks::open(image)?;
        let mut labels = tasks::open_labels(labels, &image)?;
        let mut colours = self.colours.clone();
        labels.number_by(&mut colours);
        if let Some(tile) = tile {
            (image, labels) = (tile.of_image(&image), tile.of_labels(&labels));
        }
        let truth = Mask::from_fn(labels.grid.shape, |at| values.contains(&labels.values[at]));
        Ok(Subject { case: CaseId(case as u64), image: Arc::new(image), truth: Arc::new(truth) })
    }
}

/// Voxels of each label value in a window or the whole, and of the window itself.
fn counted(labels: &LabelMap, tile: Option<Tile>) -> (BTreeMap<u16, usize>, usize) {
    let tiled = tile.map(|tile| tile.of_labels(labels));
    let values = &tiled.as_ref().unwrap_or(labels).values;
    let mut counts = BTreeMap::new();
    values.iter().filter(|&&value| value > 0).for_each(|&value| *counts.entry(value).or_insert(0) += 1);
    (counts, values.len())
}

/// The tasks whose names begin with one of some texts, without regard to capitals; all where there are none.
///
/// # Errors
/// Where a text begins no task's name.
pub fn chosen<T>(tasks: Vec<T>, wanted: &[String], name: impl Fn(&T) -> &str) -> anyhow::Result<Vec<T>> {
    let begins = |task: &T, wanted: &String| name(task).to_lowercase().starts_with(&wanted.to_lowercase());
    if let Some(missing) = wanted.iter().find(|wanted| !tasks.iter().any(|task| begins(task, wanted))) {
        let known: Vec<&str> = tasks.iter().map(&name).collect();
        bail!("no structure that enough cases show is called {missing}: there are {}", known.join(", "));
    }
    Ok(tasks.into_iter().filter(|task| wanted.is_empty() || wanted.iter().any(|wanted| begins(task, wanted))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cases: &[&[(u16, usize)]]) -> Set {
        let case = |(number, counts): (usize, &&[(u16, usize)])| Case {
            name: format!("case{number}"),
            image: PathBuf::new(),
            labels: PathBuf::new(),
            tile: None,
            is_flat: false,
            counts: counts.iter().copied().collect(),
            voxels: 1000,
        };
        Set {
            name: "mr".to_owned(),
            cases: cases.iter().enumerate().map(case).collect(),
            names: BTreeMap::from([(1, "anterior".to_owned())]),
            colours: Vec::new(),
        }
    }

    #[test]
    fn a_structure_is_a_task_where_enough_cases_show_enough_of_it() {
        let set = set(&[&[(1, 50), (2, 50)], &[(1, 50), (2, 5)], &[(1, 20), (2, 20)]]);
        let names = |least| set.tasks(&[], least).iter().map(|task| task.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(2), ["mr/anterior", "mr/label 2"]);
        assert_eq!(names(3), ["mr/anterior"]);
        assert_eq!(set.tasks(&[], 2)[1].cases, [0, 2]);
    }

    #[test]
    fn labels_are_joined_by_value_or_name() {
        let set = set(&[&[(1, 8), (2, 8)], &[(1, 50)]]);
        let join = |text| set.tasks(&[parse_join(text).unwrap()], 1).into_iter().find(|task| task.structure == "whole");
        assert_eq!(join("whole=1+2").unwrap().values, [1, 2]);
        assert_eq!(join("whole=Anterior+label 2").unwrap().cases, [0, 1], "together they are enough");
        assert!(join("whole=1+7").is_none());
        assert!(["whole", "=1+2", "whole=1", "whole=1+"].into_iter().all(|text| parse_join(text).is_err()));
    }

    #[test]
    fn sets_are_found_below_a_folder_or_are_the_folder() {
        let top = tempfile::tempdir().unwrap();
        for set in ["a", "more/b"] {
            for part in ["images", "labels"] {
                std::fs::create_dir_all(top.path().join(set).join(part)).unwrap();
            }
        }
        assert_eq!(folders(top.path()).unwrap().into_keys().collect::<Vec<_>>(), ["a", "more/b"]);
        assert_eq!(folders(&top.path().join("a")).unwrap().into_keys().collect::<Vec<_>>(), ["a"]);
        assert!(folders(&top.path().join("a/images")).unwrap_err().to_string().contains("both images and labels"));
    }

    #[test]
    fn tasks_are_chosen_by_how_their_names_begin() {
        let tasks = || vec!["mr/liver", "mr/spleen", "us/liver"];
        let chosen = |wanted: &[&str]| {
            chosen(tasks(), &wanted.iter().map(ToString::to_string).collect::<Vec<_>>(), |task| task).map(|tasks| tasks.join(" "))
        };
        assert_eq!(chosen(&["MR/"]).unwrap(), "mr/liver mr/spleen");
        assert_eq!(chosen(&[]).unwrap(), "mr/liver mr/spleen us/liver");
        assert!(chosen(&["ct"]).unwrap_err().to_string().contains("mr/liver"));
    }
}
