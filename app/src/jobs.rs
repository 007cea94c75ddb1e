//! Dialogs and disk, off the frame: each job runs on a thread of its own kind and answers by a message.

use crate::app::first_window;
use crate::ask::Heard;
use crate::command::Command;
use crate::context::Found;
use crate::labels::LabelsRead;
use crate::listing::Listed;
use crate::others::Other;
use crate::session::{Guess, Place};
use crossbeam_channel::{Receiver, Sender, unbounded};
use engine::Ticket;
use imaging::{CaseId, Convention, Image, Item, Mask, StructureId, doubt};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use viewer::{Cover, Layer, thumbnail};

/// What a job has to say when it is done.
pub enum Done {
    /// A case's image was read, with its picture for the list.
    Loaded {
        /// The case.
        case: CaseId,
        /// The image, or why it could not be read.
        image: Result<Arc<Image>, String>,
        /// Its picture for the list.
        thumbnail: Option<egui::ColorImage>,
    },
    /// What can be seen of a case's image while it is read.
    Glimpsed {
        /// The case.
        case: CaseId,
        /// A layer of it.
        picture: egui::ColorImage,
    },
    /// The picture of a guess for the grid.
    Pictured {
        /// The case.
        case: CaseId,
        /// The structure.
        structure: StructureId,
        /// The guess that is pictured.
        mask: Arc<Mask>,
        /// The picture.
        picture: egui::ColorImage,
    },
    /// What images files hold.
    Listed(Vec<Listed>),
    /// A small picture of an image to choose: the file's and the image's place in the list.
    ItemPictured {
        /// The image.
        item: Item,
        /// Its picture.
        picture: egui::ColorImage,
    },
    /// The structures of a label file were read, or could not be.
    Labels(LabelsRead),
    /// A label file was chosen for the case shown.
    LabelsChosen(PathBuf),
    /// The guesses that an opened project had were read.
    OldGuesses {
        /// The project's folder.
        project: PathBuf,
        /// The guesses.
        guesses: Vec<(Place, Guess)>,
    },
    /// A guess of the engine became a mask.
    Guessed {
        /// The order that it answers.
        ticket: Ticket,
        /// What it is of.
        place: Place,
        /// The guess, with its probability.
        guess: Box<Guess>,
        /// Whether the reader's own marks asked for it.
        is_preview: bool,
    },
    /// An example was guessed from others.
    Weighed {
        /// The order that this answers.
        ticket: Ticket,
        /// Dice overlap with the example's own mask.
        dice: f64,
    },
    /// Something was chosen in a dialog.
    Chosen(Command),
    /// Something was done, or could not be done.
    Told(anyhow::Result<String>),
    /// Examples were read from a folder.
    Examples {
        /// The structure that they are of.
        structure: StructureId,
        /// The examples.
        found: anyhow::Result<Vec<Found>>,
    },
    /// Masks that were made elsewhere were read.
    Others {
        /// Where from.
        folder: PathBuf,
        /// Whether to compare them as a second reader's; else they are imported.
        to_compare: bool,
        /// The masks.
        others: anyhow::Result<Vec<Other>>,
    },
    /// A folder was chosen for the export.
    ExportFolder(PathBuf),
    /// A change to a mask was computed.
    Proposed(crate::editing::proposal::Proposed),
    /// A file of weights was chosen.
    WeightsChosen(PathBuf),
    /// A file of weights was looked at.
    LookedAt(Result<engine::weights::installed::Candidate, String>),
    /// A net was added or removed, or could not be; and the nets that there are now.
    NetsChanged(Result<String, String>, Vec<engine::weights::installed::Installed>),
    /// An export came to its end.
    Exported(anyhow::Result<crate::export::Report>),
}

/// An image to read.
struct Load {
    case: CaseId,
    item: Item,
    urgent: bool,
    /// With a mask: picture the guess, and keep the image to oneself.
    guess: Option<(StructureId, Arc<Mask>, [u8; 3])>,
}

/// The threads that work beside the window.
pub struct Jobs {
    loads: Sender<Load>,
    heard: Sender<Heard>,
    done: (Sender<Done>, Receiver<Done>),
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// Side of a picture in the list, in pixels.
pub const THUMBNAIL: usize = 160;
/// Side of what is shown of an image while it is read.
const GLIMPSE: usize = 640;

impl Jobs {
    /// Starts the reading thread; `wake` is called after each message.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (loads, orders) = unbounded();
        let (heard, probabilities) = unbounded();
        let done = unbounded();
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let (sender, waker) = (done.0.clone(), wake.clone());
        let spawned = thread::Builder::new().name("exemplar-files".into()).spawn(move || read_images(&orders, &sender, &*waker));
        if let Err(error) = spawned {
            tracing::error!("could not start the reading thread: {error}");
        }
        let (sender, waker) = (done.0.clone(), wake.clone());
        let digest = move || {
            for heard in probabilities {
                if sender.send(digested(heard)).is_err() {
                    return;
                }
                waker();
            }
        };
        if let Err(error) = thread::Builder::new().name("exemplar-guesses".into()).spawn(digest) {
            tracing::error!("could not start the thread that reads guesses: {error}");
        }
        Self { loads, heard, done, wake }
    }

    /// Reads a case's image; an urgent one before all others.
    pub fn load(&self, case: CaseId, item: Item, urgent: bool) {
        let _ = self.loads.send(Load { case, item, urgent, guess: None });
    }

    /// Pictures a guess for the grid.
    pub fn picture(&self, case: CaseId, item: Item, structure: StructureId, mask: Arc<Mask>, colour: [u8; 3]) {
        let _ = self.loads.send(Load { case, item, urgent: false, guess: Some((structure, mask, colour)) });
    }

    /// Makes a mask of what the engine said, which for a large volume would take more than a frame.
    pub fn digest(&self, heard: Heard) {
        let _ = self.heard.send(heard);
    }

    /// Runs a job on a thread of its own; what it returns is its message.
    pub fn run(&self, name: &str, job: impl FnOnce() -> Option<Done> + Send + 'static) {
        self.run_telling(name, move |tell| {
            if let Some(done) = job() {
                tell(done);
            }
        });
    }

    /// Runs a job on a thread of its own that has several messages.
    pub fn run_telling(&self, name: &str, job: impl FnOnce(&dyn Fn(Done)) + Send + 'static) {
        let (sender, wake) = (self.done.0.clone(), self.wake.clone());
        let spawned = thread::Builder::new().name(format!("exemplar-{name}")).spawn(move || {
            job(&|done| {
                let _ = sender.send(done);
                wake();
            });
        });
        if let Err(error) = spawned {
            tracing::error!("could not start a thread: {error}");
        }
    }

    /// The messages that came since the last frame.
    pub fn finished(&self) -> impl Iterator<Item = Done> + '_ {
        self.done.1.try_iter()
    }
}

/// Reads what is asked for: urgent ones first and the newest of them before the others, the rest in order.
fn read_images(orders: &Receiver<Load>, done: &Sender<Done>, wake: &(dyn Fn() + Send + Sync)) {
    let mut waiting: Vec<Load> = Vec::new();
    let mut last: Option<(CaseId, Arc<Image>)> = None;
    loop {
        if waiting.is_empty() {
            let Ok(order) = orders.recv() else { return };
            waiting.push(order);
        }
        waiting.extend(orders.try_iter());
        let at = waiting.iter().rposition(|load| load.urgent).unwrap_or(0);
        let load = waiting.remove(at);
        let image = match &last {
            Some((case, image)) if *case == load.case => Ok(image.clone()),
            _ => {
                if load.urgent
                    && let Some(layer) = imaging::files::glimpse(&load.item)
                {
                    let _ = done.send(Done::Glimpsed { case: load.case, picture: glimpse_of(&layer) });
                    wake();
                }
                imaging::files::open_item(&load.item).map(Arc::new).map_err(|error| error.to_string())
            }
        };
        if let Ok(image) = &image {
            last = Some((load.case, image.clone()));
        }
        if done.send(answer(load, image)).is_err() {
            return;
        }
        wake();
    }
}

fn digested(heard: Heard) -> Done {
    match heard {
        Heard::Guess { ticket, place, probability, uncertainty, took, is_preview } => {
            let (mask, profile) = doubt::read(&probability);
            let profile = Arc::new(profile);
            let guess = Guess { probability: Some(probability), uncertainty, took, profile, ..Guess::of(Arc::new(mask)) };
            Done::Guessed { ticket, place, guess: Box::new(guess), is_preview }
        }
        Heard::Trial { ticket, probability, mask } => {
            let found = Mask::from_fn(probability.grid.shape, |index| probability.voxels[index] >= 128);
            // A mask of another shape agrees with nothing.
            let dice = if found.shape() == mask.shape() { found.dice(&mask) } else { 0.0 };
            Done::Weighed { ticket, dice }
        }
    }
}

fn answer(load: Load, image: Result<Arc<Image>, String>) -> Done {
    match (load.guess, image) {
        (Some((structure, mask, colour)), Ok(image)) => {
            let layer = Layer { cover: Cover::Mask(mask.clone()), colour, opacity: 0.4, visible: true };
            let picture = picture(&image, Some(&layer));
            Done::Pictured { case: load.case, structure, mask, picture }
        }
        (_, image) => {
            let thumbnail = image.as_ref().ok().map(|image| picture(image, None));
            Done::Loaded { case: load.case, image, thumbnail }
        }
    }
}

/// A small picture of an image, through the middle of the layer where there is one.
pub fn picture(image: &Image, layer: Option<&Layer>) -> egui::ColorImage {
    let through = layer.and_then(|layer| thumbnail::middle_of(&layer.cover));
    let cut = thumbnail::cut(image, Convention::default(), through);
    thumbnail::render(image, &cut, viewer::Window::auto(image), layer, [THUMBNAIL; 2])
}

/// An image one voxel deep in the contrast in which the whole will be opened.
fn glimpse_of(layer: &Image) -> egui::ColorImage {
    thumbnail::render(layer, &thumbnail::cut(layer, Convention::default(), None), first_window(layer), None, [GLIMPSE; 2])
}
