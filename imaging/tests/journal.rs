//! The promises of `journal`: whatever is cut off or damaged, all that was written before it comes back.

use imaging::journal::{Journal, JournalError, copy};
use imaging::{
    Case, CaseId, Edit, EditError, Entry, History, MOST_WEIGHT, Mask, Project, Prompt, Review, Shape, Sign, Step, Structure,
    StructureId, Tip, Work,
};
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
        (r#"{"format":"exemplar project","version":4,"all":"new"}"#, true),
    ] {
        std::fs::write(&about, text).expect("a test's folder can be written");
        let error = Journal::open(folder.path()).expect_err("this is no project of ours");
        assert_eq!(matches!(error, JournalError::Newer { found: 4, .. }), newer, "{error}");
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

/// JSON as a line of the journal with its checksum, as a program writes it that knows no bounds.
fn line(json: &str) -> Vec<u8> {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// An edit of each kind that carries a number of its own, with a good number: as JSON, and how that number is written there.
fn numbered_edits(project: &Project) -> Vec<(String, &'static str)> {
    const AT: [f32; 3] = [1.5, 77.25, 1.0];
    let (case, structure) = (CaseId(0), StructureId(1));
    let mark = |shape| Prompt { shape, structure, ..click(project, structure) };
    let marks = [
        Shape::Click { at: AT },
        Shape::Box { from: AT, to: [1.5, 80.0, 1.0] },
        Shape::Box { from: [1.5, 70.0, 1.0], to: AT },
        Shape::Doodle { points: vec![[0.0; 3], AT], normal: 2 },
        Shape::Stroke { points: vec![[0.0; 3], AT], radius_mm: 2.0, tip: Tip::Ball },
        Shape::Stroke { points: vec![[0.0; 3]], radius_mm: 77.25, tip: Tip::Disc { normal: 1 } },
    ]
    .map(mark);
    let json = |edit| serde_json::to_string(&Entry::Do(Step { name: "a step".into(), edit })).expect("it can be written");
    let add = |mark: &Prompt| Edit::add_prompt(project, case, mark.clone()).expect("the case is there");
    let mut edits: Vec<_> = marks.iter().map(|mark| (json(add(mark)), "77.25")).collect();
    edits.push((json(Edit::Several(vec![Edit::Several(vec![add(&marks[0])])])), "77.25"));
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = Case::new(CaseId(7), "new".into(), PathBuf::from("/elsewhere/b.nii"));
        change(&mut case);
        case
    };
    let marked = with(&|case| case.prompts.extend(marks.clone()));
    let weighed = with(&|case| drop(case.works.insert(structure, Work { weight: 2, ..Work::default() })));
    edits.push((json(Edit::add_case(project, marked)), "77.25"));
    edits.push((json(Edit::add_case(project, weighed.clone())), "\"weight\":2"));
    let faint = Structure { opacity: 0.25, ..project.next_structure("faint") };
    edits.push((json(Edit::add_structure(project, faint.clone())), "0.25"));
    edits.push((json(Edit::Weight { case, structure, before: 1, after: 2 }), "\"after\":2"));
    let mask = Mask::from_fn(SHAPE, |index| index == 1);
    edits.push((json(Edit::review(project, case, structure, Review::Rejected, Some(&mask)).expect("it fits")), "\"shape\":[4"));
    let base = Project { cases: vec![weighed], structures: vec![faint], ..Project::default() };
    let base = serde_json::to_string(&Entry::Base(Box::new(base))).expect("it can be written");
    edits.extend([(base.clone(), "\"weight\":2"), (base, "0.25")]);
    edits
}

#[test]
fn a_number_that_no_image_has_is_damage_whatever_the_edit() {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    script(&mut kept, Path::new("/elsewhere"));
    let written = std::fs::read(folder.path().join("journal.jsonl")).expect("it was just written");
    let after = Edit::Flag { case: CaseId(0), structure: StructureId(0), before: None, after: Some("on it goes".into()) };
    let after = serde_json::to_string(&Entry::Do(Step { name: "after".into(), edit: after })).expect("it can be written");
    for (good, number) in numbered_edits(&kept.project) {
        assert!(good.contains(number), "{good}");
        let open = |json: &str| {
            let home = self::folder();
            let journal = [written.clone(), line(json), if good.contains("Base") { Vec::new() } else { line(&after) }].concat();
            let opened = Journal::open(&with_journal(home.path(), &journal)).expect("it opens");
            (opened.project, opened.warnings)
        };
        let (project, warnings) = open(&good);
        assert!(warnings.is_empty() && project != kept.project, "the good one is taken: {good} {warnings:?}");
        for bad in ["1e39", "-1e39", "1e400", "4e9", "-0.5e10", "NaN", "null"] {
            let key = &number[..number.rfind([':', '[']).map_or(0, |at| at + 1)];
            let json = good.replace(number, &format!("{key}{bad}"));
            let (project, warnings) = open(&json);
            assert!(warnings.len() == 1 && warnings[0].contains("1 change could not be read"), "{json}: {warnings:?}");
            let flag = project.cases[0].work(StructureId(0)).and_then(|work| work.flag.clone());
            assert_eq!(flag.as_deref(), if good.contains("Base") { None } else { Some("on it goes") }, "the rest is kept");
            assert_eq!((project.cases.len(), project.cases[0].prompts.len()), (1, kept.project.cases[0].prompts.len()));
        }
    }
}

#[test]
fn whole_numbers_beyond_their_bounds_are_damage_too() {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    script(&mut kept, Path::new("/elsewhere"));
    let written = std::fs::read(folder.path().join("journal.jsonl")).expect("it was just written");
    let edit = |edit| Entry::Do(Step { name: "a step".into(), edit });
    let one = Mask::empty(SHAPE).patch_to(&Mask::from_fn(SHAPE, |index| index == 23));
    let (case, structure) = (CaseId(0), StructureId(1));
    let review =
        |shape| Edit::Review { case, structure, before: Review::Open, after: Review::Rejected, shape, patch: one.clone() };
    for edit in [
        edit(Edit::Weight { case, structure, before: 1, after: MOST_WEIGHT + 1 }),
        edit(review([1 << 40, 1 << 40, 1])),
        edit(review([1 << 16, 1 << 16, 1])),
        edit(review([3, 2, 2])),
    ] {
        let Entry::Do(step) = &edit else { continue };
        assert_eq!(kept.history.clone().apply(&mut kept.project.clone(), step.clone()), Err(EditError::NotFinite));
        assert!(matches!(kept.journal.append(&edit), Err(JournalError::Unwritable(_))), "{edit:?}");
        let json = serde_json::to_string(&edit).expect("it can be written");
        let home = self::folder();
        let opened = Journal::open(&with_journal(home.path(), &[written.clone(), line(&json)].concat())).expect("it opens");
        assert_eq!((&opened.project, opened.warnings.len()), (&kept.project, 1), "{json}");
    }
}

#[test]
fn a_snapshot_with_a_number_that_no_image_has_is_not_used() {
    let folder = folder();
    let mut kept = Kept::create(folder.path());
    script(&mut kept, Path::new("/elsewhere"));
    kept.journal.snapshot(&kept.project).expect("the disk takes it");
    let path = folder.path().join("snapshot-000000000008.json");
    let text = std::fs::read_to_string(&path).expect("it was just written");
    drop(kept.journal);
    for (number, bad) in [("1.25", "1e39"), ("0.4", "1e39"), ("\"weight\":1", "\"weight\":200")] {
        assert!(text.contains(number), "{text}");
        let json = text[9..].trim_end().replacen(number, bad, 1);
        std::fs::write(&path, line(&json)).expect("a test's folder can be written");
        let opened = Journal::open(folder.path()).expect("it opens");
        assert_eq!(opened.project, kept.project);
        assert!(opened.warnings.len() == 1 && opened.warnings[0].contains("snapshot"), "{:?}", opened.warnings);
    }
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
