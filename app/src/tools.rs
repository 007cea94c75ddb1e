//! From pointer to mark: a tool is a value, a gesture is the state, a mark's shape is the result. No window
//! in it, so a test draws a doodle as a list of points.

use imaging::{Corner, Prompt, Shape, Tip};

/// The tool in the user's hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Moves the crosshair, selects and moves marks.
    #[default]
    Cursor,
    /// Puts a click.
    Click,
    /// Draws a box.
    Box,
    /// Draws a line.
    Doodle,
    /// Paints a mask.
    Brush,
    /// Draws around a region.
    Lasso,
    /// Fills from a place.
    Fill,
    /// Keeps or takes away what hangs together.
    Island,
}

impl Tool {
    /// Every tool, in the order of the tool bar.
    pub const ALL: [Self; 8] =
        [Self::Cursor, Self::Click, Self::Box, Self::Doodle, Self::Brush, Self::Lasso, Self::Fill, Self::Island];

    /// What the tool bar calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cursor => "Cursor",
            Self::Click => "Click",
            Self::Box => "Box",
            Self::Doodle => "Doodle",
            Self::Brush => "Brush",
            Self::Lasso => "Lasso",
            Self::Fill => "Fill",
            Self::Island => "Island",
        }
    }

    /// The key that takes it, as the tool bar shows it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Cursor => "C",
            Self::Click => "P",
            Self::Box => "B",
            Self::Doodle => "D",
            Self::Brush => "M",
            Self::Lasso => "L",
            Self::Fill => "K",
            Self::Island => "I",
        }
    }

    /// What the left button does now, for the status line.
    #[must_use]
    pub fn left_button(self) -> &'static str {
        match self {
            Self::Cursor => "move crosshair, a mark, or a box's corner",
            Self::Click => "put a click",
            Self::Box => "drag a box",
            Self::Doodle => "draw a line",
            Self::Brush => "paint",
            Self::Lasso => "draw around, or click corners",
            Self::Fill => "fill from here",
            Self::Island => "keep this island alone",
        }
    }

    /// What the right button does, where the tool has a use for it.
    #[must_use]
    pub fn right_button(self) -> Option<&'static str> {
        match self {
            Self::Brush => Some("erase"),
            Self::Lasso => Some("draw around to erase"),
            Self::Fill => Some("erase from here"),
            Self::Island => Some("take this island away"),
            _ => None,
        }
    }
}

/// What the pointer did on a slice, in voxel positions of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pointer {
    /// The button went down.
    Pressed([f32; 3]),
    /// The pointer moved with the button down.
    Dragged([f32; 3]),
    /// The button came up.
    Released([f32; 3]),
}

/// A mark being drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gesture {
    /// Nothing.
    #[default]
    Idle,
    /// The way of the pointer since the button went down.
    Drawing {
        /// Its positions, the first where it went down.
        points: Vec<[f32; 3]>,
        /// Whether it draws the negative of the tool's sign (the eraser, on the right button).
        inverse: bool,
    },
    /// A mark that follows the pointer.
    Moving {
        /// The mark as it was.
        prompt: Prompt,
        /// Where it was taken hold of.
        from: [f32; 3],
        /// Where the pointer is.
        to: [f32; 3],
        /// The corner that was taken hold of; without one the whole mark moves.
        corner: Option<Corner>,
    },
    /// Corners put one by one with the lasso; the line closes at the first.
    Corners {
        /// The corners so far.
        points: Vec<[f32; 3]>,
        /// Voxel axis across the slice.
        normal: usize,
        /// Whether it erases.
        inverse: bool,
    },
}

/// Where a mark would be that was dragged from one position to another, whole or by a corner.
#[must_use]
pub fn dragged(shape: &Shape, corner: Option<Corner>, from: [f32; 3], to: [f32; 3]) -> Shape {
    let by = std::array::from_fn(|axis| to[axis] - from[axis]);
    corner.map_or_else(|| shape.moved(by), |corner| shape.corner_moved(corner, by))
}

/// How a tool draws on the slice under the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hand {
    /// The tool.
    pub tool: Tool,
    /// Voxel axis across the slice.
    pub normal: usize,
    /// Radius of the brush in mm.
    pub radius_mm: f32,
    /// Whether the brush is a ball.
    pub ball: bool,
}

/// Follows the pointer; returns the shape of a mark when one is complete.
pub fn follow(hand: Hand, gesture: &mut Gesture, pointer: Pointer, inverse: bool) -> Option<Shape> {
    match (pointer, &mut *gesture) {
        (Pointer::Pressed(at), _) => {
            *gesture = Gesture::Drawing { points: vec![at], inverse };
            None
        }
        (Pointer::Dragged(at), Gesture::Drawing { points, .. }) => {
            if points.last() != Some(&at) {
                points.push(at);
            }
            None
        }
        (Pointer::Released(at), Gesture::Drawing { points, .. }) => {
            let mut points = std::mem::take(points);
            if points.last() != Some(&at) {
                points.push(at);
            }
            *gesture = Gesture::Idle;
            shape(hand, points)
        }
        _ => None,
    }
}

/// The shape that a tool makes of the pointer's way so far; `None` while there is none yet.
#[must_use]
pub fn shape(hand: Hand, points: Vec<[f32; 3]>) -> Option<Shape> {
    let (first, last) = (*points.first()?, *points.last()?);
    match hand.tool {
        Tool::Cursor | Tool::Lasso | Tool::Fill | Tool::Island => None,
        Tool::Click => Some(Shape::Click { at: first }),
        // A box of less than a voxel is a slip of the hand.
        Tool::Box => (0..3).filter(|&axis| (first[axis] - last[axis]).abs() >= 1.0).nth(1).map(|_| Shape::spanning(first, last)),
        Tool::Doodle => (points.len() > 1).then_some(Shape::Doodle { points, normal: hand.normal }),
        Tool::Brush => {
            let tip = if hand.ball { Tip::Ball } else { Tip::Disc { normal: hand.normal } };
            Some(Shape::Stroke { points, radius_mm: hand.radius_mm, tip })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(tool: Tool, points: &[[f32; 3]]) -> Option<Shape> {
        let hand = Hand { tool, normal: 2, radius_mm: 2.0, ball: false };
        let mut gesture = Gesture::Idle;
        assert_eq!(follow(hand, &mut gesture, Pointer::Pressed(points[0]), false), None);
        for point in points {
            assert_eq!(follow(hand, &mut gesture, Pointer::Dragged(*point), false), None);
        }
        follow(hand, &mut gesture, Pointer::Released(points[points.len() - 1]), false)
    }

    const WAY: [[f32; 3]; 3] = [[5.0, 5.0, 3.0], [8.0, 2.0, 3.0], [9.0, 1.0, 3.0]];

    #[test]
    fn each_tool_makes_its_mark() {
        assert_eq!(draw(Tool::Cursor, &WAY), None);
        assert_eq!(draw(Tool::Click, &WAY), Some(Shape::Click { at: WAY[0] }));
        assert_eq!(draw(Tool::Box, &WAY), Some(Shape::Box { from: [5.0, 1.0, 3.0], to: [9.0, 5.0, 3.0] }));
        assert_eq!(draw(Tool::Doodle, &WAY), Some(Shape::Doodle { points: WAY.to_vec(), normal: 2 }));
        let tip = Tip::Disc { normal: 2 };
        assert_eq!(draw(Tool::Brush, &WAY), Some(Shape::Stroke { points: WAY.to_vec(), radius_mm: 2.0, tip }));
    }

    #[test]
    fn a_slip_of_the_hand_is_no_box() {
        assert_eq!(draw(Tool::Box, &[[5.0, 5.0, 3.0], [5.4, 9.0, 3.0]]), None);
    }
}
