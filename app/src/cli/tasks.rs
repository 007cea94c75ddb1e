//! What is to be segmented and the examples that show it: a folder of images and labels made into orders for the engine.

use super::{cohort, prompts};
use anyhow::{bail, ensure};
use engine::{Example, ImageRef, Marks};
use imaging::files::{LabelMap, part_for};
use imaging::{CaseId, Image, Item, Part};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A structure and what shows it.
pub struct Task {
    /// What it is called.
    pub name: String,
    /// Its label value.
    pub value: u16,
    /// The images that show it.
    pub examples: Arc<[Example]>,
}

/// The tasks of a folder, by label value, and the images that serve as examples.
pub struct Tasks {
    /// In order of their label values.
    pub tasks: Vec<Task>,
    /// Canonical paths of the examples' images.
    pub images: Vec<PathBuf>,
}

/// Reads the examples of a folder; `wanted` names structures or label values, none means all. `part` is the image that is
/// meant of files that hold several, and the label map, where there are several of these too.
///
/// # Errors
/// Where a file cannot be read, labels do not fit their image, or nothing is left to segment.
pub fn from_folder(folder: &Path, part: &Part, wanted: &[String]) -> anyhow::Result<Tasks> {
    let labels = cohort::labels_in(folder)?;
    let mut shown = Shown { names: cohort::structure_names(folder)?, colours: cohort::palette(folder)?, ..Shown::default() };
    let mut images = Vec::new();
    for (case, (name, path)) in cohort::images_in(folder)?.into_iter().enumerate() {
        if let Some(file) = cohort::labels_of(&name, &labels) {
            let of = |path: &Path| Item::new(path, part_for(path, part));
            let image = Arc::new(open_item(&of(&path))?);
            shown.add(CaseId(case as u64), &image, &of(file))?;
            images.push(path.canonicalize().unwrap_or(path));
        }
    }
    ensure!(!images.is_empty(), "no image has labels of its name: {}", folder.join("labels").display());
    Ok(Tasks { tasks: chosen(shown.tasks(), wanted)?, images })
}

/// What the examples show, gathered file by file.
#[derive(Default)]
struct Shown {
    names: BTreeMap<u16, String>,
    examples: BTreeMap<u16, Vec<Example>>,
    /// Of colour-coded label maps: the colour of each value.
    colours: Vec<[u8; 3]>,
}

impl Shown {
    fn add(&mut self, case: CaseId, image: &Arc<Image>, labels: &Item) -> anyhow::Result<()> {
        let file = &labels.path;
        let marks = if cohort::is_mark_file(file) { self.marks(image, file)? } else { self.masks(image, labels)? };
        for (value, marks) in marks {
            let example = Example { case, image: ImageRef::Loaded(image.clone()), marks };
            self.examples.entry(value).or_default().push(example);
        }
        Ok(())
    }

    fn marks(&mut self, image: &Image, file: &Path) -> anyhow::Result<Vec<(u16, Marks)>> {
        let marked = prompts::read(file, image)?.into_iter();
        Ok(marked.map(|m| (self.named(m.value, m.name), Marks { prompts: m.prompts, mask: None })).collect())
    }

    fn masks(&mut self, image: &Image, labels: &Item) -> anyhow::Result<Vec<(u16, Marks)>> {
        let mut labels = open_labels_item(labels, image)?;
        labels.number_by(&mut self.colours);
        let values = labels.values_present();
        for &value in values.iter().filter(|&&value| usize::from(value) < labels.colours.len()) {
            let [r, g, b] = labels.colours[usize::from(value)];
            self.named(value, format!("colour #{r:02x}{g:02x}{b:02x}"));
        }
        let marks = |value| Marks { prompts: Vec::new(), mask: Some(Arc::new(labels.mask(value))) };
        Ok(values.into_iter().map(|value| (value, marks(value))).collect())
    }

    fn named(&mut self, value: u16, name: String) -> u16 {
        self.names.entry(value).or_insert(name);
        value
    }

    fn tasks(self) -> Vec<Task> {
        let name = |value| self.names.get(&value).cloned().unwrap_or_else(|| format!("label {value}"));
        self.examples.into_iter().map(|(value, examples)| Task { name: name(value), value, examples: examples.into() }).collect()
    }
}

/// Opens the only image of a file; what its reader remarks goes to the log.
///
/// # Errors
/// What its reader says.
pub fn open(path: &Path) -> anyhow::Result<Image> {
    open_item(&path.into())
}

/// Opens an image of a file.
///
/// # Errors
/// What its reader says.
pub fn open_item(item: &Item) -> anyhow::Result<Image> {
    let image = imaging::files::open_item(item)?;
    image.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(image)
}

fn chosen(tasks: Vec<Task>, wanted: &[String]) -> anyhow::Result<Vec<Task>> {
    let names = |task: &Task, wanted: &String| task.name.eq_ignore_ascii_case(wanted) || task.value.to_string() == *wanted;
    if let Some(missing) = wanted.iter().find(|wanted| !tasks.iter().any(|task| names(task, wanted))) {
        let known: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        bail!("no example shows {missing}: the labels hold {}", known.join(", "));
    }
    let is_wanted = |task: &Task| wanted.is_empty() || wanted.iter().any(|wanted| names(task, wanted));
    let tasks: Vec<Task> = tasks.into_iter().filter(is_wanted).collect();
    ensure!(!tasks.is_empty(), "the labels of the examples are all empty");
    Ok(tasks)
}

/// Opens the label map of an image.
///
/// # Errors
/// Where it cannot be read, is no label map, or is not of the image's shape.
pub fn open_labels(file: &Path, image: &Image) -> anyhow::Result<LabelMap> {
    open_labels_item(&file.into(), image)
}

fn open_labels_item(item: &Item, image: &Image) -> anyhow::Result<LabelMap> {
    let mut labels = imaging::files::open_labels_item(item)?;
    labels.check_grid(&image.grid, &item.path)?;
    labels.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn structures_are_chosen_by_name_or_value() {
        let task = |name: &str, value| Task { name: name.into(), value, examples: Arc::new([]) };
        let all = || vec![task("liver", 1), task("spleen", 2)];
        let values = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            chosen(all(), &wanted).map(|tasks| tasks.iter().map(|task| task.value).collect::<Vec<_>>())
        };
        assert_eq!(values(&[]).unwrap(), [1, 2]);
        assert_eq!(values(&["Spleen"]).unwrap(), [2]);
        assert_eq!(values(&["1"]).unwrap(), [1]);
        assert!(values(&["heart"]).unwrap_err().to_string().contains("liver, spleen"));
    }
}
