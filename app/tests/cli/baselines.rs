//! The baselines of `app/baselines` on small sets: they read what `evaluate` writes, and it reads what they write.
//!
//! `EXEMPLAR_PYTHON` names a Python with what `app/baselines/requirements.txt` lists; without it nothing is tested.

use crate::evaluate::{balls, discs};
use crate::run::{done, text};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn baseline(results: &Path, out: &Path) -> bool {
    let Some(python) = std::env::var_os("EXEMPLAR_PYTHON") else {
        eprintln!("NOT TESTED (baselines): EXEMPLAR_PYTHON names no Python with scikit-learn, scikit-image and SimpleITK");
        return false;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines/baseline.py");
    let output = Command::new(python).arg(script).arg(results).args(["--contexts", "1", "--out"]).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn a_forest_and_a_registration_find_what_is_plain_to_see() {
    let work = tempfile::tempdir().unwrap();
    discs(&work.path().join("data/discs"), 3);
    balls(&work.path().join("data/balls"), 3);
    let (data, json) = (work.path().join("data"), work.path().join("out.json"));
    let run = ["evaluate", text(&data), "--device", "cpu", "--json", text(&json), "--contexts", "1", "--prompts", "mask"];
    let few = ["--repeats", "1", "--targets", "1"];
    done(run.iter().chain(&few));
    let out = work.path().join("masks");
    if !baseline(&json, &out) {
        return;
    }
    let files = ["random-forest.json", "registration.json"].map(|name| out.join(name));
    let both = ["--resume", "--baseline", text(&files[0]), "--baseline", text(&files[1])];
    done(run.iter().chain(&few).chain(&both));
    let results: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    for (method, dims) in [("random forest", 2), ("registration", 3)] {
        let rows = results["summary"]["means"].as_array().unwrap();
        let row = rows.iter().find(|row| row["method"] == method).unwrap();
        assert_eq!(row["dims"], dims);
        assert!(row["dice"].as_f64().unwrap() > 0.7 && row["seconds"].as_f64().unwrap() > 0.0, "{row}");
    }
}
