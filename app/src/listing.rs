//! What images the files hold that a user opens, off the frame: one of an ordinary file, several of a time series,
//! a stack or a DICOM folder, among which the user chooses.

use crate::jobs::{Done, picture};
use imaging::Item;
use imaging::files::{self, FileError, ItemInfo};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was found at a path.
pub struct Listed {
    /// The file, or the folder of a DICOM study.
    pub path: PathBuf,
    /// Its images.
    pub images: Vec<ItemInfo>,
    /// What speaks against it; a file that cannot be read is opened all the same, and says so in its place.
    pub fault: Option<FileError>,
}

/// Lists the images at some paths, files or folders.
pub fn list(paths: &[PathBuf]) -> Vec<Listed> {
    let mut listed = Vec::new();
    for path in paths {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if absolute.is_dir() {
            listed.extend(in_folder(&absolute));
        } else {
            listed.push(of_file(&absolute));
        }
    }
    listed
}

fn in_folder(folder: &Path) -> Vec<Listed> {
    // A data set keeps its images in a folder of that name, beside the reference masks.
    let images = folder.join("images");
    let folder = if images.is_dir() { images } else { folder.to_owned() };
    match files::list(&folder) {
        Ok(found) if found.is_empty() => vec![Listed { path: folder, images: Vec::new(), fault: None }],
        Ok(found) => studies(found.iter().map(|path| of_file(path)).collect(), &folder),
        Err(error) => vec![Listed { path: folder, images: Vec::new(), fault: Some(error) }],
    }
}

/// Series of one study as one choice: scanners put each in a folder of its own, and few want the localizer.
fn studies(listed: Vec<Listed>, folder: &Path) -> Vec<Listed> {
    let mut kept: Vec<Listed> = Vec::new();
    for listed in listed {
        let study = study(&listed).map(str::to_owned);
        let same = kept.iter_mut().find(|other| study.is_some() && self::study(other) == study.as_deref());
        match same {
            Some(other) => {
                other.path = folder.to_owned();
                other.images.extend(listed.images);
            }
            None => kept.push(listed),
        }
    }
    kept
}

/// The one study of all images.
fn study(listed: &Listed) -> Option<&str> {
    let study = listed.images.first().map(|image| image.study.as_str()).filter(|study| !study.is_empty())?;
    listed.images.iter().all(|image| image.study == study).then_some(study)
}

fn of_file(path: &Path) -> Listed {
    match files::items(path) {
        Ok(mut images) => {
            // The pages of a stack are mostly meant together. Where they cannot be, each still can be opened.
            images.splice(0..0, files::stack(path).ok().flatten());
            Listed { path: path.to_owned(), images, fault: None }
        }
        Err(error) => {
            let name = files::case_name(path);
            let info = ItemInfo {
                item: Item::from(path),
                name,
                title: String::new(),
                format: String::new(),
                shape: [0; 3],
                voxel_bytes: 0,
                study: String::new(),
                details: String::new(),
            };
            Listed { path: path.to_owned(), images: vec![info], fault: Some(error) }
        }
    }
}

/// Pictures images to choose from, as long as that is cheap: a late volume of a packed series costs all before it.
pub fn picture_items(items: &[Item], tell: &dyn Fn(Done)) {
    const LONGEST: Duration = Duration::from_secs(4);
    let started = Instant::now();
    for item in items.iter().take_while(|_| started.elapsed() < LONGEST) {
        if let Ok(image) = files::open_item(item) {
            tell(Done::ItemPictured { item: item.clone(), picture: picture(&image, None) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(path: &str, studies: &[&str]) -> Listed {
        let mut listed = of_file(Path::new(path));
        let image = listed.images.remove(0);
        listed.images = studies.iter().map(|study| ItemInfo { study: (*study).to_owned(), ..image.clone() }).collect();
        listed
    }

    #[test]
    fn series_of_one_study_are_one_choice() {
        let listed = studies(
            vec![
                series("/s/a", &["1"]),
                series("/s/b", &["2"]),
                series("/s/c", &["1"]),
                series("/s/x", &[""]),
                series("/s/y", &[""]),
            ],
            Path::new("/s"),
        );
        let told: Vec<(&str, usize)> = listed.iter().map(|listed| (listed.path.to_str().unwrap(), listed.images.len())).collect();
        assert_eq!(told, [("/s", 2), ("/s/b", 1), ("/s/x", 1), ("/s/y", 1)]);
    }

    #[test]
    fn a_folder_of_several_studies_is_no_study() {
        let listed = studies(vec![series("/s/a", &["1", "2"]), series("/s/b", &["1"])], Path::new("/s"));
        assert_eq!(listed.len(), 2);
    }
}
