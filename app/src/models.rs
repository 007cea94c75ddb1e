//! What the commands of the page of nets do: look at a file, add, remove, use; find a brain.

use crate::app::App;
use crate::ask;
use crate::jobs::Done;
use crate::nets;
use engine::weights::catalogue::Prompts;
use engine::weights::installed::{Candidate, Installed};
use engine::{NetChoice, Request};
use imaging::{Edit, Step};
use std::path::{Path, PathBuf};

impl App {
    /// Takes the net of the last run into use.
    pub(crate) fn use_remembered_net(&mut self) {
        self.session.installed = nets::list();
        let net = nets::remembered();
        if net != NetChoice::Own {
            self.engine.send(Request::UseNet(net));
        }
    }

    pub(crate) fn toggle_models(&mut self) {
        self.dialogs.models.open = !self.dialogs.models.open;
        self.dialogs.settings = false;
        if self.dialogs.models.open && self.session.speed.is_none() && !self.session.installed.is_empty() {
            self.engine.send(Request::Measure);
        }
    }

    pub(crate) fn look_at_weights(&mut self, path: PathBuf) {
        self.dialogs.models.busy = true;
        self.dialogs.models.open = true;
        self.jobs.run("weights", move || {
            // A reader that panics costs one file.
            let looked =
                std::panic::catch_unwind(|| Candidate::new(&path)).unwrap_or_else(|_| Err("its reader failed".to_owned()));
            Some(Done::LookedAt(looked.map_err(|why| format!("{why}: {}", path.display()))))
        });
    }

    pub(crate) fn looked_at(&mut self, candidate: Result<Candidate, String>) {
        self.dialogs.models.busy = false;
        self.dialogs.models.consent = false;
        match candidate {
            Ok(candidate) => {
                let prompts = candidate.prompts().unwrap_or_default();
                self.dialogs.models.candidate = Some((candidate, prompts));
            }
            Err(why) => self.notices.fault(&anyhow::anyhow!(why).context("The weights cannot be added")),
        }
    }

    pub(crate) fn add_weights(&mut self, path: PathBuf, prompts: Prompts) {
        self.jobs.run("weights", move || {
            let added = Candidate::new(&path).and_then(|candidate| candidate.add(&nets::folder(), prompts));
            let told = added.map(|net| format!("{} was added.", net.title()));
            Some(Done::NetsChanged(told.map_err(|why| format!("{why}: {}", path.display())), nets::list()))
        });
    }

    pub(crate) fn remove_net(&mut self, folder: &Path) {
        if matches!(&self.session.net, NetChoice::Installed { folder: used, .. } if used == folder) {
            self.use_net(NetChoice::Own);
        }
        let Some(net) = self.session.installed.iter().find(|net| net.folder == folder).cloned() else { return };
        self.jobs.run("weights", move || {
            let told = format!("{} was removed.", net.title());
            let removed = net.remove().map(|()| told).map_err(|error| error.to_string());
            Some(Done::NetsChanged(removed, nets::list()))
        });
    }

    pub(crate) fn nets_changed(&mut self, result: Result<String, String>, installed: Vec<Installed>) {
        self.session.installed = installed;
        self.dialogs.models.busy = false;
        match result {
            Ok(told) => {
                self.dialogs.models.candidate = None;
                self.notices.news(told);
            }
            Err(why) => self.notices.fault(&anyhow::anyhow!(why).context("The nets could not be changed")),
        }
        if self.session.speed.is_none() {
            self.engine.send(Request::Measure);
        }
    }

    pub(crate) fn use_net(&mut self, net: NetChoice) {
        self.cancel_guess();
        self.engine.send(Request::UseNet(net));
        // The guesses that are shown are the other net's: a mark, or propagating, asks the new one.
        self.asked = ask::Asked::default();
    }

    pub(crate) fn cancel_guess(&mut self) {
        if let Some(waiting) = self.session.waiting.take() {
            self.engine.cancel(waiting.ticket);
        }
    }

    /// Finds the brain in the shown case: a guess of the structure of that name, which is made if need be.
    pub(crate) fn find_brain(&mut self, net: PathBuf) {
        const NAME: &str = "brain";
        let Some(case) = self.session.case else { return };
        let known = self.project.structures.iter().find(|structure| structure.name.eq_ignore_ascii_case(NAME));
        let structure = if let Some(known) = known {
            known.id
        } else {
            let structure = self.project.next_structure(NAME);
            let id = structure.id;
            self.make(Step { name: "new structure brain".into(), edit: Edit::add_structure(&self.project, structure) });
            id
        };
        if self.project.case(case).is_some_and(|case| case.review(structure).is_locked()) {
            self.notices.news("The brain of this case is locked: take its review back first (O).");
            return;
        }
        self.pick_structure(structure);
        self.dialogs.models.open = false;
        ask::find(&self.project, &mut self.session, &self.engine, (case, structure), net);
    }
}
