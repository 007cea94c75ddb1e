//! Windows of large pictures, each measured as a picture of its own.

use imaging::files::LabelMap;
use imaging::{Affine, Grid, Image, Pixels};
use serde::{Deserialize, Serialize};

/// A square window of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Its left edge.
    pub x: usize,
    /// Its upper edge.
    pub y: usize,
    /// Its side, in pixels.
    pub side: usize,
}

/// Pictures of a set to cut, or of all sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// The set; all where it is left out.
    pub set: Option<String>,
    /// The windows' side in pixels.
    pub side: usize,
}

/// Reads `400` or `SET=400`.
pub fn parse(text: &str) -> Result<Tiling, String> {
    let (set, side) = text.rsplit_once('=').map_or((None, text), |(set, side)| (Some(set.to_owned()), side));
    match side.parse() {
        Ok(side) if side >= 16 => Ok(Tiling { set, side }),
        _ => Err("write it as 400 or SET=400, of at least 16 pixels".to_owned()),
    }
}

/// The side that applies to a set.
pub fn side_for(tilings: &[Tiling], set: &str) -> Option<usize> {
    let last = set.rsplit('/').next();
    let names = |tiling: &&Tiling| tiling.set.as_deref().is_none_or(|name| name == set || Some(name) == last);
    tilings.iter().find(names).map(|tiling| tiling.side)
}

/// The whole windows of a picture, row by row; what is left at its right and bottom is left out. None where it is a
/// volume or has no room for one.
pub fn tiles([width, height, depth]: [usize; 3], side: usize) -> Vec<Tile> {
    let across = if depth == 1 { width / side } else { 0 };
    (0..height / side).flat_map(|row| (0..across).map(move |column| Tile { x: column * side, y: row * side, side })).collect()
}

impl Tile {
    fn take<T: Copy>(self, width: usize, values: &[T]) -> Vec<T> {
        (self.y..self.y + self.side).flat_map(|y| values[y * width + self.x..][..self.side].iter().copied()).collect()
    }

    fn grid(self, grid: &Grid) -> Grid {
        let mut rows = grid.world_from_voxel.0;
        let corner = grid.world_from_voxel.apply([self.x as f64, self.y as f64, 0.0]);
        rows.iter_mut().zip(corner).for_each(|(row, place)| row[3] = place);
        Grid::new([self.side, self.side, 1], Affine(rows))
    }

    /// This window of a picture that holds it.
    pub fn of_image(self, image: &Image) -> Image {
        let width = image.grid.shape[0];
        let pixels = match &image.pixels {
            Pixels::I16(values) => Pixels::I16(self.take(width, values)),
            Pixels::F32(values) => Pixels::F32(self.take(width, values)),
            Pixels::Rgb(values) => Pixels::Rgb(self.take(width, values)),
        };
        Image { grid: self.grid(&image.grid), pixels, is_picture: image.is_picture, window: None, warnings: Vec::new() }
    }

    /// This window of a label map that holds it.
    pub fn of_labels(self, labels: &LabelMap) -> LabelMap {
        let values = self.take(labels.grid.shape[0], &labels.values);
        LabelMap { grid: self.grid(&labels.grid), values, colours: labels.colours.clone(), warnings: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Volume;

    #[test]
    fn windows_are_whole_and_in_order() {
        let corners: Vec<_> = tiles([105, 70, 1], 32).iter().map(|tile| (tile.x, tile.y)).collect();
        assert_eq!(corners, [(0, 0), (32, 0), (64, 0), (0, 32), (32, 32), (64, 32)]);
        assert!(tiles([30, 70, 1], 32).is_empty() && tiles([64, 64, 9], 32).is_empty());
    }

    #[test]
    fn a_window_holds_what_lay_there() {
        let grid = Grid::new([50, 40, 1], Affine::from_spacing([0.5, 0.5, 1.0]));
        let whole = Image::grey(Volume { grid, voxels: (0..grid.len()).map(|at| at as f32).collect() });
        let part = Tile { x: 16, y: 20, side: 16 }.of_image(&whole);
        assert_eq!(part.value(part.grid.index([3, 2, 0])), whole.value(grid.index([19, 22, 0])));
        assert_eq!(part.grid.world_from_voxel.apply([3.0, 2.0, 0.0]), grid.world_from_voxel.apply([19.0, 22.0, 0.0]));
    }

    #[test]
    fn a_side_is_for_all_sets_or_for_one() {
        let tilings = [parse("axon_sem=400").unwrap(), parse("512").unwrap()];
        assert_eq!(side_for(&tilings, "more/axon_sem"), Some(400));
        assert_eq!(side_for(&tilings, "knee"), Some(512));
        assert_eq!(side_for(&tilings[..1], "knee"), None);
        assert!(parse("8").is_err() && parse("a=b").is_err());
    }
}
