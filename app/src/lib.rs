//! What is done: the program Exemplar, in a window and on the command line.

mod actions;
pub mod app;
mod ask;
pub mod cli;
pub mod command;
mod compare;
mod context;
pub mod diagnosis;
pub mod editing;
mod exchange;
pub mod export;
mod frames;
mod gestures;
mod guesses;
pub mod heap;
mod influence;
mod jobs;
mod judge;
mod keeper;
pub mod labels;
mod listing;
mod models;
mod nets;
mod notices;
mod opening;
mod others;
mod panels;
pub mod prefs;
pub mod queue;
mod recent;
mod review;
pub mod second;
pub mod session;
mod stage;
mod theme;
pub mod tools;
mod watch;
mod whole;
mod words;

use app::App;
use command::Command;
use engine::{DeviceChoice, Engine};
use std::path::PathBuf;

/// Opens the window, with files, folders or a project in it, and runs until it is closed.
///
/// # Errors
/// Where no window can be made: no screen, no graphics driver.
pub fn run(paths: Vec<PathBuf>, device: DeviceChoice) -> anyhow::Result<()> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Exemplar")
            .with_app_id("exemplar")
            .with_inner_size([1400.0, 840.0])
            .with_min_inner_size([900.0, 560.0]),
        renderer: eframe::Renderer::Wgpu,
        ..Default::default()
    };
    let make: eframe::AppCreator<'_> = Box::new(move |cc| {
        let ctx = cc.egui_ctx.clone();
        let engine = Engine::spawn(device, move || ctx.request_repaint());
        let mut app = App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine);
        if !paths.is_empty() {
            app.command(&cc.egui_ctx, Command::Open(paths));
        }
        Ok(Box::new(app))
    });
    eframe::run_native("exemplar", options, make).map_err(|error| anyhow::anyhow!("the window could not be opened: {error}"))
}
