//! UniverSeg, MultiverSeg, ScribblePrompt and Tyche: what their programs do before and after the net.
//!
//! A picture is brought to 128 x 128 linearly and to 0..1 by its least and greatest value, masks by the nearest pixel;
//! the mask is where the sigmoid of the logits is over one half. Marks are channels: a box filled with 1, its end
//! excluded; a click one pixel, by its sign; a doodle the pixels it runs through; the previous guess as logits.

use super::Fed;
use super::frame::{Between, Frame, min_max};
use crate::error::EngineError;
use crate::nets::slabs::Work;
use crate::nets::universeg::UniverSegConfig;
use crate::protocol::Marks;
use crate::weights::recognise::{Config, Net};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use imaging::{Image, Mask, Prompt, Shape, Sign, Volume};

/// Pixels along a side.
pub(super) const SIDE: usize = 128;
const PIXELS: usize = SIDE * SIDE;
/// Candidates of Tyche.
pub(super) const CANDIDATES: usize = 8;

/// The picture on the net's grid.
pub(super) fn image_cells(image: &Image, frame: &Frame) -> Vec<f32> {
    let mut cells = frame.take(Between::Linear, |at| image.value(at));
    min_max(&mut cells, 1e-8);
    cells
}

/// A whole mask on the net's grid.
pub(super) fn mask_cells(frame: &Frame, mask: &Mask) -> Vec<f32> {
    frame.take(Between::Nearest, |at| f32::from(u8::from(mask.get(at))))
}

/// Box, positive, negative and previous logits, one after the other.
pub(super) fn mark_cells(frame: &Frame, marks: &Marks, previous: Option<&Volume<u8>>) -> Vec<f32> {
    let mut cells = vec![0.0; 3 * PIXELS];
    marks.prompts.iter().for_each(|prompt| draw(frame, prompt, &mut cells));
    match previous {
        Some(previous) => {
            cells.extend(frame.take(Between::Linear, |at| f32::from(previous.voxels[at]) / 255.0).into_iter().map(logit));
        }
        None => cells.resize(4 * PIXELS, 0.0),
    }
    cells
}

/// The logit of a probability that was rounded to a byte.
fn logit(p: f32) -> f32 {
    let p = p.clamp(0.5 / 255.0, 254.5 / 255.0);
    (p / (1.0 - p)).ln()
}

fn draw(frame: &Frame, prompt: &Prompt, cells: &mut [f32]) {
    let signed = if prompt.sign == Sign::Positive { 1 } else { 2 };
    match &prompt.shape {
        Shape::Click { at } => put(frame.cell(*at), signed, cells),
        Shape::Box { from, to } => {
            let [a, b] = [from, to].map(|corner| frame.cell_from_voxel(*corner));
            let range = |axis: usize| {
                let (low, high) = (a[axis].min(b[axis]).max(0.0) as usize, a[axis].max(b[axis]).ceil().max(0.0) as usize);
                low.min(SIDE - 1)..high.clamp(low.min(SIDE - 1) + 1, SIDE)
            };
            for row in range(1) {
                cells[row * SIDE..][..SIDE][range(2)].fill(1.0);
            }
        }
        Shape::Doodle { points, .. } | Shape::Stroke { points, .. } => {
            let pixels: Vec<[f32; 3]> = points.iter().map(|point| frame.cell_from_voxel(*point)).collect();
            for (at, &to) in pixels.iter().enumerate() {
                line(pixels[at.saturating_sub(1)], to, |pixel| put(pixel, signed, cells));
            }
        }
        Shape::Region { mask } => {
            let channel = &mut cells[signed * PIXELS..][..PIXELS];
            channel.iter_mut().zip(mask_cells(frame, mask)).for_each(|(cell, inside)| *cell = cell.max(inside));
        }
    }
}

fn put([_, row, column]: [usize; 3], channel: usize, cells: &mut [f32]) {
    cells[channel * PIXELS + row * SIDE + column] = 1.0;
}

fn line(from: [f32; 3], to: [f32; 3], mut put: impl FnMut([usize; 3])) {
    let longest = (from[1] - to[1]).abs().max((from[2] - to[2]).abs());
    // A line that left the picture by far is not walked pixel by pixel.
    let steps = (longest.ceil() as usize).clamp(1, 4 * SIDE);
    for step in 0..=steps {
        let share = step as f32 / steps as f32;
        let at = [1, 2].map(|axis| from[axis] + (to[axis] - from[axis]) * share);
        if at.iter().all(|value| (0.0..SIDE as f32).contains(value)) {
            put([0, at[0] as usize, at[1] as usize]);
        }
    }
}

/// What is known of the target and its supports.
pub(super) struct Given {
    pub image: Fed,
    /// As [`mark_cells`] made them.
    pub marks: Fed,
    pub is_marked: bool,
    /// Image and mask of each example.
    pub supports: Vec<[Fed; 2]>,
}

/// The probability of each pixel, and how far candidates disagree where the net has some.
///
/// # Errors
/// [`EngineError::Prompts`] where the net needs what is not given, [`EngineError::Device`] where the device fails.
pub(super) fn forward(
    net: &Net,
    config: &Config,
    device: &Device,
    given: &Given,
    go_on: &mut dyn FnMut(f32) -> bool,
) -> Result<(Vec<f32>, Option<f32>), EngineError> {
    let mut work = Work::new(super::cost(config, given.supports.len()).products, go_on);
    let tensor = |cells: Vec<f32>, shape: [usize; 5]| Tensor::<5>::from_data(TensorData::new(cells, shape), device);
    let supports = |pairs: &[[Fed; 2]]| -> Vec<Tensor<5>> {
        let group = |pairs: &[[Fed; 2]]| {
            let cells: Vec<f32> = pairs.iter().flat_map(|pair| pair.iter().flat_map(|part| part.iter().copied())).collect();
            tensor(cells, [pairs.len(), 2, 1, SIDE, SIDE])
        };
        pairs.chunks(UniverSegConfig::group(width(config), PIXELS)).map(group).collect()
    };
    let needs_masks = "the net in use needs the whole masks of examples: brush them, or accept guesses";
    let needs_marks = "the net in use needs a box, a click or a doodle on the image itself";
    let marked = || tensor([given.image.as_slice(), given.marks.as_slice()].concat(), [1, 5, 1, SIDE, SIDE]);
    let logits = match net {
        Net::UniverSeg(..) | Net::Tyche(_) if given.supports.is_empty() && !takes_marks(net) => {
            return Err(EngineError::Prompts(needs_masks));
        }
        Net::UniverSeg(net, config) if config.target_channels == 1 => {
            net.forward(tensor(given.image.to_vec(), [1, 1, 1, SIDE, SIDE]), supports(&given.supports), &mut work)
        }
        Net::UniverSeg(..) | Net::ScribblePrompt(_) if given.supports.is_empty() && !given.is_marked => {
            return Err(EngineError::Prompts(needs_marks));
        }
        Net::UniverSeg(net, _) => {
            // Without any example there is one that says nothing.
            let empty = || vec![tensor(vec![0.5; 2 * PIXELS], [1, 2, 1, SIDE, SIDE])];
            net.forward(marked(), if given.supports.is_empty() { empty() } else { supports(&given.supports) }, &mut work)
        }
        Net::ScribblePrompt(_) if !given.is_marked => return Err(EngineError::Prompts(needs_marks)),
        Net::ScribblePrompt(net) => net.forward(marked(), &mut work),
        Net::Tyche(net) => {
            let image = tensor(given.image.to_vec(), [1, 1, 1, SIDE, SIDE]).expand([CANDIDATES, 1, 1, SIDE, SIDE]);
            let noise = Tensor::random([CANDIDATES, 1, 1, SIDE, SIDE], Distribution::Normal(0.0, 1.0), device);
            net.forward(Tensor::cat(vec![image, noise], 1), supports(&given.supports), &mut work)
        }
        Net::Neuroverse(_) | Net::MeshNet(..) => return Err(EngineError::NoNet { dims: 2 }),
    };
    let candidates = super::numbers(sigmoid(logits.map_err(|_| EngineError::Cancelled)?))?;
    let count = candidates.len() / PIXELS;
    let mean = |at: usize| (0..count).map(|candidate| candidates[candidate * PIXELS + at]).sum::<f32>() / count as f32;
    let cells: Vec<f32> = (0..PIXELS).map(mean).collect();
    let disagreement = (count > 1).then(|| disagreement(&candidates, &cells));
    Ok((cells, disagreement))
}

fn width(config: &Config) -> usize {
    match config {
        Config::UniverSeg(config) => config.width,
        Config::Tyche(config) => config.width,
        _ => 1,
    }
}

fn takes_marks(net: &Net) -> bool {
    matches!(net, Net::UniverSeg(_, config) if config.target_channels > 1)
}

/// 1 - the mean soft Dice overlap of the candidates with their mean; 1 where nothing is found.
fn disagreement(candidates: &[f32], mean: &[f32]) -> f32 {
    let overlap = |candidate: &[f32]| {
        let sum: f32 = candidate.iter().chain(mean).sum();
        let both: f32 = candidate.iter().zip(mean).map(|(a, b)| a.min(*b)).sum();
        if sum < 1.0 { 0.0 } else { 2.0 * both / sum }
    };
    let count = candidates.len() / PIXELS;
    1.0 - candidates.chunks_exact(PIXELS).map(overlap).sum::<f32>() / count as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, PromptId, StructureId};

    fn frame() -> Frame {
        Frame::picture(&Grid::new([256, 128, 1], Affine::IDENTITY), SIDE)
    }

    fn marks(sign: Sign, shape: Shape) -> Marks {
        Marks { prompts: vec![Prompt { id: PromptId(1), structure: StructureId(1), sign, shape }], mask: None }
    }

    fn set(cells: &[f32], channel: usize) -> Vec<[usize; 2]> {
        let channel = &cells[channel * PIXELS..][..PIXELS];
        (0..PIXELS).filter(|&at| channel[at] == 1.0).map(|at| [at / SIDE, at % SIDE]).collect()
    }

    #[test]
    fn marks_are_drawn_as_published() {
        let click = mark_cells(&frame(), &marks(Sign::Negative, Shape::Click { at: [101.0, 7.0, 0.0] }), None);
        assert_eq!((set(&click, 1).len(), set(&click, 2)), (0, vec![[7, 50]]), "one pixel, by its sign");
        let shape = Shape::Box { from: [19.5, 9.5, 0.0], to: [39.5, 19.5, 0.0] };
        let filled = set(&mark_cells(&frame(), &marks(Sign::Positive, shape), None), 0);
        assert_eq!((filled.len(), filled[0], filled[99]), (100, [10, 10], [19, 19]), "its end is excluded");
        let points = vec![[0.0, 0.0, 0.0], [40.0, 20.0, 0.0], [f32::MAX, 20.0, 0.0]];
        let doodle = set(&mark_cells(&frame(), &marks(Sign::Positive, Shape::Doodle { points, normal: 2 }), None), 1);
        assert!(doodle.contains(&[10, 10]) && doodle.contains(&[20, 20]));
    }

    #[test]
    fn a_previous_guess_is_given_as_logits() {
        let grid = Grid::new([256, 128, 1], Affine::IDENTITY);
        let cells = mark_cells(&frame(), &Marks::default(), Some(&Volume::filled(grid, 255)));
        assert!(cells[3 * PIXELS] > 5.0 && cells[3 * PIXELS].is_finite());
        assert!(logit(0.5).abs() < 1e-6);
    }
}
