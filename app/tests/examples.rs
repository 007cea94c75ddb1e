//! Examples as a list: weights, influence, out to a folder and in again; masks made elsewhere; a second reader.

mod support;

use app::command::Command;
use app::export::Form;
use app::second::Merge;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use engine::{Event, ImageRef, Request};
use imaging::{CaseId, Edit, Mask, Review, Step, StructureId, Volume};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::shared::shared;
use support::{Journey, SHAPE, inside, middle_of, write_case};

const STRUCTURE: StructureId = StructureId(0);

fn opened(folder: &Path, cases: usize) -> Journey {
    let images = folder.join("scans");
    fs::create_dir_all(&images).expect("a folder for the images");
    (0..cases).for_each(|case| write_case(&images.join(format!("case{case}.nii")), middle_of(case)));
    let mut journey = Journey::new();
    journey.command(Command::Open(vec![images]));
    journey.until("the first image", |app| app.session().image().is_some());
    journey.until("all grids", |app| app.session().views.values().filter(|view| view.grid.is_some()).count() == cases);
    journey
}

fn ball(middle: [f32; 3]) -> Mask {
    Mask::from_fn(SHAPE, |index| inside(index, middle))
}

fn make(journey: &mut Journey, edit: Option<Edit>) {
    let step = Step { name: "a step".into(), edit: edit.expect("the edit fits") };
    assert!(journey.harness.state_mut().step(step), "{:?}", journey.harness.state().headlines());
    journey.harness.step();
}

fn example(journey: &mut Journey, case: u64, mask: &Mask) {
    let accepted = Edit::review(journey.harness.state().project(), CaseId(case), STRUCTURE, Review::Accepted, Some(mask));
    make(journey, accepted);
    let example = Edit::set_example(journey.harness.state().project(), CaseId(case), STRUCTURE, true);
    make(journey, example);
}

/// An engine that believes every example: inside is what any of them has inside.
fn believe(journey: &mut Journey) -> usize {
    let requests: Vec<Request> = journey.script.requests.try_iter().collect();
    let mut answered = 0;
    for request in requests {
        let Request::Propagate { ticket, targets, examples } = request else { continue };
        for target in targets {
            let grid = match &target.image {
                ImageRef::Loaded(image) => image.grid,
                ImageRef::File(item) => imaging::files::open_item(item).expect("the file is there").grid,
            };
            let any = |index| examples.iter().filter_map(|example| example.marks.mask.as_ref()).any(|mask| mask.get(index));
            let voxels = (0..grid.len()).map(|index| if any(index) { 255 } else { 0 }).collect();
            let probability = Arc::new(Volume { grid, voxels });
            let (case, took) = (target.case, Duration::from_millis(1));
            journey.script.tell(Event::Guess { ticket, case, probability, uncertainty: 0.1, took });
            answered += 1;
        }
        journey.script.tell(Event::Finished { ticket });
    }
    journey.harness.step();
    answered
}

#[test]
fn a_planted_wrong_example_is_shown_as_harmful() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 5);
    (0..4).for_each(|case| example(&mut journey, case, &ball([11.0 + case as f32 * 0.3, 10.0, 8.0])));
    example(&mut journey, 4, &ball([5.0, 5.0, 3.0]));
    journey.key_with(Modifiers::SHIFT, Key::E);
    journey.harness.get_by_label_contains("5 of 5 examples");
    journey.command(Command::TellInfluence);
    assert_eq!(believe(&mut journey), 5 + 5 * 4);
    journey.until("the influence", |app| !app.session().weighs());
    let of = |journey: &Journey, case| journey.harness.state().session().influence.as_ref().and_then(|i| i.of(CaseId(case)));
    let influences: Vec<f64> = (0..5).map(|case| of(&journey, case).expect("it is told")).collect();
    assert!(influences[4] < -0.05, "{influences:?}");
    assert!(influences[..4].iter().all(|value| *value > influences[4] + 0.05), "{influences:?}");
    journey.harness.step();
    journey.harness.get_by_label_contains("harmful");

    // Turned off, it is no longer asked; its weight can be undone.
    let off = Edit::set_weight(journey.harness.state().project(), CaseId(4), STRUCTURE, 0);
    make(&mut journey, off);
    journey.harness.get_by_label_contains("4 of 5 examples");
    let twice = Edit::set_weight(journey.harness.state().project(), CaseId(0), STRUCTURE, 2);
    make(&mut journey, twice);
    let accepted = |journey: &Journey| journey.harness.state().project().case(CaseId(4)).map(|case| case.review(STRUCTURE));
    assert_eq!(accepted(&journey), Some(Review::Accepted));
    journey.command(Command::Undo);
    journey.command(Command::Undo);
    journey.harness.get_by_label_contains("5 of 5 examples");
}

#[test]
fn weights_reach_the_engine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 4);
    (0..3).for_each(|case| example(&mut journey, case, &ball(middle_of(case as usize))));
    for (case, weight) in [(0, 3), (1, 0)] {
        let edit = Edit::set_weight(journey.harness.state().project(), CaseId(case), STRUCTURE, weight);
        make(&mut journey, edit);
    }
    journey.key(Key::Enter);
    let examples = journey.script.requests.try_iter().find_map(|request| match request {
        Request::Propagate { examples, .. } => Some(examples),
        _ => None,
    });
    let cases: Vec<u64> = examples.expect("the window asked").iter().map(|example| example.case.0).collect();
    assert_eq!(cases, [0, 0, 0, 2]);
}

#[test]
fn the_net_is_tuned_to_the_examples_before_it_propagates() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 4);
    (0..2).for_each(|case| example(&mut journey, case, &ball(middle_of(case as usize))));
    let orders = |journey: &Journey| -> Vec<Request> {
        let asked = journey.script.requests.try_iter();
        asked.filter(|request| matches!(request, Request::Tune { .. } | Request::Propagate { .. })).collect()
    };
    journey.key_with(Modifiers::SHIFT, Key::Enter);
    let asked = orders(&journey);
    let [Request::Tune { ticket, examples }, Request::Propagate { ticket: after, examples: same, targets }] = asked.as_slice()
    else {
        panic!("{asked:?}")
    };
    assert!(Arc::ptr_eq(examples, same) && targets.len() == 2);
    journey.script.tell(Event::Working { ticket: *ticket, share: 0.4, left: Some(Duration::from_secs(90)) });
    journey.until("news of it", |app| app.session().working.is_some());
    journey.harness.get_by_label_contains("Tuning, 40 %");
    journey.script.tell(Event::Finished { ticket: *ticket });
    journey.until("its end", |app| app.session().propagation.as_ref().is_some_and(|running| running.tuning.is_none()));
    journey.script.tell(Event::Preparing { ticket: *after, share: 0.6 });
    journey.until("news of the examples", |app| app.session().preparing.is_some());
    journey.harness.get_by_label_contains("Comparing the examples, 60 %");
    journey.script.tell(Event::Preparing { ticket: *after, share: 1.0 });
    journey.until("the end of that", |app| app.session().preparing.is_none());
    journey.harness.get_by_label_contains("0 of 2");
    journey.script.tell(Event::Finished { ticket: *after });
    journey.until("the end", |app| app.session().propagation.is_none());

    // Cancelled while it tunes, both orders end.
    journey.key_with(Modifiers::SHIFT, Key::Enter);
    let tickets: Vec<_> = orders(&journey).iter().filter_map(Request::ticket).collect();
    journey.command(Command::CancelPropagation);
    assert_eq!(tickets.len(), 2);
    assert!(tickets.iter().all(|ticket| journey.script.is_cancelled(*ticket)));
}

#[test]
fn examples_go_out_to_a_folder_and_come_in_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 3);
    (0..2).for_each(|case| example(&mut journey, case, &ball(middle_of(case as usize))));
    let edit = Edit::set_weight(journey.harness.state().project(), CaseId(1), STRUCTURE, 3);
    make(&mut journey, edit);
    let out = folder.path().join("examples");
    journey.command(Command::ExportExamples(out.clone()));
    journey.until("the export", |app| app.headlines().iter().any(|line| line.starts_with("Exported 2 examples")));
    assert!(out.join("images/case1.nii").is_file() && out.join("labels/case1.nii.gz").is_file());

    // In a project of other images they are new cases, in one step.
    let other = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(other.path(), 1);
    let before = journey.harness.state().project().clone();
    journey.command(Command::ImportExamples(out));
    journey.until("the import", |app| app.headlines().iter().any(|line| line.starts_with("Imported 2 of 2")));
    let project = journey.harness.state().project();
    let weights: Vec<u8> = project.examples(STRUCTURE).filter_map(|case| Some(case.work(STRUCTURE)?.weight)).collect();
    assert_eq!((project.cases.len(), weights), (3, vec![1, 3]));
    assert_eq!(project.cases[2].mask(STRUCTURE).map(|mask| Mask::clone(mask)), Some(ball(middle_of(1))));
    journey.command(Command::Undo);
    assert_eq!(journey.harness.state().project(), &before);
}

#[test]
fn masks_made_elsewhere_are_imported_or_compared_and_merged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(folder.path(), 3);
    // One reader accepts and exports.
    (0..2).for_each(|case| example(&mut journey, case, &ball(middle_of(case as usize))));
    let masks = folder.path().join("masks");
    journey.command(Command::Export { folder: masks.clone(), form: Form::Labels, overwrite: false });
    journey.until("the export", |app| app.headlines().iter().any(|line| line.starts_with("Exported 2 files")));

    // Another has drawn one of them otherwise, and locked it.
    let other = tempfile::tempdir().expect("a temporary folder");
    let mut journey = opened(other.path(), 3);
    let shifted = ball([13.0, 10.0, 8.0]);
    example(&mut journey, 0, &shifted);
    journey.command(Command::ImportMasks(masks.clone()));
    journey.until("the import", |app| app.headlines().iter().any(|line| line.starts_with("Imported 1 masks")));
    let mask = |journey: &Journey, case| {
        journey.harness.state().project().case(CaseId(case)).and_then(|case| case.mask(STRUCTURE).cloned())
    };
    assert_eq!(mask(&journey, 0).as_deref(), Some(&shifted), "what is locked stays");
    assert_eq!(mask(&journey, 1).as_deref(), Some(&ball(middle_of(1))));
    journey.command(Command::Undo);
    assert_eq!(mask(&journey, 1), None);

    journey.command(Command::OpenSecond(masks));
    journey.until("the second reader", |app| app.session().second.is_some());
    journey.harness.step();
    journey.harness.step();
    let dice = shifted.dice(&ball(middle_of(0)));
    journey.harness.get_by_label(&format!("{dice:.3}"));
    assert!(journey.harness.state().session().change.is_some_and(|[added, removed]| added > 0 && removed > 0));
    journey.harness.check_accessibility();
    journey.command(Command::TakeSecond(Merge::Union));
    let mut both = shifted.clone();
    both.unite(&ball(middle_of(0)));
    assert_eq!(mask(&journey, 0).as_deref(), Some(&both));
    journey.command(Command::Undo);
    assert_eq!(mask(&journey, 0).as_deref(), Some(&shifted));
    journey.command(Command::TakeSecond(Merge::Theirs));
    assert_eq!(mask(&journey, 0).as_deref(), Some(&ball(middle_of(0))));
}

/// A mask moved by half the image, round about: a structure where there is none.
fn displaced(mask: &Mask) -> Mask {
    let [nx, ny, _] = mask.shape();
    Mask::from_fn(mask.shape(), |index| {
        let [i, j, k] = [index % nx, index / nx % ny, index / (nx * ny)];
        mask.get((i + nx / 2) % nx + nx * ((j + ny / 2) % ny + ny * k))
    })
}

#[test]
fn the_nets_too_are_harmed_by_a_wrong_example() {
    use app::app::App;
    use app::prefs::Prefs;
    use std::time::Instant;
    let Some(data) = shared("hippocampus_mr") else { return };
    let engine = engine::Engine::spawn(engine::DeviceChoice::Cpu, || ());
    let mut harness = egui_kittest::Harness::builder()
        .build_eframe(move |cc| App::new(&cc.egui_ctx, None, engine).with_prefs(Prefs::default()));
    let ctx = harness.ctx.clone();
    let files = imaging::files::list(&data.join("images")).expect("there are images");
    harness.state_mut().command(&ctx, Command::Open(files[..3].to_vec()));
    let start = Instant::now();
    while harness.state().project().cases.len() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "the images are not opened");
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    for (case, file) in files[..3].iter().enumerate() {
        let label = data.join("labels").join(file.file_name().expect("a file has a name"));
        let right = imaging::files::open_labels(&label).expect("a label map").foreground();
        let mask = if case == 2 { displaced(&right) } else { right };
        let id = CaseId(case as u64);
        for example in [false, true] {
            let project = harness.state().project();
            let edit = if example {
                Edit::set_example(project, id, STRUCTURE, true)
            } else {
                Edit::review(project, id, STRUCTURE, Review::Accepted, Some(&mask))
            };
            let step = Step { name: "a step".into(), edit: edit.expect("the edit fits") };
            assert!(harness.state_mut().step(step));
        }
    }
    let start = Instant::now();
    harness.state_mut().command(&ctx, Command::TellInfluence);
    while harness.state().session().weighs() {
        assert!(start.elapsed() < Duration::from_secs(480), "the nets are at work for too long");
        std::thread::sleep(Duration::from_millis(50));
        harness.step();
    }
    let influence = harness.state().session().influence.as_ref().expect("it was asked for");
    let told: Vec<f64> = (0..3).map(|case| influence.of(CaseId(case)).expect("it is told")).collect();
    println!("influence of two hippocampi and a wrong one: {told:.3?}, in {:.0} s", start.elapsed().as_secs_f32());
    let worst = (0..3).min_by(|&a, &b| told[a].total_cmp(&told[b]));
    assert!(worst == Some(2) && told[2] < 0.0, "the wrong one is the most harmful: {told:?}");
}
