//! The panes of one case: axial, sagittal and coronal around a shared crosshair, with a fourth place for the
//! app; or one large pane for pictures and flat images.

use crate::pane::{self, Button, PaneOutput, PaneState, Phase};
use crate::scene::{Cut, Scene};
use egui::{Rect, Ui, UiBuilder, Vec2, vec2};
use imaging::{Convention, Grid, Image, Plane, Slicing};

/// What the panes of a case remember from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct TriplanarState {
    /// Where the panes meet: a voxel position.
    pub crosshair: [f32; 3],
    /// The pane that fills all the room, if one does.
    pub maximised: Option<Plane>,
    panes: [PaneState; 4],
}

/// How the panes behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Which side of the screen shows the patient's right.
    pub convention: Convention,
    /// Whether presses and drags of the left button move the crosshair: where no tool is in hand.
    pub moves_crosshair: bool,
    /// Whether a double click maximises a pane, or brings the others back.
    pub maximises: bool,
}

/// What happened in the panes in this frame.
#[derive(Debug, Default)]
pub struct TriplanarOutput {
    /// Each pane that was shown, with how it cuts the image.
    pub panes: Vec<(Cut, PaneOutput)>,
}

impl TriplanarOutput {
    /// The pane under the pointer.
    #[must_use]
    pub fn hovered(&self) -> Option<&(Cut, PaneOutput)> {
        self.panes.iter().find(|(_, pane)| pane.hovered.is_some())
    }

    /// Points dragged with the right button, for window and level.
    #[must_use]
    pub fn windowing(&self) -> Vec2 {
        self.panes.iter().fold(Vec2::ZERO, |sum, (_, pane)| sum + pane.windowing)
    }

    /// Turns of the wheel with Shift, for the brush.
    #[must_use]
    pub fn brush_steps(&self) -> f32 {
        self.panes.iter().map(|(_, pane)| pane.brush_steps).sum()
    }
}

impl TriplanarState {
    /// The panes of a freshly opened image: whole slices through its middle.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let middle = image.grid.shape.map(|n| (n.saturating_sub(1) / 2) as f32);
        Self { crosshair: middle, ..Self::default() }
    }

    /// Shows whole slices again; the crosshair stays.
    pub fn fit(&mut self) {
        self.panes = Default::default();
    }

    /// What a pane remembers.
    pub fn pane_mut(&mut self, plane: Plane) -> &mut PaneState {
        &mut self.panes[plane as usize]
    }

    /// Moves the crosshair, and so all slices, to a voxel position; it stays in the image.
    pub fn go_to(&mut self, voxel: [f32; 3], grid: &Grid) {
        self.crosshair = std::array::from_fn(|i| voxel[i].clamp(0.0, grid.shape[i].saturating_sub(1) as f32));
    }
}

/// The planes that an image is shown in: one for a picture or a flat image, else axial, sagittal, coronal.
#[must_use]
pub fn planes(image: &Image, convention: Convention) -> Vec<Slicing> {
    let slicing = |plane| Slicing::new(&image.grid, plane, convention);
    if image.is_picture {
        return vec![slicing(Plane::Picture)];
    }
    let all = [Plane::Axial, Plane::Sagittal, Plane::Coronal].map(slicing);
    match all.iter().find(|slicing| image.is_flat() && slicing.count() == 1) {
        Some(flat) => vec![*flat],
        None => all.to_vec(),
    }
}

/// Draws the panes of a case into all the room that is left, and `fourth` beside them.
///
/// The crosshair is drawn at the state's own place where the scene has one and there are planes to link.
/// Three planes leave the bottom right to it; one plane leaves a strip on the right. Without `fourth`, one plane
/// takes all the room. A maximised pane hides everything else.
pub fn show(
    ui: &mut Ui,
    state: &mut TriplanarState,
    scene: &Scene<'_>,
    behaviour: Behaviour,
    fourth: Option<&mut dyn FnMut(&mut Ui)>,
) -> TriplanarOutput {
    let room = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(room);
    let image = scene.image.image();
    let planes = planes(image, behaviour.convention);
    state.maximised = state.maximised.filter(|plane| planes.iter().any(|slicing| slicing.plane == *plane));
    let (panes, rest) = layout(room, &planes, state.maximised, fourth.is_some());

    // A lone plane has no other to point to.
    let crosshair = scene.crosshair.filter(|_| planes.len() > 1).map(|_| state.crosshair);
    let mut output = TriplanarOutput::default();
    for (slicing, rect) in panes {
        let cut = Cut::through(slicing, state.crosshair);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(slicing.plane));
        let scene = Scene { crosshair, ..*scene };
        let pane = pane::show(&mut child, state.pane_mut(slicing.plane), &scene, &cut);
        output.panes.push((cut, pane));
    }
    if let (Some(rect), Some(fourth)) = (rest, fourth) {
        fourth(&mut ui.new_child(UiBuilder::new().max_rect(rect).id_salt("fourth")));
    }
    obey(state, &output, behaviour, &image.grid);
    output
}

/// What wheel, drags and double clicks do to the panes themselves.
fn obey(state: &mut TriplanarState, output: &TriplanarOutput, behaviour: Behaviour, grid: &Grid) {
    for (cut, pane) in &output.panes {
        if pane.slices != 0 {
            let mut to = state.crosshair;
            to[cut.slicing.normal] = to[cut.slicing.normal].round() + pane.slices as f32;
            state.go_to(to, grid);
        }
        let follows = |event: &&pane::PointerEvent| event.button == Button::Primary && event.phase != Phase::Released;
        if let Some(event) = pane.pointer.iter().rfind(follows).filter(|_| behaviour.moves_crosshair) {
            state.go_to(event.voxel, grid);
        }
        if pane.double_clicked && behaviour.maximises {
            let plane = cut.slicing.plane;
            state.maximised = if state.maximised == Some(plane) { None } else { Some(plane) };
        }
    }
}

const GAP: f32 = 2.0;

/// Where each pane lies, and the fourth place.
fn layout(room: Rect, planes: &[Slicing], maximised: Option<Plane>, fourth: bool) -> (Vec<(Slicing, Rect)>, Option<Rect>) {
    if let Some(slicing) = planes.iter().find(|slicing| Some(slicing.plane) == maximised) {
        return (vec![(*slicing, room)], None);
    }
    if let [only] = planes {
        let (main, side) = if fourth { split(room, 0.72) } else { (room, None) };
        return (vec![(*only, main)], side);
    }
    let [top_left, top_right, bottom_left, bottom_right] = quarters(room);
    let panes = planes.iter().copied().zip([top_left, top_right, bottom_left]).collect();
    (panes, Some(bottom_right))
}

fn split(room: Rect, share: f32) -> (Rect, Option<Rect>) {
    let (main, side) = room.split_left_right_at_fraction(share);
    (main, Some(side.with_min_x(side.min.x + GAP)))
}

fn quarters(room: Rect) -> [Rect; 4] {
    let size = ((room.size() - Vec2::splat(GAP)) / 2.0).floor().max(Vec2::ZERO);
    [vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(0.0, 1.0), vec2(1.0, 1.0)]
        .map(|place| Rect::from_min_size(room.min + place * (size + Vec2::splat(GAP)), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Volume};

    fn image(shape: [usize; 3]) -> Image {
        Image::grey(Volume::filled(Grid::new(shape, Affine::IDENTITY), 0.0))
    }

    fn planes_of(image: &Image) -> Vec<Plane> {
        planes(image, Convention::Radiological).iter().map(|slicing| slicing.plane).collect()
    }

    #[test]
    fn flat_images_are_shown_across_their_flat_axis() {
        assert_eq!(planes_of(&image([4, 5, 6])), [Plane::Axial, Plane::Sagittal, Plane::Coronal]);
        assert_eq!(planes_of(&image([4, 5, 1])), [Plane::Axial]);
        assert_eq!(planes_of(&image([4, 1, 6])), [Plane::Coronal]);
        assert_eq!(planes_of(&image([1, 5, 6])), [Plane::Sagittal]);
        assert_eq!(planes_of(&Image { is_picture: true, ..image([4, 5, 1]) }), [Plane::Picture]);
    }

    #[test]
    fn panes_share_the_room_without_overlap() {
        let room = Rect::from_min_size(egui::pos2(10.0, 20.0), vec2(803.0, 601.0));
        let (panes, rest) = layout(room, &planes(&image([4, 5, 6]), Convention::Radiological), None, true);
        let mut rects: Vec<Rect> = panes.iter().map(|(_, rect)| *rect).chain(rest).collect();
        assert_eq!(rects.len(), 4);
        while let Some(rect) = rects.pop() {
            assert!(room.contains_rect(rect));
            assert!(rects.iter().all(|other| !other.intersect(rect).is_positive()));
        }
    }

    #[test]
    fn the_crosshair_stays_in_the_image() {
        let image = image([4, 5, 6]);
        let mut state = TriplanarState::new(&image);
        assert_eq!(state.crosshair, [1.0, 2.0, 2.0]);
        state.go_to([-3.0, 2.5, 99.0], &image.grid);
        assert_eq!(state.crosshair, [0.0, 2.5, 5.0]);
    }
}
