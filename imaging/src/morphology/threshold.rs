//! The voxels whose value lies in a range.

use super::{Cancelled, Watch, report};
use crate::labels::Mask;
use crate::volume::{Image, Pixels, luminance};
use std::ops::RangeInclusive;

/// The voxels of a box (both ends included) whose value lies in a range; of colour the luminance. What is not a
/// number lies in none.
///
/// # Errors
/// Where the watch ends it.
pub fn threshold(
    image: &Image,
    range: &RangeInclusive<f32>,
    within: [[usize; 3]; 2],
    watch: &mut Watch<'_>,
) -> Result<Mask, Cancelled> {
    match &image.pixels {
        Pixels::I16(voxels) => rows(image, within, |at| range.contains(&f32::from(voxels[at])), watch),
        Pixels::F32(voxels) => rows(image, within, |at| range.contains(&voxels[at]), watch),
        Pixels::Rgb(voxels) => rows(image, within, |at| range.contains(&luminance(voxels[at])), watch),
    }
}

fn rows(
    image: &Image,
    [low, high]: [[usize; 3]; 2],
    inside: impl Fn(usize) -> bool,
    watch: &mut Watch<'_>,
) -> Result<Mask, Cancelled> {
    let grid = &image.grid;
    let mut found = Mask::empty(grid.shape);
    for k in low[2]..=high[2] {
        report(watch, (k - low[2]) as f32 / (high[2] + 1 - low[2]) as f32)?;
        for j in low[1]..=high[1] {
            let end = grid.index([high[0], j, k]) + 1;
            let mut at = grid.index([low[0], j, k]);
            while let Some(from) = (at..end).find(|&at| inside(at)) {
                let to = (from..end).find(|&at| !inside(at)).unwrap_or(end);
                found.set_run(from, to, true);
                at = to;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use crate::space::Affine;
    use crate::volume::{Grid, Volume};

    fn image(values: Vec<f32>) -> Image {
        Image::grey(Volume { grid: Grid::new([3, 2, 1], Affine::IDENTITY), voxels: values })
    }

    #[test]
    fn both_ends_count_and_nan_never_does() {
        let image = image(vec![1.0, 2.0, f32::NAN, 3.0, 4.0, 2.5]);
        let whole = threshold(&image, &(2.0..=3.0), [[0; 3], [2, 1, 0]], &mut unwatched).expect("nobody cancels");
        assert_eq!(whole.iter().collect::<Vec<_>>(), [1, 3, 5]);
        let part = threshold(&image, &(2.0..=3.0), [[0, 1, 0], [1, 1, 0]], &mut unwatched).expect("nobody cancels");
        assert_eq!(part.iter().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn whole_numbers_and_colours_too() {
        let grid = Grid::new([3, 1, 1], Affine::IDENTITY);
        let of = |pixels| {
            let image = Image { pixels, ..Image::grey(Volume::filled(grid, 0.0)) };
            threshold(&image, &(-5.0..=100.0), [[0; 3], [2, 0, 0]], &mut unwatched).map(|mask| mask.count())
        };
        assert_eq!(of(Pixels::I16(vec![-1000, 40, 100])), Ok(2));
        assert_eq!(of(Pixels::Rgb(vec![[0, 0, 0], [255, 0, 0], [255, 255, 255]])), Ok(2));
    }
}
