//! The menu bar.

use super::Desk;
use crate::command::Command;
use crate::recent;
use egui::{ThemePreference, Ui};
use imaging::Convention;

/// Draws the bar.
pub fn menu_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        ui.menu_button("File", |ui| file_ui(ui, desk));
        ui.menu_button("Edit", |ui| {
            item(ui, desk, "Undo    Ctrl+Z", Command::Undo);
            item(ui, desk, "Redo    Ctrl+Shift+Z", Command::Redo);
            item(ui, desk, "Delete mark    Del", Command::DeleteMark);
        });
        ui.menu_button("View", |ui| view_ui(ui, desk));
        ui.menu_button("Structure", |ui| {
            item(ui, desk, "New", Command::NewStructure);
            item(ui, desk, "Use as example    E", Command::ToggleExample);
            item(ui, desk, "Propagate    Enter", Command::Propagate);
            item(ui, desk, "Tune and propagate    Shift+Enter", Command::TuneAndPropagate);
            item(ui, desk, "Accept all guesses    Shift+A", Command::AcceptAll);
            ui.separator();
            item(ui, desk, "Examples…    Shift+E", Command::ToggleExamples);
            item(ui, desk, "Second reader…", Command::OpenSecondDialog);
        });
        ui.menu_button("Help", |ui| {
            item(ui, desk, "Keys    ?", Command::ToggleKeys);
            item(ui, desk, "Save a diagnosis…", Command::SaveDiagnosisDialog);
            item(ui, desk, "About", Command::ToggleAbout);
        });
    });
}

fn item(ui: &mut Ui, desk: &mut Desk<'_>, text: &str, command: Command) {
    if ui.button(text).clicked() {
        desk.order(command);
        ui.close();
    }
}

fn file_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    item(ui, desk, "Open images…    Ctrl+O", Command::OpenFilesDialog);
    item(ui, desk, "Open folder or project…    Ctrl+Shift+O", Command::OpenFolderDialog);
    item(ui, desk, "Open labels onto the image shown…    Ctrl+L", Command::OpenLabelsDialog);
    ui.menu_button("Open recent", |ui| {
        for path in recent::list() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
                desk.order(Command::Open(vec![path]));
                ui.close();
            }
        }
    });
    ui.separator();
    item(ui, desk, "Save project in…    Ctrl+S", Command::SaveProjectDialog);
    item(ui, desk, "Import masks…", Command::ImportMasksDialog);
    item(ui, desk, "Export masks…    Ctrl+E", Command::ShowExport);
    item(ui, desk, "Ledger…    Shift+L", Command::ToggleLedger);
    ui.separator();
    item(ui, desk, "Nets…", Command::ToggleModels);
    item(ui, desk, "Settings…", Command::ToggleSettings);
    if ui.button("Quit").clicked() {
        ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
    }
}

fn view_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    item(ui, desk, "Masks and marks    G", Command::ToggleOverlay);
    item(ui, desk, "Fit    F", Command::FitViews);
    item(ui, desk, "Queue or cases    Q", Command::ToggleQueue);
    item(ui, desk, "Compare with the guess    Shift+V", Command::ToggleVersus);
    ui.separator();
    let convention = desk.session.convention;
    for (text, choice) in [
        ("Radiological: patient right on the left", Convention::Radiological),
        ("Neurological: patient right on the right", Convention::Neurological),
    ] {
        if ui.radio(convention == choice, text).clicked() {
            desk.order(Command::SetConvention(choice));
            ui.close();
        }
    }
    ui.separator();
    let theme = ui.ctx().options(|options| options.theme_preference);
    for (text, choice) in [("Dark", ThemePreference::Dark), ("Light", ThemePreference::Light)] {
        if ui.radio(theme == choice, text).clicked() {
            desk.order(Command::SetTheme(choice));
            ui.close();
        }
    }
}
