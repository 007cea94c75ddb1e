//! The page of nets: which are there, what each can do and may be used for, which is in use, and what a guess with it
//! will cost on this device. Adding one shows its authors' licence and asks for consent.

use super::Desk;
use crate::command::Command;
use crate::nets::{manner_text, size_text, time_text};
use egui::{Align2, Button, Context, RichText, ScrollArea, Ui, Window};
use engine::NetChoice;
use engine::published::{Manner, cost};
use engine::weights::catalogue::{Entry, Prompts};
use engine::weights::installed::{Candidate, Installed};

/// The page, while it is open.
#[derive(Default)]
pub struct Models {
    /// Whether it is open.
    pub open: bool,
    /// A file that the user may add.
    pub candidate: Option<(Candidate, Prompts)>,
    /// Whether the user has ticked that the licence is agreed to.
    pub consent: bool,
    /// Whether a file is being looked at or copied.
    pub busy: bool,
    /// How images are made ready for the net that is taken into use.
    pub manner: Manner,
}

impl Models {
    /// Closes what is on top; whether there was anything.
    pub fn close_one(&mut self) -> bool {
        let was_open = self.open;
        if self.candidate.take().is_none() {
            self.open = false;
        }
        was_open
    }

    /// Draws the page.
    pub fn ui(&mut self, ctx: &Context, desk: &mut Desk<'_>) {
        let mut open = self.open;
        let height = ctx.content_rect().height() - 160.0;
        let window = Window::new("Nets").open(&mut open).anchor(Align2::CENTER_CENTER, [0.0, 0.0]);
        window.collapsible(false).resizable(false).default_height(height).show(ctx, |ui| {
            ui.set_width(560.0);
            ScrollArea::vertical().max_height(height.max(200.0)).show(ui, |ui| self.page_ui(ui, desk));
        });
        self.open = open;
        if !open {
            self.candidate = None;
        }
    }

    fn page_ui(&mut self, ui: &mut Ui, desk: &mut Desk<'_>) {
        own_ui(ui, desk);
        let session = desk.session;
        for installed in &session.installed {
            ui.separator();
            self.installed_ui(ui, desk, installed);
        }
        ui.separator();
        if self.candidate.is_some() {
            self.candidate_ui(ui, desk);
            return;
        }
        ui.horizontal(|ui| {
            let text = if self.busy { "Reading…" } else { "Add weights…" };
            if ui.add_enabled(!self.busy, Button::new(text)).clicked() {
                desk.order(Command::AddWeightsDialog);
            }
            ui.weak("PyTorch, safetensors or TF.js, as the authors give them");
        });
        ui.small(format!("Added nets lie in {}", crate::nets::folder().display()));
    }

    fn installed_ui(&mut self, ui: &mut Ui, desk: &mut Desk<'_>, net: &Installed) {
        let in_use = matches!(&desk.session.net, NetChoice::Installed { folder, .. } if *folder == net.folder);
        ui.horizontal(|ui| {
            ui.label(RichText::new(format!("{} ({}-D)", net.title(), net.entry.dims)).strong());
            if in_use {
                ui.label(RichText::new("in use").color(ui.visuals().hyperlink_color));
            }
        });
        facts_ui(ui, &net.entry);
        ui.small(format!(
            "{} on disk. SHA-256 {}…",
            size_text(net.bytes),
            net.sha256.first().map_or("", |hash| hash.get(..16).unwrap_or(hash))
        ));
        ui.small(estimate(desk, net));
        ui.horizontal(|ui| {
            let name = net.id();
            if net.entry.automatic {
                let shown = desk.session.image().is_some_and(|image| !image.is_flat());
                let button = ui.add_enabled(shown, Button::new("Find the brain in this case"));
                if button.on_hover_text("A guess to accept or correct, and then to use as an example").clicked() {
                    desk.order(Command::FindBrain(net.folder.clone()));
                }
            } else if !in_use && ui.button(format!("Use {}", net.title())).clicked() {
                desk.order(Command::UseNet(NetChoice::Installed { folder: net.folder.clone(), manner: self.manner }));
            }
            if ui.button("Remove").on_hover_text(format!("Deletes {name} and its files")).clicked() {
                desk.order(Command::RemoveNet(net.folder.clone()));
            }
            if net.config.needs_prompts() {
                self.manner_ui(ui, desk, net, in_use);
            }
        });
    }

    fn manner_ui(&mut self, ui: &mut Ui, desk: &mut Desk<'_>, net: &Installed, in_use: bool) {
        if let (true, NetChoice::Installed { manner, .. }) = (in_use, &desk.session.net) {
            self.manner = *manner;
        }
        for (manner, hover) in [
            (Manner::Published, "Axes as stored, the whole range of values: exactly the authors' program"),
            (Manner::Oriented, "All images turned the same way, the outermost half percent of values clipped"),
        ] {
            let chosen = self.manner == manner;
            if ui.radio(chosen, manner_text(manner)).on_hover_text(hover).clicked() && !chosen {
                self.manner = manner;
                if in_use {
                    desk.order(Command::UseNet(NetChoice::Installed { folder: net.folder.clone(), manner }));
                }
            }
        }
    }

    fn candidate_ui(&mut self, ui: &mut Ui, desk: &mut Desk<'_>) {
        let Some((candidate, prompts)) = &mut self.candidate else { return };
        let entry = candidate.entry(*prompts);
        ui.label(RichText::new(format!("Add {}?", entry.title)).strong());
        if candidate.prompts().is_some() {
            ui.label("Its tensors do not tell what its examples are marked with:");
            ui.horizontal(|ui| {
                for choice in Prompts::ALL {
                    ui.radio_value(prompts, choice, choice.word());
                }
            });
        }
        facts_ui(ui, &candidate.entry(*prompts));
        ui.small(format!("{} on disk", size_text(candidate.bytes())));
        ui.checkbox(&mut self.consent, "I have read what its authors say of its use, and will keep to it");
        let prompts = *prompts;
        ui.horizontal(|ui| {
            if ui.add_enabled(self.consent && !self.busy, Button::new("Add")).clicked()
                && let Some((candidate, _)) = &self.candidate
            {
                self.busy = true;
                desk.order(Command::AddWeights { path: candidate.path.clone(), prompts });
            }
            if ui.button("Do not add").clicked() {
                self.candidate = None;
            }
        });
    }
}

fn facts_ui(ui: &mut Ui, entry: &Entry) {
    ui.small(entry.what);
    ui.small(format!("Licence: {}", entry.licence));
    ui.small(format!("Source: {}", entry.source));
}

fn own_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let in_use = desk.session.net == NetChoice::Own;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Exemplar's own nets").strong());
        if in_use {
            ui.label(RichText::new("in use").color(ui.visuals().hyperlink_color));
        } else if ui.button("Use Exemplar's own").clicked() {
            desk.order(Command::UseNet(NetChoice::Own));
        }
    });
    for net in &desk.session.nets {
        ui.small(format!("{} ({}-D): {}", net.name, net.dims, net.what));
        ui.small(format!("Trained on: {}. Licence: {}.", net.trained_on, net.licence));
    }
}

/// What a guess for the open volume will cost on this device.
fn estimate(desk: &Desk<'_>, net: &Installed) -> String {
    let examples = desk.session.structure.map_or(1, |structure| desk.project.examples(structure).count().max(1));
    let cost = cost(&net.config, examples);
    let memory = size_text(cost.bytes as u64);
    let from = match (net.entry.automatic, examples) {
        (true, _) => String::new(),
        (false, 1) => " from one example".to_owned(),
        (false, count) => format!(" from {count} examples"),
    };
    match desk.session.speed {
        Some(speed) => {
            format!("A guess{from} takes about {memory} of memory and {} on this device.", time_text(cost.products / speed))
        }
        None => format!("A guess{from} takes about {memory} of memory; the device is being measured…"),
    }
}
