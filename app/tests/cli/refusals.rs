//! Bad input: exit code 1 and one sentence; wrong use: exit code 2; and nothing is written.

use crate::make::{MARKS, file, header, nifti};
use crate::run::{exemplar, refused, stderr, text};
use std::path::Path;

#[test]
fn wrong_use_has_its_own_exit_code() {
    for wrong in
        [vec!["propagate"], vec!["segment", "x.nii"], vec!["no-such-command"], vec!["sample"], vec!["sample", "a", "--what"]]
    {
        let output = exemplar(&wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
    }
    assert_eq!(exemplar(["--help"]).status.code(), Some(0));
    assert_eq!(exemplar(["--version"]).status.code(), Some(0));
}

#[test]
fn each_bad_image_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let whole = nifti(&[6, 5, 4]);
    let bad: [(&str, Vec<u8>, &str); 7] = [
        ("truncated.nii", whole[..whole.len() - 40].to_vec(), "ends after"),
        ("text.nii", b"This is not an image.\n".to_vec(), "not"),
        ("four.nii", nifti(&[6, 5, 4, 3]), "3 volumes"),
        ("zero.nii", nifti(&[6, 0, 4]), ""),
        ("huge.nii", header(&[32000, 32000, 32000], 4, 16), ""),
        ("empty.nii", Vec::new(), "empty"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), ""),
    ];
    for (name, bytes, why) in bad {
        let image = file(folder.path(), name, bytes);
        let out = folder.path().join("out.nii.gz");
        segment_refused(&image, MARKS, &out, why);
        assert!(!out.exists(), "{name} left a mask");
    }
    segment_refused(&folder.path().join("missing.nii"), MARKS, &folder.path().join("out.nii"), "no such file");
}

fn segment_refused(image: &Path, marks: &str, out: &Path, why: &str) {
    let marks = file(image.parent().unwrap(), "marks.json", marks);
    refused(["segment", text(image), "--prompts", text(&marks), "--out", text(out)], why);
}

#[test]
fn bad_marks_and_bad_goals_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = file(folder.path(), "image.nii", nifti(&[6, 5, 4]));
    let out = folder.path().join("out.nii.gz");
    segment_refused(&image, "{", &out, "the marks cannot be used");
    segment_refused(&image, r#"{"structures": []}"#, &out, "no structure");
    segment_refused(&image, r#"{"structures": [{"marks": [{"click": [9, 9, 9]}]}]}"#, &out, "outside the image");
    segment_refused(&image, MARKS, &folder.path().join("out.png"), "must end in .nii or .nii.gz");
    file(folder.path(), "out.nii.gz", "already here");
    segment_refused(&image, MARKS, &out, "--overwrite");
    assert_eq!(std::fs::read(&out).unwrap(), b"already here");
}

#[test]
fn bad_examples_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let propagate = |why: &str| {
        refused(["propagate", "--examples", text(at), "--targets", text(at), "--out", text(&at.join("out"))], why);
        assert!(!at.join("out").exists());
    };
    propagate("");
    file(at, "images/a.nii", nifti(&[6, 5, 4]));
    propagate("labels");
    file(at, "labels/b.nii", nifti(&[6, 5, 4]));
    propagate("no image has labels");
    file(at, "labels/a.nii", nifti(&[6, 5, 3]));
    propagate("6 x 5 x 3");
    file(at, "labels/a.nii", nifti(&[6, 5, 4]));
    propagate("all empty");
    file(at, "labels.json", "[]");
    propagate("names of the labels");
}

#[test]
fn the_sample_does_not_write_over_other_things() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "ct/mine.txt", "mine");
    refused(["sample", text(folder.path())], "something else");
    let inside_a_file = file(folder.path(), "file", "").join("sample");
    refused(["sample", text(&inside_a_file)], "cannot be made");
}
