//! What goes in and out beside images and accepted masks: examples as a folder, masks made elsewhere, a second reader's
//! masks, the ledger as a table; and the influence of examples, which is asked of the engine.

use crate::app::App;
use crate::ask;
use crate::context::{self, Found};
use crate::jobs::Done;
use crate::others::{self, Other};
use crate::review::structure_name;
use crate::second::{Merge, Second};
use crate::session::Versus;
use anyhow::Context as _;
use imaging::ledger::What;
use imaging::{Edit, Step, StructureId, ledger};
use std::path::{Path, PathBuf};

impl App {
    pub(crate) fn toggle_examples(&mut self) {
        self.dialogs.examples = !self.dialogs.examples;
        let Some(structure) = self.session.structure.filter(|_| self.dialogs.examples) else { return };
        let Some(colour) = self.project.structure(structure).map(|structure| structure.colour) else { return };
        for case in self.project.listed_examples(structure) {
            if let Some(mask) = case.mask(structure) {
                self.jobs.picture(case.id, case.item(), structure, mask.clone(), colour);
            }
        }
    }

    pub(crate) fn tell_influence(&mut self) {
        let Some(structure) = self.session.structure else { return };
        self.cancel_influence();
        if let Err(why) = ask::weigh(&self.project, &mut self.session, &self.engine, structure) {
            self.notices.news(why);
        }
    }

    pub(crate) fn cancel_influence(&mut self) {
        if let Some(influence) = self.session.influence.take() {
            influence.asked.keys().for_each(|&ticket| self.engine.cancel(ticket));
        }
    }

    pub(crate) fn weighed(&mut self, ticket: engine::Ticket, dice: f64) {
        if let Some(influence) = &mut self.session.influence
            && let Some(trial) = influence.asked.remove(&ticket)
        {
            influence.scores.insert(trial, dice);
        }
    }

    pub(crate) fn export_examples(&mut self, folder: PathBuf) {
        let Some(structure) = self.session.structure else { return };
        let orders = context::orders(&self.project, structure);
        let name = structure_name(&self.project, structure).to_owned();
        self.jobs.run("examples", move || {
            let done = context::export(&orders, &name, &folder).context("The examples could not be exported");
            Some(Done::Told(done.map(|count| format!("Exported {count} examples of {name} to {}", folder.display()))))
        });
    }

    pub(crate) fn import_examples(&mut self, folder: PathBuf) {
        let Some(structure) = self.session.structure else {
            self.notices.news("Make a structure first: + New, in the panel on the right.");
            return;
        };
        let name = structure_name(&self.project, structure).to_owned();
        self.jobs.run("examples", move || Some(Done::Examples { structure, found: context::read(&folder, &name) }));
    }

    pub(crate) fn take_examples(&mut self, structure: StructureId, found: anyhow::Result<Vec<Found>>) {
        let found = match found.context("The examples could not be imported") {
            Ok(found) => found,
            Err(error) => return self.notices.fault(&error),
        };
        let start = self.project.cases.len();
        let Some((step, taken)) = context::import(&self.project, structure, &found) else {
            return self.notices.warning("No example was imported: the structure is locked in all of these cases.");
        };
        if self.make(step) {
            self.load_thumbnails(start);
            self.notices.news(format!("Imported {taken} of {} examples.", found.len()));
        }
    }

    pub(crate) fn read_others(&mut self, folder: PathBuf, to_compare: bool) {
        let wanted = others::wanted(&self.project);
        self.jobs.run("masks", move || {
            let others = others::read(&folder, &wanted);
            Some(Done::Others { folder, to_compare, others })
        });
    }

    pub(crate) fn take_others(&mut self, folder: &Path, to_compare: bool, others: anyhow::Result<Vec<Other>>) {
        match others.context("The masks could not be read") {
            Err(error) => self.notices.fault(&error),
            Ok(others) if to_compare => self.compare_with(folder, others),
            Ok(others) => self.import(others),
        }
    }

    fn compare_with(&mut self, folder: &Path, others: Vec<Other>) {
        let known = others
            .into_iter()
            .filter_map(|other| Some(((other.case, others::structure_named(&self.project, &other.structure)?), other.mask)));
        let masks: std::collections::BTreeMap<_, _> = known.collect();
        if masks.is_empty() {
            return self.notices.warning("No structure there bears the name of one here.");
        }
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.session.second = Some(Second { name, masks });
        self.session.versus = Some(Versus::Second);
        self.stage.forget_layers();
    }

    /// Masks into the project as one step, with new structures where their names are; what is locked stays.
    fn import(&mut self, others: Vec<Other>) {
        let mut after = self.project.clone();
        let (mut edits, mut taken, mut left) = (Vec::new(), 0, 0);
        for other in others {
            let known = others::structure_named(&after, &other.structure);
            let structure = known.unwrap_or_else(|| {
                let structure = after.next_structure(&other.structure);
                let id = structure.id;
                let edit = Edit::add_structure(&after, structure);
                // Adding at the end of a list always fits.
                if edit.try_on(&mut after).is_ok() {
                    edits.push(edit);
                }
                id
            });
            let edit = Edit::import_mask(&after, other.case, structure, &other.mask);
            match edit.filter(|edit| edit.try_on(&mut after).is_ok()) {
                Some(edit) => {
                    taken += 1;
                    edits.push(edit);
                }
                None => left += 1,
            }
        }
        if taken == 0 {
            return self.notices.warning("No mask was imported: all of them are locked here, or of another shape.");
        }
        if self.make(Step { name: format!("import {taken} masks"), edit: Edit::Several(edits) }) {
            let left = if left > 0 {
                format!(" {left} were left out: they are locked here, or of another shape.")
            } else {
                String::new()
            };
            self.notices.news(format!("Imported {taken} masks; they wait for review.{left}"));
        }
    }

    pub(crate) fn take_second(&mut self, merge: Merge) {
        let Some(place) = self.session.place() else { return };
        let Some(step) = self.session.second.as_ref().and_then(|second| second.take(&self.project, place, merge)) else {
            return self.notices.news("The second reader has no mask that fits here.");
        };
        if self.make(step) {
            self.note(What::Accepted, &[place]);
        }
    }

    pub(crate) fn close_second(&mut self) {
        self.session.second = None;
        self.session.versus = None;
        self.stage.forget_layers();
    }

    pub(crate) fn export_ledger(&mut self, file: PathBuf) {
        let table = ledger::csv(&self.session.ledger);
        self.jobs.run("ledger", move || {
            let written = std::fs::write(&file, table).context("The ledger could not be exported");
            Some(Done::Told(written.map(|()| format!("The ledger is exported to {}", file.display()))))
        });
    }
}
