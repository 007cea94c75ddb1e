//! The journal on disks that fail it: full ones and such as cannot be written. Both are small disks in memory,
//! which only root may mount; without that the tests say so and pass.

#![cfg(target_os = "linux")]

use imaging::journal::{Journal, JournalError};
use imaging::{Case, CaseId, Edit, Entry, History, Mask, Project, Review, Step, StructureId};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A disk in memory of one megabyte. One at a time: a program that is just being started holds its parent's files,
/// and so another test's lock.
struct Disk(tempfile::TempDir, #[expect(dead_code, reason = "held, not looked at")] MutexGuard<'static, ()>);

static ONE: Mutex<()> = Mutex::new(());

impl Disk {
    fn mount() -> Option<Self> {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a test can have a folder");
        let mounted = mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], folder.path());
        if !mounted {
            eprintln!("NOT RUN: only root may mount a disk in memory");
        }
        mounted.then(|| Self(folder, turn))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}

fn begin(folder: &Path) -> (Journal, Project, History) {
    let mut journal = Journal::create(folder, "study").expect("there is room for a project");
    let (mut project, mut history) = (Project::default(), History::default());
    let case = Edit::add_case(&project, Case::new(CaseId(0), "a".into(), PathBuf::from("/elsewhere/a.nii")));
    let structure = Edit::add_structure(&project, project.next_structure("liver"));
    let entry = Entry::Do(Step { name: "begin".into(), edit: Edit::Several(vec![case, structure]) });
    history.replay(&mut project, entry.clone()).expect("it fits");
    journal.append(&entry).expect("there is room for a line");
    (journal, project, history)
}

/// A step of some kilobytes.
fn large(project: &Project, n: usize) -> Entry {
    let mask = Mask::from_fn([40, 40, 4], |index| (index / 3 + n).is_multiple_of(3));
    let edit = Edit::review(project, CaseId(0), StructureId(0), Review::Rejected, Some(&mask)).expect("the case is there");
    Entry::Do(Step { name: format!("step {n}"), edit })
}

#[test]
fn a_full_disk_is_told_and_costs_nothing_once_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    let folder = disk.path().join("project");
    let (mut journal, mut project, mut history) = begin(&folder);
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 700_000]).expect("there is room");
    let mut saved = (project.clone(), history.clone());
    let fault = (0..1000).find_map(|n| {
        let entry = large(&project, n);
        history.replay(&mut project, entry.clone()).expect("it fits");
        let result = journal.append(&entry);
        if result.is_ok() {
            saved = (project.clone(), history.clone());
        }
        result.err()
    });
    let fault = fault.expect("the disk runs full").to_string();
    assert!(fault.starts_with("could not save the change") && journal.waits(), "{fault}");
    assert!(matches!(journal.append(&Entry::Undo), Err(JournalError::System { .. })));
    history.undo(&mut project).expect("there is a step");
    drop(journal.snapshot(&project));

    // A program that dies now leaves all that was told as saved.
    let copy = disk.0.path().with_extension("copy");
    copy_folder(&folder, &copy);
    let opened = Journal::open(&copy).expect("it opens");
    assert!((opened.project, opened.history) == saved);
    fs::remove_dir_all(&copy).expect("the copy can go");

    fs::remove_file(ballast).expect("the ballast can go");
    journal.flush().expect("there is room again");
    assert!(!journal.waits());
    drop(journal);
    let opened = Journal::open(&folder).expect("it opens");
    assert!((opened.project, opened.history) == (project, history));
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        fs::copy(&path, to.join(path.file_name().expect("a file has a name"))).expect("a file can be copied");
    }
}

#[test]
fn a_folder_that_cannot_be_written_opens_for_reading_and_says_so() {
    let Some(disk) = Disk::mount() else { return };
    let folder = disk.path().join("project");
    let (journal, project, history) = begin(&folder);
    drop(journal);
    assert!(mount(&["-o", "remount,ro"], disk.path()), "what was mounted can be mounted anew");
    let mut opened = Journal::open(&folder).expect("it can be read");
    assert!(opened.read_only && opened.project == project && opened.history == history);
    assert_eq!(opened.warnings, ["The project is open for reading only: its folder cannot be written."]);
    assert!(matches!(opened.journal.append(&Entry::Undo), Err(JournalError::ReadOnly(_))));
    assert!(Journal::create(&disk.path().join("other"), "other").is_err());
    assert!(mount(&["-o", "remount,rw"], disk.path()), "and once more");
    assert!(!Journal::open(&folder).expect("it can be read").read_only);
}
