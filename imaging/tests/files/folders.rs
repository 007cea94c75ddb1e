//! What a folder holds, in which order, under which names.

use crate::make::{folder, write};
use imaging::files::{case_name, is_supported, list};
use std::path::Path;

#[test]
fn images_are_listed_in_natural_order_and_pairs_once() {
    let folder = folder();
    let names = [
        "case 10.nii",
        "Case 2.nii.gz",
        "case 1.PNG",
        ".hidden.nii",
        "note.txt",
        "pair.hdr",
        "pair.img",
        "z.IMG.GZ",
        "b007.tif",
        "b7.tif",
        "b08.jpeg",
    ];
    names.iter().for_each(|name| drop(write(folder.path(), name, b"")));
    std::fs::create_dir(folder.path().join("folder.nii")).expect("a test's folder can be written");
    let listed: Vec<String> = list(folder.path())
        .expect("a folder can be listed")
        .iter()
        .map(|path| path.file_name().expect("a file has a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(listed, ["b007.tif", "b7.tif", "b08.jpeg", "case 1.PNG", "Case 2.nii.gz", "case 10.nii", "pair.hdr"]);
    assert!(list(&folder.path().join("none")).is_err());
}

#[test]
fn names_lose_their_endings_and_no_more() {
    let name = |file: &str| case_name(Path::new(file));
    assert_eq!(name("/data/liver_01.nii.gz"), "liver_01");
    assert_eq!(name("scan.v2.NII"), "scan.v2");
    assert_eq!(name("a.b.hdr.gz"), "a.b");
    assert_eq!(name("notes.txt"), "notes.txt");
    assert!(is_supported(Path::new("x/A.TIFF")) && !is_supported(Path::new(".nii")) && !is_supported(Path::new("a.gz")));
}
