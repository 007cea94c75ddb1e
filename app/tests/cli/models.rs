//! Published nets on the command line: added with consent, listed, used, removed.

use crate::run::{done, stderr, stdout, text};
use imaging::files::open_labels;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/parity/published").join(name)
}

/// Runs the program with a home of its own.
fn at_home(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_exemplar"))
        .args(arguments)
        .env("EXEMPLAR_HOME", home)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

#[test]
fn a_net_is_added_with_consent_used_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| at_home(home.path(), arguments);
    let weights = published("multiverseg.safetensors");
    let refused = run(&["models", "add", text(&weights)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--accept-licence") && stderr(&refused).contains("Apache-2.0"), "{}", stderr(&refused));
    let added = run(&["models", "add", text(&weights), "--accept-licence"]);
    assert!(added.status.success(), "{}", stderr(&added));
    let listed = run(&["models", "list", "--json"]);
    let line: serde_json::Value = serde_json::from_str(stdout(&listed).lines().next().unwrap()).unwrap();
    let name = line["name"].as_str().unwrap();
    assert!(name.starts_with("multiverseg-") && line["dims"] == 2);
    segment_with(home.path(), name);
    assert!(run(&["models", "remove", name]).status.success());
    assert!(stdout(&run(&["models", "list"])).is_empty());
    let gone = run(&["models", "remove", name]);
    assert!(stderr(&gone).contains("no net named"), "{}", stderr(&gone));
}

/// A picture from the sample, with a box on it.
fn segment_with(home: &Path, net: &str) {
    let sample = home.join("sample");
    done(["sample", text(&sample)]);
    let image = sample.join("cells/images/cells-01.png");
    let marks = home.join("marks.json");
    let form = r#"{"structures": [{"name": "nuclei", "marks": [{"box": [[10, 10, 0], [40, 40, 0]]}, {"click": [60, 60, 0], "sign": "negative"}]}]}"#;
    std::fs::write(&marks, form).unwrap();
    let out = home.join("mask.png");
    let arguments = ["segment", text(&image), "--prompts", text(&marks), "--out", text(&out), "--device", "cpu", "--net", net];
    let output = at_home(home, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(open_labels(&out).unwrap().grid.shape[..2], imaging::files::open(&image).unwrap().grid.shape[..2]);
    let wrong = at_home(home, &[&arguments[..9], &["nothing", "--overwrite"]].concat());
    assert!(stderr(&wrong).contains("no net named nothing"), "{}", stderr(&wrong));
}

#[test]
fn what_is_no_net_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let output = at_home(home.path(), &["models", "add", text(&published("../torch/zip.pt")), "--accept-licence"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("the net cannot be added: its tensors belong to no net"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
