//! Every colour and distance of the window.

use egui::{Color32, Context, CornerRadius, FontId, Margin, Stroke, TextStyle, Theme, Visuals, vec2};

/// Width of the list of cases.
pub const LIST_WIDTH: f32 = 236.0;
/// Width of the panel of structures.
pub const SIDE_WIDTH: f32 = 248.0;
/// Height of the strip under the tool bar, the same whatever is in it: the panes must not move.
pub const STRIP_HEIGHT: f32 = 28.0;
/// Side of a picture in the list.
pub const THUMBNAIL: f32 = 52.0;
/// Side of a picture in the grid of previews.
pub const GRID_PICTURE: f32 = 118.0;
/// Behind the slices, in either theme: eyes that read images want it dark.
pub const PANE: Color32 = Color32::from_rgb(8, 9, 11);
/// Accepted.
pub const ACCEPTED: Color32 = Color32::from_rgb(0, 158, 115);
/// Waits for review.
pub const WAITING: Color32 = Color32::from_rgb(86, 180, 233);
/// Rejected.
pub const REJECTED: Color32 = Color32::from_rgb(213, 94, 0);
/// An example.
pub const EXAMPLE: Color32 = Color32::from_rgb(230, 159, 0);

/// Voxels that a change would add, over the image; told from what goes by brightness too.
pub const ADDED: [u8; 3] = [120, 235, 255];
/// Voxels that it would take away.
pub const REMOVED: [u8; 3] = [255, 64, 64];

/// Gives both themes their look.
pub fn install(ctx: &Context) {
    ctx.set_visuals_of(Theme::Dark, dark());
    ctx.set_visuals_of(Theme::Light, light());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| {
            style.spacing.item_spacing = vec2(8.0, 5.0);
            style.spacing.button_padding = vec2(8.0, 4.0);
            style.spacing.interact_size.y = 24.0;
            style.text_styles.insert(TextStyle::Body, FontId::proportional(13.5));
            style.text_styles.insert(TextStyle::Button, FontId::proportional(13.5));
            style.text_styles.insert(TextStyle::Small, FontId::proportional(11.5));
            style.text_styles.insert(TextStyle::Heading, FontId::proportional(16.0));
        });
    }
}

fn dark() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = Color32::from_rgb(27, 29, 33);
    visuals.window_fill = Color32::from_rgb(33, 36, 41);
    visuals.extreme_bg_color = Color32::from_rgb(17, 18, 21);
    visuals.faint_bg_color = Color32::from_rgb(34, 37, 42);
    visuals.override_text_color = Some(Color32::from_rgb(222, 225, 230));
    visuals.selection.bg_fill = Color32::from_rgb(38, 88, 128);
    visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(235, 242, 250));
    rounded(&mut visuals);
    visuals
}

fn light() -> Visuals {
    let mut visuals = Visuals::light();
    visuals.panel_fill = Color32::from_rgb(243, 244, 246);
    visuals.override_text_color = Some(Color32::from_rgb(28, 31, 36));
    visuals.selection.bg_fill = Color32::from_rgb(170, 208, 240);
    visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(10, 30, 52));
    rounded(&mut visuals);
    visuals
}

fn rounded(visuals: &mut Visuals) {
    let radius = CornerRadius::same(4);
    for widget in [
        &mut visuals.widgets.noninteractive,
        &mut visuals.widgets.inactive,
        &mut visuals.widgets.hovered,
        &mut visuals.widgets.active,
        &mut visuals.widgets.open,
    ] {
        widget.corner_radius = radius;
    }
}

/// Space within a panel.
#[must_use]
pub fn panel_margin() -> Margin {
    Margin::symmetric(10, 8)
}
