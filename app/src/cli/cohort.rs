//! Folders of images and labels: which files belong together, by name.

use super::told;
use anyhow::{Context as _, bail, ensure};
use imaging::files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The images of a folder, or of the folder `images` in it, by case name and in its order.
///
/// # Errors
/// Where there is no folder, no image, or two images of one name.
pub fn images_in(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let inner = folder.join("images");
    let images = by_name(files::list(if inner.is_dir() { &inner } else { folder })?)?;
    ensure!(!images.is_empty(), "there are no images in the folder: {}", folder.display());
    Ok(images)
}

/// The label maps and mark files (JSON) of the folder `labels` in a folder, by case name.
///
/// # Errors
/// Where there is no such folder, or two files of one name.
pub fn labels_in(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let folder = folder.join("labels");
    let mut labels = files::list(&folder)?;
    labels.extend(mark_files(&folder).map_err(told("the folder cannot be read", &folder))?);
    by_name(labels)
}

fn mark_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| is_mark_file(path)).collect())
}

/// Whether a file holds marks and not a label map.
pub fn is_mark_file(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// The name of a case: its file's without the ending.
pub fn case_name(path: &Path) -> String {
    if is_mark_file(path) { path.file_stem().unwrap_or_default().to_string_lossy().into_owned() } else { files::case_name(path) }
}

fn by_name(paths: Vec<PathBuf>) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut cases = BTreeMap::new();
    for path in paths {
        if let Some(twin) = cases.insert(case_name(&path), path.clone()) {
            bail!("two files bear one name: {} and {}", twin.display(), path.display());
        }
    }
    Ok(cases)
}

/// The labels of a case; scans of nnU-Net's folders bear the number of their channel, their labels do not.
pub fn labels_of<'a>(name: &str, labels: &'a BTreeMap<String, PathBuf>) -> Option<&'a PathBuf> {
    labels.get(name).or_else(|| labels.get(name.strip_suffix("_0000")?))
}

/// The names of label values that a folder tells: `labels.json` (`{"liver": 1}`), or `dataset.json` as nnU-Net has it.
///
/// # Errors
/// Where such a file is there and does not say that.
pub fn structure_names(folder: &Path) -> anyhow::Result<BTreeMap<u16, String>> {
    for (file, key) in [("labels.json", None), ("dataset.json", Some("labels"))] {
        let path = folder.join(file);
        if path.is_file() {
            return read_names(&path, key).map_err(told("the names of the labels cannot be read", &path));
        }
    }
    Ok(BTreeMap::new())
}

fn read_names(path: &Path, key: Option<&str>) -> anyhow::Result<BTreeMap<u16, String>> {
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let names = key.map_or(Some(&whole), |key| whole.get(key)).context("it has no labels")?;
    let values: BTreeMap<String, u16> = serde_json::from_value(names.clone())?;
    Ok(values.into_iter().filter(|(_, value)| *value > 0).map(|(name, value)| (value, name)).collect())
}

/// The colours of colour-coded label maps by value, as `palette.txt` tells them (`1: (255, 0, 0)`, a line each, from 0
/// on); none where there is no such file.
///
/// # Errors
/// Where the file is there and does not say that.
pub fn palette(folder: &Path) -> anyhow::Result<Vec<[u8; 3]>> {
    let path = folder.join("palette.txt");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    read_palette(&path).map_err(told("the colours of the labels cannot be read", &path))
}

fn read_palette(path: &Path) -> anyhow::Result<Vec<[u8; 3]>> {
    let text = std::fs::read_to_string(path)?;
    let mut colours = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let numbers: Result<Vec<u16>, _> =
            line.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[value, r, g, b]) if usize::from(value) == colours.len() && [r, g, b].iter().all(|&c| c < 256) => {
                colours.push([r, g, b].map(|c| c as u8));
            }
            _ => bail!("each line must be like 1: (255, 0, 0), from 0 on, not {line}"),
        }
    }
    Ok(colours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        folder
    }

    #[test]
    fn images_are_found_by_name_in_either_place() {
        let flat = folder(&["b.nii.gz", "a.PNG", "note.txt", ".hidden.nii"]);
        assert_eq!(images_in(flat.path()).unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
        let nested = folder(&["images/c.nii", "labels/c.json", "labels.json"]);
        assert_eq!(images_in(nested.path()).unwrap().keys().collect::<Vec<_>>(), ["c"]);
        assert!(labels_in(nested.path()).unwrap().contains_key("c"));
        assert!(images_in(folder(&["note.txt"]).path()).is_err());
        assert!(images_in(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let error = images_in(folder(&["a.nii", "a.png"]).path()).unwrap_err();
        assert!(error.to_string().contains("one name"));
    }

    #[test]
    fn labels_belong_to_the_scan_of_the_first_channel() {
        let labels = BTreeMap::from([("a".to_owned(), PathBuf::from("a.nii"))]);
        assert!(labels_of("a", &labels).is_some() && labels_of("a_0000", &labels).is_some());
        assert!(labels_of("a_0001", &labels).is_none());
    }

    #[test]
    fn names_come_from_either_file() {
        let own = folder(&[]);
        std::fs::write(own.path().join("labels.json"), r#"{"liver": 1}"#).unwrap();
        assert_eq!(structure_names(own.path()).unwrap()[&1], "liver");
        let nnunet = folder(&[]);
        std::fs::write(nnunet.path().join("dataset.json"), r#"{"labels": {"background": 0, "cord": 3}, "numTraining": 4}"#)
            .unwrap();
        assert_eq!(structure_names(nnunet.path()).unwrap(), BTreeMap::from([(3, "cord".to_owned())]));
        let broken = folder(&["dataset.json"]);
        assert!(structure_names(broken.path()).is_err());
    }

    #[test]
    fn a_palette_is_read_line_by_line() {
        let here = folder(&[]);
        assert!(palette(here.path()).unwrap().is_empty());
        std::fs::write(here.path().join("palette.txt"), "0: (0, 0, 0)\n1: (128, 40, 40)").unwrap();
        assert_eq!(palette(here.path()).unwrap(), [[0, 0, 0], [128, 40, 40]]);
        for bad in ["1: (0, 0, 0)", "0: (0, 0)", "0: (0, 0, 256)"] {
            std::fs::write(here.path().join("palette.txt"), bad).unwrap();
            assert!(palette(here.path()).unwrap_err().to_string().contains("from 0 on"), "{bad}");
        }
    }
}
