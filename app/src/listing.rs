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
        Ok(found) => found.iter().map(|path| of_file(path)).collect(),
        Err(error) => vec![Listed { path: folder, images: Vec::new(), fault: Some(error) }],
    }
}

fn of_file(path: &Path) -> Listed {
    match files::items(path) {
        Ok(images) => Listed { path: path.to_owned(), images, fault: None },
        Err(error) => {
            let name = files::case_name(path);
            let info = ItemInfo {
                item: Item::from(path),
                name,
                title: String::new(),
                format: String::new(),
                shape: [0; 3],
                voxel_bytes: 0,
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
