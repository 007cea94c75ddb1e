//! What pointer and wheel do in the panes.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail there")]

mod support;

use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use imaging::{Plane, Shape, Sign};
use support::{Stage, phantom, window};
use viewer::{Button, Phase, PointerEvent};

type Window = Harness<'static, Stage>;

fn open() -> Window {
    let mut window = window(Stage::new(phantom()), [640.0, 560.0]);
    window.run_steps(2);
    window
}

fn middle_of(window: &Window, label: &str) -> Pos2 {
    window.get_by_label(label).rect().center()
}

fn button(window: &mut Window, pos: Pos2, button: PointerButton, pressed: bool) {
    window.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    window.step();
}

fn wheel(window: &mut Window, pos: Pos2, lines: f32, modifiers: Modifiers) {
    window.hover_at(pos);
    window.step();
    let delta = vec2(0.0, lines);
    window.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta,
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
        modifiers,
    });
    window.step();
}

/// Steps once for all events; the harness by itself steps once for each.
fn within_one_frame<const N: usize>(window: &mut Window, events: [Event; N]) {
    window.input_mut().events.extend(events);
    window.step();
}

fn events(window: &Window, plane: Plane) -> Vec<PointerEvent> {
    let found = window.state().output.panes.iter().find(|(cut, _)| cut.slicing.plane == plane);
    found.map(|(_, pane)| pane.pointer.clone()).unwrap_or_default()
}

#[test]
fn the_wheel_goes_through_the_slices_of_its_own_pane() {
    let mut window = open();
    let at = middle_of(&window, "Axial view");
    assert_eq!(window.state().state.crosshair, [23.0, 27.0, 11.0]);
    wheel(&mut window, at, 2.0, Modifiers::NONE);
    assert_eq!(window.state().state.crosshair, [23.0, 27.0, 13.0], "up is towards the head");
    wheel(&mut window, at, -50.0, Modifiers::NONE);
    assert_eq!(window.state().state.crosshair, [23.0, 27.0, 0.0], "and stops at the last slice");
    wheel(&mut window, at, 3.0, Modifiers::SHIFT);
    assert_eq!(window.state().output.brush_steps(), 3.0);
    assert_eq!(window.state().state.crosshair[2], 0.0);
}

#[test]
fn ctrl_and_wheel_zoom_at_the_pointer() {
    let mut window = open();
    let at = middle_of(&window, "Coronal view") + vec2(40.0, 30.0);
    let under = |window: &Window| window.state().output.panes[2].1.placement.plane_from_screen(at);
    let before = (under(&window), window.state().output.panes[2].1.placement.points_per_mm);
    window.event(Event::ModifiersChanged(Modifiers::COMMAND));
    wheel(&mut window, at, 3.0, Modifiers::COMMAND);
    window.run_steps(3);
    let after = (under(&window), window.state().output.panes[2].1.placement.points_per_mm);
    assert!(after.1 > 1.1 * before.1, "{} then {} points a mm", before.1, after.1);
    assert!((after.0[0] - before.0[0]).abs() + (after.0[1] - before.0[1]).abs() < 0.01);
    assert_eq!(window.state().state.crosshair, [23.0, 27.0, 11.0]);
}

#[test]
fn a_drag_moves_the_crosshair_and_is_told_in_voxels() {
    let mut window = open();
    let start = middle_of(&window, "Axial view");
    let scale = window.state().output.panes[0].1.placement.points_per_mm;
    window.hover_at(start);
    window.step();
    button(&mut window, start, PointerButton::Primary, true);
    assert_eq!(events(&window, Plane::Axial)[0].phase, Phase::Pressed);
    // Several moves within one frame all count, so that a quick line has no corners.
    within_one_frame(&mut window, [5.0, 10.0 * scale].map(|by| Event::PointerMoved(start + vec2(by, 0.0))));
    let dragged = events(&window, Plane::Axial);
    assert_eq!(dragged.len(), 2);
    assert!((dragged[1].voxel[0] - 13.5).abs() < 0.05, "ten mm to the patient's left: {:?}", dragged[1].voxel);
    button(&mut window, start + vec2(10.0 * scale, 0.0), PointerButton::Primary, false);
    assert_eq!(events(&window, Plane::Axial).last().unwrap().phase, Phase::Released);
    assert!((window.state().state.crosshair[0] - 13.5).abs() < 0.05);
    assert_eq!(window.state().state.crosshair[2], 11.0);
}

#[test]
fn a_gesture_that_leaves_the_pane_still_ends() {
    let mut window = open();
    let start = middle_of(&window, "Axial view");
    let outside = middle_of(&window, "Sagittal view");
    window.hover_at(start);
    window.step();
    button(&mut window, start, PointerButton::Primary, true);
    window.hover_at(outside);
    window.step();
    button(&mut window, outside, PointerButton::Primary, false);
    assert_eq!(events(&window, Plane::Axial).last().unwrap().phase, Phase::Released);
    assert!(events(&window, Plane::Sagittal).is_empty());
}

#[test]
fn the_right_button_drags_the_window_and_the_middle_one_pans() {
    let mut window = open();
    let at = middle_of(&window, "Axial view");
    window.hover_at(at);
    window.step();
    button(&mut window, at, PointerButton::Secondary, true);
    window.hover_at(at + vec2(12.0, -7.0));
    window.step();
    assert_eq!(window.state().output.windowing(), vec2(12.0, -7.0));
    assert_eq!(events(&window, Plane::Axial)[0].button, Button::Secondary);
    button(&mut window, at + vec2(12.0, -7.0), PointerButton::Secondary, false);

    let corner = |window: &Window| window.state().output.panes[0].1.placement.corner;
    let before = corner(&window);
    button(&mut window, at, PointerButton::Middle, true);
    window.hover_at(at + vec2(20.0, 10.0));
    window.step();
    button(&mut window, at + vec2(20.0, 10.0), PointerButton::Middle, false);
    let moved: Vec2 = corner(&window) - before;
    assert!((moved - vec2(20.0, 10.0)).length() < 0.01, "{moved:?}");
    assert!(events(&window, Plane::Axial).is_empty());
}

#[test]
fn space_and_drag_pans_without_a_word_to_the_tools() {
    let mut window = open();
    let at = middle_of(&window, "Axial view");
    window.hover_at(at);
    window.key_down(egui::Key::Space);
    window.step();
    let before = window.state().output.panes[0].1.placement.corner;
    button(&mut window, at, PointerButton::Primary, true);
    window.hover_at(at + vec2(9.0, 0.0));
    window.step();
    assert!(events(&window, Plane::Axial).is_empty());
    assert!((window.state().output.panes[0].1.placement.corner - before - vec2(9.0, 0.0)).length() < 0.01);
}

#[test]
fn a_double_click_maximises_and_brings_back() {
    let mut window = open();
    for expected in [Some(Plane::Sagittal), None] {
        let at = middle_of(&window, "Sagittal view");
        window.hover_at(at);
        window.step();
        let button = PointerButton::Primary;
        let clicks = [true, false, true, false].map(|pressed| Event::PointerButton {
            pos: at,
            button,
            pressed,
            modifiers: Modifiers::NONE,
        });
        within_one_frame(&mut window, clicks);
        window.step();
        assert_eq!(window.state().state.maximised, expected);
        assert_eq!(window.query_by_label("Axial view").is_none(), expected.is_some());
        // So that the next pair is not taken for a third and fourth click.
        window.run_steps(4);
    }
}

#[test]
fn the_pointer_knows_voxel_and_mark() {
    let mut window = open();
    let at = [20.0, 30.0, 11.0];
    window.state_mut().marks.push((Shape::Click { at }, Sign::Positive));
    let (cut, pane) = &window.state().output.panes[0];
    let pos = pane.placement.screen_from_plane(cut.slicing.plane_from_voxel(at));
    window.hover_at(pos);
    window.run_steps(2);
    let (cut, pane) = window.state().output.hovered().unwrap();
    assert_eq!(cut.slicing.plane, Plane::Axial);
    let voxel = pane.hovered.unwrap();
    assert!((0..3).all(|i| (voxel[i] - at[i]).abs() < 0.01), "{voxel:?}");
    assert_eq!(pane.hovered_mark, Some(0));
}
