//! Folders of the user's own: where projects are kept until they are saved elsewhere, and what was opened last.

use std::path::{Path, PathBuf};

const MOST: usize = 10;

/// Where the program keeps things of its own, made if need be.
#[must_use]
pub fn data_folder() -> PathBuf {
    let base = std::env::var_os("EXEMPLAR_HOME").map(PathBuf::from).or_else(platform_folder).unwrap_or_else(std::env::temp_dir);
    let folder = base.join("exemplar");
    if let Err(error) = std::fs::create_dir_all(&folder) {
        tracing::warn!("could not make the program's data folder: {error}");
    }
    folder
}

fn platform_folder() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    if cfg!(windows) {
        std::env::var_os("APPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| home().map(|home| home.join(".local/share")))
    }
}

/// A new folder for a project that the user has not yet given a place.
#[must_use]
pub fn new_project_folder(name: &str) -> PathBuf {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let safe: String = name.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').take(40).collect();
    data_folder().join("projects").join(format!("{safe}-{}-{}", now.as_millis(), std::process::id()))
}

/// What was opened last, the newest first; only what is still there.
#[must_use]
pub fn list() -> Vec<PathBuf> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let paths: Vec<PathBuf> = serde_json::from_str(&text).unwrap_or_default();
    paths.into_iter().filter(|path| path.exists()).collect()
}

/// Puts a path at the head of the list.
pub fn add(path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut paths = list();
    paths.retain(|other| *other != path);
    paths.insert(0, path);
    paths.truncate(MOST);
    let written = serde_json::to_string(&paths).map_err(std::io::Error::from).and_then(|text| std::fs::write(file(), text));
    if let Err(error) = written {
        tracing::warn!("could not note what was opened: {error}");
    }
}

fn file() -> PathBuf {
    data_folder().join("recent.json")
}
