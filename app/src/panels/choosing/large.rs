//! Images that are too large for the free memory, or for the view: sampled down, cropped to a box, left out, or opened
//! all the same where only the view is too small, as the user says.

use super::dialog;
use crate::command::Command;
use crate::panels::Desk;
use crate::words;
use egui::{Context, DragValue, RichText, ScrollArea, Ui};
use imaging::Reduction;
use imaging::files::{self, ItemInfo, NoRoom, shape_text};

/// Images that wait for an answer.
#[derive(Default)]
pub struct LargeForm {
    images: Vec<Large>,
}

struct Large {
    info: ItemInfo,
    lack: Lack,
    way: Way,
    every: u32,
    first: [u32; 3],
    last: [u32; 3],
}

/// What there is too little of.
pub enum Lack {
    /// Memory.
    Memory(NoRoom),
    /// Room on the graphics card: so many voxels along each axis would be shown.
    View([usize; 3]),
}

/// What becomes of an image.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Whole,
    SampleDown,
    Crop,
    LeaveOut,
}

impl LargeForm {
    /// Asks about some more.
    pub fn add(&mut self, images: Vec<(ItemInfo, Lack)>) {
        self.images.extend(images.into_iter().map(|(info, lack)| Large::new(info, lack)));
    }

    /// What is to be opened, and how much of it.
    fn chosen(&self) -> Vec<ItemInfo> {
        self.images.iter().filter_map(Large::chosen).collect()
    }
}

impl Large {
    /// Opened whole where there is memory for it, else sampled down by as much as is needed, until the user says
    /// otherwise; the box is as much smaller, in the middle.
    fn new(info: ItemInfo, lack: Lack) -> Self {
        let (way, every) = match &lack {
            Lack::Memory(lack) => (Way::SampleDown, lack.every),
            Lack::View(shown) => {
                let strides = info.shape.iter().zip(shown).map(|(&n, &shown)| n.div_ceil(shown.max(1)) as u32);
                (Way::Whole, strides.max().unwrap_or(1))
            }
        };
        let middle = |axis: usize| {
            let length = info.shape[axis];
            let side = (length / every.max(1) as usize).max(1);
            let first = (length - side) / 2;
            [first as u32, (first + side - 1) as u32]
        };
        let bounds = [0, 1, 2].map(middle);
        let (first, last) = (bounds.map(|[first, _]| first), bounds.map(|[_, last]| last));
        Self { info, lack, way, every, first, last }
    }

    fn chosen(&self) -> Option<ItemInfo> {
        let reduction = match self.way {
            Way::Whole => return Some(self.info.clone()),
            Way::SampleDown => Reduction::every(self.every),
            Way::Crop => Reduction::within(self.first, self.last),
            Way::LeaveOut => return None,
        };
        let mut info = self.info.clone();
        info.item = info.item.reduced(reduction);
        Some(info)
    }
}

/// Draws the question; gives back whether it stays open.
pub fn large_ui(ctx: &Context, desk: &mut Desk<'_>, form: &mut LargeForm) -> bool {
    let mut open = true;
    let mut done = false;
    dialog("How much is to be opened").open(&mut open).show(ctx, |ui| {
        ui.set_width(520.0);
        ScrollArea::vertical().max_height(400.0).auto_shrink([false, true]).show(ui, |ui| {
            for (number, large) in form.images.iter_mut().enumerate() {
                ui.push_id(number, |ui| one_ui(ui, large));
                ui.add_space(6.0);
            }
        });
        ui.separator();
        let chosen = form.chosen();
        let lacking = chosen.iter().find_map(files::lacking);
        if let Some(lack) = &lacking {
            ui.label(RichText::new(format!("This is still too large: {lack}.")).color(ui.visuals().warn_fg_color));
        }
        ui.horizontal(|ui| {
            let text = format!("Open {}", words::count(chosen.len(), "image"));
            if ui.add_enabled(!chosen.is_empty() && lacking.is_none(), egui::Button::new(text)).clicked() {
                desk.order(Command::OpenAsChosen(chosen));
                done = true;
            }
            if ui.button("Cancel").clicked() {
                done = true;
            }
        });
    });
    open && !done
}

fn one_ui(ui: &mut Ui, large: &mut Large) {
    let Large { info, lack, way, every, first, last } = large;
    ui.label(RichText::new(&info.name).strong()).on_hover_text(info.item.path.display().to_string());
    match lack {
        Lack::Memory(lack) => {
            ui.label(format!("It is too large: {lack}."));
        }
        Lack::View([nx, ny, nz]) => {
            let shape = shape_text(info.shape);
            ui.label(format!("It is too large for the graphics card: of its {shape} voxels {nx} x {ny} x {nz} would be shown."));
            ui.radio_value(way, Way::Whole, "Open all of it: marks and masks keep every voxel, the view is coarser");
        }
    }
    ui.horizontal(|ui| {
        ui.radio_value(way, Way::SampleDown, "Sample down: the mean of blocks of");
        let side = DragValue::new(every).range(1..=info.shape.iter().copied().max().unwrap_or(1) as u32);
        ui.add_enabled(*way == Way::SampleDown, side);
        ui.label("voxels along each axis");
    });
    ui.horizontal(|ui| {
        ui.radio_value(way, Way::Crop, "Only a box: voxels");
        for axis in 0..3 {
            let end = info.shape[axis].saturating_sub(1) as u32;
            ui.add_enabled(*way == Way::Crop, DragValue::new(&mut first[axis]).range(0..=last[axis]));
            ui.label("to");
            ui.add_enabled(*way == Way::Crop, DragValue::new(&mut last[axis]).range(first[axis]..=end));
        }
    });
    ui.radio_value(way, Way::LeaveOut, "Leave it out");
    ui.small("Marks and masks are those of what is opened, and exports lie in the right place.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Item;

    #[test]
    fn what_is_suggested_is_what_was_asked_for_and_lies_in_the_image() {
        let info = ItemInfo {
            item: Item::from(std::path::Path::new("a.nii")),
            name: "a".into(),
            title: String::new(),
            format: "NIfTI-1".into(),
            shape: [2048, 2048, 5],
            voxel_bytes: 2,
            study: String::new(),
            details: String::new(),
        };
        let lack = NoRoom { shape: info.shape, need: 2 * 2048 * 2048 * 5, free: 1 << 20, every: 8 };
        let mut large = Large::new(info.clone(), Lack::Memory(lack));
        let reduction = |large: &Large| large.chosen().map(|info| info.item.reduction);
        assert_eq!(reduction(&large), Some(Reduction::every(8)));
        large.way = Way::Crop;
        assert_eq!(reduction(&large), Some(Reduction::within([896, 896, 2], [1151, 1151, 2])));
        large.way = Way::LeaveOut;
        assert_eq!(reduction(&large), None);

        let mut large = Large::new(info, Lack::View([1024, 2048, 5]));
        assert_eq!(reduction(&large), Some(Reduction::default()), "there is memory for all of it");
        large.way = Way::SampleDown;
        assert_eq!(reduction(&large), Some(Reduction::every(2)));
    }
}
