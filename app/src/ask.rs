//! Project and session to request, and event to session: the only file that speaks with the engine.

use crate::influence::{self, Influence};
use crate::notices::Notices;
use crate::review::{has_marks, structure_name};
use crate::session::{Place, Propagation, Session, Waiting};
use engine::{Engine, Event, Example, ImageRef, Marks, Request, Target, Ticket};
use imaging::{Case, CaseId, Kind, Mask, Project, Review, Shape, StructureId, Volume, brush};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was last asked of each place, so that nothing is asked twice.
#[derive(Default)]
pub struct Asked {
    seen: Option<(Place, u64)>,
    marks: HashMap<Place, u64>,
}

/// Asks for a guess of the case shown where its marks or examples have changed since the last one.
pub fn ask(project: &Project, session: &mut Session, engine: &Engine, asked: &mut Asked, revision: u64) {
    let Some(place) = session.place() else { return };
    if session.image().is_none() || asked.seen == Some((place, revision)) {
        return;
    }
    asked.seen = Some((place, revision));
    let Some(case) = project.case(place.0) else { return };
    let marks = fingerprint(project, case, place.1);
    let before = asked.marks.insert(place, marks);
    if case.review(place.1).is_locked() {
        return;
    }
    let own = has_marks(project, place);
    let others = project.examples(place.1).any(|other| other.id != place.0);
    let follows = others && case.review(place.1) != Review::Rejected && !session.guesses.contains_key(&place);
    if own && before != Some(marks) || !own && follows {
        preview(project, session, engine, place);
    } else if !own && !others && before.is_some_and(|before| before != marks) {
        // The last mark was taken away: the guess that followed from it goes too.
        session.guesses.remove(&place);
        if let Some(waiting) = session.waiting.take() {
            engine.cancel(waiting.ticket);
        }
    }
}

/// Forgets what was asked, so that a guess that was thrown away can be asked for again.
pub fn forget(asked: &mut Asked, place: Place) {
    asked.marks.remove(&place);
    asked.seen = None;
}

fn fingerprint(project: &Project, case: &Case, structure: StructureId) -> u64 {
    let mut hasher = DefaultHasher::new();
    for prompt in case.prompts_of(structure) {
        (prompt.sign, prompt.shape.kind()).hash(&mut hasher);
        hash_shape(&prompt.shape, &mut hasher);
    }
    for example in project.examples(structure).filter(|other| other.id != case.id) {
        (example.id, example.work(structure).map(|work| work.weight)).hash(&mut hasher);
    }
    hasher.finish()
}

/// By the bits of its numbers: written out as text, a hundred strokes would cost each frame its time.
fn hash_shape(shape: &Shape, hasher: &mut DefaultHasher) {
    match shape {
        Shape::Stroke { radius_mm, tip, .. } => (radius_mm.to_bits(), tip).hash(hasher),
        Shape::Doodle { normal, .. } => normal.hash(hasher),
        // Copies of one region share its mask.
        Shape::Region { mask } => Arc::as_ptr(mask).hash(hasher),
        Shape::Click { .. } | Shape::Box { .. } => {}
    }
    for point in shape.points() {
        point.map(f32::to_bits).hash(hasher);
    }
}

fn preview(project: &Project, session: &mut Session, engine: &Engine, place: Place) {
    let Some(case) = project.case(place.0) else { return };
    let ticket = engine.ticket();
    let target = target(session, case, place.1);
    let examples = examples(project, session, place.1, Some(place.0));
    wait_for(session, engine, ticket, place);
    engine.send(Request::Preview { ticket, target, examples });
}

/// Notes that a guess is asked for; the one before is no longer wanted, and a slow net shall not finish it.
fn wait_for(session: &mut Session, engine: &Engine, ticket: engine::Ticket, place: Place) {
    if let Some(older) = session.waiting.replace(Waiting { ticket, place, since: Instant::now() }) {
        engine.cancel(older.ticket);
    }
}

/// Segments a case by itself with the automatic net in a folder.
pub fn find(project: &Project, session: &mut Session, engine: &Engine, place: Place, net: PathBuf) {
    let Some(case) = project.case(place.0) else { return };
    let ticket = engine.ticket();
    let target = target(session, case, place.1);
    wait_for(session, engine, ticket, place);
    engine.send(Request::Automatic { ticket, net, target });
}

/// Guesses a structure in every case that is neither an example nor locked, the most uncertain first; with `tune` after the
/// net was tuned to the examples. Says how many, or why none.
pub fn propagate(
    project: &Project,
    session: &mut Session,
    engine: &Engine,
    structure: StructureId,
    tune: bool,
) -> Result<usize, &'static str> {
    let examples = examples(project, session, structure, None);
    if examples.is_empty() {
        return Err("Use at least one marked case as an example (E) before propagating.");
    }
    let mut cases: Vec<&Case> = project
        .cases
        .iter()
        .filter(|case| !case.review(structure).is_locked() && !case.work(structure).is_some_and(|work| work.example))
        .filter(|case| !has_marks(project, (case.id, structure)))
        .collect();
    if cases.is_empty() {
        return Err("Every other case is already reviewed, marked or an example.");
    }
    let urgency = |case: &Case| session.guesses.get(&(case.id, structure)).map_or(0.0, |guess| guess.uncertainty);
    cases.sort_by(|a, b| urgency(b).total_cmp(&urgency(a)));
    let targets: Vec<Target> = cases.into_iter().map(|case| target(session, case, structure)).collect();
    let (ticket, total) = (engine.ticket(), targets.len());
    if let Some(running) = session.propagation.take() {
        cancel(engine, &running);
    }
    let tuning = tune.then(|| engine.ticket());
    session.propagated.insert(structure);
    session.propagation =
        Some(Propagation { ticket, structure, done: 0, total, left: None, tuning, paused: false, since: Instant::now() });
    if let Some(ticket) = tuning {
        engine.send(Request::Tune { ticket, examples: examples.clone() });
    }
    engine.send(Request::Propagate { ticket, targets, examples });
    Ok(total)
}

/// Ends a propagation, and the tuning before it.
pub fn cancel(engine: &Engine, running: &Propagation) {
    running.tuning.into_iter().for_each(|tuning| engine.cancel(tuning));
    engine.cancel(running.ticket);
}

fn target(session: &Session, case: &Case, structure: StructureId) -> Target {
    let previous = session.guesses.get(&(case.id, structure)).and_then(|guess| guess.probability.clone());
    let marks = Marks { prompts: case.prompts_of(structure).cloned().collect(), mask: None };
    let previous = if marks.prompts.is_empty() { None } else { previous };
    Target { case: case.id, image: image_ref(session, case), marks, previous }
}

fn examples(project: &Project, session: &Session, structure: StructureId, but: Option<CaseId>) -> Arc<[Example]> {
    project
        .examples(structure)
        .filter(|case| Some(case.id) != but && case.review(structure) != Review::Absent)
        .flat_map(|case| {
            let weight = case.work(structure).map_or(0, |work| work.weight);
            let example = example_marks(session, case, structure).map(|marks| Example {
                case: case.id,
                image: image_ref(session, case),
                marks,
            });
            // The nets take the mean over their contexts: an example that is given twice counts twice.
            std::iter::repeat_n(example, usize::from(weight)).flatten()
        })
        .collect()
}

/// A case's accepted mask; else what was brushed, where nothing but the brush was used; else its marks.
fn example_marks(session: &Session, case: &Case, structure: StructureId) -> Option<Marks> {
    if let Some(mask) = case.mask(structure) {
        return Some(Marks { prompts: Vec::new(), mask: Some(mask.clone()) });
    }
    let prompts: Vec<_> = case.prompts_of(structure).cloned().collect();
    if prompts.is_empty() {
        return None;
    }
    let grid = session.views.get(&case.id).and_then(|view| view.grid);
    match grid {
        Some(grid) if prompts.iter().all(|prompt| prompt.shape.kind() == Kind::Mask) => {
            let mut mask = Mask::empty(grid.shape);
            brush::apply_strokes(&mut mask, &grid, &prompts);
            Some(Marks { prompts: Vec::new(), mask: Some(Arc::new(mask)) })
        }
        _ => Some(Marks { prompts, mask: None }),
    }
}

fn image_ref(session: &Session, case: &Case) -> ImageRef {
    match session.views.get(&case.id).and_then(|view| view.image.clone()) {
        Some(image) => ImageRef::Loaded(image),
        None => ImageRef::File(case.item()),
    }
}

/// Guesses each example from the others, and with each of them left out in turn. Says why not.
pub fn weigh(project: &Project, session: &mut Session, engine: &Engine, structure: StructureId) -> Result<(), &'static str> {
    let examples = examples(project, session, structure, None);
    let mut cases: Vec<CaseId> = examples.iter().map(|example| example.case).collect();
    cases.dedup();
    if cases.len() < influence::LEAST {
        return Err("It takes three examples to tell what each does for the others.");
    }
    let masks: HashMap<CaseId, Arc<Mask>> =
        examples.iter().filter_map(|example| Some((example.case, example.marks.mask.clone()?))).collect();
    if masks.len() < 2 {
        return Err("It takes two examples with masks to tell what the others do for them: accept some first.");
    }
    let judged: Vec<CaseId> = cases.iter().copied().filter(|case| masks.contains_key(case)).collect();
    let mut asked = HashMap::new();
    for trial in influence::trials(&cases, &judged) {
        let Some(case) = project.case(trial.target) else { continue };
        let left = |example: &&Example| example.case != trial.target && Some(example.case) != trial.without;
        let examples = examples.iter().filter(left).cloned().collect();
        let target = Target { case: case.id, image: image_ref(session, case), marks: Marks::default(), previous: None };
        let ticket = engine.ticket();
        asked.insert(ticket, trial);
        engine.send(Request::Propagate { ticket, targets: vec![target], examples });
    }
    let total = asked.len();
    session.influence = Some(Influence { structure: Some(structure), asked, total, scores: HashMap::new(), masks });
    Ok(())
}

/// A probability that came from the engine, and what it is for.
pub enum Heard {
    /// It is shown.
    Guess {
        /// The order that it answers.
        ticket: Ticket,
        /// What it is of.
        place: Place,
        /// What the engine said.
        probability: Arc<Volume<u8>>,
        /// How little it is to be trusted.
        uncertainty: f32,
        /// How long it took.
        took: Duration,
        /// Whether the reader's own marks asked for it.
        is_preview: bool,
    },
    /// It is compared with an example's own mask.
    Trial {
        /// The order that it answers.
        ticket: Ticket,
        /// What the engine said.
        probability: Arc<Volume<u8>>,
        /// The example's mask.
        mask: Arc<Mask>,
    },
}

/// Takes the engine's news; returns the probabilities that came.
pub fn take(project: &Project, session: &mut Session, notices: &mut Notices, engine: &Engine) -> Vec<Heard> {
    let events: Vec<Event> = engine.events().collect();
    events.into_iter().filter_map(|event| take_one(project, session, notices, event)).collect()
}

fn take_one(project: &Project, session: &mut Session, notices: &mut Notices, event: Event) -> Option<Heard> {
    match event {
        Event::Ready { adapter, remarks, nets, .. } => {
            tracing::info!(adapter, "ready");
            if session.adapter.as_ref() != Some(&adapter) {
                session.speed = None;
            }
            session.adapter = Some(adapter);
            session.nets = nets;
            remarks.into_iter().for_each(|remark| notices.warning(remark));
        }
        Event::Guess { ticket, case, probability, uncertainty, took } => {
            if let Some(influence) = &session.influence
                && influence.asked.contains_key(&ticket)
            {
                return Some(Heard::Trial { ticket, probability, mask: influence.masks.get(&case)?.clone() });
            }
            let place = (case, structure_of(session, ticket)?);
            let waited =
                session.waiting.as_ref().filter(|waiting| waiting.ticket == ticket).map(|waiting| waiting.since.elapsed());
            tracing::info!(took_ms = took.as_millis(), waited_ms = waited.map(|waited| waited.as_millis()), "guess");
            return Some(Heard::Guess { ticket, place, probability, uncertainty, took, is_preview: waited.is_some() });
        }
        Event::UsesNet(net) => {
            // What came to nothing is not tried again at the next start.
            if session.net != net {
                crate::nets::remember(&net);
            }
            session.net = net;
        }
        Event::Measured { products_a_second } => session.speed = Some(products_a_second).filter(|speed| *speed > 0.0),
        Event::Working { ticket, share, left } => session.working = Some((ticket, share, left)),
        Event::Preparing { ticket, share } => session.preparing = (share < 1.0).then_some((ticket, share)),
        Event::Progress { ticket, done, total, left } => {
            session.working.take_if(|working| working.0 == ticket);
            session.preparing.take_if(|preparing| preparing.0 == ticket);
            if let Some(running) = session.propagation.as_mut().filter(|running| running.ticket == ticket) {
                (running.done, running.total, running.left) = (done, total, left);
            }
        }
        Event::Finished { ticket } => finished(project, session, notices, ticket),
        Event::Skipped { ticket, case, error } => {
            forget_trial(session, ticket);
            let name = project.case(case).map_or("a case", |case| case.name.as_str());
            notices.fault(&anyhow::Error::new(error).context(format!("{name} was left out")));
        }
        Event::Failed { ticket, error } => {
            let is_tuning = session.propagation.as_ref().is_some_and(|running| ticket.is_some() && running.tuning == ticket);
            let what = if is_tuning { "The net could not be tuned, and guesses as it is" } else { "The guess could not be made" };
            notices.fault(&anyhow::Error::new(error).context(what));
            ticket.into_iter().for_each(|ticket| end(session, ticket));
            ticket.into_iter().for_each(|ticket| forget_trial(session, ticket));
        }
    }
    None
}

fn forget_trial(session: &mut Session, ticket: Ticket) {
    if let Some(influence) = &mut session.influence {
        influence.asked.remove(&ticket);
    }
}

fn structure_of(session: &Session, ticket: Ticket) -> Option<StructureId> {
    let waiting = session.waiting.as_ref().filter(|waiting| waiting.ticket == ticket).map(|waiting| waiting.place.1);
    waiting.or_else(|| session.propagation.as_ref().filter(|running| running.ticket == ticket).map(|running| running.structure))
}

fn finished(project: &Project, session: &mut Session, notices: &mut Notices, ticket: Ticket) {
    if let Some(running) = session.propagation.as_ref().filter(|running| running.ticket == ticket) {
        let name = structure_name(project, running.structure);
        let secs = running.since.elapsed().as_secs_f32();
        tracing::info!(done = running.done, secs, "propagated");
        notices.news(format!(
            "Guessed {name} in {} of {} cases in {secs:.0} s. Review them with A, R, Z and N.",
            running.done, running.total
        ));
    }
    end(session, ticket);
}

fn end(session: &mut Session, ticket: Ticket) {
    session.working.take_if(|working| working.0 == ticket);
    session.preparing.take_if(|preparing| preparing.0 == ticket);
    session.waiting.take_if(|waiting| waiting.ticket == ticket);
    session.propagation.take_if(|running| running.ticket == ticket);
    if let Some(running) = &mut session.propagation {
        running.tuning.take_if(|tuning| *tuning == ticket);
    }
}
