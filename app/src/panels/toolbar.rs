//! The tool bar: undo and redo with their names, the tools, the sign, the contrast. What can be set of the tool in
//! hand is `editing`'s.

use super::{Desk, editing};
use crate::command::Command;
use crate::tools::Tool;
use egui::{Button, RichText, Ui};
use imaging::Sign;

/// Draws the bar.
pub fn toolbar_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.horizontal_wrapped(|ui| {
        history_ui(ui, desk);
        ui.separator();
        for tool in Tool::ALL {
            let button = Button::selectable(desk.session.tool == tool, format!("{} ({})", tool.name(), tool.key()));
            if ui.add(button).on_hover_text(format!("Left button: {}", tool.left_button())).clicked() {
                desk.order(Command::PickTool(tool));
            }
        }
        ui.separator();
        sign_ui(ui, desk);
        editing::menu_ui(ui, desk);
        ui.separator();
        window_ui(ui, desk);
    });
}

fn history_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let (undo, redo) = (desk.history.undo_name(), desk.history.redo_name());
    let label =
        |verb: &str, name: Option<&str>| name.map_or_else(|| verb.to_owned(), |name| format!("{verb} {}", shortened(name)));
    let undo_button = Button::new(label("Undo", undo));
    if ui.add_enabled(undo.is_some(), undo_button).on_hover_text("Ctrl+Z").clicked() {
        desk.order(Command::Undo);
    }
    let redo_button = Button::new(label("Redo", redo));
    if ui.add_enabled(redo.is_some(), redo_button).on_hover_text("Ctrl+Shift+Z").clicked() {
        desk.order(Command::Redo);
    }
}

fn shortened(name: &str) -> String {
    const MOST: usize = 26;
    if name.chars().count() <= MOST { name.to_owned() } else { name.chars().take(MOST - 1).chain(['…']).collect() }
}

fn sign_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let (text, hover) = match desk.session.sign {
        Sign::Positive => ("+ here (T)", "The next mark says: the structure is here"),
        Sign::Negative => ("- not here (T)", "The next mark says: the structure is not here"),
    };
    let negative = desk.session.sign == Sign::Negative;
    if ui.add(Button::selectable(negative, RichText::new(text))).on_hover_text(hover).clicked() {
        desk.order(Command::FlipSign);
    }
}

fn window_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let shown = desk.session.case.and_then(|case| desk.session.views.get(&case)).and_then(|view| view.window);
    let Some(window) = shown else { return };
    ui.menu_button(format!("Window {:.0} / {:.0}", window.width, window.level), |ui| {
        if ui.button("Automatic (0)").clicked() {
            desk.order(Command::Preset(0));
        }
        for (at, preset) in viewer::PRESETS.iter().enumerate() {
            let text = format!("{}  {:.0} / {:.0} ({})", preset.name, preset.window.width, preset.window.level, at + 1);
            if ui.button(text).clicked() {
                desk.order(Command::Preset(at + 1));
            }
        }
    })
    .response
    .on_hover_text("Width / level; right drag on a slice changes them");
}
