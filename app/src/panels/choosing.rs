//! Choosing among the images of files that hold several, and what to do with a label file.

pub mod large;

use super::Desk;
use crate::command::Command;
use crate::labels::{LabelsRead, Laying, Way};
use crate::listing::Listed;
use crate::theme;
use crate::words;
use egui::{Align2, Context, Rect, RichText, ScrollArea, Sense, Ui, Window, vec2};
use imaging::files::{Fit, ItemInfo, Structures, shape_text};
use imaging::{CaseId, Item};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The images to choose from.
pub struct Choice {
    files: Vec<(PathBuf, Vec<Choosable>)>,
    pictures: HashMap<Item, egui::TextureHandle>,
}

struct Choosable {
    info: ItemInfo,
    chosen: bool,
}

/// A label file that waits for an answer.
pub struct LabelsForm {
    case: CaseId,
    path: PathBuf,
    structures: Arc<Structures>,
    dropped: bool,
}

impl Choice {
    /// Of files that hold several images each; the first of each is chosen until the user says otherwise.
    #[must_use]
    pub fn new(files: Vec<Listed>) -> Self {
        let choosable = |images: Vec<ItemInfo>| {
            images.into_iter().enumerate().map(|(at, info)| Choosable { info, chosen: at == 0 }).collect()
        };
        Self { files: files.into_iter().map(|file| (file.path, choosable(file.images))).collect(), pictures: HashMap::new() }
    }

    /// All images there are to choose from.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        self.files.iter().flat_map(|(_, images)| images).map(|image| image.info.item.clone()).collect()
    }

    /// Takes in a picture of one of them.
    pub fn pictured(&mut self, item: Item, picture: egui::TextureHandle) {
        self.pictures.insert(item, picture);
    }

    fn chosen(&self) -> Vec<ItemInfo> {
        self.files.iter().flat_map(|(_, images)| images).filter(|image| image.chosen).map(|image| image.info.clone()).collect()
    }

    fn choose_all(&mut self, chosen: bool) {
        self.files.iter_mut().flat_map(|(_, images)| images).for_each(|image| image.chosen = chosen);
    }
}

impl LabelsForm {
    /// A question, where one has to be asked: the file does not lie on the image, or may have been meant as one.
    #[must_use]
    pub fn new(read: &LabelsRead, structures: Arc<Structures>) -> Self {
        Self { case: read.case, path: read.path.clone(), structures, dropped: read.dropped }
    }
}

/// Draws the choice; gives back whether it stays open.
pub fn choice_ui(ctx: &Context, desk: &mut Desk<'_>, choice: &mut Choice) -> bool {
    let mut open = true;
    let mut done = false;
    dialog("Choose images").open(&mut open).show(ctx, |ui| {
        ui.set_width(520.0);
        let count: usize = choice.files.iter().map(|(_, images)| images.len()).sum();
        let one = choice.files.len() == 1;
        ui.label(if one { format!("This file holds {count} images.") } else { format!("These files hold {count} images.") });
        ScrollArea::vertical().max_height(400.0).auto_shrink([false, true]).show(ui, |ui| {
            for (path, images) in &mut choice.files {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                ui.label(RichText::new(format!("{name}: {}", images.len())).strong()).on_hover_text(path.display().to_string());
                for image in images {
                    let picture = choice.pictures.get(&image.info.item);
                    choosable_ui(ui, image, picture);
                }
                ui.add_space(6.0);
            }
        });
        ui.separator();
        ui.horizontal(|ui| {
            if ui.button("All").clicked() {
                choice.choose_all(true);
            }
            if ui.button("None").clicked() {
                choice.choose_all(false);
            }
            let chosen = choice.chosen();
            let text = format!("Open {}", words::count(chosen.len(), "image"));
            if ui.add_enabled(!chosen.is_empty(), egui::Button::new(text)).clicked() {
                desk.order(Command::OpenItems(chosen));
                done = true;
            }
        });
    });
    open && !done
}

fn choosable_ui(ui: &mut Ui, image: &mut Choosable, picture: Option<&egui::TextureHandle>) {
    let Choosable { info, chosen } = image;
    ui.horizontal(|ui| {
        ui.checkbox(chosen, "");
        let (rect, response) = ui.allocate_exact_size(vec2(theme::THUMBNAIL, theme::THUMBNAIL), Sense::click());
        ui.painter().rect_filled(rect, 3.0, theme::PANE);
        if let Some(texture) = picture {
            let size = texture.size_vec2();
            let fitted = size * (rect.size() / size).min_elem();
            egui::Image::new(texture).paint_at(ui, Rect::from_center_size(rect.center(), fitted));
        }
        ui.vertical(|ui| {
            let title = ui.add(egui::Label::new(&info.title).sense(Sense::click()));
            ui.small(format!("{}, {}, {}", info.format, shape_text(info.shape), info.details));
            if title.clicked() || response.clicked() {
                *chosen = !*chosen;
            }
        });
    });
}

/// Draws the question about a label file; gives back whether it stays open.
pub fn labels_ui(ctx: &Context, desk: &mut Desk<'_>, form: &LabelsForm) -> bool {
    let Some(grid) = desk.session.views.get(&form.case).and_then(|view| view.grid) else { return false };
    let mut open = true;
    let mut done = false;
    dialog("Labels").open(&mut open).show(ctx, |ui| {
        ui.set_width(440.0);
        let name = form.path.file_name().unwrap_or_default().to_string_lossy();
        let count = words::count(form.structures.list.len(), "structure");
        ui.label(format!("{name} holds {count}: {}.", names(&form.structures)));
        let fit = form.structures.fit(&grid);
        if let Some(mismatch) = form.structures.mismatch(&grid) {
            ui.label(RichText::new(mismatch).color(ui.visuals().warn_fg_color));
            ui.label(
                "Resampled, each voxel of the image takes the label that lies nearest in space; edges can shift by half a voxel.",
            );
        }
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            let mut lay = |ui: &mut Ui, text: &str, way| {
                if ui.button(text).clicked() {
                    desk.order(Command::LayLabels(Laying { case: form.case, structures: form.structures.clone(), way }));
                    done = true;
                }
            };
            match fit {
                Fit::Same => lay(ui, "Lay on the image shown", Way::VoxelByVoxel),
                Fit::Elsewhere(_) => {
                    lay(ui, "Resample (nearest)", Way::Nearest);
                    lay(ui, "Voxel by voxel, whatever the place", Way::VoxelByVoxel);
                }
                Fit::Other => lay(ui, "Resample (nearest)", Way::Nearest),
            }
            if form.dropped && ui.button("Open as an image").clicked() {
                desk.order(Command::OpenAsImage(form.path.clone()));
                done = true;
            }
            if ui.button("Cancel").clicked() {
                done = true;
            }
        });
    });
    open && !done
}

fn names(structures: &Structures) -> String {
    const MOST: usize = 6;
    let mut names: Vec<&str> = structures.list.iter().take(MOST).map(|segment| segment.name.as_str()).collect();
    if structures.list.len() > MOST {
        names.push("…");
    }
    names.join(", ")
}

fn dialog(title: &str) -> Window<'_> {
    Window::new(title).anchor(Align2::CENTER_CENTER, [0.0, 0.0]).collapsible(false).resizable(false)
}
