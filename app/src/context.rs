//! The examples of a structure as a folder: images, label maps or marks, and their weights; out and in again. The
//! folder is one that `exemplar propagate --examples` takes too.

use crate::cli::{cohort, prompts};
use anyhow::{Context as _, ensure};
use imaging::export::{ending, export_nifti};
use imaging::{Case, CaseId, Edit, Item, Mask, Project, Prompt, Step, StructureId, files};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An example with all that is needed to write it down.
pub struct Order {
    case: String,
    source: Item,
    mask: Option<Arc<Mask>>,
    prompts: Vec<Prompt>,
    weight: u8,
}

/// An example as it was read.
#[derive(Clone, Debug)]
pub struct Found {
    /// The image's file.
    pub path: PathBuf,
    /// Its whole mask, if it came with one.
    pub mask: Option<Arc<Mask>>,
    /// Its marks, if it came with these.
    pub prompts: Vec<Prompt>,
    /// How many times it counts.
    pub weight: u8,
}

/// What `examples.json` holds beside the label maps, which other programs read too.
#[derive(Default, Serialize, Deserialize)]
struct Weights {
    weights: BTreeMap<String, u8>,
}

/// What an export of a structure's examples would write.
#[must_use]
pub fn orders(project: &Project, structure: StructureId) -> Vec<Order> {
    let order = |case: &Case| Order {
        case: case.name.clone(),
        source: case.item(),
        mask: case.mask(structure).cloned(),
        prompts: case.prompts_of(structure).cloned().collect(),
        weight: case.work(structure).map_or(1, |work| work.weight),
    };
    project.listed_examples(structure).map(order).collect()
}

/// Writes examples to a new folder; gives how many.
///
/// # Errors
/// Where the folder holds examples already, or a file cannot be read or written.
pub fn export(orders: &[Order], structure: &str, folder: &Path) -> anyhow::Result<usize> {
    let [images, labels] = ["images", "labels"].map(|name| folder.join(name));
    ensure!(!images.exists() && !labels.exists(), "the folder holds examples already: {}", folder.display());
    fs::create_dir_all(&images)?;
    fs::create_dir_all(&labels)?;
    for order in orders {
        write(order, structure, &images, &labels).with_context(|| format!("Could not export the example {}", order.case))?;
    }
    fs::write(folder.join("labels.json"), serde_json::to_string_pretty(&BTreeMap::from([(structure, 1)]))?)?;
    let weights = orders.iter().map(|order| (order.case.clone(), order.weight)).collect();
    fs::write(folder.join("examples.json"), serde_json::to_string_pretty(&Weights { weights })?)?;
    Ok(orders.len())
}

fn write(order: &Order, structure: &str, images: &Path, labels: &Path) -> anyhow::Result<()> {
    let source = &order.source.path;
    ensure!(
        source.is_file() && order.source.part.is_only(),
        "its image is one of several in its file, and cannot be copied by itself"
    );
    ensure!(order.source.reduction.is_none(), "only a part of its image was opened, and its file cannot be copied for that");
    let file = source.file_name().context("the image's file has no name")?;
    fs::copy(source, images.join(file))?;
    // A header may keep its voxels in a file of its own.
    let twin = source.with_extension("img");
    if source.extension().is_some_and(|ending| ending == "hdr") && twin.is_file() {
        fs::copy(&twin, images.join(file).with_extension("img"))?;
    }
    if let Some(mask) = &order.mask {
        let to = labels.join(format!("{}{}", order.case, ending(&order.source)?));
        export_nifti(&order.source, &[(1, &**mask)], &to, false)?;
    } else {
        fs::write(labels.join(format!("{}.json", order.case)), prompts::write(structure, &order.prompts)?)?;
    }
    Ok(())
}

/// Reads the examples of a folder for the structure of a name; a folder of one structure serves under any name.
///
/// # Errors
/// Where there are none, or a file cannot be read.
pub fn read(folder: &Path, structure: &str) -> anyhow::Result<Vec<Found>> {
    let labels = cohort::labels_in(folder)?;
    let names = cohort::structure_names(folder)?;
    let weights: Weights = match fs::read_to_string(folder.join("examples.json")) {
        Ok(text) => serde_json::from_str(&text).context("the weights of the examples cannot be read")?,
        Err(_) => Weights::default(),
    };
    let mut found = Vec::new();
    for (name, path) in cohort::images_in(folder)? {
        let Some(file) = cohort::labels_of(&name, &labels) else { continue };
        let path = std::path::absolute(&path)?;
        let (mask, prompts) = marks(file, &path, structure, &names)?;
        let weight = weights.weights.get(&name).copied().unwrap_or(1);
        if mask.is_some() || !prompts.is_empty() {
            found.push(Found { path, mask, prompts, weight });
        }
    }
    ensure!(!found.is_empty(), "no image there has labels of {structure}: {}", folder.display());
    Ok(found)
}

fn marks(
    file: &Path,
    image: &Path,
    structure: &str,
    names: &BTreeMap<u16, String>,
) -> anyhow::Result<(Option<Arc<Mask>>, Vec<Prompt>)> {
    let is_ours = |name: &str| name.trim().to_lowercase() == structure.trim().to_lowercase();
    let image = files::open(image)?;
    if cohort::is_mark_file(file) {
        let mut marked = prompts::read(file, &image)?;
        let at = marked.iter().position(|marked| is_ours(&marked.name)).or_else(|| (marked.len() == 1).then_some(0));
        return Ok((None, at.map(|at| marked.swap_remove(at).prompts).unwrap_or_default()));
    }
    let mut map = files::open_labels(file)?;
    map.check_grid(&image.grid, file)?;
    let values = map.values_present();
    let named = values.iter().find(|value| names.get(value).is_some_and(|name| is_ours(name)));
    let value = named.or(if let [only] = &values[..] { Some(only) } else { None });
    Ok((value.map(|&value| Arc::new(map.mask(value))), Vec::new()))
}

/// Examples into a project, as one step: new cases where the images are not in it yet. What is locked is left as it is;
/// gives how many were taken beside the step.
#[must_use]
pub fn import(project: &Project, structure: StructureId, found: &[Found]) -> Option<(Step, usize)> {
    let mut after = project.clone();
    let (mut edits, mut taken) = (Vec::new(), 0);
    for example in found {
        let some = into(&after, structure, example);
        let fits = !some.is_empty() && some.iter().all(|edit| edit.try_on(&mut after).is_ok());
        if fits {
            taken += 1;
            edits.extend(some);
        } else if !some.is_empty() {
            return None;
        }
    }
    let name = format!("import {taken} examples of {}", crate::review::structure_name(project, structure));
    (taken > 0).then_some((Step { name, edit: Edit::Several(edits) }, taken))
}

/// The edits that one example needs; none where its structure is locked there.
fn into(project: &Project, structure: StructureId, example: &Found) -> Vec<Edit> {
    let mut after = project.clone();
    let mut edits = Vec::new();
    let mut make = |after: &mut Project, edit: Option<Edit>| {
        if let Some(edit) = edit.filter(|edit| edit.try_on(after).is_ok()) {
            edits.push(edit);
        }
    };
    let known = project.cases.iter().find(|case| case.path == example.path).map(|case| case.id);
    let case: CaseId = known.unwrap_or_else(|| project.next_case());
    if known.is_none() {
        let edit = Edit::add_case(&after, Case::new(case, files::case_name(&example.path), example.path.clone()));
        make(&mut after, Some(edit));
    }
    if after.case(case).is_none_or(|case| case.review(structure).is_locked()) {
        return Vec::new();
    }
    if let Some(mask) = &example.mask {
        let edit = Edit::import_mask(&after, case, structure, mask);
        make(&mut after, edit);
    }
    for prompt in &example.prompts {
        let prompt = Prompt { id: after.next_prompt(), structure, ..prompt.clone() };
        let edit = Edit::add_prompt(&after, case, prompt);
        make(&mut after, edit);
    }
    let edit = Edit::set_example(&after, case, structure, true);
    make(&mut after, edit);
    let edit = Edit::set_weight(&after, case, structure, example.weight);
    make(&mut after, edit);
    edits
}
