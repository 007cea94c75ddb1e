//! Accepted is locked: whatever is asked of window and engine, in any order, no guess, propagation, import or batch
//! changes a mask that was accepted, until its review is taken back.

mod support;

use app::command::Command;
use engine::{Event, Request, Target, Ticket};
use imaging::{CaseId, Edit, Mask, Overlap, Project, Prompt, Review, Shape, Sign, Step, StructureId};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use support::{Journey, SHAPE, middle_of, write_case};

const CASES: u64 = 4;

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

type Locked = BTreeMap<(CaseId, StructureId), (Review, Option<Arc<Mask>>)>;

fn locked(project: &Project) -> Locked {
    let works = project.cases.iter().flat_map(|case| case.works.iter().map(move |(id, work)| ((case.id, *id), work)));
    works.filter(|(_, work)| work.review.is_locked()).map(|(place, work)| (place, (work.review, work.mask.clone()))).collect()
}

/// Orders that the engine has not answered yet.
#[derive(Default)]
struct Orders(Vec<(Ticket, Target)>);

impl Orders {
    fn listen(&mut self, journey: &Journey) {
        for request in journey.script.requests.try_iter() {
            match request {
                Request::Preview { ticket, target, .. } | Request::Automatic { ticket, target, .. } => {
                    self.0.push((ticket, target));
                }
                Request::Propagate { ticket, targets, .. } => self.0.extend(targets.into_iter().map(|target| (ticket, target))),
                Request::Tune { .. } | Request::UseDevice(_) | Request::UseNet(_) | Request::Measure => {}
            }
        }
    }

    /// Answers one, not always the oldest, and sometimes one that was cancelled long since.
    fn answer(&mut self, journey: &mut Journey, dice: &mut Dice) {
        if self.0.is_empty() {
            return;
        }
        let (ticket, target) = self.0.swap_remove(dice.roll(self.0.len() as u64) as usize);
        let middle = [8.0 + dice.roll(8) as f32, 10.0, 8.0];
        journey.guess(ticket, &target, middle, dice.roll(10) as f32 / 10.0);
        if dice.roll(3) == 0 {
            journey.script.tell(Event::Finished { ticket });
        }
    }
}

/// One thing that a user, a batch or an import does. None of them says that a review is taken back.
fn act(journey: &mut Journey, orders: &mut Orders, dice: &mut Dice, masks: &std::path::Path) {
    let structures: Vec<StructureId> =
        journey.harness.state().project().structures.iter().map(|structure| structure.id).collect();
    let place = (CaseId(dice.roll(CASES)), structures[dice.roll(structures.len() as u64) as usize]);
    let command = match dice.roll(14) {
        0 => Command::ShowPlace(place),
        1 => Command::Propagate,
        2 => Command::Accept,
        3 if dice.roll(4) == 0 => Command::AcceptAll,
        4 => Command::Reject,
        5 if dice.roll(3) == 0 => Command::Absent,
        6 => Command::ToggleExample,
        7 => Command::Next,
        8 => Command::TakeNewer,
        9 => Command::ImportMasks(masks.to_owned()),
        10 => Command::SetOverlap([Overlap::Allow, Overlap::Keep, Overlap::Replace][dice.roll(3) as usize]),
        11 => return click(journey, place, dice),
        12 if dice.roll(4) == 0 => Command::TuneAndPropagate,
        _ => return orders.answer(journey, dice),
    };
    journey.command(command);
}

/// A mark, or an edit as a batch would make it; the window may refuse either.
fn click(journey: &mut Journey, place: (CaseId, StructureId), dice: &mut Dice) {
    let project = journey.harness.state().project();
    let edit = if dice.roll(2) == 0 {
        let shape = Shape::Click { at: [dice.roll(20) as f32, 10.0, 8.0] };
        let prompt = Prompt { id: project.next_prompt(), structure: place.1, sign: Sign::Positive, shape };
        Edit::add_prompt(project, place.0, prompt)
    } else {
        let mask = Mask::from_fn(SHAPE, |index| index % 3 == 0);
        Edit::review(project, place.0, place.1, Review::Accepted, Some(&mask))
    };
    if let Some(edit) = edit {
        journey.harness.state_mut().step(Step { name: "a step".into(), edit });
    }
}

#[test]
fn nothing_changes_what_was_accepted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images = folder.path().join("scans");
    fs::create_dir_all(&images).expect("a folder for the images");
    (0..CASES as usize).for_each(|case| write_case(&images.join(format!("case{case}.nii")), middle_of(case)));
    // What an import brings: a mask for each case.
    let masks = folder.path().join("masks");
    fs::create_dir_all(&masks).expect("a folder for the masks");
    for case in 0..CASES {
        let source = images.join(format!("case{case}.nii")).into();
        let mask = Mask::from_fn(SHAPE, |index| index % 5 == 0);
        let to = masks.join(format!("case{case}.nii.gz"));
        imaging::export::export_nifti(&source, &[(1, &mask)], &to, false).expect("a mask can be written");
    }
    fs::write(masks.join("labels.json"), r#"{"structure 1": 1}"#).expect("a name can be written");

    let mut accepted = 0;
    for seed in 0..12 {
        let mut journey = Journey::new();
        journey.command(Command::Open(vec![images.clone()]));
        journey.until("the first image", |app| app.session().image().is_some());
        journey.command(Command::NewStructure);
        let (mut dice, mut orders) = (Dice(seed), Orders::default());
        for _ in 0..60 {
            let before = locked(journey.harness.state().project());
            act(&mut journey, &mut orders, &mut dice, &masks);
            orders.listen(&journey);
            journey.harness.step();
            let after = locked(journey.harness.state().project());
            for (place, work) in before {
                assert_eq!(after.get(&place), Some(&work), "seed {seed}: what was locked at {place:?} has changed");
            }
            accepted = accepted.max(after.values().filter(|(review, _)| *review == Review::Accepted).count());
        }
    }
    assert!(accepted >= 4, "masks were accepted at all: {accepted}");
}
