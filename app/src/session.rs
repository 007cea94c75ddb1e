//! What is not saved: the tool in hand, the case shown, images in memory, guesses and the tickets they answer.

use crate::editing::Editing;
use crate::influence::Influence;
use crate::prefs::Prefs;
use crate::second::Second;
use crate::tools::{Gesture, Hand, Tool};
use engine::Ticket;
use imaging::doubt::Profile;
use imaging::ledger::Line;
use imaging::{Case, CaseId, Convention, Image, Mask, Project, PromptId, Review, Sign, StructureId, Volume, brush};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use viewer::Window;

/// A structure in a case.
pub type Place = (CaseId, StructureId);

/// What the engine said of a structure in a case; nothing of it is kept until review accepts it.
#[derive(Clone, Debug)]
pub struct Guess {
    /// Probability over one half, on the case's own grid.
    pub mask: Arc<Mask>,
    /// The probability itself, kept for the case shown: the net builds its next guess on it.
    pub probability: Option<Arc<Volume<u8>>>,
    /// How little it is to be trusted, 0 to 1.
    pub uncertainty: f32,
    /// How long it took.
    pub took: Duration,
    /// How doubtful each slice is.
    pub profile: Arc<Profile>,
    /// Voxels of the mask.
    pub voxels: usize,
}

impl Guess {
    /// A mask as a guess of which nothing else is known.
    #[must_use]
    pub fn of(mask: Arc<Mask>) -> Self {
        let voxels = mask.count();
        Self { mask, probability: None, uncertainty: 0.0, took: Duration::ZERO, profile: Arc::default(), voxels }
    }
}

/// What the mask shown is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versus {
    /// The engine's guess.
    Guess,
    /// The second reader's mask.
    Second,
}

/// A case's image as far as it is in memory.
#[derive(Default)]
pub struct CaseView {
    /// The image, while it is among the last shown.
    pub image: Option<Arc<Image>>,
    /// Its grid, once it was read.
    pub grid: Option<imaging::Grid>,
    /// Why it could not be read.
    pub fault: Option<String>,
    /// Contrast on the screen.
    pub window: Option<Window>,
    /// Its picture in the case list.
    pub thumbnail: Option<egui::TextureHandle>,
    /// A layer of it, while it is read.
    pub glimpse: Option<egui::TextureHandle>,
}

/// A propagation under way.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// What the engine answers to.
    pub ticket: Ticket,
    /// The structure that is guessed.
    pub structure: StructureId,
    /// Cases that are guessed.
    pub done: usize,
    /// Cases to guess.
    pub total: usize,
    /// Time left, once it can be told.
    pub left: Option<Duration>,
    /// The order to tune the net to the examples, as long as that goes on.
    pub tuning: Option<Ticket>,
    /// Whether the user holds it.
    pub paused: bool,
    /// When it began.
    pub since: Instant,
}

/// A guess of the shown case that the engine is working on.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What the engine answers to.
    pub ticket: Ticket,
    /// What it is of.
    pub place: Place,
    /// When it was asked for.
    pub since: Instant,
}

/// All that the window knows and the project does not keep.
pub struct Session {
    /// The case shown.
    pub case: Option<CaseId>,
    /// The structure in hand.
    pub structure: Option<StructureId>,
    /// The tool in hand.
    pub tool: Tool,
    /// Sign of the next mark.
    pub sign: Sign,
    /// Radius of the brush in mm.
    pub radius_mm: f32,
    /// Whether the brush is a ball.
    pub ball: bool,
    /// The mark being drawn.
    pub gesture: Gesture,
    /// The mark that is selected.
    pub selected: Option<PromptId>,
    /// Whether masks and marks are drawn.
    pub overlay: bool,
    /// Which side of the screen shows the patient's right.
    pub convention: Convention,
    /// What is in memory of each case.
    pub views: HashMap<CaseId, CaseView>,
    /// The cases last shown, the newest last; their images stay in memory.
    pub recent: VecDeque<CaseId>,
    /// Guesses that wait for review.
    pub guesses: HashMap<Place, Guess>,
    /// Structures that were propagated: a correction guesses them again.
    pub propagated: HashSet<StructureId>,
    /// The guess being made for the shown case.
    pub waiting: Option<Waiting>,
    /// The propagation under way.
    pub propagation: Option<Propagation>,
    /// The device that the engine runs on, once it is ready.
    pub adapter: Option<String>,
    /// The program's own nets.
    pub nets: Vec<engine::NetInfo>,
    /// The nets that the user has added.
    pub installed: Vec<engine::weights::installed::Installed>,
    /// The net in use.
    pub net: engine::NetChoice,
    /// Products that the device sums in a second, once it was measured.
    pub speed: Option<f64>,
    /// How far a long guess is: its order, the share done, the time left.
    pub working: Option<(Ticket, f32, Option<Duration>)>,
    /// How far the examples of a propagation were compared: its order, the share done.
    pub preparing: Option<(Ticket, f32)>,
    /// Cases whose file is being read.
    pub loading: HashSet<CaseId>,
    /// How masks are edited, and the change that waits for the user's word.
    pub editing: Editing,
    /// What the user has chosen for all projects.
    pub prefs: Prefs,
    /// Guesses of what is being looked at that are newer than the one on the screen.
    pub newer: HashMap<Place, Guess>,
    /// Guesses that were asked for before this ticket are no longer wanted: the place was judged since.
    pub void: HashMap<Place, Ticket>,
    /// Whether masks and marks are hidden while a key is held.
    pub peek: bool,
    /// What the mask shown is compared with.
    pub versus: Option<Versus>,
    /// Voxels that the comparison on the screen adds and removes.
    pub change: Option<[usize; 2]>,
    /// What the examples do for one another.
    pub influence: Option<Influence>,
    /// Another reader's masks.
    pub second: Option<Second>,
    /// What was said so far, as the project's ledger has it.
    pub ledger: Vec<Line>,
    /// Whether the panel on the left shows the queue.
    pub shows_queue: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            case: None,
            structure: None,
            tool: Tool::Cursor,
            sign: Sign::Positive,
            radius_mm: 4.0,
            ball: false,
            gesture: Gesture::Idle,
            selected: None,
            overlay: true,
            convention: Convention::default(),
            views: HashMap::new(),
            recent: VecDeque::new(),
            guesses: HashMap::new(),
            propagated: HashSet::new(),
            waiting: None,
            propagation: None,
            adapter: None,
            nets: Vec::new(),
            installed: Vec::new(),
            net: engine::NetChoice::Own,
            speed: None,
            working: None,
            preparing: None,
            loading: HashSet::new(),
            editing: Editing::default(),
            prefs: Prefs::default(),
            newer: HashMap::new(),
            void: HashMap::new(),
            peek: false,
            versus: None,
            change: None,
            influence: None,
            second: None,
            ledger: Vec::new(),
            shows_queue: false,
        }
    }
}

/// Images in memory take at most this many bytes, beside the one shown.
const IMAGE_BYTES: usize = 1 << 30;

impl Session {
    /// The structure in the case shown.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        Some((self.case?, self.structure?))
    }

    /// Whether the influence of examples is being told.
    #[must_use]
    pub fn weighs(&self) -> bool {
        self.influence.as_ref().is_some_and(|influence| !influence.asked.is_empty())
    }

    /// Whether masks and marks are to be drawn.
    #[must_use]
    pub fn draws_overlay(&self) -> bool {
        self.overlay && !self.peek
    }

    /// The image shown.
    #[must_use]
    pub fn image(&self) -> Option<&Arc<Image>> {
        self.views.get(&self.case?)?.image.as_ref()
    }

    /// How the tool in hand draws across `normal`.
    #[must_use]
    pub fn hand(&self, normal: usize) -> Hand {
        Hand { tool: self.tool, normal, radius_mm: self.radius_mm, ball: self.ball }
    }

    /// Notes that a case is shown, and lets go of images that were not shown for long.
    pub fn show(&mut self, case: CaseId) {
        self.case = Some(case);
        self.selected = None;
        self.gesture = Gesture::Idle;
        self.editing.proposal = None;
        self.recent.retain(|&other| other != case);
        self.recent.push_back(case);
        self.trim_images();
    }

    fn trim_images(&mut self) {
        let mut bytes = 0;
        for case in self.recent.iter().rev() {
            let Some(view) = self.views.get_mut(case) else { continue };
            bytes += view.image.as_ref().map_or(0, |image| image.grid.len() * 4);
            if bytes > IMAGE_BYTES && Some(*case) != self.case {
                view.image = None;
            }
        }
    }

    /// Forgets what belongs to a project that is no longer open.
    pub fn forget_project(&mut self) {
        let kept = std::mem::take(self);
        *self = Self {
            tool: kept.tool,
            radius_mm: kept.radius_mm,
            ball: kept.ball,
            convention: kept.convention,
            nets: kept.nets,
            installed: kept.installed,
            net: kept.net,
            speed: kept.speed,
            adapter: kept.adapter,
            prefs: kept.prefs,
            shows_queue: kept.shows_queue,
            ..Self::default()
        };
    }
}

/// Where a structure in a case stands, for the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing but the image.
    New,
    /// It has marks, and no guess yet.
    Marked,
    /// A guess waits for review.
    Guessed,
    /// The guess was wrong.
    Rejected,
    /// Accepted and locked.
    Accepted,
    /// The structure is not there.
    Absent,
}

impl Status {
    /// The status of a structure in a case.
    #[must_use]
    pub fn of(case: &Case, structure: StructureId, session: &Session) -> Self {
        match case.review(structure) {
            Review::Accepted => Self::Accepted,
            Review::Absent => Self::Absent,
            _ if session.guesses.contains_key(&(case.id, structure)) => Self::Guessed,
            Review::Rejected => Self::Rejected,
            Review::Open if case.prompts_of(structure).next().is_some() => Self::Marked,
            Review::Open => Self::New,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Marked => "marked",
            Self::Guessed => "to review",
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Absent => "absent",
        }
    }
}

/// The mask that review would accept: the guess (or the mask already there) with the brush strokes on it.
/// `None` where there is nothing to show.
#[must_use]
pub fn draft(project: &Project, session: &Session, place: Place, shape: [usize; 3]) -> Option<Mask> {
    let case = project.case(place.0)?;
    let guess = session.guesses.get(&place).map(|guess| &*guess.mask);
    let kept = case.mask(place.1).map(|mask| &**mask);
    let base = guess.or(kept).filter(|mask| mask.shape() == shape);
    let has_strokes = case.prompts_of(place.1).any(|prompt| prompt.shape.kind() == imaging::Kind::Mask);
    if base.is_none() && !has_strokes {
        return None;
    }
    let mut mask = base.cloned().unwrap_or_else(|| Mask::empty(shape));
    if has_strokes {
        let grid = session.views.get(&place.0)?.grid?;
        brush::apply_strokes(&mut mask, &grid, case.prompts_of(place.1));
    }
    Some(mask)
}
