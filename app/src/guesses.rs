//! Guesses on disk, in a folder beside the journal: a propagation over a hundred cases outlives the window that asked
//! for it. A guess is no work of the user's: none is in the journal, and one that cannot be read is left out.

use crate::app::App;
use crate::jobs::Done;
use crate::review::has_marks;
use crate::session::{Guess, Place};
use crate::whole;
use crossbeam_channel::{Receiver, Sender, unbounded};
use imaging::doubt::Profile;
use imaging::{CaseId, Mask, StructureId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The folder of the guesses in that of a project.
const FOLDER: &str = "guesses";

/// No guess takes more bytes than this; what does is no guess.
const MOST_BYTES: u64 = 1 << 28;

/// A guess as a file holds it.
#[derive(Serialize, Deserialize)]
struct Stored {
    mask: Mask,
    uncertainty: f32,
    seconds: f32,
    /// How doubtful each slice is, along each axis.
    doubt: [Vec<f32>; 3],
}

impl Stored {
    fn of(guess: &Guess) -> Self {
        Self {
            mask: (*guess.mask).clone(),
            uncertainty: guess.uncertainty,
            seconds: guess.took.as_secs_f32(),
            doubt: guess.profile.0.clone(),
        }
    }

    /// `None` where the parts of the file contradict one another.
    fn guess(self) -> Option<Guess> {
        let shape = self.mask.shape();
        let fits = self.doubt.iter().zip(shape).all(|(doubt, n)| doubt.is_empty() || doubt.len() == n);
        let took = Duration::try_from_secs_f32(self.seconds).ok()?;
        (fits && self.uncertainty.is_finite()).then(|| Guess {
            uncertainty: self.uncertainty,
            took,
            profile: Arc::new(Profile(self.doubt)),
            ..Guess::of(Arc::new(self.mask))
        })
    }
}

enum Order {
    Keep(Place, Guess),
    Drop(Place),
}

/// Keeps the guesses of one project on disk as the session has them. Dropping it writes what waits.
pub struct Store {
    /// What the disk holds, or will when the orders are followed.
    kept: HashMap<Place, Arc<Mask>>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// A store in the folder of a project.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn new(project: &Path) -> io::Result<Self> {
        let folder = project.join(FOLDER);
        let (orders, taken) = unbounded();
        let thread = std::thread::Builder::new().name("exemplar-kept-guesses".into()).spawn(move || write(&folder, &taken))?;
        Ok(Self { kept: HashMap::new(), orders: Some(orders), thread: Some(thread) })
    }

    /// Brings the disk to where the session is: cheap where nothing has changed.
    pub fn tend(&mut self, guesses: &HashMap<Place, Guess>) {
        let Some(orders) = &self.orders else { return };
        self.kept.retain(|place, _| {
            let stays = guesses.contains_key(place);
            if !stays {
                let _ = orders.send(Order::Drop(*place));
            }
            stays
        });
        for (place, guess) in guesses {
            if self.kept.get(place).is_some_and(|mask| Arc::ptr_eq(mask, &guess.mask)) {
                continue;
            }
            self.kept.insert(*place, guess.mask.clone());
            let _ = orders.send(Order::Keep(*place, Guess { probability: None, ..guess.clone() }));
        }
    }

    /// Notes that the disk holds a guess.
    fn holds(&mut self, place: Place, mask: Arc<Mask>) {
        self.kept.insert(place, mask);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps guesses failed");
        }
    }
}

fn write(folder: &Path, orders: &Receiver<Order>) {
    let mut failing = false;
    for order in orders {
        let done = match order {
            Order::Keep(place, guess) => keep(folder, place, &guess),
            Order::Drop(place) => match fs::remove_file(folder.join(name(place))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        if let Err(error) = &done
            && !failing
        {
            tracing::warn!("guesses are not kept on disk: {error}");
        }
        failing = done.is_err();
    }
}

fn keep(folder: &Path, place: Place, guess: &Guess) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    whole::write(&folder.join(name(place)), serde_json::to_vec(&Stored::of(guess))?)
}

fn name((CaseId(case), StructureId(structure)): Place) -> String {
    format!("{case}-{structure}.json")
}

fn place_of(file: &Path) -> Option<Place> {
    if file.extension()? != "json" {
        return None;
    }
    let (case, structure) = file.file_stem()?.to_str()?.split_once('-')?;
    Some((CaseId(case.parse().ok()?), StructureId(structure.parse().ok()?)))
}

/// The guesses in the folder of a project, in no order.
fn read(project: &Path) -> Vec<(Place, Guess)> {
    let files = fs::read_dir(project.join(FOLDER)).into_iter().flatten().flatten();
    files.filter_map(|file| Some((place_of(&file.path())?, read_one(&file.path())?))).collect()
}

fn read_one(file: &Path) -> Option<Guess> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice::<Stored>(&bytes).ok()?.guess()
}

impl App {
    /// Reads the guesses of a project that was opened, and keeps them from now on.
    pub(crate) fn open_guesses(&mut self, project: PathBuf) {
        self.keep_guesses_in(&project);
        self.jobs.run("old-guesses", move || {
            let guesses = read(&project);
            (!guesses.is_empty()).then_some(Done::OldGuesses { project, guesses })
        });
    }

    /// Keeps the guesses in the folder of a project from now on.
    pub(crate) fn keep_guesses_in(&mut self, project: &Path) {
        let may = self.keeper.as_ref().is_some_and(|keeper| !keeper.is_read_only());
        self.guesses = may
            .then(|| Store::new(project))
            .and_then(|store| store.inspect_err(|error| tracing::warn!("guesses are not kept on disk: {error}")).ok());
    }

    /// The guesses of the project were read: those of which there is none newer wait for review again.
    pub(crate) fn old_guesses(&mut self, project: &Path, guesses: Vec<(Place, Guess)>) {
        if self.keeper.as_ref().is_none_or(|keeper| keeper.folder() != project) {
            return;
        }
        for (place, guess) in guesses {
            if let Some(store) = &mut self.guesses {
                store.holds(place, guess.mask.clone());
            }
            let is_known = self.project.case(place.0).is_some() && self.project.structure(place.1).is_some();
            if !is_known || self.session.guesses.contains_key(&place) {
                continue;
            }
            if !has_marks(&self.project, place) {
                self.session.propagated.insert(place.1);
            }
            self.put_guess(place, guess);
        }
    }

    /// Brings the guesses on disk to where the session is.
    pub(crate) fn tend_guesses(&mut self) {
        if let Some(store) = &mut self.guesses {
            store.tend(&self.session.guesses);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (CaseId(3), StructureId(1));

    fn guess(uncertainty: f32) -> Guess {
        let mask = Mask::from_fn([3, 2, 2], |index| index % 5 == 1);
        let profile = Profile([vec![0.5; 3], vec![0.25; 2], vec![0.0; 2]]);
        Guess { uncertainty, profile: Arc::new(profile), took: Duration::from_millis(250), ..Guess::of(Arc::new(mask)) }
    }

    fn kept(folder: &Path, rounds: &[HashMap<Place, Guess>]) -> Vec<(Place, Guess)> {
        let mut store = Store::new(folder).expect("a thread");
        rounds.iter().for_each(|guesses| store.tend(guesses));
        drop(store);
        read(folder)
    }

    #[test]
    fn a_guess_comes_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a test can have a folder");
        let read = kept(folder.path(), &[HashMap::from([(PLACE, guess(0.75))])]);
        let [(place, back)] = &read[..] else { panic!("one guess was kept, not {}", read.len()) };
        assert_eq!((*place, &*back.mask, back.uncertainty, back.voxels), (PLACE, &*guess(0.75).mask, 0.75, guess(0.75).voxels));
        assert_eq!((&*back.profile, back.took), (&*guess(0.75).profile, Duration::from_millis(250)));
    }

    #[test]
    fn the_disk_follows_the_session() {
        let folder = tempfile::tempdir().expect("a test can have a folder");
        let other = (CaseId(4), StructureId(1));
        let rounds = [HashMap::from([(PLACE, guess(0.1)), (other, guess(0.2))]), HashMap::from([(PLACE, guess(0.9))])];
        let read = kept(folder.path(), &rounds);
        assert_eq!(read.iter().map(|(place, guess)| (*place, guess.uncertainty)).collect::<Vec<_>>(), [(PLACE, 0.9)]);
    }

    #[test]
    fn what_is_no_guess_is_left_out() {
        let folder = tempfile::tempdir().expect("a test can have a folder");
        kept(folder.path(), &[HashMap::from([(PLACE, guess(0.1))])]);
        let guesses = folder.path().join(FOLDER);
        let whole = fs::read_to_string(guesses.join("3-1.json")).expect("the guess was written");
        for (name, text) in [
            ("4-1.json", &whole[..whole.len() / 2]),
            ("5-1.json", &whole.replace("[0.5,0.5,0.5]", "[0.5]")),
            ("6-1.json", &whole.replace("0.25,\"doubt\"", "-1.0,\"doubt\"")),
            ("x-1.json", &whole),
            ("7-1.json.part", &whole),
        ] {
            fs::write(guesses.join(name), text).expect("a test's folder can be written");
        }
        assert_eq!(read(folder.path()).iter().map(|(place, _)| *place).collect::<Vec<_>>(), [PLACE]);
    }
}
