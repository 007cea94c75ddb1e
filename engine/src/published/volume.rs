//! Neuroverse3D and WS-ICL: what their programs do before and after the net (`Inference.py`, `lightning_model.py`).
//!
//! Image and label are brought to 128 voxels a side by the nearest voxel, then each to 0..1 by its least and greatest
//! value; the result is over one half inside, and goes back by the nearest voxel. At most eight examples are used. An
//! image that is marked itself is one more example for itself. One structure is one pass, so a loop over classes is
//! the caller's.

use super::frame::{Between, Frame, min_max};
use super::{Fed, Manner};
use crate::error::EngineError;
use crate::nets::neuroverse::Neuroverse;
use crate::nets::slabs::Work;
use crate::protocol::Marks;
use crate::weights::catalogue::Prompts;
use burn::tensor::{Device, Tensor, TensorData};
use imaging::{Image, Mask, Prompt, Shape, Sign};

/// Cells along a side.
pub(super) const SIDE: usize = 128;
/// Examples that are used, the first ones.
pub(super) const MOST_EXAMPLES: usize = 8;
/// Radius of the ball that stands for a click.
const BALL: isize = 6;
/// Slices that stand for a whole mask where the net knows only marks: as many prompts an image as its authors used.
const SLICES: usize = 5;

/// The image on the net's grid.
pub(super) fn image_cells(image: &Image, frame: &Frame, manner: Manner) -> Vec<f32> {
    let mut cells = frame.take(Between::Nearest, |at| image.value(at));
    if manner == Manner::Oriented {
        let [low, high] = image.quantiles([0.005, 0.995]);
        cells.iter_mut().for_each(|cell| *cell = cell.clamp(low, high.max(low)));
    }
    min_max(&mut cells, 1e-8);
    cells
}

/// The second channel of a context.
///
/// # Errors
/// [`EngineError::Prompts`] where the net takes nothing of what is known of the image.
pub(super) fn label_cells(frame: &Frame, marks: &Marks, prompts: Prompts) -> Result<Vec<f32>, EngineError> {
    let mask = marks.filled_mask();
    let mut cells = vec![0.0; frame.count()];
    let positive = || marks.prompts.iter().filter(|prompt| prompt.sign == Sign::Positive);
    match (prompts, mask) {
        (Prompts::Masks, Some(mask)) => cells = frame.take(Between::Nearest, |at| f32::from(u8::from(mask.get(at)))),
        (Prompts::Masks, None) => {}
        (Prompts::Boxes, Some(mask)) => slices(mask).for_each(|corners| fill_box(frame, corners, &mut cells)),
        (Prompts::Boxes, None) => positive().filter_map(corners).for_each(|corners| fill_box(frame, corners, &mut cells)),
        (Prompts::Clicks, Some(mask)) => middles(mask).for_each(|at| put_ball(frame, at, &mut cells)),
        (Prompts::Clicks, None) => positive().filter_map(click).for_each(|at| put_ball(frame, at, &mut cells)),
    }
    if cells.iter().all(|&cell| cell == 0.0) {
        return Err(EngineError::Prompts(match prompts {
            Prompts::Masks => "the net in use needs the whole mask of an example: brush it, or accept a guess",
            Prompts::Boxes => "the net in use needs boxes around the structure, or an accepted mask",
            Prompts::Clicks => "the net in use needs clicks on the structure, or an accepted mask",
        }));
    }
    Ok(cells)
}

fn corners(prompt: &Prompt) -> Option<[[f32; 3]; 2]> {
    if let Shape::Box { from, to } = prompt.shape { Some([from, to]) } else { None }
}

fn click(prompt: &Prompt) -> Option<[f32; 3]> {
    if let Shape::Click { at } = prompt.shape { Some(at) } else { None }
}

/// Fills the cells of a box with 1. One that is a single cell thick is made three thick.
fn fill_box(frame: &Frame, [from, to]: [[f32; 3]; 2], cells: &mut [f32]) {
    let edges = [from.map(|value| value - 0.5), to.map(|value| value + 0.5)].map(|corner| frame.cell_from_voxel(corner));
    let flat: [bool; 3] = {
        let [a, b] = [from, to].map(|corner| frame.cell_from_voxel(corner));
        std::array::from_fn(|axis| (a[axis] - b[axis]).abs() < 1e-3)
    };
    let middle = frame.cell(std::array::from_fn(|axis| (from[axis] + to[axis]) / 2.0));
    let ranges: [std::ops::Range<usize>; 3] = std::array::from_fn(|axis| {
        let (low, high) = (edges[0][axis].min(edges[1][axis]), edges[0][axis].max(edges[1][axis]));
        let size = frame.size[axis];
        let low = (low.round().max(0.0) as usize).min(size - 1);
        let high = (high.round().max(0.0) as usize).clamp(low + 1, size);
        // A box that was drawn on a slice marks that slice alone, however many cells a slice takes.
        let (low, high) = if flat[axis] { (middle[axis], middle[axis] + 1) } else { (low, high) };
        thickened(low, high, size)
    });
    let [_, h, w] = frame.size;
    for z in ranges[0].clone() {
        for y in ranges[1].clone() {
            cells[(z * h + y) * w..][..w][ranges[2].clone()].fill(1.0);
        }
    }
}

/// One cell becomes three: itself and its neighbours, at the border the three outermost.
fn thickened(low: usize, high: usize, size: usize) -> std::ops::Range<usize> {
    if high - low != 1 || size < 3 {
        return low..high;
    }
    let first = low.saturating_sub(1).min(size - 3);
    first..first + 3
}

/// The maximum of what is there and a ball around a click, clipped at the borders.
fn put_ball(frame: &Frame, at: [f32; 3], cells: &mut [f32]) {
    let centre = frame.cell(at).map(|value| value as isize);
    let [d, h, w] = frame.size.map(|size| size as isize);
    for z in -BALL..=BALL {
        for y in -BALL..=BALL {
            for x in -BALL..=BALL {
                let [cz, cy, cx] = [centre[0] + z, centre[1] + y, centre[2] + x];
                if (0..d).contains(&cz) && (0..h).contains(&cy) && (0..w).contains(&cx) {
                    let cell = &mut cells[((cz * h + cy) * w + cx) as usize];
                    *cell = cell.max(ball([z, y, x]));
                }
            }
        }
    }
}

/// The value at a distance from a click: the distance to the nearest cell outside of the ball but inside of the cube of
/// 13 cells around it, by the distance at the centre, the root of 37.
fn ball([z, y, x]: [isize; 3]) -> f32 {
    let reach = BALL * BALL;
    if z * z + y * y + x * x > reach {
        return 0.0;
    }
    let outside = |a: isize, b: isize| {
        // Along the third axis the nearest cell outside, if the cube has one in this row.
        let rest = reach - a * a - b * b;
        let root = if rest < 0 { Some(0) } else { (0..=BALL).find(|c| c * c > rest) };
        root.map(|c| {
            let gap = (c - x.abs()).max(0);
            (a - z).pow(2) + (b - y).pow(2) + gap * gap
        })
    };
    let side = -BALL..=BALL;
    let nearest = side.clone().flat_map(|a| side.clone().filter_map(move |b| outside(a, b))).min().unwrap_or(0);
    (nearest as f32).sqrt() / ((reach + 1) as f32).sqrt()
}

/// The tight boxes of a mask on a few of its slices, evenly apart.
fn slices(mask: &Mask) -> impl Iterator<Item = [[f32; 3]; 2]> + '_ {
    chosen(mask).into_iter().filter_map(move |slice| {
        let voxels: Vec<[usize; 3]> = on_slice(mask, slice).collect();
        let low = voxels.iter().copied().reduce(|a, b| std::array::from_fn(|axis| a[axis].min(b[axis])))?;
        let high = voxels.iter().copied().reduce(|a, b| std::array::from_fn(|axis| a[axis].max(b[axis])))?;
        Some([low, high].map(|corner| corner.map(|value| value as f32)))
    })
}

/// A voxel of the mask near its middle on a few of its slices.
fn middles(mask: &Mask) -> impl Iterator<Item = [f32; 3]> + '_ {
    chosen(mask).into_iter().filter_map(move |slice| {
        let voxels: Vec<[f32; 3]> = on_slice(mask, slice).map(|voxel| voxel.map(|value| value as f32)).collect();
        let count = voxels.len() as f32;
        let middle: [f32; 3] = std::array::from_fn(|axis| voxels.iter().map(|voxel| voxel[axis]).sum::<f32>() / count);
        let far = |voxel: &[f32; 3]| (0..3).map(|axis| (voxel[axis] - middle[axis]).powi(2)).sum::<f32>();
        voxels.iter().copied().min_by(|a, b| far(a).total_cmp(&far(b)))
    })
}

/// Slices across the third voxel axis on which the mask lies.
fn chosen(mask: &Mask) -> Vec<usize> {
    let [width, height, _] = mask.shape();
    let mut held: Vec<usize> = mask.iter().map(|index| index / (width * height)).collect();
    held.dedup();
    let count = held.len().min(SLICES);
    (0..count).map(|at| held[(2 * at + 1) * held.len() / (2 * count)]).collect()
}

fn on_slice(mask: &Mask, slice: usize) -> impl Iterator<Item = [usize; 3]> + '_ {
    let [width, height, _] = mask.shape();
    let voxels = mask.iter().map(move |index| [index % width, index / width % height, index / (width * height)]);
    voxels.filter(move |voxel| voxel[2] == slice)
}

/// The net's output on its own grid, one context at a time: memory does not grow with their number.
///
/// # Errors
/// [`EngineError::Cancelled`] where `go_on` says so, [`EngineError::Device`] where the device fails.
pub(super) fn forward(
    net: &Neuroverse,
    device: &Device,
    target: &[f32],
    contexts: &[[Fed; 2]],
    size: [usize; 3],
    go_on: &mut dyn FnMut(f32) -> bool,
) -> Result<Vec<f32>, EngineError> {
    let [d, h, w] = size;
    let [fixed, each] = net.config().products(d * h * w);
    let mut work = Work::new(fixed + each * contexts.len() as f64, go_on);
    let target = Tensor::from_data(TensorData::new(target.to_vec(), [1, 1, d, h, w]), device);
    let contexts = contexts.iter().map(|[image, label]| {
        let cells = [image.as_slice(), label.as_slice()].concat();
        Tensor::from_data(TensorData::new(cells, [1, 2, d, h, w]), device)
    });
    let out = net.forward(target, contexts, &mut work).map_err(|_| EngineError::Cancelled)?;
    super::numbers(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid};
    use std::sync::Arc;

    fn frame() -> Frame {
        Frame::volume(&Grid::new([64, 64, 32], Affine::IDENTITY), SIDE, Manner::Published)
    }

    #[test]
    fn the_ball_is_the_authors() {
        let along = |k: isize| ball([0, k, 0]);
        for (k, want) in [1.0, 0.8383, 0.6778, 0.5199, 0.3676, 0.2325, 0.1644].into_iter().enumerate() {
            assert!((along(k as isize) - want).abs() < 1e-4, "{k}: {}", along(k as isize));
        }
        for (k, want) in [1.0, 0.7534, 0.4932, 0.2325, 0.0].into_iter().enumerate() {
            let k = k as isize;
            assert!((ball([k, k, k]) - want).abs() < 1e-4);
        }
        let side = -BALL..=BALL;
        let all = side.clone().flat_map(|z| side.clone().flat_map(move |y| (-BALL..=BALL).map(move |x| ball([z, y, x]))));
        let (count, sum) = all.fold((0, 0.0), |(count, sum), value| (count + usize::from(value > 0.0), sum + f64::from(value)));
        assert_eq!(count, 925);
        assert!((sum - 289.969).abs() < 1e-2, "{sum}");
    }

    #[test]
    fn a_box_of_one_cell_is_made_three_thick() {
        assert_eq!(thickened(5, 6, 128), 4..7);
        assert_eq!(thickened(0, 1, 128), 0..3);
        assert_eq!(thickened(127, 128, 128), 125..128);
        assert_eq!(thickened(5, 7, 128), 5..7);
        let prompt = |from, to| Marks {
            prompts: vec![Prompt {
                id: imaging::PromptId(1),
                structure: imaging::StructureId(1),
                sign: Sign::Positive,
                shape: Shape::Box { from, to },
            }],
            mask: None,
        };
        // Two cells a voxel along i and j, four along k, where the box is flat.
        let cells = label_cells(&frame(), &prompt([10.0, 20.0, 8.0], [19.0, 24.0, 8.0]), Prompts::Boxes).unwrap();
        assert_eq!(cells.iter().filter(|&&cell| cell == 1.0).count(), 20 * 10 * 3);
        assert_eq!(cells[(20 * SIDE + 40) * SIDE + 34], 1.0, "the middle of the slice is its cell");
        let refused = label_cells(&frame(), &prompt([10.0; 3], [12.0; 3]), Prompts::Clicks);
        assert!(refused.unwrap_err().to_string().contains("needs clicks"));
    }

    #[test]
    fn a_mask_stands_for_the_marks_that_a_net_knows() {
        let mask = Mask::from_fn([64, 64, 32], |at| (10..20).contains(&(at % 64)) && (30..40).contains(&(at / 64 % 64)));
        let marks = Marks { prompts: Vec::new(), mask: Some(Arc::new(mask)) };
        let count = |prompts| label_cells(&frame(), &marks, prompts).unwrap().iter().filter(|&&cell| cell > 0.0).count();
        assert_eq!(count(Prompts::Masks), 20 * 20 * 128);
        assert_eq!(count(Prompts::Boxes), 20 * 20 * 3 * SLICES);
        assert_eq!(count(Prompts::Clicks), 925 * SLICES);
    }

    #[test]
    fn an_image_is_brought_to_the_whole_range() {
        let grid = Grid::new([8, 8, 8], Affine::IDENTITY);
        let voxels: Vec<f32> = (0..512).map(|at| if at == 100 { 1e6 } else { at as f32 }).collect();
        let image = Image::grey(imaging::Volume { grid, voxels });
        let cells = |manner| image_cells(&image, &Frame::volume(&grid, SIDE, manner), manner);
        let mean = |cells: &[f32]| cells.iter().sum::<f32>() / cells.len() as f32;
        assert!(mean(&cells(Manner::Published)) < 0.01, "one bright voxel takes the range, as published");
        assert!((mean(&cells(Manner::Oriented)) - 0.5).abs() < 0.05);
    }
}
