//! Where the real files are, how a Python script is asked, and copies of files in folders of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of real DICOM files, if it is there.
pub fn data() -> Option<PathBuf> {
    let data = std::env::var_os("EXEMPLAR_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join("dicom");
    if !data.is_dir() {
        eprintln!("NOT TESTED: there are no real files in {} (EXEMPLAR_DATA)", data.display());
    }
    data.is_dir().then_some(data)
}

/// Runs a script of `tests/outside`, which fails where it finds a difference; says whether it could be run.
pub fn ask(script: &str, arguments: &[&Path]) -> bool {
    let Some(python) = std::env::var_os("EXEMPLAR_PYTHON") else {
        eprintln!("NOT TESTED ({script}): EXEMPLAR_PYTHON names no Python with pydicom, SimpleITK, nibabel and highdicom");
        return false;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside").join(script);
    let output = Command::new(python).arg(&script).args(arguments).output().expect("EXEMPLAR_PYTHON is a Python that starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    true
}

/// A folder that goes when it is dropped.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a test can have a folder")
}

/// The files of a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the data can be listed");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the data can be listed").path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Copies a file into a folder of its own, so that it has no siblings.
pub fn alone(file: &Path, into: &Path) -> PathBuf {
    let name = file.file_name().expect("a file has a name");
    let folder = into.join(name).with_extension("alone");
    std::fs::create_dir_all(&folder).expect("a test's folder can be written");
    let to = folder.join(name);
    std::fs::copy(file, &to).expect("a test's folder can be written");
    to
}

/// Copies files into one folder.
pub fn copies(data: &Path, files: &[&str], to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).expect("a test's folder can be written");
    for file in files {
        let file = data.join(file);
        std::fs::copy(&file, to.join(file.file_name().expect("a file has a name"))).expect("a test's folder can be written");
    }
    to.to_owned()
}

/// An element, explicit and little-endian.
pub fn element(tag: [u16; 2], vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = tag.iter().flat_map(|part| part.to_le_bytes()).collect();
    bytes.extend(vr);
    if [b"OB", b"OW", b"SQ", b"UN", b"UT"].contains(&vr) {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}
