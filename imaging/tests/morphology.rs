//! The mask tools seen by SimpleITK, on real label maps, through `tests/outside/check_morphology.py`.
//!
//! `EXEMPLAR_PYTHON` names a Python that has it; `EXEMPLAR_DATA` the folder of real files (else `../shared/data`
//! beside the workspace). Where one is missing, the test says so and passes.

use imaging::morphology::{Connection, Filter, Islands, fill_holes, grow, shrink, smooth, unwatched};
use imaging::{Grid, Mask, files};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How far the tools reach, in the finest voxels: diagonal steps too, and no whole number.
const REACH: f64 = 1.6;

/// The first label maps of two sets, and of each the label that covers most.
fn masks() -> Vec<(String, Grid, Mask)> {
    let data = std::env::var_os("EXEMPLAR_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let mut masks = Vec::new();
    for set in ["hippocampus_mr", "totalsegmentator_examples"] {
        let Ok(listed) = fs::read_dir(data.join(set).join("labels")) else {
            eprintln!("NOT TESTED: there is no {set} in {} (EXEMPLAR_DATA)", data.display());
            continue;
        };
        let mut paths: Vec<PathBuf> =
            listed.flatten().map(|entry| entry.path()).filter(|path| files::is_supported(path)).collect();
        paths.sort();
        for path in paths.iter().take(2) {
            let labels = files::open_labels(path).expect("a label map of the shared data");
            let largest = (1..120).max_by_key(|&value| labels.mask(value).count()).unwrap_or(1);
            masks.push((format!("{set}{}", masks.len()), labels.grid, labels.mask(largest)));
        }
    }
    masks
}

fn write(folder: &Path, name: &str, operation: &str, mask: &Mask) {
    let voxels: Vec<u8> = (0..mask.len()).map(|index| u8::from(mask.get(index))).collect();
    fs::write(folder.join(format!("{name}.{operation}.u8")), voxels).expect("a temporary folder");
}

#[test]
fn simpleitk_finds_the_same_voxels() {
    let Some(python) = std::env::var_os("EXEMPLAR_PYTHON") else {
        eprintln!("NOT TESTED: EXEMPLAR_PYTHON names no Python with SimpleITK");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut cases = Vec::new();
    for (name, grid, mut mask) in masks() {
        // A hole and a speck, which whole organs do not have.
        let middle = mask.iter().nth(mask.count() / 2).expect("the largest label is not empty");
        mask.set(middle, false);
        mask.set(0, true);
        let mm = REACH * grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let watch = &mut unwatched;
        let islands = Islands::of(&mask, Connection::Corners, watch).expect("nobody cancels");
        let largest = islands.largest();
        for (operation, result) in [
            ("mask", Ok(mask.clone())),
            ("grow", grow(&mask, &grid, mm, watch)),
            ("shrink", shrink(&mask, &grid, mm, watch)),
            ("holes", fill_holes(&mask, watch)),
            ("largest", Ok(islands.keep(|island, _| Some(island) == largest))),
            ("gaussian", smooth(&mask, &[], &grid, Filter::Gaussian, mm, watch)),
        ] {
            write(folder.path(), &name, operation, &result.expect("nobody cancels"));
        }
        cases.push(serde_json::json!({ "name": name, "shape": grid.shape, "spacing": grid.spacing_mm(), "mm": mm }));
    }
    fs::write(folder.path().join("cases.json"), serde_json::Value::from(cases).to_string()).expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/check_morphology.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("EXEMPLAR_PYTHON is a Python that starts");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "SimpleITK finds other voxels");
}
