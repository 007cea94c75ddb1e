//! The parts of the window. Each reads project and session, draws, and hands back commands and edits.

pub mod cases;
pub mod choosing;
pub mod dialogs;
pub mod editing;
pub mod examples;
pub mod grid;
pub mod heat;
pub mod ledger;
pub mod menu;
pub mod models;
pub mod queue;
pub mod second;
pub mod status;
pub mod structures;
pub mod toolbar;

use crate::command::Command;
use crate::session::Session;
use imaging::{Edit, History, Project, Step};

/// What a panel may read, and where it puts what the user asked for.
pub struct Desk<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its history.
    pub history: &'a History,
    /// What is not saved.
    pub session: &'a Session,
    /// What the user asked for in this frame.
    pub orders: &'a mut Orders,
}

/// What the user asked for in one frame.
#[derive(Default)]
pub struct Orders {
    /// Commands in the order given.
    pub commands: Vec<Command>,
    /// Edits that are no command: a name typed, a colour picked.
    pub steps: Vec<Step>,
}

impl Desk<'_> {
    /// Hands a command back.
    pub fn order(&mut self, command: Command) {
        self.orders.commands.push(command);
    }

    /// Hands an edit back.
    pub fn edit(&mut self, name: impl Into<String>, edit: Option<Edit>) {
        self.orders.steps.extend(edit.map(|edit| Step { name: name.into(), edit }));
    }
}
