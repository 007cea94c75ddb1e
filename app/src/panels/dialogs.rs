//! Windows over the window: export, the sheet of keys, settings, about.

use super::choosing::large::{LargeForm, large_ui};
use super::choosing::{self, Choice, LabelsForm};
use super::examples::{self, MaskPictures};
use super::models::Models;
use super::{Desk, ledger, second};
use crate::command::{BINDINGS, Command};
use crate::export::{self, Form};
use crate::session::Place;
use egui::{Align2, Context, Grid, RichText, TextEdit, Window};
use engine::DeviceChoice;
use std::path::PathBuf;

/// Which of them are open, and what was typed in them.
#[derive(Default)]
pub struct Dialogs {
    /// The export panel, with its folder.
    pub export: Option<ExportForm>,
    /// Images to choose from.
    pub choice: Option<Choice>,
    /// Images that are too large, and wait for an answer.
    pub large: Option<LargeForm>,
    /// A label file that waits for an answer.
    pub labels: Option<LabelsForm>,
    /// The sheet of keys.
    pub keys: bool,
    /// The settings.
    pub settings: bool,
    /// About the program.
    pub about: bool,
    /// The examples of the structure in hand.
    pub examples: bool,
    /// The ledger.
    pub ledger: bool,
    /// A note being written.
    pub note: Option<NoteForm>,
    /// The reader's name being typed.
    reader: Option<String>,
    /// The page of nets.
    pub models: Models,
    /// The device chosen in the settings.
    pub device: DeviceChoice,
}

/// A note being written.
#[derive(Clone, Debug)]
pub struct NoteForm {
    /// Of which structure of which case.
    pub place: Place,
    /// What was typed.
    pub text: String,
    /// Whether it has not been drawn yet.
    pub is_new: bool,
}

/// What the export panel holds.
#[derive(Clone, Debug, Default)]
pub struct ExportForm {
    /// The folder as typed.
    pub folder: String,
    /// As what.
    pub form: Form,
    /// Whether files there may be replaced.
    pub overwrite: bool,
    /// Whether the export is at work.
    pub busy: bool,
}

impl Dialogs {
    /// Draws whatever is open.
    pub fn ui(&mut self, ctx: &Context, desk: &mut Desk<'_>, pictures: &MaskPictures) {
        self.export_ui(ctx, desk);
        if self.choice.as_mut().is_some_and(|choice| !choosing::choice_ui(ctx, desk, choice)) {
            self.choice = None;
        }
        if self.large.as_mut().is_some_and(|form| !large_ui(ctx, desk, form)) {
            self.large = None;
        }
        if self.labels.as_ref().is_some_and(|form| !choosing::labels_ui(ctx, desk, form)) {
            self.labels = None;
        }
        self.note_ui(ctx, desk);
        examples::examples_ui(ctx, desk, &mut self.examples, pictures);
        ledger::ledger_ui(ctx, desk, &mut self.ledger);
        second::second_ui(ctx, desk);
        keys_ui(ctx, &mut self.keys);
        self.settings_ui(ctx, desk);
        about_ui(ctx, desk, &mut self.about);
        self.models.ui(ctx, desk);
    }

    /// Whether one of them waits for an answer, and keys are not meant for the window behind it.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        let asks_of_files = self.choice.is_some() || self.large.is_some() || self.labels.is_some();
        asks_of_files || self.export.is_some() || self.note.is_some() || self.models.open
    }

    /// Closes the topmost; returns whether there was one.
    pub fn close_one(&mut self) -> bool {
        if self.models.close_one() || self.choice.take().is_some() || self.large.take().is_some() {
            return true;
        }
        if self.labels.take().is_some() {
            return true;
        }
        if self.note.take().is_some() {
            return true;
        }
        let flags = [&mut self.keys, &mut self.settings, &mut self.about, &mut self.examples, &mut self.ledger];
        let open = flags.into_iter().find(|flag| **flag);
        let was_open = open.is_some() || self.export.is_some();
        match open {
            Some(flag) => *flag = false,
            None => self.export = None,
        }
        was_open
    }

    fn export_ui(&mut self, ctx: &Context, desk: &mut Desk<'_>) {
        let Some(form) = &mut self.export else { return };
        let mut open = true;
        let orders = export::orders(desk.project);
        dialog("Export masks").open(&mut open).show(ctx, |ui| {
            ui.set_width(460.0);
            ui.label(match orders.len() {
                0 => "No mask is accepted yet: accept guesses with A first.".to_owned(),
                1 => "The accepted masks of 1 case, on the grid of its image.".to_owned(),
                count => format!("The accepted masks of {count} cases, each on the grid of its image."),
            });
            ui.horizontal(|ui| {
                let label = ui.label("Folder");
                ui.add(TextEdit::singleline(&mut form.folder).desired_width(310.0)).labelled_by(label.id);
                if ui.button("Browse…").clicked() {
                    desk.order(Command::ExportDialog);
                }
            });
            ui.label("As");
            for choice in Form::ALL {
                ui.radio_value(&mut form.form, choice, choice.text()).on_hover_text(choice.hint());
            }
            ui.checkbox(&mut form.overwrite, "Replace files that are already there");
            ui.add_space(6.0);
            let ready = !orders.is_empty() && !form.busy && !form.folder.trim().is_empty();
            let text = if form.busy { "Exporting…" } else { "Export" };
            let pressed = ui.add_enabled(ready, egui::Button::new(text)).clicked()
                || ready && ui.input(|i| i.key_pressed(egui::Key::Enter));
            if pressed {
                form.busy = true;
                desk.order(Command::Export {
                    folder: PathBuf::from(form.folder.trim()),
                    overwrite: form.overwrite,
                    form: form.form,
                });
            }
        });
        if !open {
            self.export = None;
        }
    }

    fn note_ui(&mut self, ctx: &Context, desk: &mut Desk<'_>) {
        let Some(form) = &mut self.note else { return };
        let (mut open, mut done) = (true, false);
        dialog("Flag with a note").open(&mut open).show(ctx, |ui| {
            ui.set_width(360.0);
            let label = ui.label("What should the next reader know?");
            let field = ui.add(TextEdit::singleline(&mut form.text).desired_width(f32::INFINITY)).labelled_by(label.id);
            if std::mem::take(&mut form.is_new) {
                field.request_focus();
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.horizontal(|ui| {
                let text = form.text.trim();
                if ui.add_enabled(!text.is_empty(), egui::Button::new("Flag")).clicked() || entered && !text.is_empty() {
                    desk.order(Command::SetNote(form.place, Some(text.to_owned())));
                    done = true;
                }
                if ui.button("Take the flag away").clicked() || entered && text.is_empty() {
                    desk.order(Command::SetNote(form.place, None));
                    done = true;
                }
            });
            done |= ui.input(|input| input.key_pressed(egui::Key::Escape));
        });
        if done || !open {
            self.note = None;
        }
    }

    fn reader_ui(&mut self, ui: &mut egui::Ui, desk: &mut Desk<'_>) {
        let mut name = self.reader.take().unwrap_or_else(|| desk.session.prefs.reader.clone());
        ui.horizontal(|ui| {
            let label = ui.label("Your name in the ledger");
            let field = ui.add(TextEdit::singleline(&mut name).desired_width(180.0)).labelled_by(label.id);
            if field.lost_focus() && !name.trim().is_empty() && name.trim() != desk.session.prefs.reader {
                desk.order(Command::SetReader(name.trim().to_owned()));
            } else if field.has_focus() {
                self.reader = Some(name);
            }
        });
    }

    fn settings_ui(&mut self, ctx: &Context, desk: &mut Desk<'_>) {
        if !self.settings {
            return;
        }
        let mut open = true;
        dialog("Settings").open(&mut open).show(ctx, |ui| {
            ui.set_width(420.0);
            self.reader_ui(ui, desk);
            ui.add_space(8.0);
            ui.label(RichText::new("The engine works on").strong());
            for (text, choice) in [
                ("the GPU if there is a real one, else the CPU", DeviceChoice::Auto),
                ("the GPU", DeviceChoice::Gpu),
                ("the CPU", DeviceChoice::Cpu),
            ] {
                if ui.radio(self.device == choice, text).clicked() && self.device != choice {
                    self.device = choice;
                    desk.order(Command::SetDevice(choice));
                }
            }
            ui.weak(desk.session.adapter.clone().unwrap_or_else(|| "starting…".to_owned()));
            ui.add_space(8.0);
            if ui.button("Nets…").clicked() {
                desk.order(Command::ToggleModels);
            }
        });
        self.settings = open;
    }
}

fn dialog(title: &str) -> Window<'_> {
    Window::new(title).anchor(Align2::CENTER_CENTER, [0.0, 0.0]).collapsible(false).resizable(false)
}

fn keys_ui(ctx: &Context, open: &mut bool) {
    dialog("Keys").open(open).show(ctx, |ui| {
        ui.horizontal_top(|ui| {
            for (column, lines) in BINDINGS.chunks(BINDINGS.len().div_ceil(3)).enumerate() {
                Grid::new(("keys", column)).num_columns(2).spacing([18.0, 3.0]).show(ui, |ui| {
                    for binding in lines {
                        ui.label(RichText::new(binding.text()).monospace().strong());
                        ui.label(binding.what);
                        ui.end_row();
                    }
                });
                ui.add_space(24.0);
            }
        });
        ui.separator();
        ui.label(
            "Wheel: slice.  Ctrl+wheel: zoom at the pointer.  Middle drag or Space+drag: pan.  Double click: one pane large.  Hold Space: no masks.",
        );
        ui.label("Right button: window/level, or erase with brush, lasso and fill.  Shift+wheel: size of the brush.");
    });
}

fn about_ui(ctx: &Context, desk: &Desk<'_>, open: &mut bool) {
    dialog("About Exemplar").open(open).show(ctx, |ui| {
        ui.set_width(420.0);
        ui.label(RichText::new(concat!("Exemplar ", env!("CARGO_PKG_VERSION"))).heading());
        ui.label("Segments many medical images from marks on a few.");
        ui.label(RichText::new("For research use only. Not a medical device.").strong());
        ui.add_space(6.0);
        ui.label(format!("Engine: {}", desk.session.adapter.as_deref().unwrap_or("starting…")));
        ui.label("It never uses the network.");
    });
}
