//! Real data beside the project.

use std::path::{Path, PathBuf};

/// The data that tests share, or nothing where they are not there, which is said.
pub fn shared(set: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("EXEMPLAR_DATA").map_or(default, Into::into).join(set);
    if !folder.is_dir() {
        eprintln!("NOT RUN: the data are missing: {}", folder.display());
    }
    folder.is_dir().then_some(folder)
}
