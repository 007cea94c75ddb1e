//! Paths of images as a journal stores them: relative where an image lies below the project's folder or beside
//! it, so that the two can move together; absolute otherwise. Names are compared as they are written.

use crate::edit::Edit;
use crate::history::Entry;
use crate::project::Project;
use std::path::{Component, Path, PathBuf};

/// An entry with its paths as the journal in `folder` stores them.
pub(super) fn stored(entry: &Entry, folder: &Path) -> Entry {
    with_paths(entry.clone(), &|path| relative(path, folder))
}

/// An entry with its paths as the program uses them: absolute.
pub(super) fn found(entry: Entry, folder: &Path) -> Entry {
    with_paths(entry, &|path| absolute(path, folder))
}

/// A project's paths as the journal in `folder` stores them.
pub(super) fn store(project: &mut Project, folder: &Path) {
    project.cases.iter_mut().for_each(|case| case.path = relative(&case.path, folder));
}

/// A project's paths as the program uses them.
pub(super) fn find(project: &mut Project, folder: &Path) {
    project.cases.iter_mut().for_each(|case| case.path = absolute(&case.path, folder));
}

fn with_paths(mut entry: Entry, change: &impl Fn(&Path) -> PathBuf) -> Entry {
    match &mut entry {
        Entry::Do(step) => change_edit(&mut step.edit, change),
        Entry::Base(project) => project.cases.iter_mut().for_each(|case| case.path = change(&case.path)),
        Entry::Undo | Entry::Redo => {}
    }
    entry
}

fn change_edit(edit: &mut Edit, change: &impl Fn(&Path) -> PathBuf) {
    match edit {
        Edit::Case { before, after, .. } => {
            [before, after].into_iter().flatten().for_each(|case| case.path = change(&case.path));
        }
        Edit::Several(edits) => edits.iter_mut().for_each(|edit| change_edit(edit, change)),
        _ => {}
    }
}

fn relative(path: &Path, folder: &Path) -> PathBuf {
    let beside = folder.parent().and_then(|parent| path.strip_prefix(parent).ok());
    match (path.strip_prefix(folder), beside) {
        (Ok(below), _) => slashed(below),
        (_, Some(beside)) => slashed(&Path::new("..").join(beside)),
        _ => path.to_owned(),
    }
}

/// A relative path with the separators that every system reads.
fn slashed(path: &Path) -> PathBuf {
    if cfg!(windows) { PathBuf::from(path.to_string_lossy().replace('\\', "/")) } else { path.to_owned() }
}

fn absolute(path: &Path, folder: &Path) -> PathBuf {
    if path.has_root() {
        return path.to_owned();
    }
    let mut whole = folder.to_owned();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_there_and_back() {
        let folder = Path::new("/study/project");
        let cases = [
            ("/study/project/images/a.nii", "images/a.nii"),
            ("/study/images/a.nii", "../images/a.nii"),
            ("/study/project 2/a.nii", "../project 2/a.nii"),
            ("/elsewhere/a.nii", "/elsewhere/a.nii"),
        ];
        for (path, written) in cases {
            assert_eq!(relative(Path::new(path), folder), Path::new(written));
            assert_eq!(absolute(Path::new(written), folder), Path::new(path));
        }
        assert_eq!(absolute(Path::new("../images/a.nii"), Path::new("/moved/here")), Path::new("/moved/images/a.nii"));
    }
}
