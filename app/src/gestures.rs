//! From the pointer on a slice to an edit: tools draw marks, the cursor moves them and the crosshair, the right
//! button erases or changes the contrast.

use crate::app::App;
use crate::command::Command;
use crate::editing::{Form, Slice};
use crate::review::structure_name;
use crate::stage::{Pointed, StageOutput};
use crate::tools::{self, Gesture, Pointer, Tool};
use egui::Context;
use imaging::{CaseId, Corner, Edit, Prompt, PromptId, Shape, Sign, Step};
use viewer::{Button, Phase};

impl App {
    /// Does what the pointer asked for.
    pub(crate) fn follow(&mut self, ctx: &Context, output: &StageOutput) {
        if let Some(window) = output.window
            && let Some(view) = self.session.case.and_then(|case| self.session.views.get_mut(&case))
        {
            view.window = Some(window);
        }
        if output.brush_factor != 1.0 {
            self.run(ctx, Command::ScaleBrush(output.brush_factor));
        }
        if let Some(cut) = output.cut {
            self.session.editing.slice = Some(Slice { normal: cut.slicing.normal, at: cut.slice });
        }
        for pointed in &output.pointed {
            self.pointer(pointed);
        }
        if self.session.editing.live.is_some() {
            // What this frame painted is seen in the next one.
            ctx.request_repaint();
        }
    }

    fn pointer(&mut self, pointed: &Pointed) {
        let event = pointed.event;
        let pointer = match event.phase {
            Phase::Pressed => Pointer::Pressed(event.voxel),
            Phase::Dragged => Pointer::Dragged(event.voxel),
            Phase::Released => Pointer::Released(event.voxel),
        };
        match (event.button, self.session.tool) {
            (Button::Primary, Tool::Cursor) => self.cursor(pointer, pointed),
            (button, Tool::Lasso) => self.lasso(pointer, pointed.normal, button == Button::Secondary),
            (button, Tool::Fill | Tool::Island) => self.edit_from(pointer, pointed.normal, button == Button::Secondary),
            (Button::Primary, _) => self.draw_mark(pointer, pointed.normal, false),
            (Button::Secondary, Tool::Brush) => self.draw_mark(pointer, pointed.normal, true),
            (Button::Secondary, _) => {}
        }
    }

    /// The cursor takes hold of the mark under it; where there is none, the panes move the crosshair.
    fn cursor(&mut self, pointer: Pointer, pointed: &Pointed) {
        match pointer {
            Pointer::Pressed(at) => {
                self.session.selected = pointed.mark;
                if let Some(prompt) = self.mark(pointed.mark) {
                    self.session.gesture = Gesture::Moving { prompt, from: at, to: at, corner: pointed.corner };
                }
            }
            Pointer::Dragged(at) => {
                if let Gesture::Moving { to, .. } = &mut self.session.gesture {
                    *to = at;
                }
            }
            Pointer::Released(at) => {
                if let Gesture::Moving { prompt, from, corner, .. } = std::mem::take(&mut self.session.gesture) {
                    self.move_mark(&prompt, corner, from, at);
                }
            }
        }
    }

    fn mark(&self, id: Option<PromptId>) -> Option<Prompt> {
        let case = self.project.case(self.session.case?)?;
        case.prompts.iter().find(|prompt| Some(prompt.id) == id).cloned()
    }

    fn move_mark(&mut self, prompt: &Prompt, corner: Option<Corner>, from: [f32; 3], to: [f32; 3]) {
        // A hand that shakes by less than half a voxel meant to select.
        if (0..3).all(|axis| (to[axis] - from[axis]).abs() < 0.5) {
            return;
        }
        let Some(case) = self.session.case else { return };
        let moved = Prompt { shape: tools::dragged(&prompt.shape, corner, from, to), ..prompt.clone() };
        let name = if corner.is_some() { "move a corner of a box" } else { "move a mark" };
        if let Some(edit) = Edit::change_prompt(&self.project, case, prompt, Some(moved)) {
            self.make(Step { name: name.into(), edit });
        }
    }

    fn draw_mark(&mut self, pointer: Pointer, normal: usize, inverse: bool) {
        if matches!(pointer, Pointer::Pressed(_)) && !self.may_mark() {
            return;
        }
        let hand = self.session.hand(normal);
        let finished = tools::follow(hand, &mut self.session.gesture, pointer, inverse);
        if hand.tool == Tool::Brush {
            self.paint(hand, inverse, finished);
        } else if let Some(shape) = finished {
            self.add_mark(shape, inverse);
        }
    }

    /// Fill and island tool: where the press was, a change is shown.
    fn edit_from(&mut self, pointer: Pointer, normal: usize, inverse: bool) {
        let (Pointer::Pressed(at), Some(image)) = (pointer, self.session.image()) else { return };
        let Some(seed) = image.grid.nearest(at) else { return };
        if !self.may_mark() {
            return;
        }
        let erases = inverse || self.session.sign == Sign::Negative;
        self.propose(match self.session.tool {
            Tool::Island => Form::Island { at: seed, keeps: !erases },
            _ => Form::Fill { seed, normal, erases, settings: self.session.editing.fill },
        });
    }

    /// Whether a mark can be put here; says why not.
    pub(crate) fn may_mark(&mut self) -> bool {
        let Some((case, structure)) = self.session.place() else {
            self.notices.news("Make a structure first: + New, in the panel on the right.");
            return false;
        };
        let locked = self.project.case(case).is_some_and(|case| case.review(structure).is_locked());
        if locked {
            self.notices.news("This structure is locked here: take its review back first (O).");
        }
        !locked
    }

    fn add_mark(&mut self, shape: Shape, inverse: bool) {
        let Some((case, structure)) = self.session.place() else { return };
        let Some(grid) = self.session.image().map(|image| image.grid) else { return };
        if !shape.touches(grid.shape) {
            return;
        }
        let kind = format!("{:?}", shape.kind()).to_lowercase();
        let prompt = Prompt { id: self.project.next_prompt(), structure, sign: self.sign_of(&shape, inverse), shape };
        let name = format!("{kind} on {}", structure_name(&self.project, structure));
        self.add_prompt(case, prompt, name);
    }

    pub(crate) fn add_prompt(&mut self, case: CaseId, prompt: Prompt, name: String) {
        if let Some(edit) = Edit::add_prompt(&self.project, case, prompt) {
            self.make(Step { name, edit });
        }
    }

    fn sign_of(&self, shape: &Shape, inverse: bool) -> Sign {
        match shape {
            Shape::Box { .. } => Sign::Positive,
            _ if inverse => Sign::Negative,
            _ => self.session.sign,
        }
    }
}
