//! One function a fuzz target: it takes any bytes, and returns unless a parser misbehaves.
//!
//! An input is one file or several, with `SPLIT` between them. What no fuzzer guesses is made here: a file's bytes
//! after `PACK` are gzipped, and a line of a journal that begins with JSON gets its checksum.
//!
//! A reader that panics is contained and told as a sentence, which counts as a failure here; under libFuzzer the panic
//! itself ends the process first.

use flate2::Compression;
use flate2::write::GzEncoder;
use imaging::files::{self, dicom};
use imaging::journal::{self, Journal};
use imaging::{Affine, Edit, Entry, Grid, Image, Item, Mask, Part, Pixels, Reduction, Step, StructureId, export, ledger};
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Stands between the files of an input.
pub const SPLIT: &[u8] = b"\n--file--\n";
/// What follows it in a file is gzipped before it is read.
pub const PACK: &[u8] = b"--gzip--";

/// A target's name, which is its corpus' too, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("nifti", nifti),
    ("text_headers", text_headers),
    ("dicom_series", dicom_series),
    ("dicom_structures", dicom_structures),
    ("project", project),
    ("label_names", label_names),
    ("pictures", pictures),
    ("reduced", reduced),
];

/// More parts, files or steps of one input teach nothing new.
const ENOUGH: usize = 6;

/// NIfTI and Analyze: one file, or a header and its voxels.
pub fn nifti(bytes: &[u8]) {
    let folder = folder();
    let parts = parts(bytes);
    let name = if parts.len() > 1 { "a.hdr" } else { "a.nii" };
    let path = put(folder.path(), name, &packed(parts[0]));
    if let Some(voxels) = parts.get(1) {
        put(folder.path(), "a.img", &packed(voxels));
    }
    read_in_every_way(&path);
    // Masks are written behind a copy of their source's header.
    let Ok(image) = files::open(&path) else { return };
    if image.grid.len() < 1 << 16 {
        let mask = Mask::from_fn(image.grid.shape, |index| index % 3 == 0);
        let labels = [(1, &mask)];
        judge(export::export_nifti(&path.into(), &labels, &folder.path().join("mask.nii"), true));
    }
}

/// NRRD with 3D Slicer's segments, MetaImage and GIPL: one file, or a header and the file of voxels that it names.
pub fn text_headers(bytes: &[u8]) {
    let folder = folder();
    let parts = parts(bytes);
    let path = put(folder.path(), "a.nhdr", &packed(parts[0]));
    if let Some(voxels) = parts.get(1) {
        put(folder.path(), "a.raw", &packed(voxels));
    }
    read_in_every_way(&path);
}

/// A DICOM series: its slices.
pub fn dicom_series(bytes: &[u8]) {
    let folder = folder();
    for (number, part) in parts(bytes).into_iter().take(ENOUGH).enumerate() {
        put(folder.path(), &format!("{number}.dcm"), part);
    }
    let Some(listing) = judge(dicom::list(folder.path())) else { return };
    listing.refused.iter().for_each(|error| check(&error));
    for found in listing.items.iter().take(ENOUGH) {
        judge(dicom::open(&found.item));
        judge(files::info(&found.item));
    }
    judge(files::open(&folder.path().join("0.dcm")));
}

/// A DICOM segmentation or set of contours, and the slices that it was drawn on, if any.
pub fn dicom_structures(bytes: &[u8]) {
    let folder = folder();
    let parts = parts(bytes);
    let drawn = put(folder.path(), "drawn.dcm", parts[0]);
    let home = folder.path().join("image");
    let plain = Grid::new([24, 38, 3], Affine::from_spacing([0.5, 0.5, 3.0]));
    judge(dicom::structures(&drawn, &folder.path().join("none.nii").into(), &plain));
    let _ = dicom::holds_structures(&drawn);
    for (number, part) in parts[1..].iter().take(ENOUGH).enumerate() {
        put(&home, &format!("{number}.dcm"), part);
    }
    let Ok(listing) = dicom::list(&home) else { return };
    for found in listing.items.iter().take(ENOUGH) {
        let Some(image) = judge(dicom::open(&found.item)) else { continue };
        let item = drawn.clone().into();
        judge(files::open_structures_on(&item, &found.item, &image.grid));
    }
}

/// A project's folder: `project.json`, `journal.jsonl`, a snapshot and the ledger. It is opened, gone on with and
/// opened again.
pub fn project(bytes: &[u8]) {
    let folder = folder();
    let home = folder.path();
    for (part, name) in parts(bytes).iter().zip(["project.json", "journal.jsonl", "snapshot-000000000001.json", "ledger.jsonl"]) {
        if !part.is_empty() {
            put(home, name, &summed(part));
        }
    }
    if let Ok(lines) = ledger::read(home) {
        let _ = ledger::csv(&lines);
    }
    let looked = judge(journal::look(home));
    let Some(mut opened) = judge(Journal::open(home)) else { return };
    assert_eq!(looked.as_ref(), Some(&opened.project), "a look and an opening tell the same");
    let project = &mut opened.project;
    project.examples(StructureId(0)).count();
    for (id, case) in project.cases.iter().flat_map(|case| case.works.keys().map(move |id| (*id, case))) {
        if let Some(mask) = case.mask(id) {
            let _ = (mask.count(), mask.bounds(), mask.runs());
        }
    }
    let edits = [
        Edit::add_case(project, imaging::Case::new(project.next_case(), "new".to_owned(), home.join("a.nii"))),
        Edit::add_structure(project, project.next_structure("new")),
        Edit::Several(Vec::new()),
    ];
    let _ = project.next_prompt();
    for edit in edits {
        let step = Step { name: "on it goes".to_owned(), edit };
        if opened.history.apply(project, step.clone()).is_ok() {
            judge(opened.journal.append(&Entry::Do(step)));
        }
    }
    let mut taken_back = 0;
    while taken_back < ENOUGH && opened.history.undo(project).is_ok() {
        judge(opened.journal.append(&Entry::Undo));
        taken_back += 1;
    }
    while opened.history.redo(project).is_ok() {
        judge(opened.journal.append(&Entry::Redo));
    }
    judge(opened.journal.snapshot(project));
    drop(opened.journal);
    let Some(again) = judge(Journal::open(home)) else { return };
    assert_eq!(again.project, opened.project, "what was saved comes back");
    let copied = home.join("copy");
    judge(journal::copy(home, &copied));
}

/// ITK-SNAP's labels, `dataset.json` and `labels.json`; also the part of an image as it is written.
pub fn label_names(bytes: &[u8]) {
    judge(files::names(bytes));
    if let Some(part) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Part>().ok()) {
        assert_eq!(part.to_string().parse(), Ok(part), "a part reads back as it is written");
    }
}

/// PNG, JPEG, TIFF and BMP, as images and as labels.
pub fn pictures(bytes: &[u8]) {
    let folder = folder();
    let path = put(folder.path(), "a.png", bytes);
    read_in_every_way(&path);
    let stack = judge(files::stack(&path)).flatten();
    for found in files::items(&path).unwrap_or_default().iter().take(ENOUGH).chain(&stack) {
        judge(files::open_item(&found.item));
        judge(files::open_labels_item(&found.item));
        let kept = found.item.clone().reduced(Reduction::every(2));
        let (whole, part) = (files::open_item(&found.item), files::open_item(&kept));
        if let (Ok(whole), Ok(part)) = (whole, part) {
            compare(&whole, &part, &kept.reduction);
        }
    }
}

/// An image of which a part is opened: `every` and, if there are six more numbers, the first and the last voxel of a
/// box, as text; then the file, and the file of its voxels or further slices. What is kept lies where it should, and a
/// box holds what the whole image holds there.
pub fn reduced(bytes: &[u8]) {
    let folder = folder();
    let parts = parts(bytes);
    let [wanted, file, more @ ..] = parts.as_slice() else { return };
    let Some(reduction) = reduction(wanted) else { return };
    let is_dicom = file.get(128..132) == Some(b"DICM");
    let path = if is_dicom {
        for (number, slice) in [file].into_iter().chain(more).take(ENOUGH).enumerate() {
            put(folder.path(), &format!("{number}.dcm"), slice);
        }
        folder.path().to_owned()
    } else {
        let is_pair = !more.is_empty() && !file.starts_with(b"NRRD") && !file.starts_with(b"ObjectType");
        if let Some(voxels) = more.first() {
            put(folder.path(), if is_pair { "a.img" } else { "a.raw" }, &packed(voxels));
        }
        put(folder.path(), if is_pair { "a.hdr" } else { "a.nhdr" }, &packed(file))
    };
    let stack = files::stack(&path).ok().flatten();
    for found in judge(files::items(&path)).unwrap_or_default().iter().take(ENOUGH).chain(&stack) {
        let kept = found.item.clone().reduced(reduction);
        let part = judge(files::open_item(&kept));
        if let (Some(part), Ok(whole)) = (part, files::open_item(&found.item)) {
            compare(&whole, &part, &reduction);
        }
        if let Some(labels) = judge(files::open_labels_item(&kept)) {
            assert_eq!(labels.values.len(), labels.grid.len(), "each voxel of a grid has a label");
        }
    }
}

fn reduction(text: &[u8]) -> Option<Reduction> {
    let numbers: Option<Vec<u32>> = std::str::from_utf8(text).ok()?.split_whitespace().map(|word| word.parse().ok()).collect();
    match *numbers?.as_slice() {
        [every] => Some(Reduction::every(every)),
        [every, a, b, c, x, y, z] => Some(Reduction { every, ..Reduction::within([a, b, c], [x, y, z]) }),
        _ => None,
    }
}

/// Whether a part of an image is what the whole holds there.
fn compare(whole: &Image, part: &Image, reduction: &Reduction) {
    let grid = reduction.grid(&whole.grid).expect("the box lay in the image as it was opened");
    assert_eq!((grid.shape, values(part)), (part.grid.shape, part.grid.len()), "it has the voxels of its grid");
    if reduction.every > 1 || whole.is_colour() || part.is_colour() {
        return;
    }
    let first = reduction.within.map_or([0; 3], |[first, _]| first.map(|at| at as usize));
    for index in 0..part.grid.len().min(1 << 12) {
        let at = part.grid.voxel(index);
        let there = whole.value(whole.grid.index(std::array::from_fn(|axis| at[axis] + first[axis])));
        let here = part.value(index);
        assert!(here.to_bits() == there.to_bits() || here == there || here.is_nan() && there.is_nan(), "{here} is not {there}");
    }
}

/// How many voxels an image holds.
fn values(image: &Image) -> usize {
    match &image.pixels {
        Pixels::I16(values) => values.len(),
        Pixels::F32(values) => values.len(),
        Pixels::Rgb(values) => values.len(),
    }
}

fn read_in_every_way(path: &Path) {
    let item: Item = path.into();
    let items = judge(files::items(path)).unwrap_or_default();
    judge(files::info(&item));
    judge(files::open_structures(&item));
    for found in items.iter().take(ENOUGH) {
        judge(files::open_item(&found.item));
        judge(files::info(&found.item));
    }
    let Some(last) = items.last().filter(|_| items.len() > ENOUGH) else { return };
    judge(files::open_item(&last.item));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a fuzzer can have a folder")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes)).expect("a fuzzer's folder can be written");
    path
}

/// What came of it, where nothing panicked.
fn judge<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| check(error)).ok()
}

fn check(error: &dyn Display) {
    let said = error.to_string();
    assert!(!said.contains("its reader failed") && !said.contains("it made its decoder fail"), "{said}");
}

/// The files of an input, at least one.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(SPLIT.len()).position(|window| window == SPLIT) {
        parts.push(&rest[..at]);
        rest = &rest[at + SPLIT.len()..];
    }
    parts.push(rest);
    parts
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let Some(at) = bytes.windows(PACK.len()).position(|window| window == PACK) else { return bytes.to_vec() };
    let mut packer = GzEncoder::new(bytes[..at].to_vec(), Compression::fast());
    packer.write_all(&bytes[at + PACK.len()..]).expect("memory takes it");
    packer.finish().expect("memory takes it")
}

/// Lines that begin as an entry or a snapshot does, with their checksums; others as they are. `project.json` is many
/// lines, and the ledger has none: both begin with a blank.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut summed = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if matches!(line.first(), Some(b'{' | b'"')) {
            let json = line.strip_suffix(b"\n").unwrap_or(line);
            summed.extend(format!("{:08x} ", crc32fast::hash(json)).into_bytes());
        }
        summed.extend(line);
    }
    summed
}
