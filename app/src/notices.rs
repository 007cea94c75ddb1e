//! Faults and news for the user: a headline, the causes on a click, and the same in the log. The one road
//! from a fault to the screen.

use egui::{Align2, Color32, Frame, RichText, Ui};
use std::time::{Duration, Instant};

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Something was done.
    News,
    /// Something the user should know.
    Warning,
    /// Something could not be done.
    Fault,
}

/// One message.
#[derive(Clone, Debug)]
struct Notice {
    grade: Grade,
    headline: String,
    causes: Vec<String>,
    since: Instant,
    open: bool,
}

/// The messages on the screen.
#[derive(Default)]
pub struct Notices {
    shown: Vec<Notice>,
}

const NEWS_LAST: Duration = Duration::from_secs(8);
const MOST_SHOWN: usize = 5;

impl Notices {
    /// Something was done.
    pub fn news(&mut self, headline: impl Into<String>) {
        self.push(Grade::News, headline.into(), Vec::new());
    }

    /// Something the user should know.
    pub fn warning(&mut self, headline: impl Into<String>) {
        let headline = headline.into();
        tracing::warn!("{headline}");
        self.push(Grade::Warning, headline, Vec::new());
    }

    /// Something could not be done: the error's text, and its causes behind a click.
    pub fn fault(&mut self, error: &anyhow::Error) {
        tracing::error!("{error:#}");
        self.push(Grade::Fault, error.to_string(), error.chain().skip(1).map(ToString::to_string).collect());
    }

    /// The headlines on the screen, the newest last.
    pub fn headlines(&self) -> impl Iterator<Item = &str> {
        self.shown.iter().map(|notice| notice.headline.as_str())
    }

    fn push(&mut self, grade: Grade, headline: String, causes: Vec<String>) {
        // The same message twice in a row is one message.
        self.shown.retain(|notice| notice.headline != headline);
        self.shown.push(Notice { grade, headline, causes, since: Instant::now(), open: false });
        let surplus = self.shown.len().saturating_sub(MOST_SHOWN);
        self.shown.drain(..surplus);
    }

    /// Draws the messages above the status line; news go by themselves.
    pub fn ui(&mut self, ctx: &egui::Context) {
        self.shown.retain(|notice| notice.grade != Grade::News || notice.since.elapsed() < NEWS_LAST);
        if self.shown.is_empty() {
            return;
        }
        ctx.request_repaint_after(Duration::from_secs(1));
        egui::Area::new(egui::Id::unique("notices")).anchor(Align2::RIGHT_BOTTOM, [-12.0, -36.0]).show(ctx, |ui| {
            ui.set_max_width(440.0);
            let mut closed = None;
            for (at, notice) in self.shown.iter_mut().enumerate() {
                if notice_ui(ui, notice) {
                    closed = Some(at);
                }
                ui.add_space(6.0);
            }
            if let Some(at) = closed {
                self.shown.remove(at);
            }
        });
    }
}

fn notice_ui(ui: &mut Ui, notice: &mut Notice) -> bool {
    let colour = match notice.grade {
        Grade::News => Color32::from_rgb(0, 140, 100),
        Grade::Warning => Color32::from_rgb(200, 140, 0),
        Grade::Fault => Color32::from_rgb(205, 70, 50),
    };
    let mut close = false;
    Frame::popup(ui.style()).stroke(egui::Stroke::new(1.5, colour)).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            close = ui.small_button("×").on_hover_text("Close").clicked();
            ui.vertical(|ui| {
                ui.label(&notice.headline);
                if !notice.causes.is_empty() && ui.link(if notice.open { "less" } else { "why" }).clicked() {
                    notice.open = !notice.open;
                }
                if notice.open {
                    for cause in &notice.causes {
                        ui.label(RichText::new(cause).small());
                    }
                }
            });
        });
    });
    close
}
