//! Structures that are larger than a window bears: where overlapping windows lie that cover what was found, how wide they
//! are, and which windows of an example go with each. Knows regions and windows, neither tensors nor files.

use super::{FOUND, Region};
use crate::encode::fit::Fit;
use imaging::{Affine, Grid, Mask, regions};

/// A tile is so many times as wide as the pieces of a structure, in 2-D and in 3-D.
const AROUND_PIECES: [f64; 2] = [5.5, 3.0];
/// No tile is wider than this share of the whole: two of them cover it along an axis.
const WIDEST: f64 = 0.56;
/// Tiles overlap by this share of their side, at least.
const OVERLAP: f64 = 0.2;
/// Tiles whose cells are not so many times finer than those of the whole show nothing new.
const FINER: f64 = 1.5;
/// Cells of tiles are not finer than this share of the finest voxel.
const FINEST: f64 = 0.75;
/// What was found is covered with so many cells of the whole around it.
const MARGIN: f64 = 4.0;
/// Most tiles, in 2-D and in 3-D.
const MOST: [usize; 2] = [36, 27];
/// Where there are more, their sides grow by this factor until there are not.
const GROWTH: f64 = 1.1;
/// A structure whose largest piece is less than this share of it has no place.
const MAIN_PIECE: f64 = 1.0 / 3.0;

/// A window that shows a part of a region.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub fit: Fit,
    /// Where it lies in the region along each axis: 0 at the lower end, 1 at the upper, 0.5 where one tile is enough.
    pub place: [f64; 3],
}

/// How wide tiles are for structures with such pieces, each with its longest side and its size, on images that are up to
/// `whole` wide.
pub(crate) fn side(whole: &Fit, pieces: Vec<[f64; 2]>) -> f64 {
    let widest = WIDEST * whole.side();
    typical(pieces).map_or(widest, |piece| (AROUND_PIECES[whole.dims - 2] * piece).min(widest))
}

/// Whether a structure lies all over an image in many pieces, as cells do, by what a working grid shows of it.
pub(crate) fn is_scattered(whole: &Fit, cells: &[f32]) -> bool {
    let sizes: Vec<f64> = pieces_on_grid(whole, cells).into_iter().map(|[_, size]| size).collect();
    sizes.iter().copied().fold(0.0, f64::max) < MAIN_PIECE * sizes.iter().sum::<f64>()
}

/// The side of the piece in which, by size, the middle of them all lies.
fn typical(mut pieces: Vec<[f64; 2]>) -> Option<f64> {
    pieces.sort_by(|[a, _], [b, _]| a.total_cmp(b));
    let half = pieces.iter().map(|[_, size]| size).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    let middle = pieces.iter().find(|[_, size]| {
        sum += size;
        sum >= half
    });
    middle.map(|[side, _]| *side)
}

/// The pieces of a picture's mask, each with its longest side in the unit of [`Fit::cell`] and its size in pixels.
pub(crate) fn pieces_of_picture(whole: &Fit, mask: &Mask) -> Vec<[f64; 2]> {
    pieces(mask, |pixels| whole.longest(pixels))
}

/// The pieces of a mask as its working grid shows them (`[D, H, W]`), which is enough for a volume, each with its longest
/// side in the unit of [`Fit::cell`] and its size in cells.
pub(crate) fn pieces_on_grid(whole: &Fit, cells: &[f32]) -> Vec<[f64; 2]> {
    let [depth, height, width] = whole.shape();
    let mask = Mask::from_fn([width, height, depth], |at| cells[at] >= FOUND);
    pieces(&mask, |cells| whole.cell() * cells.into_iter().fold(0.0, f64::max))
}

fn pieces(mask: &Mask, longest: impl Fn([f64; 3]) -> f64) -> Vec<[f64; 2]> {
    let grid = Grid::new(mask.shape(), Affine::IDENTITY);
    let measured = |piece: Vec<usize>| {
        let [low, high] = regions::bounds(&grid, &piece)?;
        Some([longest(std::array::from_fn(|axis| (high[axis] - low[axis] + 1) as f64)), piece.len() as f64])
    };
    regions::pieces(mask.shape(), mask.iter()).into_iter().filter_map(measured).collect()
}

/// The tiles that show a region of an image more closely, and their side; none where they would not, or not by much.
pub(crate) fn closer(whole: &Fit, region: &Region, side: f64) -> Option<(Vec<Tile>, f64)> {
    let cells = whole.side() / whole.cell();
    let mut side = side.max(FINEST * whole.finest() * cells);
    while side * FINER <= whole.side() {
        let tiles = cover(whole, region, side);
        if tiles.len() <= MOST[whole.dims - 2] {
            return Some((tiles, side));
        }
        side *= GROWTH;
    }
    None
}

/// Tiles of a side that cover a region of an image and a margin around it.
pub(crate) fn cover(whole: &Fit, region: &Region, side: f64) -> Vec<Tile> {
    let (length, margin) = (whole.voxels(side), whole.voxels(MARGIN * whole.cell()));
    let [xs, ys, zs]: [Vec<[f64; 2]>; 3] = std::array::from_fn(|axis| {
        along([region.low[axis], region.high[axis]], margin[axis], length[axis], whole.source[axis] as f64)
    });
    let cell = side / whole.side() * whole.cell();
    let tile = |[x, y, z]: [[f64; 2]; 3]| Tile { fit: whole.window([x[0], y[0], z[0]], cell), place: [x[1], y[1], z[1]] };
    let (ys, xs) = (&ys, &xs);
    zs.iter().flat_map(|&z| ys.iter().flat_map(move |&y| xs.iter().map(move |&x| [x, y, z]))).map(tile).collect()
}

/// The middle of each tile along an axis of so many voxels, and its place.
fn along([low, high]: [f64; 2], margin: f64, side: f64, voxels: f64) -> Vec<[f64; 2]> {
    let (low, high) = ((low - margin).max(0.0), (high + margin).min(voxels));
    let spare = high - low - side;
    if side >= voxels {
        return vec![[voxels / 2.0, 0.5]];
    }
    // A tile that would show little more than margin is none.
    if spare <= margin {
        return vec![[f64::midpoint(low, high).clamp(side / 2.0, voxels - side / 2.0), 0.5]];
    }
    let steps = (spare / (side * (1.0 - OVERLAP))).ceil();
    (0..=steps as usize).map(|i| i as f64 / steps).map(|place| [low + side / 2.0 + place * spare, place]).collect()
}

/// Which of an example's tiles lies in its structure most as a tile of the target lies in what was found.
pub(crate) fn alike<T>(place: [f64; 3], tiles: &[(Tile, T)]) -> Option<&T> {
    let off = |tile: &Tile| (0..3).map(|axis| (tile.place[axis] - place[axis]).powi(2)).sum::<f64>();
    tiles.iter().min_by(|(a, _), (b, _)| off(a).total_cmp(&off(b))).map(|(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::fit;
    use imaging::{Image, Volume};

    fn whole(shape: [usize; 3], is_picture: bool) -> Fit {
        let grid = Grid::new(shape, Affine::from_spacing([1.0, 1.0, 2.0]));
        Fit::new(&Image { is_picture, ..Image::grey(Volume::filled(grid, 0.0)) }).unwrap()
    }

    /// Where windows of nothing but `value` lie, on a source grid of 9.
    fn laid(tiles: &[Tile], value: impl Fn(usize) -> f32) -> Vec<u8> {
        let shape = tiles[0].fit.source;
        let mut out = vec![9; shape.iter().product()];
        let place = |(at, tile): (usize, &Tile)| tile.fit.placed(&vec![value(at); tile.fit.count()]);
        fit::paste(&tiles.iter().enumerate().map(place).collect::<Vec<_>>(), shape, &mut out);
        out
    }

    #[test]
    fn tiles_cover_their_region_and_overlap() {
        let whole = whole([1280, 950, 1], true);
        let region = Region { low: [100.0, 0.0, 0.0], high: [1200.0, 700.0, 1.0] };
        let (tiles, side) = closer(&whole, &region, 300.0).unwrap();
        assert_eq!((tiles.len(), side), (15, 300.0), "five by three");
        let out = laid(&tiles, |_| 1.0);
        let at = |x: usize, y: usize| out[y * 1280 + x];
        assert!([(61, 1), (100, 0), (1199, 699), (1238, 738), (640, 350)].iter().all(|&(x, y)| at(x, y) == 255));
        assert_eq!((at(58, 300), at(1242, 300), at(600, 742)), (9, 9, 9), "what lies outside stays");
        let step = tiles[1].fit.voxel_from_cell([0.0; 3])[0] - tiles[0].fit.voxel_from_cell([0.0; 3])[0];
        assert!(step <= 300.0 * (1.0 - OVERLAP) && step > 150.0, "{step}");
        assert_eq!((tiles[0].place, tiles[14].place), ([0.0, 0.0, 0.5], [1.0, 1.0, 0.5]));
    }

    #[test]
    fn tiles_are_no_more_than_the_limit_and_finer_than_the_whole() {
        let whole_image = Region { low: [0.0; 3], high: [640.0, 480.0, 200.0] };
        let whole = whole([640, 480, 200], false);
        let (tiles, side) = closer(&whole, &whole_image, 10.0).unwrap();
        assert!(tiles.len() <= 27 && side < 0.67 * 640.0, "{} of {side}", tiles.len());
        let (widest, _) = closer(&whole, &whole_image, super::side(&whole, Vec::new())).unwrap();
        assert_eq!(widest.len(), 8, "400 mm deep: two along each axis");
        assert!(closer(&whole, &whole_image, 500.0).is_none(), "hardly finer");
        let coarse = super::tests::whole([64, 64, 32], false);
        assert!(closer(&coarse, &whole_image, 10.0).is_none(), "voxels as coarse as the cells");
    }

    #[test]
    fn where_tiles_overlap_they_are_weighed() {
        let whole = whole([256, 256, 1], true);
        let tiles = cover(&whole, &Region { low: [0.0; 3], high: [256.0, 100.0, 1.0] }, 143.0);
        assert_eq!(tiles.len(), 2);
        let row: Vec<u8> = laid(&tiles, |at| at as f32)[50 * 256..51 * 256].to_vec();
        assert_eq!((row[0], row[110], row[145], row[255]), (0, 0, 255, 255), "one tile only");
        assert!(row.is_sorted() && row[126..130].iter().all(|value| (108..148).contains(value)), "{:?}", &row[110..146]);
        assert!(laid(&tiles, |_| 0.4)[50 * 256..51 * 256].iter().all(|&value| value == 102), "weights sum to 1");
    }

    #[test]
    fn tiles_are_as_wide_as_the_typical_piece_asks_for() {
        let whole = whole([1000, 1000, 1], true);
        let inside = |x: usize, y: usize| (x < 40 && y < 20) || (100..110).contains(&x) && (100..108).contains(&y);
        let mask = Mask::from_fn([1000, 1000, 1], |at| inside(at % 1000, at / 1000));
        let pieces = pieces_of_picture(&whole, &mask);
        assert_eq!(pieces, [[40.0, 800.0], [10.0, 80.0]]);
        assert_eq!(side(&whole, pieces), 220.0);
        assert_eq!(side(&whole, vec![[300.0, 1.0]]), 560.0, "no wider than lets two cover the whole");
        let volume = super::tests::whole([128, 128, 64], false);
        let cells: Vec<f32> = (0..64 * 64 * 64).map(|at| if at % 64 < 10 && at / 64 % 64 < 4 { 1.0 } else { 0.2 }).collect();
        assert_eq!(pieces_on_grid(&volume, &cells), [[128.0, 10.0 * 4.0 * 64.0]]);
    }

    #[test]
    fn what_lies_in_many_pieces_is_scattered() {
        let whole = whole([128, 128, 1], true);
        let scattered = |pieces: usize| {
            let cells: Vec<f32> =
                (0..128 * 128).map(|at| f32::from(at % 128 < 8 * pieces && at % 8 < 4 && at / 128 < 4)).collect();
            is_scattered(&whole, &cells)
        };
        assert_eq!([1, 2, 3, 4, 9].map(scattered), [false, false, false, true, true]);
        assert!(!is_scattered(&whole, &vec![0.0; 128 * 128]), "nothing lies nowhere");
    }

    #[test]
    fn a_tile_goes_with_that_of_the_example_in_the_same_place() {
        let whole = whole([400, 400, 1], true);
        let region = Region { low: [0.0; 3], high: [400.0, 400.0, 1.0] };
        let tiles: Vec<(Tile, usize)> = cover(&whole, &region, 224.0).into_iter().zip(0..).collect();
        assert_eq!(tiles.len(), 4);
        assert_eq!(alike([0.0, 0.0, 0.5], &tiles), Some(&0));
        assert_eq!(alike([0.75, 0.25, 0.5], &tiles), Some(&1));
        assert_eq!(alike([0.5, 1.0, 0.5], &tiles[..2]), Some(&0), "the nearest of what shows the structure");
    }
}
