//! Strokes of the brush as they are drawn: each frame paints what is new of the stroke, on a copy of the mask that
//! shares what the stroke does not touch. Held to a range of values, a stroke becomes the voxels that it painted.

use super::correction;
use crate::app::App;
use crate::session::{Place, Session};
use crate::tools::{Gesture, Hand};
use imaging::brush::Brush;
use imaging::{Image, Mask, Prompt, Shape, Sign, Tip};
use std::sync::Arc;

/// Which values the brush is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Those that the window shows between black and white.
    Window,
    /// Those from the first to the second.
    Values([f32; 2]),
}

impl Range {
    /// The least and greatest value, for the case shown.
    #[must_use]
    pub fn values(self, session: &Session) -> [f32; 2] {
        let window = session.case.and_then(|case| session.views.get(&case)).and_then(|view| view.window);
        match (self, window) {
            (Self::Window, Some(window)) => [window.black(), window.white()],
            (Self::Window, None) => [f32::NEG_INFINITY, f32::INFINITY],
            (Self::Values(values), _) => values,
        }
    }
}

/// A stroke being drawn.
pub struct Live {
    /// The structure and the case.
    pub place: Place,
    /// The mask before it.
    pub before: Arc<Mask>,
    /// The mask with what is drawn so far.
    pub mask: Arc<Mask>,
    sign: Sign,
    values: Option<[f32; 2]>,
    drawn: usize,
}

impl Live {
    fn extend(&mut self, hand: Hand, image: &Image, points: &[[f32; 3]]) {
        let brush = Brush { grid: &image.grid, radius_mm: hand.radius_mm, tip: tip(hand) };
        let inside = self.sign == Sign::Positive;
        let mut mask = Mask::clone(&self.mask);
        brush.draw(points, self.drawn, |run| match self.values {
            None => mask.set_run(run.start, run.end, inside),
            Some([low, high]) => {
                run.filter(|&at| (low..=high).contains(&image.value(at))).for_each(|at| mask.set(at, inside));
            }
        });
        self.drawn = points.len();
        self.mask = Arc::new(mask);
    }
}

/// What the brush in hand touches.
#[must_use]
pub fn tip(hand: Hand) -> Tip {
    if hand.ball { Tip::Ball } else { Tip::Disc { normal: hand.normal } }
}

impl App {
    /// Follows the brush: paints what is new, and makes the step when the stroke is finished.
    pub(crate) fn paint(&mut self, hand: Hand, inverse: bool, finished: Option<Shape>) {
        let Some(image) = self.session.image().cloned() else { return };
        if self.session.editing.live.is_none() {
            self.session.editing.live = self.begin_stroke(&image, inverse);
        }
        let Some(mut live) = self.session.editing.live.take() else { return };
        match (&finished, &self.session.gesture) {
            (Some(Shape::Stroke { points, .. }), _) | (None, Gesture::Drawing { points, .. }) => {
                live.extend(hand, &image, points);
            }
            // The stroke was let go.
            _ => return,
        }
        match finished {
            Some(shape) => self.finish_stroke(live, shape),
            None => self.session.editing.live = Some(live),
        }
    }

    fn begin_stroke(&mut self, image: &Image, inverse: bool) -> Option<Live> {
        let place = self.session.place()?;
        let shape = image.grid.shape;
        let before = self.stage.drafts.of(&self.project, &self.session, place, shape);
        let before = before.unwrap_or_else(|| Arc::new(Mask::empty(shape)));
        let sign = if inverse { Sign::Negative } else { self.session.sign };
        let values = self.session.editing.range.map(|range| range.values(&self.session));
        Some(Live { place, mask: before.clone(), before, sign, values, drawn: 0 })
    }

    fn finish_stroke(&mut self, live: Live, shape: Shape) {
        let Live { place, before, mask, sign, values, .. } = live;
        let name = crate::review::structure_name(&self.project, place.1).to_owned();
        if values.is_none() {
            if shape.touches(mask.shape()) {
                let prompt = Prompt { id: self.project.next_prompt(), structure: place.1, sign, shape };
                self.stage.drafts.note(place, &before, prompt.clone(), mask);
                self.add_prompt(place.0, prompt, format!("brush on {name}"));
            }
            return;
        }
        let [added, removed] = differences(&before, &mask);
        match correction(&self.project, place, format!("threshold brush on {name}"), &added, &removed) {
            Some(step) => {
                self.make(step);
            }
            None => self.notices.news("Nothing under the brush lies within its range of values."),
        }
    }
}

/// The voxels that are new, and those that are gone.
#[must_use]
pub fn differences(before: &Mask, after: &Mask) -> [Arc<Mask>; 2] {
    let without = |mask: &Mask, other: &Mask| {
        let mut rest = mask.clone();
        rest.subtract(other);
        Arc::new(rest)
    };
    [without(after, before), without(before, after)]
}
