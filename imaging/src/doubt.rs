//! From a probability to what is shown of it: the mask, and how doubtful each slice is.

use crate::labels::Mask;
use crate::volume::Volume;

/// How doubtful a guess is slice by slice, along each voxel axis: 0 where it is sure, 1 where the doubtful voxels of a
/// slice are as many as the structure usually has there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile(pub [Vec<f32>; 3]);

/// Probabilities below this share of 255 are surely outside.
const OUTSIDE: u8 = 13;

/// The mask of a probability (inside from 128 of 255), and its doubt along each axis.
#[must_use]
pub fn read(probability: &Volume<u8>) -> (Mask, Profile) {
    let shape @ [nx, ny, nz] = probability.grid.shape;
    let mask = Mask::from_fn(shape, |index| probability.voxels[index] >= 128);
    let bits = bits();
    let mut doubt = [vec![0.0_f32; nx], vec![0.0; ny], vec![0.0; nz]];
    let mut inside = [vec![0_u32; nx], vec![0; ny], vec![0; nz]];
    for (row, values) in probability.voxels.chunks_exact(nx.max(1)).enumerate() {
        // Most rows of a volume are surely outside.
        if values.iter().all(|&value| value < OUTSIDE) {
            continue;
        }
        let [j, k] = [row % ny, row / ny];
        for (i, &value) in values.iter().enumerate() {
            let bit = bits[usize::from(value)];
            let within = u32::from(value >= 128);
            for (axis, at) in [i, j, k].into_iter().enumerate() {
                doubt[axis][at] += bit;
                inside[axis][at] += within;
            }
        }
    }
    for (doubt, inside) in doubt.iter_mut().zip(&inside) {
        let slices = inside.iter().filter(|&&count| count > 0).count();
        // Where nothing is inside, a single doubtful voxel would fill the scale.
        let usual = (inside.iter().sum::<u32>() as f32 / slices.max(1) as f32).max(4.0);
        doubt.iter_mut().for_each(|doubt| *doubt = (*doubt / usual).min(1.0));
    }
    (mask, Profile(doubt))
}

/// Binary entropy of each byte of a probability, in bits; 0 for what is surely outside.
fn bits() -> [f32; 256] {
    std::array::from_fn(|value| {
        let p = value as f32 / 255.0;
        if value < usize::from(OUTSIDE) || value == 255 { 0.0 } else { -p * p.log2() - (1.0 - p) * (1.0 - p).log2() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use crate::volume::Grid;

    #[test]
    fn the_doubtful_slice_stands_out() {
        let grid = Grid::new([6, 5, 4], Affine::IDENTITY);
        let mut probability = Volume::filled(grid, 0_u8);
        for index in 0..grid.len() {
            let [i, j, k] = grid.voxel(index);
            if (1..5).contains(&i) && (1..4).contains(&j) {
                probability.voxels[index] = if k == 2 { 140 } else { 255 };
            }
        }
        let (mask, Profile([across, _, along])) = read(&probability);
        assert_eq!(mask.count(), 4 * 3 * 4);
        assert!(along[2] > 0.95 && along[0] == 0.0 && along[3] == 0.0, "{along:?}");
        assert_eq!((across.len(), across[0]), (6, 0.0));
        assert!((across[1] - 0.25).abs() < 0.01, "one of four voxels there is doubtful: {across:?}");
    }

    #[test]
    fn nothing_found_is_no_doubt_and_a_lone_voxel_little() {
        let grid = Grid::new([6, 5, 4], Affine::IDENTITY);
        let mut probability = Volume::filled(grid, 5_u8);
        assert_eq!(read(&probability).1.0[2], [0.0; 4]);
        probability.voxels[7] = 127;
        assert!(read(&probability).1.0[2][0] < 0.3);
    }
}
