//! Each editing tool by keyboard and mouse, judged by the mask that it leaves: in an anisotropic volume, previewed,
//! undone as one step, and never on an accepted structure.

mod support;

use app::app::App;
use app::command::Command;
use app::editing::{Area, FillSettings, Form, Kind, Range};
use app::session::{Place, draft};
use app::tools::Tool;
use egui::{Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use engine::{Engine, Script};
use imaging::{Convention, Grid, Mask, Plane, Slicing};
use std::time::{Duration, Instant};
use support::write_nifti;

const SHAPE: [usize; 3] = [40, 32, 12];
const SPACING: [f32; 3] = [1.0, 1.0, 3.0];
/// A bright ball of 8 mm around the voxel at which the panes open, with a dark core of 3 mm.
const MIDDLE: [usize; 3] = [19, 15, 5];

fn mm_from_middle(voxel: [usize; 3]) -> f32 {
    (0..3).map(|axis| ((voxel[axis] as f32 - MIDDLE[axis] as f32) * SPACING[axis]).powi(2)).sum::<f32>().sqrt()
}

fn value(voxel: [usize; 3]) -> i16 {
    match mm_from_middle(voxel) {
        mm if mm <= 3.0 => 40,
        mm if mm <= 8.0 => 900,
        _ => (voxel[0] * 3 % 50) as i16,
    }
}

fn voxel_at(index: usize) -> [usize; 3] {
    [index % SHAPE[0], index / SHAPE[0] % SHAPE[1], index / (SHAPE[0] * SHAPE[1])]
}

/// The window with the image open and a structure in hand.
struct Desk {
    harness: Harness<'static, App>,
    _script: Script,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let image = folder.path().join("ball.nii");
        write_nifti(&image, SHAPE, SPACING, [0.0; 3], |index| value(voxel_at(index)));
        let (engine, script) = Engine::scripted();
        let harness = Harness::builder()
            .with_size(Vec2::new(1280.0, 860.0))
            .wgpu()
            .build_eframe(move |cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine));
        let mut desk = Self { harness, _script: script, _folder: folder };
        desk.command(Command::Open(vec![image]));
        desk.until("the image", |app| app.session().image().is_some());
        desk.harness.step();
        if desk.app().session().structure.is_none() {
            desk.command(Command::NewStructure);
        }
        desk
    }

    fn app(&self) -> &App {
        self.harness.state()
    }

    fn command(&mut self, command: Command) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().command(&ctx, command);
        self.harness.step();
    }

    fn key(&mut self, key: Key) {
        self.key_with(Modifiers::NONE, key);
    }

    fn key_with(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.step();
        self.harness.step();
    }

    fn until(&mut self, what: &str, mut holds: impl FnMut(&App) -> bool) {
        let start = Instant::now();
        while !holds(self.harness.state()) {
            let headlines = self.harness.state().headlines();
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for: {what}; {headlines:?}");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
    }

    fn place(&self) -> Place {
        self.app().session().place().expect("a structure is in hand")
    }

    /// The mask that review would accept.
    fn mask(&self) -> Mask {
        let app = self.app();
        draft(app.project(), app.session(), self.place(), SHAPE).unwrap_or_else(|| Mask::empty(SHAPE))
    }

    /// Where a voxel of the axial slice lies on the screen.
    fn screen(&self, i: f32, j: f32) -> Pos2 {
        let grid = self.grid();
        let slicing = Slicing::new(&grid, Plane::Axial, Convention::Radiological);
        let pane = self.harness.get_by_label("Axial view").rect();
        let placement = viewer::Camera::default().place(pane, &slicing);
        placement.screen_from_plane(slicing.plane_from_voxel([i, j, 0.0]))
    }

    fn grid(&self) -> Grid {
        self.app().session().image().expect("the image is open").grid
    }

    fn button(&mut self, at: Pos2, button: PointerButton, pressed: bool) {
        self.harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        self.harness.step();
    }

    fn drag(&mut self, button: PointerButton, points: &[[f32; 2]]) {
        let points: Vec<Pos2> = points.iter().map(|&[i, j]| self.screen(i, j)).collect();
        self.harness.hover_at(points[0]);
        self.harness.step();
        self.button(points[0], button, true);
        for &point in &points[1..] {
            self.harness.hover_at(point);
            self.harness.step();
        }
        self.button(points[points.len() - 1], button, false);
        self.harness.step();
    }

    fn click(&mut self, button: PointerButton, at: [f32; 2]) {
        self.drag(button, &[at]);
    }

    fn wheel(&mut self, slices: f32) {
        let at = self.screen(19.0, 15.0);
        self.harness.hover_at(at);
        self.harness.step();
        self.harness.event(egui::Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: Vec2::new(0.0, slices),
            modifiers: Modifiers::NONE,
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
        });
        self.harness.step();
        self.harness.step();
    }

    /// Waits for the change that is shown, applies it by Enter, and gives the mask before and after.
    fn apply(&mut self) -> [Mask; 2] {
        self.until("the change", |app| app.session().editing.proposal.as_ref().is_some_and(|p| p.progress().is_none()));
        self.harness.step();
        let before = self.mask();
        self.harness.get_by_label("Apply (Enter)");
        self.key(Key::Enter);
        assert!(self.app().session().editing.proposal.is_none(), "{:?}", self.app().headlines());
        let after = self.mask();
        let prompts = self.app().project().cases[0].prompts.len();
        self.command(Command::Undo);
        assert_eq!(self.mask(), before, "one undo takes it back");
        self.command(Command::Redo);
        assert_eq!(self.mask(), after, "and redo makes it again");
        assert_eq!(self.app().project().cases[0].prompts.len(), prompts);
        [before, after]
    }

    fn edit(&mut self, form: Form) -> [Mask; 2] {
        self.command(Command::ChangeEdit(form));
        self.apply()
    }
}

fn of(inside: impl Fn([usize; 3]) -> bool) -> Mask {
    Mask::from_fn(SHAPE, |index| inside(voxel_at(index)))
}

const LEFT: PointerButton = PointerButton::Primary;
const RIGHT: PointerButton = PointerButton::Secondary;

#[test]
fn the_brush_held_to_a_range_paints_only_there() {
    let mut desk = Desk::new();
    desk.command(Command::PickTool(Tool::Brush));
    desk.command(Command::ScaleBrush(1.575));
    desk.command(Command::SetRange(Some(Range::Values([500.0, 1000.0]))));
    desk.drag(LEFT, &[[9.0, 15.0], [15.0, 15.0], [22.0, 15.0], [30.0, 15.0]]);
    let painted = desk.mask();
    // A radius of 6.3 mm around the line through the ball's middle, on one slice, without the core.
    let wanted = of(|v| v[2] == 5 && v[1].abs_diff(15) <= 6 && value(v) == 900);
    assert_eq!(painted, wanted);
    desk.harness.get_by_label_contains("Undo threshold brush");
    desk.drag(RIGHT, &[[15.0, 10.0], [15.0, 20.0]]);
    assert!(desk.mask().count() < wanted.count(), "the right button erases");
    desk.command(Command::Undo);
    desk.command(Command::Undo);
    assert!(desk.mask().is_empty());
    // Let go with Escape, a stroke leaves nothing; V holds the brush to the shown window.
    desk.key(Key::V);
    assert_eq!(desk.app().session().editing.range, None);
    desk.key(Key::V);
    assert_eq!(desk.app().session().editing.range, Some(Range::Window));
    let at = desk.screen(19.0, 10.0);
    desk.harness.hover_at(at);
    desk.button(at, LEFT, true);
    assert!(desk.app().session().editing.live.is_some());
    desk.key(Key::Escape);
    desk.button(at, LEFT, false);
    assert!(desk.mask().is_empty() && desk.app().session().editing.live.is_none());
}

#[test]
fn a_plain_stroke_is_what_drawing_its_mark_gives() {
    let mut desk = Desk::new();
    desk.key(Key::M);
    desk.key_with(Modifiers::SHIFT, Key::B);
    desk.drag(LEFT, &[[10.0, 10.0], [14.0, 12.0], [20.0, 18.0]]);
    desk.drag(RIGHT, &[[14.0, 12.0]]);
    // `draft` draws every mark anew; the window drew them as they came.
    let drawn = desk.mask();
    assert!(!drawn.is_empty() && !drawn.get(desk.grid().index([14, 12, 5])));
    assert!(drawn.get(desk.grid().index([20, 18, 6])), "a ball of 4 mm reaches the next slice, 3 mm away");
    assert_eq!(desk.app().project().cases[0].prompts.len(), 2);
}

#[test]
fn the_lasso_adds_erases_and_takes_corners() {
    let mut desk = Desk::new();
    desk.key(Key::L);
    assert_eq!(desk.app().session().tool, Tool::Lasso);
    desk.drag(LEFT, &[[9.5, 9.5], [24.5, 9.5], [24.5, 19.5], [9.5, 19.5]]);
    assert_eq!(desk.mask(), of(|[i, j, k]| k == 5 && (10..=24).contains(&i) && (10..=19).contains(&j)));
    desk.drag(RIGHT, &[[9.5, 9.5], [14.5, 9.5], [14.5, 19.5], [9.5, 19.5]]);
    assert_eq!(desk.mask(), of(|[i, j, k]| k == 5 && (15..=24).contains(&i) && (10..=19).contains(&j)));
    desk.command(Command::Undo);
    desk.command(Command::Undo);
    for corner in [[5.5, 5.5], [12.5, 5.5], [12.5, 12.5], [30.0, 30.0]] {
        desk.click(LEFT, corner);
    }
    desk.key(Key::Backspace);
    desk.click(LEFT, [5.5, 12.5]);
    assert!(desk.mask().is_empty(), "nothing before the line is closed");
    desk.key(Key::Enter);
    assert_eq!(desk.mask(), of(|[i, j, k]| k == 5 && (6..=12).contains(&i) && (6..=12).contains(&j)));
    // Escape lets corners go.
    desk.click(LEFT, [20.0, 20.0]);
    desk.key(Key::Escape);
    desk.click(LEFT, [25.0, 20.0]);
    desk.key(Key::Escape);
    assert_eq!(desk.mask().count(), 49);
}

#[test]
fn fill_takes_what_is_enclosed_or_alike() {
    let mut desk = Desk::new();
    desk.key(Key::L);
    desk.drag(LEFT, &[[9.5, 9.5], [24.5, 9.5], [24.5, 19.5], [9.5, 19.5]]);
    desk.drag(RIGHT, &[[12.5, 12.5], [20.5, 12.5], [20.5, 16.5], [12.5, 16.5]]);
    let ring = desk.mask();
    desk.key(Key::K);
    desk.click(LEFT, [15.0, 14.0]);
    let [_, filled] = desk.apply();
    assert_eq!(filled.count(), 150);
    assert!(ring.count() < 150);
    // Out of the ring there is no end to it: it says so, and changes nothing.
    desk.click(LEFT, [30.0, 25.0]);
    desk.until("the fault", |app| app.session().editing.proposal.as_ref().is_some_and(|p| p.fault.is_some()));
    desk.harness.step();
    desk.harness.get_by_label("The mask is not closed around that place.");
    desk.key(Key::Escape);
    assert_eq!(desk.mask(), filled);
    // By value, through the slices: the ball without its core.
    desk.command(Command::Undo);
    desk.command(Command::Undo);
    desk.command(Command::Undo);
    desk.command(Command::SetFill(FillSettings { tolerance: Some(10.0), stops_at_mask: false, volume: true }));
    desk.click(LEFT, [19.0, 10.0]);
    let [_, filled] = desk.apply();
    assert_eq!(filled, of(|v| value(v) == 900));
    // The right button takes away what is alike; here all of it.
    desk.click(RIGHT, [19.0, 10.0]);
    let [_, rest] = desk.apply();
    assert!(rest.is_empty());
}

#[test]
fn threshold_in_the_image_a_box_and_the_mask() {
    let mut desk = Desk::new();
    desk.key(Key::W);
    desk.until("the change", |app| app.session().editing.proposal.as_ref().is_some_and(|p| p.progress().is_none()));
    desk.key(Key::Escape);
    assert!(desk.mask().is_empty(), "Escape leaves the mask as it was");
    let threshold = |low, high, area| Form::Threshold { low, high, area };
    let [_, ball] = desk.edit(threshold(500.0, 1000.0, Area::Image));
    assert_eq!(ball, of(|v| value(v) == 900));
    desk.harness.get_by_label_contains("Undo threshold of structure 1");
    desk.command(Command::Undo);
    desk.command(Command::ChangeEdit(threshold(500.0, 1000.0, Area::Box)));
    desk.harness.step();
    desk.harness.get_by_label("Draw a box around the region first (B).");
    desk.key(Key::Escape);
    desk.key(Key::B);
    desk.drag(LEFT, &[[14.6, 9.6], [24.4, 9.6], [24.4, 20.4]]);
    let [_, boxed] = desk.edit(threshold(500.0, 1000.0, Area::Box));
    assert_eq!(boxed, of(|v| value(v) == 900 && v[2] == 5 && (15..=24).contains(&v[0]) && (10..=20).contains(&v[1])));
    desk.edit(threshold(0.0, 1000.0, Area::Image));
    let [_, narrowed] = desk.edit(threshold(40.0, 40.0, Area::Mask));
    assert_eq!(narrowed, of(|v| value(v) == 40));
}

#[test]
fn slices_are_filled_between_and_copied() {
    let mut desk = Desk::new();
    desk.key(Key::L);
    let square = [[14.5, 9.5], [24.5, 9.5], [24.5, 19.5], [14.5, 19.5]];
    desk.drag(LEFT, &square);
    desk.wheel(4.0);
    desk.drag(LEFT, &square);
    desk.key(Key::J);
    let [_, filled] = desk.apply();
    assert_eq!(filled, of(|[i, j, k]| (15..=24).contains(&i) && (10..=19).contains(&j) && (5..=9).contains(&k)));
    // Up from the slice under the pointer, which the panes then show; again from there.
    for top in [10, 11] {
        desk.key_with(Modifiers::SHIFT, Key::ArrowUp);
        let [_, copied] = desk.apply();
        assert_eq!(copied, of(|[i, j, k]| (15..=24).contains(&i) && (10..=19).contains(&j) && (5..=top).contains(&k)));
    }
    desk.key_with(Modifiers::SHIFT, Key::ArrowUp);
    assert!(desk.app().session().editing.proposal.is_none(), "there is no slice above the last");
}

#[test]
fn grow_shrink_smooth_holes_and_islands_by_key() {
    let mut desk = Desk::new();
    desk.edit(Form::Threshold { low: 500.0, high: 1000.0, area: Area::Image });
    desk.key(Key::H);
    let [shell, ball] = desk.apply();
    assert_eq!(ball, of(|v| mm_from_middle(v) <= 8.0), "the core is a hole");
    assert!(shell.count() < ball.count());
    desk.key(Key::Plus);
    desk.command(Command::ChangeEdit(Form::Resize { way: app::editing::form::Way::Grow, mm: 3.0 }));
    let [_, grown] = desk.apply();
    let slices = |mask: &Mask| mask.bounds().map(|[low, high]| [low[2], high[2]]);
    assert_eq!((slices(&ball), slices(&grown)), (Some([3, 7]), Some([2, 8])), "3 mm are one slice");
    desk.key(Key::Minus);
    desk.command(Command::ChangeEdit(Form::Resize { way: app::editing::form::Way::Shrink, mm: 3.0 }));
    let [_, shrunk] = desk.apply();
    assert!(shrunk.dice(&ball) > 0.9);
    desk.key(Key::L);
    desk.drag(LEFT, &[[1.5, 1.5], [4.5, 1.5], [4.5, 3.5], [1.5, 3.5]]);
    let speckled = desk.mask();
    desk.key_with(Modifiers::SHIFT, Key::I);
    let [_, largest] = desk.apply();
    assert_eq!((largest.clone(), speckled.count()), (shrunk.clone(), shrunk.count() + 6));
    desk.command(Command::Undo);
    desk.key_with(Modifiers::SHIFT, Key::K);
    let [_, cleaned] = desk.apply();
    assert_eq!(cleaned, shrunk, "an island of 6 voxels is smaller than 100");
    desk.command(Command::Undo);
    desk.key(Key::S);
    let [_, smoothed] = desk.apply();
    assert!(!smoothed.get(desk.grid().index([2, 2, 5])) && smoothed.dice(&shrunk) > 0.9);
    desk.command(Command::Undo);
    desk.key(Key::I);
    desk.click(LEFT, [3.0, 2.0]);
    let [_, kept] = desk.apply();
    assert_eq!(kept.count(), 6, "the island clicked alone");
    desk.command(Command::Undo);
    desk.click(RIGHT, [3.0, 2.0]);
    let [_, without] = desk.apply();
    assert_eq!(without, shrunk);
}

#[test]
fn structures_are_combined_and_an_accepted_one_is_never_changed() {
    let mut desk = Desk::new();
    let first = desk.place().1;
    desk.edit(Form::Threshold { low: 500.0, high: 1000.0, area: Area::Image });
    let ball = desk.mask();
    desk.command(Command::NewStructure);
    desk.key(Key::L);
    desk.drag(LEFT, &[[5.5, 5.5], [19.5, 5.5], [19.5, 25.5], [5.5, 25.5]]);
    let square = desk.mask();
    let combine = |logic| Form::Combine { logic, other: Some(first) };
    use imaging::morphology::Logic;
    let shared = square.count_shared(&ball);
    for (logic, count) in [
        (Logic::Subtract, square.count() - shared),
        (Logic::Intersect, shared),
        (Logic::Add, square.count() + ball.count() - shared),
    ] {
        let [_, combined] = desk.edit(combine(logic));
        assert_eq!(combined.count(), count, "{logic:?}");
        desk.command(Command::Undo);
    }
    desk.key(Key::A);
    let accepted = desk.app().project().clone();
    for kind in Kind::ALL {
        desk.command(Command::OpenEdit(kind));
        assert!(desk.app().session().editing.proposal.is_none(), "{kind:?}");
    }
    for tool in [Tool::Brush, Tool::Lasso, Tool::Fill, Tool::Island] {
        desk.command(Command::PickTool(tool));
        desk.drag(LEFT, &[[8.0, 8.0], [15.0, 8.0], [15.0, 15.0]]);
    }
    desk.command(Command::ChangeEdit(combine(Logic::Subtract)));
    desk.harness.step();
    desk.key(Key::Enter);
    assert_eq!(desk.app().project(), &accepted);
    assert!(desk.app().headlines().iter().any(|line| line.contains("locked")), "it says so");
}
