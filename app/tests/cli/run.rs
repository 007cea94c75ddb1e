//! Running the program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program; its log is off, so that standard error holds what it says to people.
pub fn exemplar<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_exemplar")).args(arguments).env_remove("RUST_LOG").output().unwrap()
}

/// What it said on standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said on standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The program must do what it is asked for.
pub fn done<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let output = exemplar(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// The program must refuse with exit code 1 and one sentence, which holds `why`.
pub fn refused<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, why: &str) {
    let output = exemplar(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("exemplar: ") && said.lines().count() == 1, "one sentence, not: {said}");
    assert!(said.contains(why), "{why:?} is not in: {said}");
    assert!(!said.contains("panicked"));
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
