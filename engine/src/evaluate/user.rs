//! The simulated user: puts marks on a case of which the truth is known, in voxel positions, as a hand would.
//!
//! As the training does (`engine/training/exemplar_training/marks.py`), but on the image's own grid: a box around each
//! piece on a slice, a little off; clicks in the largest pieces and outside; doodles within them; the next click in
//! the middle of the largest error. Seconds are counted by the rates of WS-ICL (section 3.2).

mod slices;

use crate::protocol::Marks;
use imaging::random::Random;
use imaging::regions::{bounds, deepest, pieces};
use imaging::{Grid, Image, Kind, Mask, Prompt, PromptId, Shape, Sign, StructureId};
use slices::{Slice, spread};
use std::sync::Arc;

pub use slices::slice_axis;

/// Seconds for a point, a box, a flat mask and a mask of a volume (WS-ICL, figure 5).
const POINT_SECS: f64 = 5.0;
const BOX_SECS: f64 = 10.0;
const FLAT_MASK_SECS: f64 = 80.0;
const VOLUME_MASK_SECS: f64 = 1600.0;
/// WS-ICL has no rate for a doodle: as long as a box is our guess.
const DOODLE_SECS: f64 = 10.0;

/// A side of a box is off by about this share of the box's length.
const BOX_JITTER: f32 = 0.05;
/// Of the first click in a piece, this share falls in its middle, the others anywhere in it.
const CENTRAL: f32 = 0.4;
/// So many pieces of a slice get clicks, and doodles.
const CLICKED_PIECES: usize = 4;
const DOODLED_PIECES: usize = 3;
/// This share of the negative marks fall close to the structure.
const NEAR: f32 = 0.6;

/// How much a user marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Slices of a volume that bear weak marks.
    pub slices: usize,
    /// Clicks for and against the structure on each slice of a volume.
    pub clicks_on_slice: [usize; 2],
    /// Clicks for and against it on a flat image.
    pub clicks: [usize; 2],
}

impl Default for User {
    fn default() -> Self {
        Self { slices: 5, clicks_on_slice: [1, 1], clicks: [3, 2] }
    }
}

impl User {
    /// Marks of one kind on an example: the whole mask; or weak marks, in a volume on some slices through the
    /// structure, one at random in each of as many equal parts of it.
    #[must_use]
    pub fn marks(&self, kind: Kind, image: &Image, truth: &Arc<Mask>, random: &mut Random) -> Marks {
        if kind == Kind::Mask {
            return Marks { prompts: Vec::new(), mask: Some(truth.clone()) };
        }
        let count = if image.is_flat() { 1 } else { self.slices };
        let axis = slice_axis(&image.grid);
        let mut prompts = Vec::new();
        for at in spread(&image.grid, truth, axis, count, Some(random)) {
            self.mark_slice(kind, &Slice::new(image, truth, axis, at), random, &mut prompts);
        }
        Marks { prompts, mask: None }
    }

    /// The first mark on a case of one's own: a click in the middle of the structure, or boxes or doodles on its
    /// middle slice.
    #[must_use]
    pub fn first(&self, kind: Kind, image: &Image, truth: &Mask, random: &mut Random) -> Marks {
        let mut prompts = Vec::new();
        if kind == Kind::Click {
            prompts.extend(correction(&image.grid, truth, &Mask::empty(truth.shape())));
        } else {
            let axis = slice_axis(&image.grid);
            for at in spread(&image.grid, truth, axis, 1, None) {
                self.mark_slice(kind, &Slice::new(image, truth, axis, at), random, &mut prompts);
            }
        }
        Marks { prompts, mask: None }
    }

    fn mark_slice(&self, kind: Kind, slice: &Slice, random: &mut Random, prompts: &mut Vec<Prompt>) {
        match kind {
            Kind::Box => prompts.extend(slice.pieces().iter().filter_map(|piece| around(slice, piece, random))),
            Kind::Click => self.click_slice(slice, random, prompts),
            Kind::Doodle => doodle_slice(slice, random, prompts),
            Kind::Mask => {}
        }
    }

    fn click_slice(&self, slice: &Slice, random: &mut Random, prompts: &mut Vec<Prompt>) {
        let [inside, outside] = if slice.is_whole { self.clicks } else { self.clicks_on_slice };
        let parts = slice.pieces();
        for number in 0..inside {
            let Some(part) = parts.get(number % parts.len().clamp(1, CLICKED_PIECES)) else { return };
            let is_central = number < parts.len() && random.unit() < CENTRAL;
            let at = if is_central { deepest(&slice.grid, part) } else { random.pick(part).copied() };
            prompts.extend(at.map(|at| click(&slice.grid, at, Sign::Positive)));
        }
        for _ in 0..outside {
            let free = slice.outside(random.unit() < NEAR, random);
            prompts.extend(random.pick(&free).map(|&at| click(&slice.grid, at, Sign::Negative)));
        }
    }
}

/// The next click: in the middle of the largest piece of what is wrong; none where nothing is.
#[must_use]
pub fn correction(grid: &Grid, truth: &Mask, guess: &Mask) -> Option<Prompt> {
    let wrong = (0..truth.len()).filter(|&at| guess.get(at) != truth.get(at));
    let at = deepest(grid, pieces(grid.shape, wrong).first()?)?;
    Some(click(grid, at, if truth.get(at) { Sign::Positive } else { Sign::Negative }))
}

/// The seconds that marks take to make.
#[must_use]
pub fn seconds(marks: &Marks, is_flat: bool) -> f64 {
    if marks.mask.is_some() {
        return if is_flat { FLAT_MASK_SECS } else { VOLUME_MASK_SECS };
    }
    let rate = |prompt: &Prompt| match prompt.shape.kind() {
        Kind::Click => POINT_SECS,
        Kind::Box => BOX_SECS,
        Kind::Doodle | Kind::Mask => DOODLE_SECS,
    };
    marks.prompts.iter().map(rate).sum()
}

/// A box around a piece, each side off by a little.
fn around(slice: &Slice, piece: &[usize], random: &mut Random) -> Option<Prompt> {
    let [low, high] = bounds(&slice.grid, piece)?;
    let (mut from, mut to) = (low.map(|c| c as f32), high.map(|c| c as f32));
    for axis in (0..3).filter(|&axis| axis != slice.axis) {
        let length = to[axis] - from[axis] + 1.0;
        let last = slice.grid.shape[axis] as f32 - 1.0;
        let mut off = || (random.normal() * BOX_JITTER * length).round();
        let low = (from[axis] + off()).clamp(0.0, last);
        let high = (to[axis] + off()).clamp(low, last);
        (from[axis], to[axis]) = (low - 0.5, high + 0.5);
    }
    Some(prompt(Shape::Box { from, to }, Sign::Positive))
}

/// A doodle in each of the largest pieces, and half the time one outside.
fn doodle_slice(slice: &Slice, random: &mut Random, prompts: &mut Vec<Prompt>) {
    let mut doodle = |voxels: &[usize], sign, random: &mut Random| {
        let points = slice.line_within(voxels, random);
        if !points.is_empty() {
            prompts.push(prompt(Shape::Doodle { points, normal: slice.axis }, sign));
        }
    };
    for part in slice.pieces().iter().take(DOODLED_PIECES) {
        doodle(part, Sign::Positive, random);
    }
    if random.unit() < 0.5 {
        let free = slice.outside(random.unit() < NEAR, random);
        doodle(&free, Sign::Negative, random);
    }
}

fn click(grid: &Grid, at: usize, sign: Sign) -> Prompt {
    prompt(Shape::Click { at: grid.voxel(at).map(|c| c as f32) }, sign)
}

fn prompt(shape: Shape, sign: Sign) -> Prompt {
    Prompt { id: PromptId(0), structure: StructureId(0), sign, shape }
}
