//! The program killed at any instant: a child drives the real window (without a screen), makes random edits, and is
//! killed with SIGKILL; what it told as saved, and all that is older than a second, must be there when the project is
//! opened again, and the history with it.
//!
//! `KILLS=1000 cargo test --workspace --test kill -- --nocapture` for a long run.

#![cfg(unix)]

mod support;

use app::app::App;
use app::command::Command;
use egui_kittest::Harness;
use engine::Engine;
use imaging::journal::Journal;
use imaging::{Case, CaseId, Edit, Entry, History, Mask, Overlap, Project, Prompt, Review, Shape, Sign, Step, StructureId};
use std::env;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the test's own program that it is the child: the project's folder, the seed, the entries that are there.
const DRIVEN: &str = "EXEMPLAR_KILL_DRIVEN";
const TEST: &str = "killed_at_any_instant_it_reopens_where_it_was";
/// Entries of a project before another is begun: past its second snapshot.
const LONG: usize = 600;

/// One number after the other, the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// The entry that comes after `count` entries: the same in child and parent, for the project is.
fn next(project: &Project, history: &History, seed: u64, count: usize) -> Entry {
    let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(count as u64));
    loop {
        let entry = match dice.roll(6) {
            0 => Entry::Undo,
            1 => Entry::Redo,
            _ => match random_edit(project, &mut dice) {
                Some(edit) => Entry::Do(Step { name: format!("step {count}"), edit }),
                None => continue,
            },
        };
        // The first three entries set the project up, and are left alone.
        let fits = match &entry {
            Entry::Undo => history.depth() > 3,
            Entry::Redo => history.redo_name().is_some(),
            entry => History::default().replay(&mut project.clone(), entry.clone()).is_ok(),
        };
        if fits {
            return entry;
        }
    }
}

fn random_edit(project: &Project, dice: &mut Dice) -> Option<Edit> {
    let (case, structure) = (CaseId(dice.roll(2)), StructureId(dice.roll(2)));
    let prompts = &project.case(case)?.prompts;
    let prompt = prompts.get(dice.roll(prompts.len().max(1) as u64) as usize);
    let [nx, ny, nz] = support::SHAPE;
    let (seed, every) = (dice.roll(50) as usize, 2 + dice.roll(9) as usize);
    let mask = Mask::from_fn([nx, ny, nz], |index| (index + seed) % every == 0);
    let shape =
        Shape::Click { at: [dice.roll(nx as u64) as f32, dice.roll(ny as u64) as f32 + 0.25, dice.roll(nz as u64) as f32] };
    let new = Prompt { id: project.next_prompt(), structure, sign: Sign::Positive, shape };
    match dice.roll(11) {
        0 | 1 => Edit::add_prompt(project, case, new),
        2 => Edit::change_prompt(
            project,
            case,
            prompt?,
            Some(Prompt { shape: prompt?.shape.moved([1.0, 0.5, 0.0]), ..prompt?.clone() }),
        ),
        3 => Edit::change_prompt(project, case, prompt?, Some(Prompt { sign: prompt?.sign.flipped(), ..prompt?.clone() })),
        4 => Edit::change_prompt(project, case, prompt?, None),
        5 => Edit::set_example(project, case, structure, dice.roll(2) == 0),
        6 => Edit::review(project, case, structure, Review::Accepted, Some(&mask)),
        7 => Edit::review(project, case, structure, Review::Open, None),
        8 => Edit::set_flag(project, case, structure, Some(format!("note {seed}"))),
        9 => Edit::set_weight(project, case, structure, dice.roll(4) as u8),
        _ => Some(Edit::set_overlap(project, [Overlap::Allow, Overlap::Keep, Overlap::Replace][dice.roll(3) as usize])),
    }
}

fn millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock runs").as_millis()
}

/// The child: opens the project in the window and makes edits until it is killed.
fn drive(order: &str) {
    let [folder, seed, count] = order.split('\n').collect::<Vec<_>>()[..] else { panic!("three lines") };
    let (seed, mut count): (u64, usize) = (seed.parse().expect("a number"), count.parse().expect("a number"));
    let (engine, _script) = Engine::scripted();
    let mut harness: Harness<'_, App> =
        Harness::builder().build_eframe(move |cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine));
    let ctx = harness.ctx.clone();
    harness.state_mut().command(&ctx, Command::Open(vec![folder.into()]));
    assert!(harness.state().headlines().is_empty(), "{:?}", harness.state().headlines());
    let mut out = std::io::stdout();
    let mut tell = |line: String| out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
    // The window's history is the app's own; this one follows it, to know which steps are possible.
    let mut history = Journal::open(Path::new(folder)).expect("it can be read").history;
    let mut dice = Dice(seed ^ millis() as u64);
    loop {
        let project = harness.state().project().clone();
        let entry = next(&project, &history, seed, count);
        history.replay(&mut project.clone(), entry.clone()).expect("it was tried");
        match entry {
            Entry::Do(step) => assert!(harness.state_mut().step(step), "it was tried"),
            Entry::Undo => harness.state_mut().command(&ctx, Command::Undo),
            _ => harness.state_mut().command(&ctx, Command::Redo),
        }
        count += 1;
        tell(format!("made {count} {}\n", millis()));
        if dice.roll(3) > 0 {
            harness.step();
            if harness.state().is_saved() {
                tell(format!("saved {count} 0\n"));
            }
        }
        std::thread::sleep(Duration::from_millis(dice.roll(12)));
    }
}

/// What the parent knows of a project that the child works on.
struct Model {
    folder: tempfile::TempDir,
    seed: u64,
    entries: Vec<Entry>,
    /// The project after each number of entries.
    states: Vec<Project>,
    /// The history after all of them.
    history: History,
}

impl Model {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let images: Vec<PathBuf> = (0..2).map(|n| folder.path().join(format!("{n}.nii"))).collect();
        images.iter().enumerate().for_each(|(n, path)| support::write_case(path, support::middle_of(n)));
        let mut journal = Journal::create(&folder.path().join("project"), "killed").expect("an empty folder takes a project");
        let mut model = Self { folder, seed, entries: Vec::new(), states: vec![Project::default()], history: History::default() };
        let case = |at: usize| {
            let case = Case::new(CaseId(at as u64), format!("case {at}"), images[at].clone());
            Edit::Case { at, before: None, after: Some(Box::new(case)) }
        };
        for n in 0..3 {
            let project = &model.states[n];
            let edit = match n {
                0 => Edit::Several(vec![case(0), case(1)]),
                _ => Edit::add_structure(project, project.next_structure(&format!("structure {n}"))),
            };
            let entry = Entry::Do(Step { name: format!("step {n}"), edit });
            journal.append(&entry).expect("the disk takes it");
            model.take(entry);
        }
        model
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn count(&self) -> usize {
        self.entries.len()
    }

    fn take(&mut self, entry: Entry) {
        let mut project = self.states[self.count()].clone();
        self.history.replay(&mut project, entry.clone()).expect("it was tried");
        self.entries.push(entry);
        self.states.push(project);
    }

    /// Goes to where the project stood after `count` entries.
    fn go_to(&mut self, count: usize) {
        while self.count() < count {
            let entry = next(&self.states[self.count()], &self.history, self.seed, self.count());
            self.take(entry);
        }
        if self.count() > count {
            self.entries.truncate(count);
            self.states.truncate(count + 1);
            (self.history, _) = self.again();
        }
    }

    /// History and project, made anew from the entries.
    fn again(&self) -> (History, Project) {
        let (mut history, mut project) = (History::default(), Project::default());
        for entry in &self.entries {
            history.replay(&mut project, entry.clone()).expect("it was tried");
        }
        (history, project)
    }

    /// Has the child work for a while, kills it, and compares. Gives the entries that were lost with it.
    fn kill(&mut self, after: Duration) -> usize {
        let order = format!("{}\n{}\n{}", self.project().display(), self.seed, self.count());
        let mut child = process::Command::new(env::current_exe().expect("a test knows itself"))
            .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
            .env(DRIVEN, order)
            .env("EXEMPLAR_HOME", self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child starts");
        std::thread::sleep(after);
        let ended = child.try_wait().expect("the child can be asked");
        let killed_at = millis();
        child.kill().expect("the child can be killed");
        let mut told = String::new();
        child.stdout.take().expect("it is piped").read_to_string(&mut told).expect("it is text");
        let mut faults = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut faults).expect("it is text");
        child.wait().expect("the child ends");
        assert!(ended.is_none(), "the child ended by itself:\n{told}\n{faults}");
        self.compare(&told, killed_at)
    }

    fn compare(&mut self, told: &str, killed_at: u128) -> usize {
        // A line that the kill cut short says nothing.
        let whole = told.rfind('\n').map_or("", |end| &told[..end]);
        let lines = whole.lines().filter_map(|line| {
            let [what, count, at] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            Some((what == "saved", count.parse::<usize>().ok()?, at.parse::<u128>().ok()?))
        });
        let (mut must, mut made) = (self.count(), self.count());
        for (saved, count, at) in lines {
            made = made.max(count);
            if saved || at + 1000 <= killed_at {
                must = must.max(count);
            }
        }
        let opened = Journal::open(&self.project()).expect("a killed project opens");
        assert!(!opened.read_only, "the lock died with the program");
        assert!(
            opened.warnings.iter().all(|warning| warning.starts_with("The last change was not wholly")),
            "{:?}",
            opened.warnings
        );
        let count = opened.journal.entries() as usize;
        assert!(count >= must, "{count} entries are there, but {must} were told as saved or are older than a second");
        self.go_to(count);
        assert!(opened.project == self.states[count], "after {count} entries the project is another");
        let (ours, history) = (&self.history, &opened.history);
        assert_eq!((history.undo_name(), history.redo_name()), (ours.undo_name(), ours.redo_name()));
        assert_eq!(history.depth(), ours.depth());
        made.saturating_sub(count)
    }

    /// Undo back to the beginning: every step is there, wherever it lies.
    fn walk_back(&self) {
        let opened = Journal::open(&self.project()).expect("a killed project opens");
        let (mut project, mut history) = (opened.project, opened.history);
        let (mut our_history, mut ours) = self.again();
        while our_history.undo_name().is_some() {
            history.undo(&mut project).expect("every step can be taken back");
            our_history.undo(&mut ours).expect("every step can be taken back");
            assert!(project == ours, "undo differs at {:?}", our_history.undo_name());
        }
        assert_eq!(project, Project::default());
    }
}

#[test]
fn killed_at_any_instant_it_reopens_where_it_was() {
    if let Ok(order) = env::var(DRIVEN) {
        return drive(&order);
    }
    let kills: usize = env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let seed = env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(millis() as u64 % 1_000_000);
    println!("SEED={seed} KILLS={kills}");
    let mut dice = Dice(seed);
    let mut model = Model::new(seed);
    let (mut entries, mut lost, mut most_lost, mut projects) = (0, 0, 0, 1);
    for kill in 0..kills {
        let before = model.count();
        let gone = model.kill(Duration::from_millis(dice.roll(1200)));
        entries += model.count() - before;
        lost += gone;
        most_lost = most_lost.max(gone);
        if model.count() > LONG || kill + 1 == kills {
            model.walk_back();
            if kill + 1 < kills {
                model = Model::new(dice.roll(1_000_000));
                projects += 1;
            }
        }
    }
    println!(
        "{kills} kills in {projects} projects: {entries} edits came back; {lost} of the last moment were lost, at most {most_lost} by one kill"
    );
    assert!(entries > kills, "the child made edits");
}
