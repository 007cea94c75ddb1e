//! The engine for a program without frames: ask, wait, and settle between structures that overlap.

use anyhow::{Context as _, bail, ensure};
use engine::evaluate::{Answer, Order};
use engine::published::Manner;
use engine::{DeviceChoice, Engine, Event, Example, ImageRef, Marks, NetChoice, Request, Target};
use imaging::{CaseId, Grid, Image, Mask, Volume};
use std::sync::Arc;
use std::time::Duration;

/// No image takes this long; a wait that ends here means that the engine is gone.
const FOREVER: Duration = Duration::from_secs(6 * 3600);

/// An engine that is ready.
pub struct Guesser {
    engine: Engine,
    /// What it computes on.
    pub adapter: String,
    /// Of structures that overlap the last one wins, as the authors of the net in use have it.
    pub last_wins: bool,
}

impl Guesser {
    /// Starts the engine and waits until it is ready.
    ///
    /// # Errors
    /// Where the device or the weights cannot be used.
    pub fn start(device: DeviceChoice) -> anyhow::Result<Self> {
        Self::ready(Engine::spawn_windowless(device))
    }

    fn ready(engine: Engine) -> anyhow::Result<Self> {
        loop {
            match engine.wait(FOREVER).context("the engine has stopped")? {
                Event::Ready { adapter, remarks, .. } => {
                    tracing::info!("computing on {adapter}");
                    remarks.iter().for_each(|remark| tracing::info!("{remark}"));
                    return Ok(Self { engine, adapter, last_wins: false });
                }
                Event::Failed { error, .. } => return Err(error).context("the engine could not be started"),
                _ => {}
            }
        }
    }

    /// Guesses with another net from now on.
    ///
    /// # Errors
    /// Where its files are not what they were, or do not fit.
    pub fn use_net(&mut self, net: &NetChoice) -> anyhow::Result<()> {
        self.last_wins = matches!(net, NetChoice::Installed { manner: Manner::Published, .. });
        ensure!(self.engine.send(Request::UseNet(net.clone())), "the engine has stopped");
        loop {
            match self.engine.wait(FOREVER).context("the engine has stopped")? {
                Event::UsesNet(used) if used == *net => return Ok(()),
                Event::Failed { error, .. } => return Err(error).context("the net cannot be used"),
                _ => {}
            }
        }
    }

    /// Guesses one structure in one image, from examples or from marks of its own.
    ///
    /// # Errors
    /// What the engine says.
    pub fn guess(&self, image: &Arc<Image>, marks: Marks, examples: &Arc<[Example]>) -> anyhow::Result<Answer> {
        let target = Target { case: CaseId(u64::MAX), image: ImageRef::Loaded(image.clone()), marks, previous: None };
        self.ask(Order::Propagate(target, examples))
    }

    /// Tunes the net to examples, and tells the share that is learned on the way; all guesses from these examples go by it
    /// from then on.
    ///
    /// # Errors
    /// What the engine says.
    pub fn tune(&self, examples: &Arc<[Example]>, mut tell: impl FnMut(f32)) -> anyhow::Result<()> {
        let ticket = self.engine.ticket();
        ensure!(self.engine.send(Request::Tune { ticket, examples: examples.clone() }), "the engine has stopped");
        loop {
            match self.engine.wait(FOREVER).context("the engine has stopped")? {
                Event::Working { ticket: of, share, .. } if of == ticket => tell(share),
                Event::Finished { ticket: of } if of == ticket => return Ok(()),
                Event::Failed { ticket: of, error } if of.is_none_or(|of| of == ticket) => bail!(error),
                _ => {}
            }
        }
    }

    /// Asks as the window would, and waits for the answer.
    ///
    /// # Errors
    /// What the engine says.
    pub fn ask(&self, order: Order<'_>) -> anyhow::Result<Answer> {
        let ticket = self.engine.ticket();
        let request = match order {
            Order::Propagate(target, examples) => {
                Request::Propagate { ticket, targets: vec![target], examples: examples.clone() }
            }
            Order::Preview(target) => Request::Preview { ticket, target, examples: Arc::new([]) },
        };
        ensure!(self.engine.send(request), "the engine has stopped");
        let mut answer = None;
        loop {
            let event = self.engine.wait(FOREVER).context("the engine has stopped")?;
            if event.ticket().is_some_and(|other| other != ticket) {
                continue;
            }
            match event {
                Event::Guess { probability, uncertainty, took, .. } => answer = Some(Answer { probability, uncertainty, took }),
                Event::Skipped { error, .. } | Event::Failed { error, .. } => bail!(error),
                Event::Finished { .. } => return answer.context("the engine gave no answer"),
                Event::Working { share, .. } => tracing::info!("{:.0} % of this image", 100.0 * share),
                Event::Preparing { share, .. } => tracing::debug!("{:.0} % of the examples compared", 100.0 * share),
                Event::Ready { .. } | Event::Progress { .. } | Event::UsesNet(_) | Event::Measured { .. } => {}
            }
        }
    }
}

/// The structure of each voxel: the most probable one, if any is more likely than not.
pub struct Settled {
    grid: Grid,
    best: Vec<u8>,
    /// 0 for none, else one more than the structure's place in the order added.
    winner: Vec<u16>,
    added: u16,
    last_wins: bool,
}

/// Least probability of the inside.
const INSIDE: u8 = 128;

impl Settled {
    /// Nothing yet.
    pub fn new(grid: Grid) -> Self {
        Self { grid, best: vec![INSIDE - 1; grid.len()], winner: vec![0; grid.len()], added: 0, last_wins: false }
    }

    /// Whether a structure takes a voxel from all that were added before it, however probable they are there.
    pub fn last_wins(self, last_wins: bool) -> Self {
        Self { last_wins, ..self }
    }

    /// Lets one more structure compete; of two that are as probable the first stays.
    ///
    /// # Errors
    /// Where the guess is not of the image's shape.
    pub fn add(&mut self, probability: &Volume<u8>) -> anyhow::Result<()> {
        ensure!(probability.voxels.len() == self.best.len(), "the engine's answer does not fit the image");
        self.added += 1;
        for ((best, winner), &p) in self.best.iter_mut().zip(&mut self.winner).zip(&probability.voxels) {
            if p > *best || self.last_wins && p >= INSIDE {
                (*best, *winner) = (p, self.added);
            }
        }
        Ok(())
    }

    /// The masks in the order added; no two share a voxel.
    pub fn masks(&self) -> Vec<Mask> {
        (1..=self.added).map(|place| Mask::from_fn(self.grid.shape, |index| self.winner[index] == place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Affine;

    fn line(voxels: Vec<u8>) -> Volume<u8> {
        Volume { grid: Grid::new([voxels.len(), 1, 1], Affine::IDENTITY), voxels }
    }

    #[test]
    fn the_highest_probability_wins_and_the_first_of_equals() {
        let mut settled = Settled::new(line(vec![0; 5]).grid);
        settled.add(&line(vec![127, 128, 200, 255, 0])).unwrap();
        settled.add(&line(vec![0, 255, 200, 130, 128])).unwrap();
        let masks = settled.masks();
        assert_eq!(masks[0].iter().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(masks[1].iter().collect::<Vec<_>>(), [1, 4]);
        assert!(settled.add(&line(vec![0; 4])).is_err());
        let mut settled = Settled::new(line(vec![0; 3]).grid).last_wins(true);
        settled.add(&line(vec![255, 255, 0])).unwrap();
        settled.add(&line(vec![128, 127, 0])).unwrap();
        assert_eq!(settled.masks()[1].iter().collect::<Vec<_>>(), [0], "as the authors of Neuroverse3D have it");
    }

    #[test]
    fn an_answer_is_waited_for_and_a_refusal_is_passed_on() {
        let (engine, script) = Engine::scripted();
        script.tell(Event::Ready { adapter: "none".into(), is_cpu: true, nets: Vec::new(), remarks: Vec::new() });
        let guesser = Guesser::ready(engine).unwrap();
        let told = std::thread::spawn(move || {
            let ask = |script: &engine::Script| script.requests.recv().unwrap().ticket().unwrap();
            let ticket = ask(&script);
            let probability = Arc::new(line(vec![200]));
            script.tell(Event::Guess { ticket, case: CaseId(0), probability, uncertainty: 0.5, took: Duration::ZERO });
            script.tell(Event::Finished { ticket });
            let ticket = ask(&script);
            script.tell(Event::Skipped { ticket, case: CaseId(0), error: engine::EngineError::NoMarks });
            script.tell(Event::Finished { ticket });
        });
        let image = Arc::new(Image::grey(Volume::filled(line(vec![0]).grid, 1.0)));
        let none: Arc<[Example]> = Arc::new([]);
        let guess = |marks| guesser.guess(&image, marks, &none);
        assert_eq!(guess(Marks::default()).unwrap().probability.voxels, [200]);
        assert!(guess(Marks::default()).err().unwrap().to_string().contains("nothing to go by"));
        told.join().unwrap();
    }
}
