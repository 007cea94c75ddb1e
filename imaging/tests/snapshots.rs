//! The promises of snapshots: opening is short, undo reaches back to the first step, and damage to one costs nothing.

use imaging::journal::{Journal, Opened, look};
use imaging::{Case, CaseId, Edit, Entry, History, Mask, Project, Review, Step, StructureId};
use std::fs;
use std::path::{Path, PathBuf};

const SHAPE: [usize; 3] = [8, 6, 4];
const STRUCTURE: StructureId = StructureId(0);

/// Keeps `steps` steps as a window would, with a snapshot whenever one is due; gives the project after each.
fn keep(folder: &Path, steps: usize) -> Vec<Project> {
    let mut journal = Journal::create(folder, "study").expect("an empty folder takes a project");
    let (mut project, mut history) = (Project::default(), History::default());
    let mut states = vec![project.clone()];
    for n in 0..steps {
        let edit = match n {
            0 => Edit::add_case(&project, Case::new(CaseId(0), "a".into(), PathBuf::from("/elsewhere/a.nii"))),
            1 => Edit::add_structure(&project, project.next_structure("liver")),
            _ if n % 2 == 0 => {
                let mask = Mask::from_fn(SHAPE, |index| (index * n) % 7 < 2);
                Edit::review(&project, CaseId(0), STRUCTURE, Review::Accepted, Some(&mask)).expect("the case is there")
            }
            _ => Edit::review(&project, CaseId(0), STRUCTURE, Review::Open, None).expect("the case is there"),
        };
        let entry = Entry::Do(Step { name: format!("step {n}"), edit });
        history.replay(&mut project, entry.clone()).expect("it fits");
        journal.append(&entry).expect("the disk takes it");
        if journal.wants_snapshot() {
            journal.snapshot(&project).expect("the disk takes it");
        }
        states.push(project.clone());
    }
    states
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("it can be listed").map(|entry| entry.expect("it can be listed").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot-"))).collect();
    files.sort();
    files
}

fn open(folder: &Path) -> Opened {
    Journal::open(folder).expect("it opens")
}

/// Undo to the first step gives every state on the way, and redo every one again.
fn walk(opened: Opened, states: &[Project]) {
    let (mut project, mut history) = (opened.project, opened.history);
    for state in states.iter().rev().skip(1) {
        history.undo(&mut project).expect("every step can be taken back");
        assert_eq!(&project, state);
    }
    assert_eq!(history.undo_name(), None);
    for state in &states[1..] {
        history.redo(&mut project).expect("every step can be made again");
        assert_eq!(&project, state);
    }
}

#[test]
fn undo_reaches_past_the_snapshot_to_the_first_step() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    let states = keep(folder.path(), 700);
    assert_eq!(snapshots(folder.path()).len(), 2, "one after each 256 entries");
    let opened = open(folder.path());
    assert_eq!((&opened.project, &opened.warnings), (&states[700], &Vec::new()));
    assert_eq!(look(folder.path()).expect("it can be read while it is open"), states[700]);
    walk(opened, &states);
}

#[test]
fn three_generations_are_kept_and_a_damaged_one_costs_nothing() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    let states = keep(folder.path(), 1100);
    let files = snapshots(folder.path());
    assert_eq!(files.len(), 3);
    fs::write(&files[2], "nonsense").expect("a test's folder can be written");
    let opened = open(folder.path());
    assert_eq!(opened.project, states[1100]);
    assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);
    walk(opened, &states);
    for file in snapshots(folder.path()) {
        fs::write(file, "nonsense").expect("a test's folder can be written");
    }
    let opened = open(folder.path());
    assert_eq!(opened.project, states[1100]);
    walk(opened, &states);
}

#[test]
fn damage_before_a_snapshot_costs_earlier_steps_and_no_state() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    let states = keep(folder.path(), 600);
    let path = folder.path().join("journal.jsonl");
    let mut journal = fs::read(&path).expect("it is there");
    let lines: Vec<usize> = journal.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    journal[lines[40] + 20..lines[40] + 30].copy_from_slice(b"??????????");
    fs::write(&path, &journal).expect("a test's folder can be written");
    let opened = open(folder.path());
    assert_eq!(opened.project, states[600]);
    assert!(opened.warnings.len() == 1 && opened.warnings[0].contains("can no longer be undone"), "{:?}", opened.warnings);
    assert_eq!(fs::read(folder.path().join("journal.damaged-1")).expect("it is kept"), journal);
    assert_eq!(opened.history.depth(), 600 - 512);
    drop(opened);
    let again = open(folder.path());
    assert_eq!((again.project, again.warnings), (states[600].clone(), Vec::new()));
}

#[test]
fn one_flipped_bit_before_a_snapshot_costs_nothing_at_all() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    let states = keep(folder.path(), 600);
    let path = folder.path().join("journal.jsonl");
    let mut journal = fs::read(&path).expect("it is there");
    journal[1234] ^= 16;
    fs::write(&path, &journal).expect("a test's folder can be written");
    let opened = open(folder.path());
    assert!(opened.warnings.len() == 1 && opened.warnings[0].contains("1 change could be put right"), "{:?}", opened.warnings);
    walk(opened, &states);
}

#[test]
fn a_journal_cut_before_its_snapshot_gives_what_the_snapshot_saw() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    let states = keep(folder.path(), 600);
    let path = folder.path().join("journal.jsonl");
    let journal = fs::read(&path).expect("it is there");
    fs::write(&path, &journal[..3000]).expect("a test's folder can be written");
    let opened = open(folder.path());
    assert_eq!(opened.project, states[512]);
    assert_eq!(opened.warnings.len(), 1);
}

#[test]
fn what_a_kill_leaves_beside_a_file_is_cleared_away() {
    let folder = tempfile::tempdir().expect("a test can have a folder");
    keep(folder.path(), 3);
    fs::write(folder.path().join(".beside-x"), "half").expect("a test's folder can be written");
    drop(open(folder.path()));
    assert!(!folder.path().join(".beside-x").exists());
}
