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

/// Red, green and blue as a colour of the window.
#[must_use]
pub fn rgb([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// How doubtful something is, from 0 to 1, as a colour: dim blue, yellow, red.
#[must_use]
pub fn heat(doubt: f32) -> Color32 {
    const STEPS: [Color32; 3] = [Color32::from_rgb(60, 84, 130), Color32::from_rgb(240, 205, 70), Color32::from_rgb(232, 62, 40)];
    let at = doubt.clamp(0.0, 1.0) * 2.0;
    let low = (at as usize).min(1);
    STEPS[low].lerp_to_gamma(STEPS[low + 1], at - low as f32)
}

/// A colour as text: so light or dark that it reads on the theme's panels, and in rows that are selected too.
#[must_use]
pub fn text_of(ui: &egui::Ui, colour: Color32) -> Color32 {
    readable(colour, ui.visuals().dark_mode)
}

/// A colour as a dot or a line on the theme's panels.
#[must_use]
pub fn dot(colour: Color32, dark: bool) -> Color32 {
    if dark { colour } else { colour.lerp_to_gamma(Color32::BLACK, 0.4) }
}

fn readable(colour: Color32, dark: bool) -> Color32 {
    if dark { colour.lerp_to_gamma(Color32::WHITE, 0.66) } else { colour.lerp_to_gamma(Color32::BLACK, 0.62) }
}

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
    visuals.weak_text_color = Some(Color32::from_rgb(158, 164, 173));
    visuals.selection.bg_fill = Color32::from_rgb(38, 88, 128);
    visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(235, 242, 250));
    rounded(&mut visuals);
    visuals
}

fn light() -> Visuals {
    let mut visuals = Visuals::light();
    visuals.panel_fill = Color32::from_rgb(243, 244, 246);
    visuals.override_text_color = Some(Color32::from_rgb(28, 31, 36));
    visuals.weak_text_color = Some(Color32::from_rgb(86, 92, 100));
    // egui's own is added to the ground and makes light rows lighter than white.
    visuals.faint_bg_color = Color32::from_rgb(232, 234, 238);
    visuals.hyperlink_color = Color32::from_rgb(0, 92, 170);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast ratio as WCAG 2.1 defines them.
    fn luminance(colour: Color32) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let [low, high] = [luminance(a).min(luminance(b)), luminance(a).max(luminance(b))];
        (high + 0.05) / (low + 0.05)
    }

    /// What is written on what, in a theme.
    fn texts(visuals: &Visuals) -> Vec<(&'static str, Color32, Color32)> {
        let text = visuals.text_color();
        let dark = visuals.dark_mode;
        let grounds = [
            ("panel", visuals.panel_fill),
            ("window", visuals.window_fill),
            ("field", visuals.extreme_bg_color),
            ("faint row", visuals.faint_bg_color),
            ("selected row", visuals.selection.bg_fill),
            ("button", visuals.widgets.inactive.weak_bg_fill),
            ("button under the pointer", visuals.widgets.hovered.weak_bg_fill),
            ("button pressed", visuals.widgets.active.weak_bg_fill),
        ];
        let mut all: Vec<_> = grounds.into_iter().map(|(name, ground)| (name, text, ground)).collect();
        for (name, ground) in [("panel", visuals.panel_fill), ("window", visuals.window_fill)] {
            all.push(("weak text", visuals.weak_text_color(), ground));
            all.push(("link", visuals.hyperlink_color, ground));
            for colour in [ACCEPTED, WAITING, REJECTED, EXAMPLE] {
                all.push((name, readable(colour, dark), ground));
            }
        }
        for colour in [REJECTED, EXAMPLE] {
            all.push(("coloured word in a selected row", readable(colour, dark), visuals.selection.bg_fill));
        }
        all.push(("selected button", visuals.selection.stroke.color, visuals.selection.bg_fill));
        all
    }

    #[test]
    fn all_text_has_the_contrast_that_wcag_asks_for_in_both_themes() {
        for (theme, visuals) in [("dark", dark()), ("light", light())] {
            for (what, text, ground) in texts(&visuals) {
                let ratio = contrast(text, ground);
                assert!(ratio >= 4.5, "{theme}: {what}: {text:?} on {ground:?} has {ratio:.2}");
            }
        }
    }

    #[test]
    fn marks_of_state_stand_out_from_their_ground() {
        for visuals in [dark(), light()] {
            for colour in [ACCEPTED, WAITING, REJECTED, EXAMPLE] {
                let dot = dot(colour, visuals.dark_mode);
                let ratio = contrast(dot, visuals.panel_fill);
                assert!(ratio >= 3.0, "{dot:?} on {:?} has {ratio:.2}", visuals.panel_fill);
            }
        }
        for colour in [ADDED, REMOVED] {
            assert!(contrast(rgb(colour), PANE) >= 3.0);
        }
    }
}
