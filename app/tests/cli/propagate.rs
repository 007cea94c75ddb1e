//! The main job with the real engine on the CPU: the sample's masks against its reference.

use crate::make::file;
use crate::run::{done, exemplar, stderr, stdout, text};
use imaging::files::{open, open_labels};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The sample, made once for all tests of this file: two scans and two pictures as examples, the others as targets.
pub static SAMPLE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    done(["sample", text(folder.path())]);
    folder
});

/// A folder with some cases of a set of the sample, with or without their labels.
fn cases(at: &Path, set: &str, names: &[&str], with_labels: bool) -> PathBuf {
    for part in ["images", "labels"].into_iter().take(1 + usize::from(with_labels)) {
        for name in names {
            let file = Path::new(part).join(name);
            std::fs::create_dir_all(at.join(part)).unwrap();
            std::fs::copy(SAMPLE.path().join(set).join(&file), at.join(&file)).unwrap();
        }
    }
    std::fs::copy(SAMPLE.path().join(set).join("labels.json"), at.join("labels.json")).unwrap();
    at.to_owned()
}

pub fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_sample_is_the_same_each_time() {
    let again = tempfile::tempdir().unwrap();
    done(["sample", text(again.path())]);
    for file in ["ct/images/subject-03.nii.gz", "ct/labels/subject-08.nii.gz", "cells/images/cells-12.png"] {
        assert_eq!(std::fs::read(again.path().join(file)).unwrap(), std::fs::read(SAMPLE.path().join(file)).unwrap());
    }
}

#[test]
fn scans_are_segmented_and_a_broken_one_does_not_stop_the_others() {
    let work = tempfile::tempdir().unwrap();
    let examples = cases(&work.path().join("examples"), "ct", &["subject-01.nii.gz", "subject-02.nii.gz"], true);
    let targets = cases(&work.path().join("targets"), "ct", &["subject-03.nii.gz", "subject-04.nii.gz"], false);
    file(&targets, "images/broken.nii.gz", "no image");
    let out = work.path().join("out");
    let output = exemplar([
        "propagate",
        "--json",
        "--device",
        "cpu",
        "--structures",
        "liver,lungs",
        "--examples",
        text(&examples),
        "--targets",
        text(&targets),
        "--out",
        text(&out),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 of 3 images could not be segmented: broken"), "{}", stderr(&output));
    let told = lines(&stdout(&output));
    assert_eq!(told.len(), 3);
    assert!(told[0]["error"].is_string() && told[0]["case"] == "broken");
    for line in &told[1..] {
        check_masks(line, "ct", &[("liver", 0.6), ("lungs", 0.55)]);
        assert!(line["structures"][0]["ml"].as_f64().unwrap() > 300.0);
    }
    assert!(out.join("labels.json").is_file());
}

#[test]
fn pictures_are_segmented() {
    let work = tempfile::tempdir().unwrap();
    let examples = cases(&work.path().join("examples"), "cells", &["cells-01.png", "cells-02.png"], true);
    let targets = cases(&work.path().join("targets"), "cells", &["cells-03.png"], false);
    let out = work.path().join("out");
    let output = done([
        "propagate",
        "--json",
        "--device",
        "cpu",
        "--examples",
        text(&examples),
        "--targets",
        text(&targets),
        "--out",
        text(&out),
    ]);
    check_masks(&lines(&stdout(&output))[0], "cells", &[("nuclei", 0.7)]);
}

#[test]
fn one_image_is_segmented_from_marks_on_it() {
    let work = tempfile::tempdir().unwrap();
    let image = SAMPLE.path().join("ct/images/subject-01.nii.gz");
    let reference = open_labels(&SAMPLE.path().join("ct/labels/subject-01.nii.gz")).unwrap().mask(1);
    let [low, high] = reference.bounds().unwrap();
    let middle = (low[2] + high[2]) / 2;
    let marks = format!(
        r#"{{"structures": [{{"name": "liver", "marks": [{{"box": [[{}, {}, {middle}], [{}, {}, {middle}]]}}]}}]}}"#,
        low[0], low[1], high[0], high[1]
    );
    let marks = file(work.path(), "marks.json", marks);
    let out = work.path().join("liver.nii.gz");
    let output = done(["segment", text(&image), "--prompts", text(&marks), "--out", text(&out), "--json", "--device", "cpu"]);
    assert_eq!(lines(&stdout(&output))[0]["structures"][0]["name"], "liver");
    let found = open_labels(&out).unwrap();
    assert_eq!(found.grid, open(&image).unwrap().grid);
    let dice = found.mask(1).dice(&reference);
    assert!(dice > 0.25, "Dice {dice}");
}

/// The mask that a line tells of lies on its image's grid and agrees with the reference.
fn check_masks(line: &serde_json::Value, set: &str, least: &[(&str, f64)]) {
    let case = line["case"].as_str().unwrap();
    let file = Path::new(line["file"].as_str().unwrap());
    let beside = |part: &str| SAMPLE.path().join(set).join(part).join(file.file_name().unwrap());
    let (found, reference) = (open_labels(file).unwrap(), open_labels(&beside("labels")).unwrap());
    assert_eq!(found.grid, open(&beside("images")).unwrap().grid);
    for structure in line["structures"].as_array().unwrap() {
        let name = structure["name"].as_str().unwrap();
        let value = structure["value"].as_u64().unwrap() as u16;
        let mask = found.mask(value);
        assert_eq!(mask.count() as u64, structure["voxels"].as_u64().unwrap());
        let wanted = least.iter().find(|(known, _)| *known == name).unwrap().1;
        let dice = mask.dice(&reference.mask(value));
        assert!(dice >= wanted, "{name} of {case}: Dice {dice:.3}, wanted {wanted}");
    }
}

/// Most memory that a run over some targets held at any time, in kB.
#[cfg(target_os = "linux")]
fn peak_kb(examples: &Path, targets: &Path, out: &Path) -> u64 {
    let arguments =
        ["propagate", "--device", "cpu", "--examples", text(examples), "--targets", text(targets), "--out", text(out)];
    let program =
        std::process::Command::new(env!("CARGO_BIN_EXE_exemplar")).args(arguments).stdout(std::process::Stdio::null()).spawn();
    let mut program = program.unwrap();
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let held = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = peak.max(held.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(program.wait().unwrap().success() && peak > 0);
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_targets() {
    let work = tempfile::tempdir().unwrap();
    let examples = cases(&work.path().join("examples"), "cells", &["cells-01.png"], true);
    let picture = image::RgbImage::from_fn(640, 640, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 9]));
    let peaks = [5, 45].map(|count| {
        let targets = work.path().join(count.to_string());
        std::fs::create_dir_all(&targets).unwrap();
        (0..count).for_each(|case| picture.save(targets.join(format!("{case}.png"))).unwrap());
        peak_kb(&examples, &targets, &work.path().join(format!("out-{count}")))
    });
    // Forty pictures of 1.2 MB each would be half as much again.
    assert!(peaks[1] as f64 <= 1.1 * peaks[0] as f64, "{peaks:?} kB");
}
