//! The promises of `journal`: whatever is cut off or damaged, all that was written before it comes back.

use imaging::journal::{Journal, JournalError, copy};
use imaging::{Case, CaseId, Edit, EditError, Entry, History, Mask, Project, Prompt, Review, Shape, Sign, Step, StructureId};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const SHAPE: [usize; 3] = [4, 3, 2];

/// A project that is kept as a window would keep it.
struct Kept {
    journal: Journal,
    project: Project,
    history: History,
}

impl Kept {
    fn create(folder: &Path) -> Self {
        let journal = Journal::create(folder, "study").expect("an empty folder takes a project");
        Self { journal, project: Project::default(), history: History::default() }
    }

    fn note(&mut self, entry: &Entry) {
        if self.history.replay(&mut self.project, entry.clone()).is_ok() {
            self.journal.append(entry).expect("the disk takes it");
        }
    }

    fn make(&mut self, edit: Option<Edit>) {
        self.note(&Entry::Do(Step { name: "a step".into(), edit: edit.expect("the edit fits") }));
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a test can have a folder")
}

fn click(project: &Project, structure: StructureId) -> Prompt {
    Prompt { id: project.next_prompt(), structure, sign: Sign::Negative, shape: Shape::Click { at: [1.25, 0.1, 1e-7] } }
}

/// Adds a case, a structure, a mark and a mask, with undo and redo among them; gives the state after each entry.
fn script(kept: &mut Kept, images: &Path) -> Vec<(Project, History)> {
    let mut states = vec![(kept.project.clone(), kept.history.clone())];
    let (case, structure) = (CaseId(0), StructureId(0));
    let mask = Mask::from_fn(SHAPE, |index| index % 5 < 2);
    for step in 0..8 {
        let project = &kept.project;
        let entry = match step {
            0 => Edit::add_case(project, Case::new(case, "é \"1\"\n".into(), images.join("a.nii"))),
            1 => Edit::add_structure(project, project.next_structure("liver")),
            2 => Edit::add_prompt(project, case, click(project, structure)).expect("the case is there"),
            5 => Edit::review(project, case, structure, Review::Accepted, Some(&mask)).expect("the case is there"),
            _ => Edit::Several(Vec::new()),
        };
        kept.note(&match step {
            3 | 6 => Entry::Undo,
            4 | 7 => Entry::Redo,
            _ => Entry::Do(Step { name: "a step".into(), edit: entry }),
        });
        states.push((kept.project.clone(), kept.history.clone()));
    }
    states
}

/// A project's folder whose journal is of these bytes.
fn with_journal(folder: &Path, journal: &[u8]) -> PathBuf {
    drop(Journal::create(folder, "study").expect("an empty folder takes a project"));
    std::fs::write(folder.join("journal.jsonl"), journal).expect("a test's folder can be written");
    folder.to_owned()
}

fn written() -> (Vec<u8>, Vec<(Project, History)>) {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    let states = script(&mut kept, Path::new("/elsewhere"));
    (std::fs::read(folder.path().join("journal.jsonl")).expect("it was just written"), states)
}

/// Opens a journal of these bytes, checks that it holds the first `lines` states and can go on.
fn check(journal: &[u8], lines: usize, states: &[(Project, History)]) -> (tempfile::TempDir, Vec<String>) {
    let folder = folder();
    let path = with_journal(folder.path(), journal);
    let mut opened = Journal::open(&path).expect("it opens");
    assert_eq!((&opened.project, &opened.history), (&states[lines].0, &states[lines].1));
    let step = Step { name: "on it goes".into(), edit: Edit::Several(Vec::new()) };
    opened.journal.append(&Entry::Do(step.clone())).expect("the disk takes it");
    opened.history.apply(&mut opened.project, step).expect("nothing always fits");
    drop(opened.journal);
    let again = Journal::open(&path).expect("it opens again");
    assert_eq!((again.project, again.history, again.warnings), (opened.project, opened.history, Vec::new()));
    (folder, opened.warnings)
}

#[test]
fn a_journal_cut_at_any_byte_gives_all_whole_entries() {
    let (journal, states) = written();
    for length in 0..=journal.len() {
        let lines = journal[..length].iter().filter(|&&byte| byte == b'\n').count();
        let torn = length > 0 && journal[length - 1] != b'\n';
        let (folder, warnings) = check(&journal[..length], lines, &states);
        assert_eq!(warnings.len(), usize::from(torn));
        assert!(!folder.path().join("journal.damaged-1").exists());
    }
}

#[test]
fn a_flipped_bit_anywhere_is_told_and_put_right() {
    let (journal, states) = written();
    // Each bit by itself is `mend`'s own test; here each eleventh, and all of the last bytes.
    let bits = 8 * journal.len();
    for bit in (0..bits).step_by(11).chain(bits - 24..bits) {
        let mut damaged = journal.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (folder, warnings) = check(&damaged, states.len() - 1, &states);
        assert_eq!(warnings.len(), 1, "bit {bit}");
        assert!(warnings[0].contains("1 change could be put right") && warnings[0].contains("journal.damaged-1"), "{warnings:?}");
        let aside = std::fs::read(folder.path().join("journal.damaged-1")).expect("the damaged journal is kept");
        assert_eq!(aside, damaged);
    }
}

#[test]
fn a_line_beyond_repair_costs_what_builds_on_it_and_nothing_else() {
    let (journal, _) = written();
    let lines: Vec<&[u8]> = journal.split_inclusive(|&byte| byte == b'\n').collect();
    for lost in 0..lines.len() {
        let mut damaged = lines.iter().map(|line| line.to_vec()).collect::<Vec<_>>();
        damaged[lost][..4].copy_from_slice(b"????");
        let folder = folder();
        let opened = Journal::open(&with_journal(folder.path(), &damaged.concat())).expect("it opens");
        assert!(opened.warnings.len() == 1 && opened.warnings[0].contains("1 change could not be read"), "{:?}", opened.warnings);
        assert_eq!(opened.project.cases.len(), usize::from(lost != 0), "only the case's own line holds it");
        assert_eq!(opened.project.structures.len(), usize::from(lost != 1));
        drop(opened.journal);
        let again = Journal::open(folder.path()).expect("it opens again");
        assert_eq!((again.project, again.history, again.warnings), (opened.project, opened.history, Vec::new()));
    }
}

#[test]
fn a_second_program_reads_and_cannot_write() {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    let states = script(&mut kept, Path::new("/elsewhere"));
    let mut second = Journal::open(folder.path()).expect("it can be read");
    assert!(second.read_only && second.warnings.len() == 1);
    assert_eq!(Some(&(second.project, second.history)), states.last());
    assert!(matches!(second.journal.append(&Entry::Undo), Err(JournalError::ReadOnly(_))));
    assert!(matches!(Journal::create(folder.path(), "other"), Err(JournalError::Exists(_))));
    drop(kept);
    assert!(!Journal::open(folder.path()).expect("it can be read").read_only);
}

#[test]
fn project_and_images_move_together() {
    let study = folder();
    let project = study.path().join("project");
    let mut kept = Kept::create(&project);
    for (n, file) in ["project/a.nii", "images/b.nii", "/elsewhere/c.nii"].iter().enumerate() {
        kept.make(Some(Edit::add_case(&kept.project, Case::new(CaseId(n as u64), String::new(), study.path().join(file)))));
    }
    let text = std::fs::read_to_string(project.join("journal.jsonl")).expect("it was just written");
    assert!(text.contains("\"a.nii\"") && text.contains("\"../images/b.nii\"") && text.contains("\"/elsewhere/c.nii\""));
    drop(kept);
    let moved = folder();
    std::fs::rename(&project, moved.path().join("project")).expect("a folder can be moved");
    let paths = |folder: &Path| -> Vec<PathBuf> {
        Journal::open(folder).expect("it opens").project.cases.into_iter().map(|case| case.path).collect()
    };
    let moved_project = moved.path().join("project");
    assert_eq!(
        paths(&moved_project),
        [moved_project.join("a.nii"), moved.path().join("images/b.nii"), "/elsewhere/c.nii".into()]
    );
    let far = folder();
    copy(&moved_project, &far.path().join("x/y")).expect("it can be copied");
    assert_eq!(paths(&far.path().join("x/y")), paths(&moved_project), "a copy speaks of the same images");
    assert!(matches!(copy(&moved_project, &far.path().join("x/y")), Err(JournalError::Exists(_))));
}

#[test]
fn what_is_no_project_or_a_newer_one_is_refused_and_left_alone() {
    let folder = folder();
    assert!(matches!(Journal::open(folder.path()), Err(JournalError::NotAProject { .. })));
    let about = folder.path().join("project.json");
    for (text, newer) in [
        ("", false),
        ("{}", false),
        (r#"{"format":"other","version":1}"#, false),
        (r#"{"format":"exemplar project","version":1}"#, false),
        (r#"{"format":"exemplar project","version":3,"all":"new"}"#, true),
    ] {
        std::fs::write(&about, text).expect("a test's folder can be written");
        let error = Journal::open(folder.path()).expect_err("this is no project of ours");
        assert_eq!(matches!(error, JournalError::Newer { found: 3, .. }), newer, "{error}");
        assert!(error.to_string().ends_with(&folder.path().display().to_string()));
        assert_eq!(std::fs::read_dir(folder.path()).expect("it can be listed").count(), 1);
    }
}

#[test]
fn what_would_not_read_back_is_refused_at_the_door() {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    script(&mut kept, Path::new("/elsewhere"));
    let mark =
        Prompt { shape: Shape::Click { at: [f32::NAN; 3] }, structure: StructureId(1), ..click(&kept.project, StructureId(0)) };
    let edit = Edit::Prompt { case: CaseId(0), at: 1, before: None, after: Some(mark) };
    let entry = Entry::Do(Step { name: String::new(), edit });
    assert_eq!(kept.history.replay(&mut kept.project, entry.clone()), Err(EditError::NotFinite));
    assert!(matches!(kept.journal.append(&entry), Err(JournalError::Unwritable(_))));
    drop(kept.journal);
    let opened = Journal::open(folder.path()).expect("it opens");
    assert_eq!((opened.project, opened.history), (kept.project, kept.history));
}

#[test]
fn a_mask_larger_than_any_image_is_damage_and_costs_nothing() {
    let edit = Edit::Review {
        case: CaseId(0),
        structure: StructureId(0),
        before: Review::Open,
        after: Review::Accepted,
        shape: [1 << 40, 1 << 40, 1],
        patch: Mask::empty(SHAPE).patch_to(&Mask::from_fn(SHAPE, |index| index == 0)),
    };
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    let mut states = script(&mut kept, Path::new("/elsewhere"));
    kept.journal.append(&Entry::Do(Step { name: String::new(), edit })).expect("the disk takes it");
    drop(kept);
    let opened = Journal::open(folder.path()).expect("it opens");
    assert_eq!(Some((opened.project, opened.history)), states.pop());
    assert_eq!(opened.warnings.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Marks, masks, reviews, undo and redo in any order: what is reopened is what was left.
    #[test]
    fn undo_and_redo_survive_reopening(choices in prop::collection::vec(any::<[u8; 3]>(), 0..30)) {
        let folder = folder();
        let mut kept = Kept::create(folder.path());
        for id in 0..2 {
            kept.make(Some(Edit::add_case(&kept.project, Case::new(CaseId(id), String::new(), folder.path().join("a.nii")))));
            kept.make(Some(Edit::add_structure(&kept.project, kept.project.next_structure("liver"))));
        }
        for [what, which, bits] in choices {
            let (project, case, structure) = (&kept.project, CaseId(u64::from(which % 2)), StructureId(u64::from(which / 2 % 2)));
            let mask = Mask::from_fn(SHAPE, |index| bits >> (index % 8) & 1 == 1);
            let edit = match what % 9 {
                0 => Edit::add_prompt(project, case, click(project, structure)),
                1 => Edit::review(project, case, structure, Review::Accepted, Some(&mask)),
                2 => Edit::review(project, case, structure, Review::Open, None),
                3 => Edit::set_example(project, case, structure, bits % 2 == 0),
                4 => Edit::remove_structure(project, structure),
                5 => Edit::set_flag(project, case, structure, (bits % 2 == 0).then(|| format!("note {bits}"))),
                6 => Edit::set_weight(project, case, structure, bits % 4),
                7 => { kept.note(&Entry::Undo); continue }
                _ => { kept.note(&Entry::Redo); continue }
            };
            if edit.is_some() {
                kept.make(edit);
            }
        }
        let Kept { journal, project, history } = kept;
        drop(journal);
        let opened = Journal::open(folder.path()).expect("it opens");
        prop_assert_eq!((opened.project, opened.history, opened.warnings), (project, history, Vec::new()));
    }
}
