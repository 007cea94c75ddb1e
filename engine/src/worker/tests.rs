use super::*;
use crate::engine::Engine;
use crate::protocol::{ImageRef, Marks};
use crate::threads::Beside;
use imaging::{Affine, CaseId, Grid, Image, Volume};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Guesses nothing, but only when the test lets it; case 13 makes it panic, case 7 is broken.
struct Gated {
    started: mpsc::Sender<CaseId>,
    gate: mpsc::Receiver<()>,
    /// Steps learned, and steps planned.
    learned: usize,
    planned: usize,
}

/// Steps that tuning takes; each tells of itself as the start of this case.
const LESSONS: usize = 3;
const LESSON: CaseId = CaseId(50);
/// An example that takes as many steps to be prepared; each tells of itself as the start of this case.
const PLANNED: CaseId = CaseId(51);

impl Segmenter for Gated {
    fn prepare(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        if examples.iter().any(|example| example.case == CaseId(7)) {
            return Err(EngineError::NoMarks);
        }
        if examples.iter().all(|example| example.case != PLANNED) {
            return Ok(1.0);
        }
        let _ = self.started.send(PLANNED);
        let _ = self.gate.recv();
        self.planned += 1;
        Ok(self.planned as f32 / LESSONS as f32)
    }

    fn tune(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        let _ = self.started.send(LESSON);
        let _ = self.gate.recv();
        self.prepare(examples)?;
        self.learned += 1;
        Ok(self.learned as f32 / LESSONS as f32)
    }

    fn guess(&mut self, target: &Target, _: &[Example], go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        let _ = self.started.send(target.case);
        let _ = self.gate.recv();
        if target.case == LONG {
            return linger(go_on);
        }
        assert_ne!(target.case, CaseId(13), "unlucky");
        if target.case == CaseId(7) {
            return Err(EngineError::NoMarks);
        }
        let probability = Volume::filled(Grid::new([1, 1, 1], Affine::IDENTITY), 0);
        Ok(Guess { probability, uncertainty: 0.0 })
    }
}

/// A case whose guess takes long, and longer.
const LONG: CaseId = CaseId(99);

fn linger(go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
    for step in 0..1000 {
        if !go_on(step as f32 / 1000.0) {
            return Err(EngineError::Cancelled);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(EngineError::NoMarks)
}

struct Bench {
    engine: Engine,
    started: mpsc::Receiver<CaseId>,
    gate: mpsc::Sender<()>,
    opened: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
}

const SOON: Duration = Duration::from_secs(20);

impl Bench {
    fn new() -> Self {
        let (start, started) = mpsc::channel();
        let (gate, gated) = mpsc::channel();
        let (opened, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (opening, telling) = (opened.clone(), told.clone());
        let count = move || {
            telling.fetch_add(1, Ordering::Relaxed);
        };
        let engine = Engine::spawn_with(Beside::Window, DeviceChoice::Cpu, count, move || {
            // A segmenter that is made anew waits at the same gate.
            let (relay, relayed) = mpsc::channel::<mpsc::Sender<()>>();
            std::thread::spawn(move || {
                let mut inner: Option<mpsc::Sender<()>> = None;
                while let Ok(()) = gated.recv() {
                    while let Ok(newer) = relayed.try_recv() {
                        inner = Some(newer);
                    }
                    inner.as_ref().map(|inner| inner.send(()));
                }
            });
            Box::new(move |choice| {
                if choice == DeviceChoice::Gpu {
                    return Err(EngineError::Device { name: "the GPU".to_owned(), why: "none was found".to_owned() });
                }
                opening.fetch_add(1, Ordering::Relaxed);
                let (inner, gate) = mpsc::channel();
                let _ = relay.send(inner);
                Ok((Box::new(Gated { started: start.clone(), gate, learned: 0, planned: 0 }), About::default()))
            })
        });
        let bench = Self { engine, started, gate, opened, told };
        assert!(matches!(bench.next(), Event::Ready { .. }));
        bench
    }

    fn next(&self) -> Event {
        self.engine.wait(SOON).expect("news in time")
    }

    /// The news up to the end of an order, in short: `g3` a guess for case 3, `s3` skipped, `p1` progress.
    fn story(&self, ticket: Ticket) -> Vec<String> {
        let mut story = Vec::new();
        loop {
            let event = self.next();
            if event.ticket() != Some(ticket) {
                continue;
            }
            story.push(match &event {
                Event::Guess { case, .. } => format!("g{}", case.0),
                Event::Skipped { case, .. } => format!("s{}", case.0),
                Event::Progress { done, .. } => format!("p{done}"),
                Event::Finished { .. } => "finished".to_owned(),
                Event::Failed { .. } => "failed".to_owned(),
                Event::Ready { .. } => "ready".to_owned(),
                Event::Working { .. } => "w".to_owned(),
                // Without examples there is nothing to compare.
                Event::Preparing { share: 1.0, .. } => continue,
                Event::Preparing { .. } => "c".to_owned(),
                Event::UsesNet(_) | Event::Measured { .. } => continue,
            });
            if event.is_last() {
                return story;
            }
        }
    }

    fn preview(&self, case: u64) -> Ticket {
        let ticket = self.engine.ticket();
        let target = target(case);
        assert!(self.engine.send(Request::Preview { ticket, target, examples: Arc::new([]) }));
        ticket
    }

    fn propagate(&self, cases: &[u64]) -> Ticket {
        self.propagate_from(cases, Vec::new())
    }

    fn propagate_from(&self, cases: &[u64], examples: Vec<Example>) -> Ticket {
        let ticket = self.engine.ticket();
        let targets = cases.iter().map(|&case| target(case)).collect();
        assert!(self.engine.send(Request::Propagate { ticket, targets, examples: examples.into() }));
        ticket
    }

    fn tune(&self, examples: Vec<Example>) -> Ticket {
        let ticket = self.engine.ticket();
        assert!(self.engine.send(Request::Tune { ticket, examples: examples.into() }));
        ticket
    }

    fn wait_for(&self, case: u64) {
        assert_eq!(self.started.recv_timeout(SOON).expect("work in time"), CaseId(case));
    }

    fn open_gate(&self, times: usize) {
        (0..times).for_each(|_| self.gate.send(()).unwrap());
    }
}

fn target(case: u64) -> Target {
    let image = Image::grey(Volume::filled(Grid::new([1, 1, 1], Affine::IDENTITY), 0.0));
    Target { case: CaseId(case), image: ImageRef::Loaded(Arc::new(image)), marks: Marks::default(), previous: None }
}

#[test]
fn the_newest_preview_wins() {
    let bench = Bench::new();
    let first = bench.preview(1);
    bench.wait_for(1);
    let (second, third) = (bench.preview(2), bench.preview(3));
    bench.open_gate(2);
    assert_eq!(bench.story(first), ["g1", "finished"]);
    assert_eq!(bench.story(second), ["finished"], "overtaken, and told so");
    assert_eq!(bench.story(third), ["g3", "finished"]);
    assert!(bench.told.load(Ordering::Relaxed) >= 6, "each event is notified");
}

#[test]
fn a_preview_waits_for_one_step_of_tuning_and_a_propagation_for_all() {
    let bench = Bench::new();
    let (tuned, many) = (bench.tune(Vec::new()), bench.propagate(&[1]));
    bench.wait_for(LESSON.0);
    let one = bench.preview(9);
    bench.open_gate(2);
    bench.wait_for(9);
    bench.open_gate(LESSONS);
    assert_eq!(bench.story(one), ["g9", "finished"]);
    assert_eq!(bench.story(tuned), ["finished"]);
    assert_eq!(bench.story(many), ["p0", "g1", "p1", "finished"]);
    let order: Vec<u64> = bench.started.try_iter().map(|case| case.0).collect();
    assert_eq!(order, [LESSON.0, LESSON.0, 1]);
}

#[test]
fn a_preview_waits_for_one_step_of_preparing_and_cancelling_for_none() {
    let bench = Bench::new();
    let example = || {
        let Target { case, image, .. } = target(PLANNED.0);
        vec![Example { case, image, marks: Marks::default() }]
    };
    let many = bench.propagate_from(&[1], example());
    bench.wait_for(PLANNED.0);
    let one = bench.preview(9);
    bench.open_gate(2);
    bench.wait_for(9);
    bench.open_gate(LESSONS);
    assert_eq!(bench.story(one), ["g9", "finished"]);
    assert_eq!(bench.story(many), ["c", "g1", "p1", "finished"]);
    let order: Vec<u64> = bench.started.try_iter().map(|case| case.0).collect();
    assert_eq!(order, [PLANNED.0, PLANNED.0, 1]);
    let cancelled = bench.propagate_from(&[1], example());
    bench.wait_for(PLANNED.0);
    bench.engine.cancel(cancelled);
    bench.open_gate(1);
    assert_eq!(bench.story(cancelled).last().map(String::as_str), Some("finished"));
    assert!(bench.started.try_iter().all(|case| case != CaseId(1)), "nothing is guessed after that");
}

#[test]
fn tuning_can_be_cancelled_and_its_fault_is_its_own() {
    let bench = Bench::new();
    let cancelled = bench.tune(Vec::new());
    bench.wait_for(LESSON.0);
    bench.engine.cancel(cancelled);
    bench.open_gate(1);
    assert_eq!(bench.story(cancelled), ["finished"]);
    let Target { case, image, .. } = target(7);
    let (faulty, many) = (bench.tune(vec![Example { case, image, marks: Marks::default() }]), bench.propagate(&[1]));
    bench.open_gate(2);
    assert_eq!(bench.story(faulty), ["failed"]);
    assert_eq!(bench.story(many), ["p0", "g1", "p1", "finished"]);
}

#[test]
fn a_preview_waits_for_no_more_than_one_image_of_a_propagation() {
    let bench = Bench::new();
    let many = bench.propagate(&[1, 2, 3]);
    bench.wait_for(1);
    let one = bench.preview(9);
    bench.open_gate(2);
    bench.wait_for(9);
    assert_eq!(bench.story(one), ["g9", "finished"]);
    bench.open_gate(2);
    assert_eq!(bench.story(many), ["g2", "p2", "g3", "p3", "finished"]);
}

#[test]
fn a_broken_image_is_skipped_and_a_panic_makes_the_device_anew() {
    let bench = Bench::new();
    bench.open_gate(0);
    let many = bench.propagate(&[1, 7, 13, 2]);
    for case in [1, 7, 13, 2] {
        bench.wait_for(case);
        bench.open_gate(1);
    }
    assert_eq!(bench.story(many), ["p0", "g1", "p1", "s7", "p2", "s13", "p3", "g2", "p4", "finished"]);
    assert_eq!(bench.opened.load(Ordering::Relaxed), 2);
}

#[test]
fn a_propagation_that_always_panics_fails() {
    let bench = Bench::new();
    let many = bench.propagate(&[13, 13, 13, 1]);
    for _ in 0..3 {
        bench.wait_for(13);
        bench.open_gate(1);
    }
    assert_eq!(bench.story(many).last().map(String::as_str), Some("failed"));
    let after = bench.preview(5);
    bench.wait_for(5);
    bench.open_gate(1);
    assert_eq!(bench.story(after), ["g5", "finished"], "the engine lives on");
}

#[test]
fn a_broken_preview_fails_alone() {
    let bench = Bench::new();
    let broken = bench.preview(7);
    bench.open_gate(1);
    assert_eq!(bench.story(broken), ["failed"]);
}

#[test]
fn a_cancelled_order_ends_after_the_image_in_work_and_gives_no_more_guesses() {
    let bench = Bench::new();
    let (first, second) = (bench.propagate(&[1, 2, 3]), bench.propagate(&[4]));
    bench.wait_for(1);
    bench.engine.cancel(first);
    bench.engine.cancel(second);
    bench.open_gate(1);
    assert_eq!(bench.story(first), ["p0", "p1", "finished"]);
    assert_eq!(bench.story(second), ["finished"]);
}

#[test]
fn a_paused_propagation_waits_while_previews_go_on_and_can_be_cancelled() {
    let bench = Bench::new();
    bench.engine.pause();
    let many = bench.propagate(&[1, 2]);
    let one = bench.preview(9);
    bench.wait_for(9);
    bench.open_gate(1);
    assert_eq!(bench.story(one), ["g9", "finished"]);
    assert!(bench.started.recv_timeout(Duration::from_millis(50)).is_err());
    bench.engine.resume();
    bench.wait_for(1);
    bench.engine.pause();
    bench.open_gate(1);
    bench.engine.cancel(many);
    assert_eq!(bench.story(many).last().map(String::as_str), Some("finished"));
}

#[test]
fn faulty_examples_end_a_propagation_at_once() {
    let bench = Bench::new();
    let ticket = bench.engine.ticket();
    let Target { case, image, marks, .. } = target(7);
    let examples = Arc::new([Example { case, image, marks }]);
    bench.engine.send(Request::Propagate { ticket, targets: vec![target(1)], examples });
    assert_eq!(bench.story(ticket), ["p0", "failed"]);
    let empty = bench.propagate(&[]);
    assert_eq!(bench.story(empty), ["p0", "finished"]);
}

#[test]
fn a_device_that_cannot_be_opened_leaves_the_old_one_in_use() {
    let bench = Bench::new();
    bench.engine.send(Request::UseDevice(DeviceChoice::Gpu));
    assert!(matches!(bench.next(), Event::Failed { ticket: None, .. }));
    let one = bench.preview(1);
    bench.open_gate(1);
    assert_eq!(bench.story(one), ["g1", "finished"]);
    bench.engine.send(Request::UseDevice(DeviceChoice::Auto));
    assert!(matches!(bench.next(), Event::Ready { .. }));
}

#[test]
fn a_long_guess_tells_how_far_it_is_and_a_cancel_is_heard_within_two_seconds() {
    let bench = Bench::new();
    for propagated in [false, true] {
        let ticket = if propagated { bench.propagate(&[LONG.0, 1]) } else { bench.preview(LONG.0) };
        bench.wait_for(LONG.0);
        bench.open_gate(1);
        loop {
            if let Event::Working { share, .. } = bench.next() {
                assert!((0.0..=1.0).contains(&share));
                break;
            }
        }
        let start = Instant::now();
        bench.engine.cancel(ticket);
        assert_eq!(bench.story(ticket).last().map(String::as_str), Some("finished"));
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn dropping_the_engine_ends_its_thread() {
    let bench = Bench::new();
    let _ = bench.propagate(&[1, 2, 3]);
    bench.wait_for(1);
    bench.open_gate(1);
    let Bench { engine, started, gate, .. } = bench;
    let ended = std::thread::spawn(move || drop(engine));
    // The second image may have been begun before the end was told: it must not wait for its gate for ever.
    std::thread::sleep(Duration::from_millis(200));
    drop(gate);
    ended.join().unwrap();
    assert!(started.try_iter().count() <= 1, "no more images were begun");
}
