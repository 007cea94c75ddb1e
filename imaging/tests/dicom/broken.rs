//! Files broken here: cut short, bytes changed, lengths that lie, nesting without end. Each is read, or refused in
//! words; none panics through, and none makes more memory than it could fill.

use crate::support::{copies, data, element, files, folder};
use imaging::files as formats;
use std::path::{Path, PathBuf};

/// Opens all that a folder holds, and says what was refused.
fn open_all(home: &Path) -> Vec<String> {
    let opened = formats::items(home).map(|items| {
        items.iter().filter_map(|info| formats::open_item(&info.item).err()).map(|error| error.to_string()).collect()
    });
    opened.unwrap_or_else(|error| vec![error.to_string()])
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(folder).expect("a test's folder can be written");
    std::fs::write(&path, bytes).expect("a test's folder can be written");
    path
}

/// A number that looks random, the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn changed_bytes_cost_one_file_at_most() {
    let Some(data) = data() else { return };
    // Four a file in passing; more where EXEMPLAR_MUTATIONS says so.
    let turns: usize = std::env::var("EXEMPLAR_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    let slices = ["dcmqi_seg/ct-3slice__01.dcm", "dcmqi_seg/ct-3slice__02.dcm", "dcmqi_seg/ct-3slice__03.dcm"];
    let drawn_on = folder();
    let image = formats::items(&copies(&data, &slices, drawn_on.path())).expect("a series")[0].item.clone();
    let grid = formats::open_item(&image).expect("a readable series").grid;
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut seeds: Vec<PathBuf> = ["pydicom_data", "dcmqi_seg", "highdicom_test", "mr_Siemens_mosaic_nih", "rtstruct_mock"]
        .iter()
        .flat_map(|set| files(&data.join(set)))
        .filter(|path| path.metadata().is_ok_and(|about| about.len() < 300_000))
        .collect();
    seeds.sort();
    let home = folder();
    for seed in seeds {
        let whole = std::fs::read(&seed).expect("a readable file");
        for turn in 0..turns {
            let mut bytes = whole.clone();
            if turn % 7 == 0 {
                bytes.truncate(next(&mut state) as usize % bytes.len());
            }
            for _ in 0..turn % 7 * 3 {
                let at = next(&mut state) as usize % bytes.len().clamp(1, 4000);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = next(&mut state) as u8;
                }
            }
            let place = home.path().join("one");
            write(&place, "changed.dcm", &bytes);
            let _ = open_all(&place);
            if formats::dicom::holds_structures(&place.join("changed.dcm")) {
                let _ = formats::dicom::structures(&place.join("changed.dcm"), &image, &grid);
            }
        }
    }
}

fn image(rows: u16, columns: u16, frames: &str, pixels: &[u8]) -> Vec<u8> {
    [
        element([0x0008, 0x0060], b"CS", b"OT"),
        element([0x0020, 0x000e], b"UI", b"1.2.3.4\0"),
        element([0x0028, 0x0002], b"US", &1_u16.to_le_bytes()),
        element([0x0028, 0x0004], b"CS", b"MONOCHROME2 "),
        element([0x0028, 0x0008], b"IS", frames.as_bytes()),
        element([0x0028, 0x0010], b"US", &rows.to_le_bytes()),
        element([0x0028, 0x0011], b"US", &columns.to_le_bytes()),
        element([0x0028, 0x0100], b"US", &8_u16.to_le_bytes()),
        element([0x0028, 0x0101], b"US", &8_u16.to_le_bytes()),
        element([0x0028, 0x0102], b"US", &7_u16.to_le_bytes()),
        element([0x0028, 0x0103], b"US", &0_u16.to_le_bytes()),
        element([0x7fe0, 0x0010], b"OB", pixels),
    ]
    .concat()
}

#[test]
fn a_file_without_preamble_and_header_is_read() {
    let home = folder();
    let path = write(home.path(), "bare", &image(2, 3, "1 ", &[1, 2, 3, 4, 5, 6]));
    let opened = formats::open(&path).expect("a readable image");
    assert_eq!(opened.grid.shape, [3, 2, 1]);
    assert_eq!((0..6).map(|at| opened.value(at)).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn sizes_that_the_file_cannot_hold_are_refused() {
    let home = folder();
    for (name, bytes, word) in [
        ("rows", image(30_000, 30_000, "1 ", &[0; 16]), "ends after"),
        ("frames", image(2, 3, "1000000 ", &[0; 6]), "frames"),
        ("zero", image(0, 3, "1 ", &[0; 6]), "3 x 0"),
    ] {
        let said = open_all(write(home.path(), name, &bytes).parent().expect("a folder"));
        assert!(said.iter().any(|text| text.contains(word)), "{name}: {said:?}");
        std::fs::remove_file(home.path().join(name)).expect("it was written");
    }
}

#[test]
fn a_length_that_lies_and_nesting_without_end_are_refused() {
    let home = folder();
    let mut lies = element([0x0008, 0x0060], b"CS", b"OT");
    lies.extend([0x08, 0x00, 0x3e, 0x10, b'U', b'T', 0, 0, 0xf0, 0xff, 0xff, 0xff]);
    let path = write(home.path(), "lies.dcm", &lies);
    let error = formats::open(&path).expect_err("it declares 4 GB");
    assert!(error.to_string().contains("more than the file holds"), "{error}");

    let mut deep = element([0x0008, 0x0060], b"CS", b"OT");
    for _ in 0..200_000 {
        deep.extend([0x08, 0x00, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        deep.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    let path = write(home.path(), "deep.dcm", &deep);
    let error = formats::open(&path).expect_err("it nests too deep");
    assert!(error.to_string().contains("nested"), "{error}");
}

#[test]
fn a_directory_file_leads_nowhere_but_to_its_folder() {
    let Some(data) = data() else { return };
    let home = folder();
    let inside = home.path().join("disc");
    copies(&data, &["highdicom_test/ct_image.dcm"], &inside.join("IMAGES"));
    copies(&data, &["dcmqi_seg/ct-3slice__01.dcm"], &home.path().join("outside"));
    // What it lists is of no matter: an entry that points out of the folder is not followed.
    let listed = element([0x0004, 0x1500], b"CS", b"..\\OUTSIDE\\ct-3slice__01.dcm ");
    let path = write(
        &inside,
        "DICOMDIR",
        &[vec![0; 128], b"DICM".to_vec(), element([0x0002, 0x0010], b"UI", b"1.2.840.10008.1.2.1\0"), listed].concat(),
    );
    let items = formats::items(&path).expect("the images of the folder");
    assert_eq!(items.len(), 1);
    assert!(items[0].item.path.starts_with(&inside), "{:?}", items[0].item.path);
}
