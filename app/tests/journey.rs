//! The main journey, with a scripted engine behind the window: open, mark, preview, propagate, review, undo,
//! export, reopen.

mod support;

use app::command::Command;
use app::export::Form;
use app::tools::Tool;
use egui::{Key, Modifiers, PointerButton, Pos2, Vec2};
use egui_kittest::kittest::Queryable as _;
use engine::{Event, Request, Ticket};
use imaging::{CaseId, Review, StructureId};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use support::{Journey, SHAPE, inside, middle_of, write_case};

#[test]
fn escape_closes_an_open_menu() {
    let mut journey = Journey::new();
    journey.harness.get_by_label("Structure").click();
    journey.harness.run_steps(3);
    assert!(journey.harness.query_by_label_contains("Tune and propagate").is_some(), "the menu is open");
    journey.key(Key::Escape);
    journey.harness.run_steps(3);
    assert!(journey.harness.query_by_label_contains("Tune and propagate").is_none(), "and closed");
}

#[test]
fn a_user_does_the_main_job_from_open_to_export_and_reopens_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images = folder.path().join("scans");
    fs::create_dir_all(&images).expect("a folder for the images");
    for case in 0..5 {
        write_case(&images.join(format!("case{case}.nii")), middle_of(case));
    }
    let mut journey = Journey::new();

    // Open a folder.
    journey.command(Command::Open(vec![images.clone()]));
    journey.until("the first image", |app| app.session().image().is_some());
    assert_eq!(journey.harness.state().project().cases.len(), 5);
    let structure = journey.harness.state().session().structure.expect("a structure is in hand");

    // Mark: a box by the mouse; the preview is asked for and shown.
    journey.key(Key::B);
    assert_eq!(journey.harness.state().session().tool, Tool::Box);
    let pane = journey.harness.get_by_label("Axial view").rect();
    journey.drag(pane.center() - Vec2::new(60.0, 60.0), pane.center() + Vec2::new(60.0, 60.0));
    assert_eq!(journey.harness.state().project().cases[0].prompts.len(), 1, "one box was drawn");
    let (ticket, target) = journey.asked_preview();
    assert_eq!(target.marks.prompts.len(), 1);
    journey.guess(ticket, &target, middle_of(0), 0.2);
    journey.script.tell(Event::Finished { ticket });
    journey.until("the preview", |app| app.session().guesses.contains_key(&(CaseId(0), structure)));

    // A guess that comes too late is dropped.
    journey.guess(Ticket(999), &target, middle_of(4), 0.2);
    assert_eq!(journey.harness.state().session().guesses.len(), 1);

    // Use as example, propagate: every other case is asked for, and shown as it comes in.
    journey.key(Key::E);
    journey.key(Key::Enter);
    let request = journey.script.requests.try_iter().find_map(|request| match request {
        Request::Propagate { ticket, targets, examples } => Some((ticket, targets, examples)),
        _ => None,
    });
    let (ticket, targets, examples) = request.expect("the window asked to propagate");
    assert_eq!((targets.len(), examples.len()), (4, 1));
    for (done, target) in targets.iter().enumerate() {
        let case = target.case.0 as usize;
        journey.guess(ticket, target, middle_of(case), case as f32 / 10.0);
        journey.script.tell(Event::Progress { ticket, done: done + 1, total: 4, left: Some(Duration::from_secs(1)) });
    }
    journey.script.tell(Event::Finished { ticket });
    journey.until("the end of the propagation", |app| app.session().propagation.is_none() && app.session().guesses.len() == 5);
    assert!(reviews(&journey, structure).iter().all(|review| *review == Review::Open), "nothing is kept before review");

    // Review by keys: the most uncertain first.
    journey.key(Key::A);
    journey.until("the next image", |app| app.session().image().is_some());
    assert_eq!(journey.harness.state().session().case, Some(CaseId(4)));
    journey.key(Key::R);
    journey.key(Key::N);
    journey.until("the next image", |app| app.session().image().is_some());
    journey.key(Key::A);
    journey.until("the next image", |app| app.session().image().is_some());
    journey.key(Key::Z);
    journey.until("the next image", |app| app.session().image().is_some());
    journey.key(Key::A);
    use Review::{Absent, Accepted, Rejected};
    assert_eq!(reviews(&journey, structure), [Accepted, Accepted, Absent, Accepted, Rejected]);

    // Undo names what it takes back, and takes it back; an accepted mask is locked.
    journey.harness.get_by_label_contains("Undo accept structure 1");
    journey.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    journey.harness.step();
    assert_eq!(reviews(&journey, structure)[1], Review::Open);
    journey.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    journey.harness.step();
    assert_eq!(reviews(&journey, structure)[1], Accepted);

    // Export, read back.
    let out = folder.path().join("masks");
    journey.command(Command::Export { folder: out.clone(), overwrite: false, form: Form::Labels });
    journey.until("the export", |app| app.headlines().iter().any(|line| line.starts_with("Exported 3 files")));
    let labels = imaging::files::open_labels(&out.join("case3.nii.gz")).expect("the mask can be read");
    let expected = (0..SHAPE.iter().product::<usize>()).filter(|&index| inside(index, middle_of(3))).count();
    assert_eq!(labels.mask(1).count(), expected);
    assert!(out.join("volumes.csv").is_file() && !out.join("case2.nii.gz").exists());
    journey.command(Command::Export { folder: out, overwrite: false, form: Form::Labels });
    journey.until("a refusal", |app| app.headlines().iter().any(|line| line.contains("Could not export")));

    // The diagnosis tells counts and sizes, and no name.
    let diagnosis = folder.path().join("diagnosis.txt");
    journey.command(Command::SaveDiagnosis(diagnosis.clone()));
    journey.until("the diagnosis", |app| app.headlines().iter().any(|line| line.starts_with("The diagnosis is written")));
    let text = fs::read_to_string(diagnosis).expect("the diagnosis was written");
    assert!(
        text.contains("5 cases, 1 structures; accepted 3, absent 1, rejected 1") && text.contains("[24, 20, 16] voxels"),
        "{text}"
    );
    assert!(!text.contains("case0") && !text.contains("scans") && !text.contains("structure 1"), "{text}");

    // The sheet of keys.
    journey.key(Key::Questionmark);
    journey.harness.get_by_label("accept and go to the next");
    journey.key(Key::Escape);

    // Save elsewhere, and reopen: project and history are as they were.
    let kept = folder.path().join("kept");
    journey.command(Command::SaveProject(kept.clone()));
    let before = journey.harness.state().project().clone();
    let guesses = guessed(&journey);
    drop(journey);
    let mut again = Journey::new();
    again.command(Command::Open(vec![kept]));
    again.until("the first image", |app| app.session().image().is_some());
    assert_eq!(again.harness.state().project(), &before);
    again.harness.get_by_label_contains("Undo accept structure 1");
    // So are the guesses: no case need be propagated again for having closed the window.
    again.until("the guesses", |app| app.session().guesses.len() == guesses.len());
    assert_eq!(guessed(&again), guesses);
}

/// Which structure of which case has a guess, of how many voxels.
fn guessed(journey: &Journey) -> BTreeMap<(CaseId, StructureId), usize> {
    journey.harness.state().session().guesses.iter().map(|(place, guess)| (*place, guess.mask.count())).collect()
}

fn reviews(journey: &Journey, structure: StructureId) -> Vec<Review> {
    journey.harness.state().project().cases.iter().map(|case| case.review(structure)).collect()
}

#[test]
fn a_bad_file_gives_a_sentence_and_costs_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_case(&folder.path().join("a.nii"), middle_of(0));
    fs::write(folder.path().join("b.nii"), "this is not an image").expect("the test's folder can be written");
    let mut journey = Journey::new();
    journey.command(Command::Open(vec![folder.path().to_owned()]));
    journey.until("the first image", |app| app.session().image().is_some());
    journey.until("the notice", |app| app.headlines().iter().any(|line| line.contains("could not be opened")));
    journey.command(Command::ShowCase(CaseId(1)));
    journey.harness.step();
    journey.harness.get_by_label("This image could not be opened");
    journey.command(Command::ShowCase(CaseId(0)));
    journey.until("the first image", |app| app.session().image().is_some());
    assert_eq!(journey.harness.state().project().cases.len(), 2);
    // Undo takes even the opening back, and redo brings it again.
    for _ in 0..2 {
        journey.command(Command::Undo);
    }
    assert_eq!((journey.harness.state().project().cases.len(), journey.harness.state().session().case), (0, None));
    for _ in 0..2 {
        journey.command(Command::Redo);
    }
    journey.command(Command::ShowCase(CaseId(0)));
    journey.until("the first image", |app| app.session().image().is_some());
    // Clicks of a tool on a pane that shows nothing, or with no structure, do no harm.
    journey.harness.event(egui::Event::PointerButton {
        pos: Pos2::new(700.0, 400.0),
        button: PointerButton::Primary,
        pressed: true,
        modifiers: Modifiers::NONE,
    });
    journey.harness.step();
}
