//! MeshNet: a head brought to the grid that it was trained on, its classes, and the brain on the image's own grid.
//!
//! The grid is FreeSurfer's "conformed" one: 256 voxels of 1 mm a side, the axes to the left, down and to the front.
//! An image that lies so already is taken as it is; any other is resampled linearly. Values go to 0..1 by the least and
//! greatest of the volume, in some models by the 5th and 95th percentile, as brainchop's settings say.

use crate::error::EngineError;
use crate::nets::meshnet::{Activation, MeshNet, MeshNetConfig};
use crate::nets::slabs::Work;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use imaging::{Affine, Image, Volume};

/// Voxels along a side.
const SIDE: usize = 256;

/// The brain's probability on the image's grid: over one half where any class but the background is the likeliest.
///
/// # Errors
/// [`EngineError::Image`] where the image has no place in space, [`EngineError::Cancelled`], [`EngineError::Device`].
pub(super) fn segment(
    net: &MeshNet,
    config: &MeshNetConfig,
    device: &Device,
    image: &Image,
    go_on: &mut dyn FnMut(f32) -> bool,
) -> Result<Volume<u8>, EngineError> {
    let voxel_from_cell = voxel_from_cell(image).ok_or_else(|| EngineError::Image("it has no place in space".to_owned()))?;
    let cells = scaled(conformed(image, &voxel_from_cell), uses_percentiles(config));
    let mut work = Work::new(config.products(SIDE * SIDE * SIDE), go_on);
    let input = Tensor::from_data(TensorData::new(cells, [1, 1, SIDE, SIDE, SIDE]), device);
    let logits = net.forward(input, &mut work).map_err(|_| EngineError::Cancelled)?;
    let foreground = logits.map(|piece| {
        let classes = piece.dims()[1];
        let background = softmax(piece.clone(), 1).narrow(1, 0, 1);
        let is_brain = piece.clone().narrow(1, 1, classes - 1).max_dim(1).greater(piece.narrow(1, 0, 1));
        // The likeliest class need not be likelier than all others together.
        let probability = (background.neg() + 1.0).clamp(0.0, 1.0);
        probability.clone().clamp_max(0.499).mask_where(is_brain, probability.clamp_min(0.502))
    });
    let cells = super::numbers(foreground.join())?;
    let cell_from_voxel = voxel_from_cell.inverse().ok_or_else(|| EngineError::Image("it has no place in space".to_owned()))?;
    Ok(back(image, &cell_from_voxel, &cells))
}

/// Models that brainchop runs with `enableQuantileNorm`.
fn uses_percentiles(config: &MeshNetConfig) -> bool {
    let width = config.layers.first().map_or(0, |layer| layer.filters);
    let is_elu = config.layers.first().is_some_and(|layer| layer.activation == Activation::Elu);
    is_elu && (width, config.classes()) == (20, 3) || config.classes() == 50
}

/// The way from a cell to a voxel position, whose middle lies on the volume's middle.
fn voxel_from_cell(image: &Image) -> Option<Affine> {
    let world_from_voxel = image.grid.world_from_voxel;
    let middle = world_from_voxel.apply(image.grid.shape.map(|len| len as f64 / 2.0));
    let half = SIDE as f64 / 2.0;
    let world_from_cell =
        Affine([[-1.0, 0.0, 0.0, middle[0] + half], [0.0, 0.0, 1.0, middle[1] - half], [0.0, -1.0, 0.0, middle[2] + half]]);
    let voxel_from_world = world_from_voxel.inverse()?;
    let origin = voxel_from_world.apply(world_from_cell.apply([0.0; 3]));
    let columns = [0, 1, 2].map(|axis| {
        let mut step = [0.0; 3];
        step[axis] = 1.0;
        let end = voxel_from_world.apply(world_from_cell.apply(step));
        std::array::from_fn::<f64, 3, _>(|row| end[row] - origin[row])
    });
    Some(Affine(std::array::from_fn(|row| [columns[0][row], columns[1][row], columns[2][row], origin[row]])))
}

/// The image on the cells `[left, down, front]`, linearly; 0 outside of it.
fn conformed(image: &Image, voxel_from_cell: &Affine) -> Vec<f32> {
    let shape = image.grid.shape;
    let value = |voxel: [isize; 3]| {
        let inside = (0..3).all(|axis| (0..shape[axis] as isize).contains(&voxel[axis]));
        let value = if inside { image.value(image.grid.index(voxel.map(|at| at as usize))) } else { 0.0 };
        if value.is_finite() { value } else { 0.0 }
    };
    cells()
        .map(|cell| {
            // A thousandth of a voxel is rounding of the header, not a place between two voxels.
            let at = voxel_from_cell.apply(cell).map(|at| if (at - at.round()).abs() < 1e-3 { at.round() } else { at });
            let low = at.map(f64::floor);
            let share: [f32; 3] = std::array::from_fn(|axis| (at[axis] - low[axis]) as f32);
            if share == [0.0; 3] {
                return value(low.map(|at| at as isize));
            }
            (0..8)
                .map(|corner| {
                    let high: [bool; 3] = std::array::from_fn(|axis| corner >> axis & 1 == 1);
                    let weight: f32 = (0..3).map(|axis| if high[axis] { share[axis] } else { 1.0 - share[axis] }).product();
                    let voxel = std::array::from_fn(|axis| low[axis] as isize + isize::from(high[axis]));
                    if weight == 0.0 { 0.0 } else { weight * value(voxel) }
                })
                .sum()
        })
        .collect()
}

fn cells() -> impl Iterator<Item = [f64; 3]> {
    (0..SIDE * SIDE * SIDE).map(|at| [at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE].map(|at| at as f64))
}

fn scaled(mut cells: Vec<f32>, by_percentiles: bool) -> Vec<f32> {
    if by_percentiles {
        let mut sorted = cells.clone();
        let mut at = |share: f64| *sorted.select_nth_unstable_by((share * (cells.len() - 1) as f64) as usize, f32::total_cmp).1;
        let (low, high) = (at(0.05), at(0.95));
        let range = (high - low).max(1e-8);
        cells.iter_mut().for_each(|cell| *cell = ((*cell - low) / range).clamp(0.0, 1.0));
    } else {
        super::frame::min_max(&mut cells, 1e-8);
    }
    cells
}

/// Each voxel takes the cell nearest to it; one outside of the cells is no brain.
fn back(image: &Image, cell_from_voxel: &Affine, cells: &[f32]) -> Volume<u8> {
    let voxel = |index: usize| {
        let cell = cell_from_voxel.apply(image.grid.voxel(index).map(|at| at as f64)).map(|at| at.round() as isize);
        let inside = cell.iter().all(|at| (0..SIDE as isize).contains(at));
        let at = cell.iter().fold(0, |at, &cell| at * SIDE + cell.max(0) as usize);
        if inside { (cells[at] * 255.0 + 0.5) as u8 } else { 0 }
    };
    Volume { grid: image.grid, voxels: (0..image.grid.len()).map(voxel).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Grid;

    #[test]
    fn an_image_that_lies_so_already_is_taken_as_it_is() {
        let affine = Affine([[-1.0, 0.0, 0.0, 128.0], [0.0, 0.0, 1.0, -110.0], [0.0, -1.0, 0.0, 96.0]]);
        let voxels: Vec<f32> = (0..SIDE * SIDE * SIDE).map(|at| (at % 251) as f32).collect();
        let image = Image::grey(Volume { grid: Grid::new([SIDE; 3], affine), voxels });
        let way = voxel_from_cell(&image).unwrap();
        let cells = conformed(&image, &way);
        for voxel in [[0, 0, 0], [3, 100, 200], [255, 255, 255]] {
            let [i, j, k] = voxel;
            assert_eq!(cells[(i * SIDE + j) * SIDE + k], image.value(image.grid.index(voxel)));
        }
    }

    #[test]
    fn what_is_found_goes_back_to_its_place() {
        let affine = Affine([[2.0, 0.0, 0.0, -80.0], [0.0, 2.0, 0.0, -90.0], [0.0, 0.0, 3.0, -60.0]]);
        let grid = Grid::new([80, 90, 40], affine);
        let voxels = (0..grid.len()).map(|at| f32::from(u8::from(grid.voxel(at)[0] >= 40))).collect();
        let image = Image::grey(Volume { grid, voxels });
        let way = voxel_from_cell(&image).unwrap();
        let cells = conformed(&image, &way);
        let found = back(&image, &way.inverse().unwrap(), &cells);
        let wrong = (0..grid.len()).filter(|&at| (found.voxels[at] >= 128) != (image.value(at) > 0.5)).count();
        assert!(wrong * 50 < grid.len(), "{wrong} of {} voxels", grid.len());
    }
}
