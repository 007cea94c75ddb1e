//! The lasso: a line drawn around a region in one drag, or corner by corner; what it holds is added or erased.

use super::correction;
use crate::app::App;
use crate::review::structure_name;
use crate::tools::{Gesture, Pointer};
use imaging::{Mask, Sign, morphology};
use std::sync::Arc;

/// A press this near to the first corner, in voxels, closes the line.
const CLOSES: f32 = 1.0;

impl App {
    /// Follows the pointer with the lasso in hand.
    pub(crate) fn lasso(&mut self, pointer: Pointer, normal: usize, inverse: bool) {
        let gesture = std::mem::take(&mut self.session.gesture);
        self.session.gesture = match (pointer, gesture) {
            (Pointer::Pressed(at), Gesture::Corners { points, normal, inverse }) => {
                return self.corner(at, points, normal, inverse);
            }
            (_, gesture @ Gesture::Corners { .. }) => gesture,
            (Pointer::Pressed(at), _) if self.may_mark() => Gesture::Drawing { points: vec![at], inverse },
            (Pointer::Dragged(at), Gesture::Drawing { mut points, inverse }) => {
                points.push(at);
                Gesture::Drawing { points, inverse }
            }
            (Pointer::Released(at), Gesture::Drawing { mut points, inverse }) => {
                points.push(at);
                if is_click(&points) {
                    Gesture::Corners { points: vec![at], normal, inverse }
                } else {
                    return self.close_line(&points, normal, inverse);
                }
            }
            _ => Gesture::Idle,
        };
    }

    fn corner(&mut self, at: [f32; 3], mut points: Vec<[f32; 3]>, normal: usize, inverse: bool) {
        let first = points[0];
        if at[normal].round() != first[normal].round() {
            self.notices.news("The corners lie on another slice: go back to it, close the line (Enter) or let it go (Esc).");
        } else if points.len() > 2 && (0..3).all(|axis| (at[axis] - first[axis]).abs() <= CLOSES) {
            return self.close_line(&points, normal, inverse);
        } else {
            points.push(at);
        }
        self.session.gesture = Gesture::Corners { points, normal, inverse };
    }

    /// Closes the line of corners that is being put, if there is one.
    pub(crate) fn close_corners(&mut self) -> bool {
        let Gesture::Corners { points, normal, inverse } = &self.session.gesture else { return false };
        let (points, normal, inverse) = (points.clone(), *normal, *inverse);
        self.close_line(&points, normal, inverse);
        true
    }

    /// Takes the last corner back, if there is one.
    pub(crate) fn take_corner_back(&mut self) -> bool {
        let Gesture::Corners { points, .. } = &mut self.session.gesture else { return false };
        points.pop();
        if points.is_empty() {
            self.session.gesture = Gesture::Idle;
        }
        true
    }

    fn close_line(&mut self, points: &[[f32; 3]], normal: usize, inverse: bool) {
        self.session.gesture = Gesture::Idle;
        let (Some(place), Some(image)) = (self.session.place(), self.session.image()) else { return };
        let held = Arc::new(morphology::polygon(&image.grid, points, normal));
        let nothing = Arc::new(Mask::empty(image.grid.shape));
        let erases = inverse || self.session.sign == Sign::Negative;
        let name = structure_name(&self.project, place.1);
        let step = if erases {
            correction(&self.project, place, format!("erase with the lasso on {name}"), &nothing, &held)
        } else {
            correction(&self.project, place, format!("lasso on {name}"), &held, &nothing)
        };
        match step {
            Some(step) => {
                self.make(step);
            }
            None => self.notices.news("No voxel has its centre within that line."),
        }
    }
}

/// A hand that shakes by less than a voxel meant to put a corner.
fn is_click(points: &[[f32; 3]]) -> bool {
    points.iter().all(|point| (0..3).all(|axis| (point[axis] - points[0][axis]).abs() < 1.0))
}
