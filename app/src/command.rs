//! Each action by name, with its key. Panels hand commands back; the app runs them in one place.

use crate::editing::{self, FillSettings, Form, Range};
use crate::export;
use crate::labels::Laying;
use crate::queue::Order;
use crate::second::Merge;
use crate::session::Place;
use crate::tools::Tool;
use egui::{Key, Modifiers};
use imaging::files::ItemInfo;
use imaging::{CaseId, Convention, Overlap, StructureId};
use std::path::PathBuf;

/// Something that the user asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens files, folders or a project.
    Open(Vec<PathBuf>),
    /// Opens images that were chosen among those of some files.
    OpenItems(Vec<ItemInfo>),
    /// Opens images, or so much of them as the user wants: all was asked that there is to ask.
    OpenAsChosen(Vec<ItemInfo>),
    /// Opens a file as an image, though it could be labels.
    OpenAsImage(PathBuf),
    /// Asks for files by dialog.
    OpenFilesDialog,
    /// Asks for a label file for the case shown.
    OpenLabelsDialog,
    /// Reads the structures of a label file for the case shown.
    OpenLabels(PathBuf),
    /// Brings structures that were read into the project.
    LayLabels(Laying),
    /// Asks for a folder (of images, or a project) by dialog.
    OpenFolderDialog,
    /// Asks where to keep the project.
    SaveProjectDialog,
    /// Keeps the project in a folder.
    SaveProject(PathBuf),
    /// Shows another case.
    ShowCase(CaseId),
    /// Shows a structure of a case.
    ShowPlace(Place),
    /// Makes a structure and takes it in hand.
    NewStructure,
    /// Takes a structure in hand.
    PickStructure(StructureId),
    /// Removes a structure with its marks and masks.
    RemoveStructure(StructureId),
    /// The previous or next structure.
    StepStructure(isize),
    /// Takes a tool in hand.
    PickTool(Tool),
    /// Positive becomes negative, or the selected mark changes sides.
    FlipSign,
    /// The brush grows or shrinks by a factor.
    ScaleBrush(f32),
    /// Disc or ball.
    ToggleBall,
    /// Selects a mark and shows it.
    SelectMark(imaging::PromptId),
    /// Removes the selected mark.
    DeleteMark,
    /// Lets go of the selection and of a mark being drawn.
    Escape,
    /// Shows or hides masks and marks.
    ToggleOverlay,
    /// Uses the shown case as an example, or no longer.
    ToggleExample,
    /// Guesses the structure in every other case.
    Propagate,
    /// The same, by a net that is tuned to the examples first.
    TuneAndPropagate,
    /// Holds the propagation, or lets it go on.
    PausePropagation,
    /// Ends the propagation.
    CancelPropagation,
    /// The guess is right: locks it and goes on.
    Accept,
    /// Accepts every guess of the structure.
    AcceptAll,
    /// The guess is wrong.
    Reject,
    /// The structure is not in this case.
    Absent,
    /// Takes the review of this case back.
    Reopen,
    /// The next case to review.
    Next,
    /// The case before it in the queue.
    Previous,
    /// Takes the brush in hand to correct what is shown; what is locked is reopened.
    Amend,
    /// Asks for a note on this structure of this case.
    ShowNote,
    /// Flags it with a note, or takes the flag away.
    SetNote(Place, Option<String>),
    /// Compares the mask with the engine's guess, or no longer.
    ToggleVersus,
    /// Shows the newer guess that came while this one was looked at.
    TakeNewer,
    /// The queue instead of the list of cases, or back.
    ToggleQueue,
    /// Another order of the queue.
    SortQueue(Order),
    /// Another policy for voxels that several masks claim.
    SetOverlap(Overlap),
    /// The user's name for the ledger.
    SetReader(String),
    /// The examples of the structure in hand.
    ToggleExamples,
    /// Tells what each example does for the others.
    TellInfluence,
    /// No longer tells it.
    CancelInfluence,
    /// Asks for a folder of examples to import.
    ImportExamplesDialog,
    /// Imports a folder of examples.
    ImportExamples(PathBuf),
    /// Asks for a folder to export the examples to.
    ExportExamplesDialog,
    /// Exports the examples to a folder.
    ExportExamples(PathBuf),
    /// Asks for a folder of masks to import.
    ImportMasksDialog,
    /// Imports a folder of masks.
    ImportMasks(PathBuf),
    /// Asks for a second reader's masks.
    OpenSecondDialog,
    /// Compares with a second reader's masks.
    OpenSecond(PathBuf),
    /// Takes or merges the second reader's mask of what is shown.
    TakeSecond(Merge),
    /// No longer compares with a second reader.
    CloseSecond,
    /// The ledger.
    ToggleLedger,
    /// Asks for a file for the ledger.
    ExportLedgerDialog,
    /// Writes the ledger as a table.
    ExportLedger(PathBuf),
    /// Takes the last step back.
    Undo,
    /// Makes it again.
    Redo,
    /// A window/level preset by its number; 0 is automatic.
    Preset(usize),
    /// Opens the export panel.
    ShowExport,
    /// Writes the accepted masks to a folder.
    Export {
        /// The folder.
        folder: PathBuf,
        /// Whether files there may be replaced.
        overwrite: bool,
        /// As what.
        form: export::Form,
    },
    /// Asks for the folder of the export.
    ExportDialog,
    /// Asks for a file for the diagnosis.
    SaveDiagnosisDialog,
    /// Writes what whoever mends the program needs to know, without names and paths.
    SaveDiagnosis(PathBuf),
    /// The sheet of keys.
    ToggleKeys,
    /// The settings.
    ToggleSettings,
    /// The page of nets.
    ToggleModels,
    /// Asks for a file of weights.
    AddWeightsDialog,
    /// Looks what a file of weights is.
    LookAtWeights(PathBuf),
    /// Adds a net, to whose licence the user has agreed.
    AddWeights {
        /// Its file.
        path: PathBuf,
        /// What its examples are marked with.
        prompts: engine::weights::catalogue::Prompts,
    },
    /// Removes an added net.
    RemoveNet(PathBuf),
    /// Guesses with another net from now on.
    UseNet(engine::NetChoice),
    /// Finds the brain in the shown case with an automatic net.
    FindBrain(PathBuf),
    /// Waits no longer for the guess of the shown case.
    CancelGuess,
    /// About the program.
    ToggleAbout,
    /// Radiological or neurological.
    SetConvention(Convention),
    /// Dark or light.
    SetTheme(egui::ThemePreference),
    /// GPU or CPU.
    SetDevice(engine::DeviceChoice),
    /// All views back to the whole slice.
    FitViews,
    /// Which values the brush is held to.
    SetRange(Option<Range>),
    /// Holds the brush to the shown window, or to nothing.
    ToggleRange,
    /// How the fill tool fills.
    SetFill(FillSettings),
    /// Shows a change to the mask before it is made.
    OpenEdit(editing::Kind),
    /// The change that is shown is set otherwise.
    ChangeEdit(Form),
    /// Makes the change that is shown.
    ApplyEdit,
    /// Leaves the change that is shown.
    CancelEdit,
    /// Makes the change that is shown or closes the line being put; where there is none, propagates.
    Confirm,
}

/// One line of the sheet of keys: the keys, what they do, and the command.
pub struct Binding {
    /// Modifiers that must be down.
    pub modifiers: Modifiers,
    /// The key.
    pub key: Key,
    /// What the sheet says.
    pub what: &'static str,
    /// What it does.
    pub command: fn() -> Command,
}

impl Binding {
    /// The keys as the user reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let ctrl = if self.modifiers.command { "Ctrl+" } else { "" };
        let shift = if self.modifiers.shift { "Shift+" } else { "" };
        // Signs that the window's font does not have.
        let key = match self.key {
            Key::ArrowUp => "Up",
            Key::ArrowDown => "Down",
            Key::Minus => "-",
            key => key.symbol_or_name(),
        };
        format!("{ctrl}{shift}{key}")
    }
}

const fn plain(key: Key, what: &'static str, command: fn() -> Command) -> Binding {
    Binding { modifiers: Modifiers::NONE, key, what, command }
}

const fn shift(key: Key, what: &'static str, command: fn() -> Command) -> Binding {
    Binding { modifiers: Modifiers::SHIFT, key, what, command }
}

const fn ctrl(key: Key, what: &'static str, command: fn() -> Command) -> Binding {
    Binding { modifiers: Modifiers::COMMAND, key, what, command }
}

/// Every key of the program. Those with more modifiers stand first, for egui matches loosely.
pub const BINDINGS: &[Binding] = &[
    Binding { modifiers: Modifiers::COMMAND.plus(Modifiers::SHIFT), key: Key::Z, what: "redo", command: || Command::Redo },
    Binding {
        modifiers: Modifiers::COMMAND.plus(Modifiers::SHIFT),
        key: Key::O,
        what: "open a folder or project",
        command: || Command::OpenFolderDialog,
    },
    ctrl(Key::Z, "undo", || Command::Undo),
    ctrl(Key::Y, "redo", || Command::Redo),
    ctrl(Key::O, "open images", || Command::OpenFilesDialog),
    ctrl(Key::L, "open labels onto the image shown", || Command::OpenLabelsDialog),
    ctrl(Key::S, "save the project in a folder", || Command::SaveProjectDialog),
    ctrl(Key::E, "export accepted masks", || Command::ShowExport),
    shift(Key::Enter, "tune the net to the examples, then propagate", || Command::TuneAndPropagate),
    shift(Key::A, "accept every guess of the structure", || Command::AcceptAll),
    shift(Key::B, "brush: disc or ball", || Command::ToggleBall),
    shift(Key::E, "examples of the structure", || Command::ToggleExamples),
    shift(Key::F, "flag with a note", || Command::ShowNote),
    shift(Key::L, "ledger", || Command::ToggleLedger),
    shift(Key::N, "previous case to review", || Command::Previous),
    shift(Key::V, "compare with the guess", || Command::ToggleVersus),
    shift(Key::I, "keep the largest island", || Command::OpenEdit(editing::Kind::Largest)),
    shift(Key::K, "remove small islands", || Command::OpenEdit(editing::Kind::Small)),
    shift(Key::ArrowUp, "copy the slice up", || Command::OpenEdit(editing::Kind::CopyUp)),
    shift(Key::ArrowDown, "copy the slice down", || Command::OpenEdit(editing::Kind::CopyDown)),
    plain(Key::A, "accept and go to the next", || Command::Accept),
    plain(Key::R, "reject", || Command::Reject),
    plain(Key::N, "next case to review", || Command::Next),
    plain(Key::Z, "absent: the structure is not here", || Command::Absent),
    plain(Key::O, "take the review back", || Command::Reopen),
    plain(Key::X, "amend: brush on what is shown", || Command::Amend),
    plain(Key::U, "show the newer guess", || Command::TakeNewer),
    plain(Key::Q, "queue, or list of cases", || Command::ToggleQueue),
    plain(Key::E, "use as example, or no longer", || Command::ToggleExample),
    plain(Key::Enter, "apply what is shown, or propagate", || Command::Confirm),
    plain(Key::C, "cursor", || Command::PickTool(Tool::Cursor)),
    plain(Key::P, "click", || Command::PickTool(Tool::Click)),
    plain(Key::B, "box", || Command::PickTool(Tool::Box)),
    plain(Key::D, "doodle", || Command::PickTool(Tool::Doodle)),
    plain(Key::M, "mask brush", || Command::PickTool(Tool::Brush)),
    plain(Key::L, "lasso", || Command::PickTool(Tool::Lasso)),
    plain(Key::K, "fill", || Command::PickTool(Tool::Fill)),
    plain(Key::I, "keep or remove an island", || Command::PickTool(Tool::Island)),
    plain(Key::V, "brush only in the shown window", || Command::ToggleRange),
    plain(Key::W, "threshold", || Command::OpenEdit(editing::Kind::Threshold)),
    plain(Key::J, "fill between slices", || Command::OpenEdit(editing::Kind::Between)),
    plain(Key::H, "fill holes", || Command::OpenEdit(editing::Kind::Holes)),
    plain(Key::S, "smooth", || Command::OpenEdit(editing::Kind::Smooth)),
    plain(Key::Plus, "grow", || Command::OpenEdit(editing::Kind::Grow)),
    plain(Key::Minus, "shrink", || Command::OpenEdit(editing::Kind::Shrink)),
    plain(Key::T, "sign + or -", || Command::FlipSign),
    plain(Key::OpenBracket, "smaller brush", || Command::ScaleBrush(1.0 / 1.2)),
    plain(Key::CloseBracket, "larger brush", || Command::ScaleBrush(1.2)),
    plain(Key::Delete, "delete the selected mark", || Command::DeleteMark),
    plain(Key::Backspace, "delete the selected mark", || Command::DeleteMark),
    plain(Key::Escape, "let go", || Command::Escape),
    plain(Key::G, "masks and marks on or off", || Command::ToggleOverlay),
    plain(Key::Comma, "previous structure", || Command::StepStructure(-1)),
    plain(Key::Period, "next structure", || Command::StepStructure(1)),
    plain(Key::F, "fit the views", || Command::FitViews),
    plain(Key::Num0, "window: automatic", || Command::Preset(0)),
    plain(Key::Num1, "window: preset 1", || Command::Preset(1)),
    plain(Key::Num2, "window: preset 2", || Command::Preset(2)),
    plain(Key::Num3, "window: preset 3", || Command::Preset(3)),
    plain(Key::Num4, "window: preset 4", || Command::Preset(4)),
    plain(Key::Num5, "window: preset 5", || Command::Preset(5)),
    plain(Key::Num6, "window: preset 6", || Command::Preset(6)),
    plain(Key::Questionmark, "this sheet", || Command::ToggleKeys),
    plain(Key::F1, "this sheet", || Command::ToggleKeys),
];

/// The commands whose keys were pressed in this frame; none while a text field or a menu has the keyboard, and only Escape
/// while a form is open, which answers to Enter itself.
pub fn from_keys(ctx: &egui::Context, form_open: bool) -> Vec<Command> {
    // An open menu goes by the arrow keys and closes by Escape.
    if ctx.egui_wants_keyboard_input() || egui::Popup::is_any_open(ctx) {
        return Vec::new();
    }
    // Enter presses the button that has the focus.
    let focused = ctx.memory(|memory| memory.focused().is_some());
    let listens = |binding: &&Binding| {
        if form_open { binding.key == Key::Escape } else { !(focused && binding.key == Key::Enter) }
    };
    ctx.input_mut(|input| {
        BINDINGS.iter().filter(listens).filter(|b| input.consume_key(b.modifiers, b.key)).map(|b| (b.command)()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        for (at, a) in BINDINGS.iter().enumerate() {
            assert!(BINDINGS[..at].iter().all(|b| (a.modifiers, a.key) != (b.modifiers, b.key)), "{:?} twice", a.key);
        }
    }
}
