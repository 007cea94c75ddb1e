//! Masks that were made elsewhere: label maps in a folder, or another reader's project; read for the cases and
//! structures of this one, to be imported or compared.

use crate::cli::cohort;
use anyhow::ensure;
use imaging::{CaseId, Item, Mask, Project, Review, StructureId, files, journal};
use std::path::Path;
use std::sync::Arc;

/// A case for which masks are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The case.
    pub case: CaseId,
    /// Its name, by which it is found elsewhere.
    pub name: String,
    /// Its image, whose grid a mask must have.
    pub image: Item,
}

/// A mask from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// The case that it is of.
    pub case: CaseId,
    /// What its structure is called there.
    pub structure: String,
    /// The mask; an empty one says that the structure is absent.
    pub mask: Arc<Mask>,
}

/// Every case of a project, as something wanted.
#[must_use]
pub fn wanted(project: &Project) -> Vec<Wanted> {
    project.cases.iter().map(|case| Wanted { case: case.id, name: case.name.clone(), image: case.item() }).collect()
}

/// The structure of a project that bears a name, however it is written.
#[must_use]
pub fn structure_named(project: &Project, name: &str) -> Option<StructureId> {
    let same = |other: &str| other.trim().to_lowercase() == name.trim().to_lowercase();
    project.structures.iter().find(|structure| same(&structure.name)).map(|structure| structure.id)
}

/// Reads the masks of `wanted` cases from a project's folder or a folder of label maps.
///
/// # Errors
/// Where nothing of it fits these cases, or a file cannot be read or is not on its image's grid.
pub fn read(folder: &Path, wanted: &[Wanted]) -> anyhow::Result<Vec<Other>> {
    let others = if crate::opening::is_project(folder) { from_project(folder, wanted)? } else { from_folder(folder, wanted)? };
    ensure!(!others.is_empty(), "no mask there is named after a case of this project: {}", folder.display());
    Ok(others)
}

fn from_project(folder: &Path, wanted: &[Wanted]) -> anyhow::Result<Vec<Other>> {
    let theirs = journal::look(folder)?;
    let mut others = Vec::new();
    for case in wanted {
        let Some(their_case) = theirs.cases.iter().find(|other| other.name == case.name) else { continue };
        for structure in &theirs.structures {
            let absent = their_case.review(structure.id) == Review::Absent;
            let mask = match their_case.mask(structure.id) {
                Some(mask) => mask.clone(),
                None if absent => Arc::new(Mask::empty(files::open_item(&case.image)?.grid.shape)),
                None => continue,
            };
            others.push(Other { case: case.case, structure: structure.name.clone(), mask });
        }
    }
    Ok(others)
}

fn from_folder(folder: &Path, wanted: &[Wanted]) -> anyhow::Result<Vec<Other>> {
    let labels = folder.join("labels");
    let labels = if labels.is_dir() { labels } else { folder.to_owned() };
    let mut names = cohort::structure_names(folder)?;
    if names.is_empty() {
        names = cohort::structure_names(&labels)?;
    }
    let mut others = Vec::new();
    for file in files::list(&labels)? {
        let name = files::case_name(&file);
        let Some((case, structure)) = wanted.iter().find_map(|case| Some((case, rest(&name, &case.name)?))) else { continue };
        let map = open(&file, case)?;
        // Of masks that overlap, each has a file of its own, named after its structure.
        let found = if structure.is_empty() {
            let named = |value| names.get(&value).cloned().unwrap_or_else(|| format!("label {value}"));
            map.values_present().into_iter().map(|value| (named(value), map.mask(value))).collect()
        } else {
            vec![(structure.to_owned(), map.foreground())]
        };
        let other = |(structure, mask)| Other { case: case.case, structure, mask: Arc::new(mask) };
        others.extend(found.into_iter().map(other));
    }
    Ok(others)
}

/// What a file's name says beyond the case's: nothing, or the name of a structure.
fn rest<'a>(file: &'a str, case: &str) -> Option<&'a str> {
    if file == case { Some("") } else { file.strip_prefix(case)?.strip_prefix('_') }
}

fn open(file: &Path, case: &Wanted) -> anyhow::Result<files::LabelMap> {
    let mut map = files::open_labels(file)?;
    map.check_grid(&files::open_item(&case.image)?.grid, file)?;
    Ok(map)
}
