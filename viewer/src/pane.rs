//! One view: draws a slice with all that lies over it, and says what pointer and wheel did, in plane and voxel
//! positions. Pan and zoom it does by itself; what a press means is the app's business.

use crate::camera::{Camera, Placement};
use crate::scene::{Cut, Scene};
use crate::{marks, overlay, slice};
use egui::{
    CursorIcon, Event, InputState, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, Response, Role, Sense, Ui, Vec2,
    WidgetInfo,
};
use imaging::space::closest_canonical;

/// What a pane remembers from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct PaneState {
    /// What the user looks at.
    pub camera: Camera,
    held: Option<Held>,
    at: Pos2,
    turned: f32,
}

/// What the pointer holds between press and release.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Slice,
    Tool(Button),
}

/// A button that tools may use; the middle one pans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// Left for most people.
    Primary,
    /// Right for most people.
    Secondary,
}

/// Part of a gesture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The button went down in the pane.
    Pressed,
    /// The pointer moved with the button down, perhaps out of the pane.
    Dragged,
    /// The button went up.
    Released,
}

/// What the pointer did, in the order it happened. Every press is followed by a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointerEvent {
    /// Press, drag or release.
    pub phase: Phase,
    /// Which button.
    pub button: Button,
    /// Where on the plane; may lie outside the slice.
    pub plane: [f32; 2],
    /// Where in the image; may lie outside it.
    pub voxel: [f32; 3],
    /// Where on the screen.
    pub screen: Pos2,
    /// Keys held.
    pub modifiers: Modifiers,
}

/// What happened in a pane in this frame.
#[derive(Debug)]
pub struct PaneOutput {
    /// egui's own account of the pane.
    pub response: Response,
    /// How the slice lay on the screen.
    pub placement: Placement,
    /// Voxel position under the pointer, where that lies in the image.
    pub hovered: Option<[f32; 3]>,
    /// The mark under the pointer: its place in `Scene::marks`.
    pub hovered_mark: Option<usize>,
    /// The corner of that mark under the pointer, if it is a box.
    pub hovered_corner: Option<imaging::Corner>,
    /// Presses, drags and releases of the left and right button.
    pub pointer: Vec<PointerEvent>,
    /// Slices to go, along the voxel axis across the plane; wheel up goes up, to the front, to the right.
    pub slices: isize,
    /// Turns of the wheel with Shift: the brush grows or shrinks.
    pub brush_steps: f32,
    /// Points dragged with the right button, right and down: for window and level, where no tool wants it.
    pub windowing: Vec2,
    /// Whether it was double-clicked.
    pub double_clicked: bool,
}

/// Draws one view into all the room that is left and answers to the pointer.
pub fn show(ui: &mut Ui, state: &mut PaneState, scene: &Scene<'_>, cut: &Cut) -> PaneOutput {
    let rect = ui.available_rect_before_wrap();
    let id = ui.scope_id().with(("pane", overlay::plane_name(cut.slicing.plane)));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    ui.advance_cursor_after_rect(rect);
    let label = format!("{} view", overlay::plane_name(cut.slicing.plane));
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &label));

    let output = follow(ui, state, scene, cut, response);
    if ui.is_rect_visible(rect) {
        draw(ui, state, scene, cut, &output);
    }
    output
}

fn follow(ui: &Ui, state: &mut PaneState, scene: &Scene<'_>, cut: &Cut, response: Response) -> PaneOutput {
    let placement = state.camera.place(response.rect, &cut.slicing);
    let mut output = PaneOutput {
        double_clicked: response.double_clicked(),
        response,
        placement,
        hovered: None,
        hovered_mark: None,
        hovered_corner: None,
        pointer: Vec::new(),
        slices: 0,
        brush_steps: 0.0,
        windowing: Vec2::ZERO,
    };
    ui.input(|input| {
        for event in &input.events {
            follow_event(state, cut, &mut output, event, input);
        }
        zoom(state, &output, input);
    });
    output.slices *= up(scene, cut);
    output.placement = state.camera.place(output.response.rect, &cut.slicing);
    hover(&mut output, scene, cut);
    output
}

fn follow_event(state: &mut PaneState, cut: &Cut, output: &mut PaneOutput, event: &Event, input: &InputState) {
    match *event {
        Event::PointerButton { pos, button, pressed: true, modifiers } => {
            let over = output.response.contains_pointer() || output.response.is_pointer_button_down_on();
            if over && state.held.is_none() && output.response.rect.contains(pos) {
                press(state, cut, output, pos, button, modifiers, input.key_down(Key::Space));
            }
        }
        Event::PointerMoved(pos) => drag(state, cut, output, pos, input.modifiers),
        Event::PointerButton { pos, button, pressed: false, modifiers } if holds(state, button) => {
            release(state, cut, output, pos, modifiers);
        }
        // A window that loses the focus gets no release.
        Event::WindowFocused(false) => release(state, cut, output, state.at, input.modifiers),
        Event::MouseWheel { unit, delta, modifiers, .. } if output.response.contains_pointer() => {
            wheel(state, output, unit, delta, modifiers);
        }
        _ => {}
    }
}

fn press(
    state: &mut PaneState,
    cut: &Cut,
    output: &mut PaneOutput,
    pos: Pos2,
    button: PointerButton,
    modifiers: Modifiers,
    space: bool,
) {
    state.held = match button {
        PointerButton::Middle => Some(Held::Slice),
        PointerButton::Primary if space => Some(Held::Slice),
        PointerButton::Primary => Some(Held::Tool(Button::Primary)),
        PointerButton::Secondary => Some(Held::Tool(Button::Secondary)),
        _ => None,
    };
    state.at = pos;
    if let Some(Held::Tool(button)) = state.held {
        output.pointer.push(event(&output.placement, cut, Phase::Pressed, button, pos, modifiers));
    }
}

fn drag(state: &mut PaneState, cut: &Cut, output: &mut PaneOutput, pos: Pos2, modifiers: Modifiers) {
    let by = pos - state.at;
    match state.held {
        Some(Held::Slice) => {
            state.camera.pan(by, &output.placement, &cut.slicing);
            output.placement = state.camera.place(output.response.rect, &cut.slicing);
        }
        Some(Held::Tool(button)) => {
            if button == Button::Secondary {
                output.windowing += by;
            }
            output.pointer.push(event(&output.placement, cut, Phase::Dragged, button, pos, modifiers));
        }
        None => {}
    }
    state.at = pos;
}

fn release(state: &mut PaneState, cut: &Cut, output: &mut PaneOutput, pos: Pos2, modifiers: Modifiers) {
    if let Some(Held::Tool(button)) = state.held.take() {
        output.pointer.push(event(&output.placement, cut, Phase::Released, button, pos, modifiers));
    }
}

fn holds(state: &PaneState, button: PointerButton) -> bool {
    match state.held {
        Some(Held::Slice) => matches!(button, PointerButton::Middle | PointerButton::Primary),
        Some(Held::Tool(Button::Primary)) => button == PointerButton::Primary,
        Some(Held::Tool(Button::Secondary)) => button == PointerButton::Secondary,
        None => false,
    }
}

fn event(placement: &Placement, cut: &Cut, phase: Phase, button: Button, screen: Pos2, modifiers: Modifiers) -> PointerEvent {
    let plane = placement.plane_from_screen(screen);
    PointerEvent { phase, button, plane, voxel: cut.slicing.voxel_from_plane(plane, cut.slice), screen, modifiers }
}

/// Whole turns become slices; a touch pad's small ones are saved up. With Ctrl it is egui's zoom.
fn wheel(state: &mut PaneState, output: &mut PaneOutput, unit: MouseWheelUnit, delta: Vec2, modifiers: Modifiers) {
    let lines = match unit {
        MouseWheelUnit::Line => 1.0,
        MouseWheelUnit::Point => 1.0 / 40.0,
        MouseWheelUnit::Page => 10.0,
    } * (delta.x + delta.y);
    if modifiers.ctrl || modifiers.command {
        return;
    }
    if modifiers.shift {
        output.brush_steps += lines;
        return;
    }
    state.turned += lines;
    output.slices += state.turned.trunc() as isize;
    state.turned = state.turned.fract();
}

fn zoom(state: &mut PaneState, output: &PaneOutput, input: &InputState) {
    let factor = input.zoom_delta();
    if let Some(pointer) = input.pointer.hover_pos()
        && factor != 1.0
        && output.response.contains_pointer()
    {
        state.camera.zoom_at(factor, pointer, &output.placement);
    }
}

/// +1 where the voxel axis across the slices runs up, to the front or to the right; else -1.
fn up(scene: &Scene<'_>, cut: &Cut) -> isize {
    let canonical = closest_canonical(&scene.image.image().grid.world_from_voxel);
    canonical.iter().find(|direction| direction.axis == cut.slicing.normal).map_or(1, |direction| direction.sign.into())
}

fn hover(output: &mut PaneOutput, scene: &Scene<'_>, cut: &Cut) {
    let Some(pointer) = output.response.hover_pos() else { return };
    let voxel = cut.slicing.voxel_from_plane(output.placement.plane_from_screen(pointer), cut.slice);
    output.hovered = scene.image.image().grid.nearest(voxel).map(|_| voxel);
    output.hovered_mark = marks::mark_at(scene.marks, cut, &output.placement, pointer);
    let mark = output.hovered_mark.and_then(|at| scene.marks.get(at));
    output.hovered_corner = mark.and_then(|mark| marks::corner_at(mark, cut, &output.placement, pointer));
}

fn draw(ui: &Ui, state: &PaneState, scene: &Scene<'_>, cut: &Cut, output: &PaneOutput) {
    let placement = &output.placement;
    let painter = ui.painter_at(placement.rect);
    slice::paint(&painter, output.response.id, scene, cut, placement);
    if let Some(at) = scene.crosshair {
        overlay::crosshair(&painter, at, cut, placement);
    }
    for mark in scene.marks.iter().chain(&scene.draft) {
        marks::mark(&painter, mark, cut, placement);
    }
    if scene.annotations {
        overlay::annotations(&painter, scene, cut, placement);
    }
    pointer(ui, state, scene, output);
}

/// The pointer's own look: a hand that pans, the brush, or a cross.
fn pointer(ui: &Ui, state: &PaneState, scene: &Scene<'_>, output: &PaneOutput) {
    if state.held == Some(Held::Slice) {
        ui.set_cursor_icon(CursorIcon::Grabbing);
    } else if let Some(at) = output.response.hover_pos() {
        ui.set_cursor_icon(CursorIcon::Crosshair);
        if let Some(brush) = &scene.brush {
            ui.set_cursor_icon(CursorIcon::None);
            marks::brush(&ui.painter_at(output.placement.rect), brush, at, &output.placement);
        }
    }
}
