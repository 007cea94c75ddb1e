//! A review by keyboard alone, and what it leaves behind: queue, notes, comparison, ledger, newer guesses.

mod support;

use app::command::Command;
use app::queue::Order;
use app::session::Versus;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use engine::{Event, Example, Request, Target, Ticket};
use imaging::ledger::{self, What};
use imaging::{CaseId, Edit, Mask, Prompt, Review, Shape, Sign, Step, StructureId};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use support::{Journey, SHAPE, inside, middle_of, write_case};

const STRUCTURE: StructureId = StructureId(0);

/// A window with some cases and a structure, kept in `folder/kept`.
fn opened(folder: &Path, cases: usize) -> Journey {
    let images = folder.join("scans");
    fs::create_dir_all(&images).expect("a folder for the images");
    (0..cases).for_each(|case| write_case(&images.join(format!("case{case}.nii")), middle_of(case)));
    let mut journey = Journey::new();
    journey.command(Command::Open(vec![images]));
    journey.until("the first image", |app| app.session().image().is_some());
    journey.command(Command::SaveProject(folder.join("kept")));
    journey
}

fn ball(case: usize) -> Mask {
    Mask::from_fn(SHAPE, |index| inside(index, middle_of(case)))
}

fn make(journey: &mut Journey, edit: Option<Edit>) {
    let step = Step { name: "a step".into(), edit: edit.expect("the edit fits") };
    assert!(journey.harness.state_mut().step(step), "{:?}", journey.harness.state().headlines());
    journey.harness.step();
}

/// The first case becomes an example with an accepted mask.
fn example(journey: &mut Journey, case: usize, mask: &Mask) {
    let id = CaseId(case as u64);
    let accepted = Edit::review(journey.harness.state().project(), id, STRUCTURE, Review::Accepted, Some(mask));
    make(journey, accepted);
    let example = Edit::set_example(journey.harness.state().project(), id, STRUCTURE, true);
    make(journey, example);
}

fn propagation(journey: &mut Journey) -> (Ticket, Vec<Target>, Arc<[Example]>) {
    journey.harness.step();
    let requests = journey.script.requests.try_iter().filter_map(|request| match request {
        Request::Propagate { ticket, targets, examples } => Some((ticket, targets, examples)),
        _ => None,
    });
    requests.last().expect("the window asked to propagate")
}

/// Answers a propagation: each case's ball, the later cases less sure.
fn answer(journey: &mut Journey, ticket: Ticket, targets: &[Target], shift: f32) {
    for target in targets {
        let case = target.case.0 as usize;
        let [x, y, z] = middle_of(case);
        journey.guess(ticket, target, [x + shift, y, z], case as f32 / 10.0);
    }
    journey.script.tell(Event::Finished { ticket });
    journey.harness.step();
}

fn review(journey: &Journey, case: u64) -> Review {
    journey.harness.state().project().case(CaseId(case)).expect("it is there").review(STRUCTURE)
}

fn shown(journey: &Journey) -> u64 {
    journey.harness.state().session().case.expect("a case is shown").0
}

fn image(journey: &mut Journey) {
    journey.until("the image", |app| app.session().image().is_some());
}

#[test]
fn a_review_needs_no_mouse() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 6);
    example(&mut journey, 0, &ball(0));
    journey.key(Key::Enter);
    let (ticket, targets, _) = propagation(&mut journey);
    answer(&mut journey, ticket, &targets, 0.0);
    journey.until("the guesses", |app| app.session().guesses.len() == 5);

    // The queue, by its key, in the order chosen; the most doubtful comes first.
    journey.key(Key::Q);
    journey.harness.get_by_label_contains("structure 1 in case5, to review, uncertainty 50 %");
    journey.key(Key::N);
    image(&mut journey);
    assert_eq!(shown(&journey), 5);
    journey.key(Key::N);
    image(&mut journey);
    journey.key_with(Modifiers::SHIFT, Key::N);
    image(&mut journey);
    assert_eq!(shown(&journey), 5, "and back");

    // A look without masks, as long as Space is held.
    journey.harness.key_down(Key::Space);
    journey.harness.step();
    assert!(journey.harness.state().session().peek);
    journey.harness.key_up(Key::Space);
    journey.harness.step();
    journey.harness.step();
    assert!(!journey.harness.state().session().peek);

    // A note, typed and entered.
    journey.key_with(Modifiers::SHIFT, Key::F);
    journey.harness.event(egui::Event::Text("motion".into()));
    journey.harness.step();
    journey.key(Key::Enter);
    let flag = |journey: &Journey| {
        let case = journey.harness.state().project().case(CaseId(5)).expect("it is there").clone();
        case.work(STRUCTURE).and_then(|work| work.flag.clone())
    };
    assert_eq!(flag(&journey).as_deref(), Some("motion"));
    assert!(
        journey.script.requests.try_iter().all(|request| !matches!(request, Request::Propagate { .. })),
        "Enter was the form's"
    );
    journey.harness.get_by_label("Flagged: motion");

    // Accept, compare the accepted mask with the guess, take back, accept again.
    journey.key(Key::A);
    image(&mut journey);
    assert_eq!((review(&journey, 5), shown(&journey)), (Review::Accepted, 4));
    journey.command(Command::ShowCase(CaseId(5)));
    image(&mut journey);
    journey.key_with(Modifiers::SHIFT, Key::V);
    assert_eq!(journey.harness.state().session().versus, Some(Versus::Guess));
    assert_eq!(journey.harness.state().session().change, Some([0, 0]), "it was accepted as it was guessed");
    journey.key_with(Modifiers::SHIFT, Key::V);
    journey.key(Key::X);
    assert_eq!(review(&journey, 5), Review::Open, "amend reopens");
    journey.key(Key::C);
    journey.key(Key::A);
    image(&mut journey);

    // Reject one, say of another that the structure is not there, accept the rest.
    let rejected = shown(&journey);
    journey.key(Key::R);
    journey.key(Key::N);
    image(&mut journey);
    let absent = shown(&journey);
    journey.key(Key::Z);
    image(&mut journey);
    journey.key_with(Modifiers::SHIFT, Key::A);
    assert_eq!((review(&journey, rejected), review(&journey, absent)), (Review::Rejected, Review::Absent));
    let accepted = (0..6).filter(|&case| review(&journey, case) == Review::Accepted).count();
    assert_eq!(accepted, 4);

    // The ledger's page, and its lines in the project's folder.
    journey.key_with(Modifiers::SHIFT, Key::L);
    journey.harness.get_by_label_contains("By hand about 80 min");
    journey.key(Key::Escape);
    journey.until("all is saved", app::app::App::is_saved);
    drop(journey);
    let lines = ledger::read(&folder.path().join("kept")).expect("there is a ledger");
    let said: Vec<(What, u64, bool)> = lines.iter().map(|line| (line.what, line.case_id.0, line.in_bulk)).collect();
    use What::{Absent, Accepted, Flagged, Rejected, Reopened};
    assert_eq!(said[..4], [(Flagged, 5, false), (Accepted, 5, false), (Reopened, 5, false), (Accepted, 5, false)]);
    assert_eq!(said[4..6], [(Rejected, rejected, false), (Absent, absent, false)]);
    assert!(said[6..].iter().all(|(what, _, in_bulk)| *what == Accepted && *in_bulk) && said.len() == 8);
    assert!(lines.iter().all(|line| line.dims == 3 && !line.who.is_empty() && line.when.ends_with('Z')));
    assert!(lines[0].clicks >= 3, "keys were pressed before the note: {}", lines[0].clicks);

    // Absent, note and history are there again.
    let mut again = Journey::new();
    again.command(Command::Open(vec![folder.path().join("kept")]));
    again.until("the first image", |app| app.session().image().is_some());
    assert_eq!((review(&again, absent), flag(&again).as_deref()), (Review::Absent, Some("motion")));
    assert_eq!(again.harness.state().session().ledger.len(), 8);
}

#[test]
fn the_order_of_the_queue_is_chosen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 3);
    journey.key(Key::Q);
    journey.command(Command::SortQueue(Order::Name));
    journey.harness.get_by_label_contains("structure 1 in case0, new");
    assert_eq!(journey.harness.state().session().prefs.order, Order::Name);
    journey.command(Command::SortQueue(Order::Uncertainty));
}

#[test]
fn a_correction_teaches_the_rest_and_moves_nothing_under_the_readers_eyes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 4);
    example(&mut journey, 0, &ball(0));
    journey.key(Key::Enter);
    let (ticket, targets, _) = propagation(&mut journey);
    answer(&mut journey, ticket, &targets, 0.0);
    journey.until("the guesses", |app| app.session().guesses.len() == 3);
    journey.key(Key::N);
    image(&mut journey);
    assert_eq!(shown(&journey), 3);

    // A stroke on the guess is a correction: accepted, the case is an example, and the rest is guessed again.
    let stroke = Shape::Stroke { points: vec![[5.0, 5.0, 8.0]], radius_mm: 2.0, tip: imaging::Tip::Ball };
    let project = journey.harness.state().project();
    let prompt = Prompt { id: project.next_prompt(), structure: STRUCTURE, sign: Sign::Positive, shape: stroke };
    let edit = Edit::add_prompt(project, CaseId(3), prompt);
    make(&mut journey, edit);
    journey.key(Key::A);
    image(&mut journey);
    let (ticket, targets, examples) = propagation(&mut journey);
    assert_eq!((targets.len(), examples.len()), (2, 2));
    assert_eq!(shown(&journey), 2);
    let place = (CaseId(2), STRUCTURE);
    let before = journey.harness.state().session().guesses[&place].mask.clone();
    answer(&mut journey, ticket, &targets, 2.0);
    journey.until("the newer guess", |app| app.session().newer.contains_key(&place));
    assert!(Arc::ptr_eq(&before, &journey.harness.state().session().guesses[&place].mask), "the mask on the screen is the same");
    assert_eq!(shown(&journey), 2);
    journey.harness.step();
    journey.harness.get_by_label("Show the newer guess (U)");
    journey.key(Key::U);
    assert!(!Arc::ptr_eq(&before, &journey.harness.state().session().guesses[&place].mask));
    journey.until("the new guess of what was not looked at", |app| {
        app.session().guesses[&(CaseId(1), STRUCTURE)].mask.dice(&ball(1)) < 0.9
    });
}

#[test]
fn a_guess_that_would_replace_a_mask_shows_what_it_adds_and_removes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 2);
    let imported = Edit::import_mask(journey.harness.state().project(), CaseId(1), STRUCTURE, &ball(1));
    make(&mut journey, imported);
    example(&mut journey, 0, &ball(0));
    journey.command(Command::ShowCase(CaseId(1)));
    image(&mut journey);
    journey.key(Key::Enter);
    let (ticket, targets, _) = propagation(&mut journey);
    answer(&mut journey, ticket, &targets, 1.0);
    journey.until("the guess", |app| app.session().guesses.contains_key(&(CaseId(1), STRUCTURE)));
    journey.harness.step();
    let [added, removed] = journey.harness.state().session().change.expect("a mask stands");
    assert!(added > 20 && removed > 20, "{added} {removed}");
    journey.harness.get_by_label_contains("would be added");
    journey.harness.get_by_label_contains("would be removed");
}

#[test]
fn a_second_window_on_a_project_reads_and_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 2);
    journey.until("all is saved", app::app::App::is_saved);
    let mut second = Journey::new();
    second.command(Command::Open(vec![folder.path().join("kept")]));
    let said = |journey: &Journey, text: &str| journey.harness.state().headlines().iter().any(|line| line.contains(text));
    assert!(said(&second, "open for reading only: it is open in another window"), "{:?}", second.harness.state().headlines());
    let before = second.harness.state().project().clone();
    second.command(Command::NewStructure);
    second.command(Command::Undo);
    assert_eq!(second.harness.state().project(), &before, "nothing is changed that could not be kept");
    assert!(said(&second, "Nothing can be changed"));
    second.harness.get_by_label("READ ONLY");
}

#[test]
fn every_control_has_a_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 3);
    example(&mut journey, 0, &ball(0));
    example(&mut journey, 1, &ball(1));
    journey.key(Key::B);
    journey.harness.run_steps(3);
    journey.harness.check_accessibility();
    journey.key(Key::M);
    for command in
        [Command::ToggleQueue, Command::NewStructure, Command::ToggleExamples, Command::ToggleLedger, Command::ToggleSettings]
    {
        journey.command(command);
        journey.harness.run_steps(3);
        journey.harness.check_accessibility();
    }
    for command in [Command::Escape, Command::Escape, Command::Escape, Command::ShowNote] {
        journey.command(command);
        journey.harness.run_steps(3);
        journey.harness.check_accessibility();
    }
    journey.command(Command::Escape);
    journey.command(Command::ShowExport);
    journey.harness.run_steps(3);
    journey.harness.check_accessibility();
    journey.command(Command::Escape);
    journey.command(Command::ToggleKeys);
    journey.command(Command::ToggleAbout);
    journey.harness.run_steps(3);
    journey.harness.check_accessibility();
    assert!(journey.harness.state().headlines().iter().all(|line| !line.contains("Could not")));
}
