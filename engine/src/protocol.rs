//! What window and engine say to each other: plain data only. Who works through it is `worker`'s affair.

use crate::error::EngineError;
use crate::published::Manner;
use imaging::{CaseId, Image, Item, Kind, Mask, Prompt, Volume};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The name of an order: every piece of news bears the ticket that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Where the engine finds an image.
#[derive(Clone, Debug)]
pub enum ImageRef {
    /// In memory already.
    Loaded(Arc<Image>),
    /// In a file, which the engine opens when its turn comes, so that memory does not grow with the number of targets.
    File(Item),
}

/// What is known of a structure in one image.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Its marks, in the order drawn.
    pub prompts: Vec<Prompt>,
    /// Its whole mask, where there is one: accepted, imported or fully brushed.
    pub mask: Option<Arc<Mask>>,
}

impl Marks {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty() && self.mask.is_none()
    }

    /// The mask, if there is one that covers anything.
    pub(crate) fn filled_mask(&self) -> Option<&Arc<Mask>> {
        self.mask.as_ref().filter(|mask| !mask.is_empty())
    }

    /// Whether there is a box among them.
    pub(crate) fn has_box(&self) -> bool {
        self.prompts.iter().any(|prompt| prompt.shape.kind() == Kind::Box)
    }
}

/// An image that shows what is wanted.
#[derive(Clone, Debug)]
pub struct Example {
    /// The case it belongs to.
    pub case: CaseId,
    /// The image.
    pub image: ImageRef,
    /// What is known of the structure in it.
    pub marks: Marks,
}

/// An image to be segmented.
#[derive(Clone, Debug)]
pub struct Target {
    /// The case it belongs to.
    pub case: CaseId,
    /// The image.
    pub image: ImageRef,
    /// Marks of its own; may be empty.
    pub marks: Marks,
    /// The last guess for this image, if there was one, on the image's grid: 0 (outside) to 255 (inside).
    pub previous: Option<Arc<Volume<u8>>>,
}

/// An order, whole in itself.
#[derive(Clone, Debug)]
pub enum Request {
    /// Guess one image, now. A newer preview takes the place of one that waits.
    Preview {
        /// The order's name.
        ticket: Ticket,
        /// What to segment.
        target: Target,
        /// What shows how; may be empty if the target has marks of its own.
        examples: Arc<[Example]>,
    },
    /// Guess many images, in the order given.
    Propagate {
        /// The order's name.
        ticket: Ticket,
        /// What to segment.
        targets: Vec<Target>,
        /// What shows how.
        examples: Arc<[Example]>,
    },
    /// Learn a structure from its examples; answered by `Working` and `Finished`. What was learned is used for every later
    /// order whose examples are these, or these and more.
    Tune {
        /// The order's name.
        ticket: Ticket,
        /// What to learn from.
        examples: Arc<[Example]>,
    },
    /// Segment one image by itself with an automatic net, now.
    Automatic {
        /// The order's name.
        ticket: Ticket,
        /// Folder of an installed net that needs neither example nor mark.
        net: PathBuf,
        /// What to segment; its marks are not looked at.
        target: Target,
    },
    /// Work on another device from now on; answered by `Ready` or `Failed`.
    UseDevice(DeviceChoice),
    /// Guess with another net from now on; answered by `UsesNet` or `Failed`.
    UseNet(NetChoice),
    /// Measure the device; answered by `Measured`, or `Failed`.
    Measure,
}

impl Request {
    /// The order's ticket, if it has one.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Preview { ticket, .. }
            | Self::Propagate { ticket, .. }
            | Self::Tune { ticket, .. }
            | Self::Automatic { ticket, .. } => Some(*ticket),
            Self::UseDevice(_) | Self::UseNet(_) | Self::Measure => None,
        }
    }
}

/// Which device the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// The GPU if it is a real one and passes the self-test, else the CPU.
    #[default]
    Auto,
    /// The GPU, or failure.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Which net guesses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum NetChoice {
    /// The program's own.
    #[default]
    Own,
    /// A published one that the user has added.
    Installed {
        /// Its folder.
        folder: PathBuf,
        /// How images are made ready for it.
        manner: Manner,
    },
}

/// A net that was loaded, as its card describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetInfo {
    /// Its name.
    pub name: String,
    /// Segments volumes (3) or pictures and single slices (2).
    pub dims: usize,
    /// What it is, in a sentence.
    pub what: String,
    /// What it was trained on.
    pub trained_on: String,
    /// The licence of the weights.
    pub licence: String,
}

/// News.
#[derive(Clone, Debug)]
pub enum Event {
    /// The engine can be asked; also after a change of the device.
    Ready {
        /// The device's name, for the user.
        adapter: String,
        /// Whether that is the CPU.
        is_cpu: bool,
        /// The nets at hand.
        nets: Vec<NetInfo>,
        /// What the user should know, each a sentence: why the GPU was not taken, which weights were refused.
        remarks: Vec<String>,
    },
    /// Another net is in use.
    UsesNet(NetChoice),
    /// How fast the device is.
    Measured {
        /// Products that it sums in a second, in a net.
        products_a_second: f64,
    },
    /// How far a guess that takes long, or tuning, is.
    Working {
        /// The order that this answers.
        ticket: Ticket,
        /// The share done of the image in work, or of the tuning, 0 to 1.
        share: f32,
        /// Time left for it, once that can be told.
        left: Option<Duration>,
    },
    /// How far the examples of a propagation were compared with each other, which comes before its first image.
    Preparing {
        /// The order that this answers.
        ticket: Ticket,
        /// 0 to 1.
        share: f32,
    },
    /// A guess for one image.
    Guess {
        /// The order that this answers.
        ticket: Ticket,
        /// The case that was segmented.
        case: CaseId,
        /// On the image's own grid, 0 (surely outside) to 255 (surely inside).
        probability: Arc<Volume<u8>>,
        /// How little the guess is to be trusted, 0 to 1.
        uncertainty: f32,
        /// How long it took.
        took: Duration,
    },
    /// One image of a propagation could not be segmented; the others go on.
    Skipped {
        /// The order that this answers.
        ticket: Ticket,
        /// The case that was left out.
        case: CaseId,
        /// Why.
        error: EngineError,
    },
    /// How far a propagation is.
    Progress {
        /// The order that this answers.
        ticket: Ticket,
        /// Images done or skipped.
        done: usize,
        /// Images in all.
        total: usize,
        /// Time left, once it can be told.
        left: Option<Duration>,
    },
    /// The end of an order: done, cancelled, or overtaken by a newer preview.
    Finished {
        /// The order that this answers.
        ticket: Ticket,
    },
    /// The end of an order that came to nothing; without a ticket, a fault of the engine itself.
    Failed {
        /// The order that this answers.
        ticket: Option<Ticket>,
        /// Why.
        error: EngineError,
    },
}

impl Event {
    /// The order that the news answers, if it answers one.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Ready { .. } | Self::UsesNet(_) | Self::Measured { .. } => None,
            Self::Working { ticket, .. }
            | Self::Preparing { ticket, .. }
            | Self::Guess { ticket, .. }
            | Self::Skipped { ticket, .. }
            | Self::Progress { ticket, .. }
            | Self::Finished { ticket } => Some(*ticket),
            Self::Failed { ticket, .. } => *ticket,
        }
    }

    /// Whether this is the last news of its order.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::Failed { .. })
    }
}
