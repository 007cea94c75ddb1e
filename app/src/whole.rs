//! Files of the program's own that are there whole or not at all.

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file under another name beside its own, then gives it its name: whoever reads it, even after a crash, finds
/// the old one or the new one. Two writers of one file must not write at once.
///
/// # Errors
/// Where the file cannot be written; the old one, if there was one, stands.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stands_where_the_new_one_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::create_dir(folder.path().join("settings.json.part")).unwrap();
        assert!(write(&path, "newer").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
