use super::*;
use imaging::{Affine, Prompt, PromptId, Shape, Sign, StructureId, Tip};

fn image(shape: [usize; 3], affine: Affine, value: impl Fn([usize; 3]) -> f32) -> Image {
    let grid = Grid::new(shape, affine);
    Image::grey(Volume { grid, voxels: (0..grid.len()).map(|at| value(grid.voxel(at))).collect() })
}

fn picture(width: usize, height: usize, value: impl Fn([usize; 3]) -> f32) -> Image {
    Image { is_picture: true, ..image([width, height, 1], Affine::IDENTITY, value) }
}

fn prompt(shape: Shape, sign: Sign) -> Prompt {
    Prompt { id: PromptId(0), structure: StructureId(0), sign, shape }
}

fn marks(shapes: &[(Shape, Sign)]) -> Marks {
    Marks { prompts: shapes.iter().map(|(shape, sign)| prompt(shape.clone(), *sign)).collect(), mask: None }
}

fn marking(encoded: &Encoded, shapes: &[(Shape, Sign)]) -> Marking {
    encoded.marking(&marks(shapes), None, None).unwrap()
}

/// Positions `[D, H, W]` of the cells of a channel that are at least `least`.
fn set(encoded: &Encoded, marking: &Marking, channel: usize, least: f32) -> Vec<[usize; 3]> {
    let [_, h, w] = encoded.fit.shape();
    let cells = &marking.cells[channel * encoded.fit.count()..][..encoded.fit.count()];
    (0..cells.len()).filter(|&at| cells[at] >= least).map(|at| [at / (h * w), at / w % h, at % w]).collect()
}

/// One axis as the contract writes it.
fn naive_axis(voxels: usize, cells: usize, scale: f64) -> Vec<Vec<f64>> {
    (0..cells)
        .map(|o| {
            let c = (o as f64 + 0.5 - cells as f64 / 2.0) * scale + voxels as f64 / 2.0 - 0.5;
            if c < -0.5 || c > voxels as f64 - 0.5 {
                return vec![0.0; voxels];
            }
            let row: Vec<f64> = (0..voxels).map(|i| (1.0 - (i as f64 - c).abs() / scale.max(1.0)).max(0.0)).collect();
            let total: f64 = row.iter().sum();
            row.iter().map(|w| w / total.max(1e-9)).collect()
        })
        .collect()
}

#[test]
fn a_volume_is_fitted_as_the_contract_says() {
    let (shape, spacing) = ([70, 9, 30], [1.0, 2.0, 3.0]);
    let wave = |[i, j, k]: [usize; 3]| (i * 7 + j * 13 + k * 5) as f32 % 11.0 / 10.0;
    let encoded = Encoded::new(&image(shape, Affine::from_spacing(spacing), wave)).unwrap();
    let cell = 90.0 / 64.0;
    let axes: [_; 3] = std::array::from_fn(|axis| naive_axis(shape[axis], 64, cell / spacing[axis]));
    for [z, y, x] in [[0, 31, 0], [10, 30, 40], [33, 33, 33], [63, 35, 12], [5, 40, 60], [20, 3, 20]] {
        let mut want = 0.0;
        for k in 0..shape[2] {
            for j in 0..shape[1] {
                for i in 0..shape[0] {
                    want += f64::from(wave([i, j, k])) * axes[2][z][k] * axes[1][y][j] * axes[0][x][i];
                }
            }
        }
        let got = encoded.cells[(z * 64 + y) * 64 + x];
        assert!((f64::from(got) - want).abs() < 1e-4, "{got} is not {want} at {z} {y} {x}");
    }
}

#[test]
fn all_orientations_of_one_anatomy_are_encoded_alike() {
    let anatomy = |[x, y, z]: [usize; 3]| (x * 5 + y * y + z * 11) as f32;
    let shape = [12, 10, 8];
    let spacing = [1.0, 1.5, 2.0];
    let plain = Encoded::new(&image(shape, Affine::from_spacing(spacing), anatomy)).unwrap();
    let click = [2_usize, 7, 5];
    let cell = plain.fit.cell_from_voxel(click.map(|c| c as f32));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8 {
            // Voxel axis `order[world]` runs along world axis `world`, forth or back.
            let mut rows = [[0.0; 4]; 3];
            let mut turned = [0; 3];
            for (world, &axis) in order.iter().enumerate() {
                rows[world][axis] = if signs >> world & 1 == 1 { -spacing[world] } else { spacing[world] };
                turned[axis] = shape[world];
            }
            let anatomical = |voxel: [usize; 3]| {
                std::array::from_fn(|world| {
                    let at = voxel[order[world]];
                    if signs >> world & 1 == 1 { shape[world] - 1 - at } else { at }
                })
            };
            let encoded = Encoded::new(&image(turned, Affine(rows), |voxel| anatomy(anatomical(voxel)))).unwrap();
            for (got, want) in encoded.cells.iter().zip(&plain.cells) {
                assert!((got - want).abs() < 1e-5);
            }
            let grid = encoded.grid;
            let voxel = (0..grid.len()).map(|at| grid.voxel(at)).find(|&voxel| anatomical(voxel) == click).unwrap();
            let place = encoded.fit.cell_from_voxel(voxel.map(|c| c as f32));
            assert!(place.iter().zip(cell).all(|(got, want)| (got - want).abs() < 1e-4));
        }
    }
}

#[test]
fn a_mask_there_and_back_is_the_same_mask() {
    for (shape, spacing, dims) in [
        ([80, 60, 40], [1.0, 1.0, 2.0], 3),
        ([35, 50, 33], [1.0, 1.0, 1.0], 3),
        ([150, 100, 1], [1.0, 1.0, 1.0], 2),
        ([1, 90, 120], [5.0, 0.8, 0.8], 2),
    ] {
        let mut affine = Affine::from_spacing(spacing);
        affine.0[0][0] = -affine.0[0][0];
        let image = image(shape, affine, |_| 0.0);
        let inside = |voxel: [usize; 3]| {
            let off =
                |axis: usize, part: f64| (voxel[axis] as f64 + 0.5 - part * shape[axis] as f64) / (0.3 * shape[axis] as f64);
            (0..3).filter(|&axis| shape[axis] > 1).map(|axis| off(axis, [0.4, 0.55, 0.5][axis]).powi(2)).sum::<f64>() < 1.0
        };
        let mask = Mask::from_fn(shape, |at| inside(image.grid.voxel(at)));
        let encoded = Encoded::new(&image).unwrap();
        assert_eq!(encoded.fit.dims, dims);
        let back = encoded.decode(&encoded.mask_cells(&mask).unwrap());
        let back = Mask::from_fn(shape, |at| back.voxels[at] >= 128);
        assert!(mask.dice(&back) > 0.95, "{} of {shape:?}", mask.dice(&back));
    }
}

#[test]
fn intensities_are_clipped_scaled_and_nan_is_0() {
    let mut odd = picture(128, 128, |[i, j, _]| (i + 128 * j) as f32);
    let Pixels::F32(voxels) = &mut odd.pixels else { panic!("grey") };
    voxels[0] = f32::NAN;
    voxels[1] = f32::INFINITY;
    let encoded = Encoded::new(&odd).unwrap();
    assert_eq!(encoded.cells.len(), 3 * 128 * 128, "grey is repeated");
    assert_eq!(encoded.cells[..2], [0.0, 0.0]);
    assert!((encoded.cells[64 * 128] - 0.5).abs() < 0.01);
    assert_eq!(encoded.cells[128 * 128 - 1], 1.0);
    let flat = Encoded::new(&picture(9, 9, |_| 7.0)).unwrap();
    assert!(flat.cells.iter().all(|&value| value == 0.0));
    assert!(Encoded::new(&image([0, 4, 4], Affine::IDENTITY, |_| 0.0)).is_err());
}

#[test]
fn percentiles_are_linear_between_ranks() {
    let mut values = [4.0, 1.0, 3.0, 2.0, 5.0];
    assert!((percentile(&mut values, 0.3) - 2.2).abs() < 1e-6);
    assert_eq!(percentile(&mut values, 1.0), 5.0);
    assert_eq!(percentile(&mut [], 0.5), 0.0);
}

#[test]
fn colours_keep_their_channels() {
    let grid = Grid::new([128, 128, 1], Affine::IDENTITY);
    let voxels = (0..grid.len()).map(|at| if at % 128 < 64 { [255, 0, 0] } else { [0, 0, 255] }).collect();
    let image = Image { grid, pixels: Pixels::Rgb(voxels), is_picture: true, window: None, warnings: Vec::new() };
    let cells = Encoded::new(&image).unwrap().cells;
    let [red, green, blue] = std::array::from_fn(|c| cells[c * 128 * 128 + 10]);
    assert_eq!([red, green, blue], [1.0, 0.0, 0.0]);
}

#[test]
fn a_box_covers_the_cells_in_it_on_its_slice() {
    let encoded = Encoded::new(&image([64, 64, 64], Affine::IDENTITY, |_| 0.0)).unwrap();
    let flat = Shape::Box { from: [9.5, 19.5, 30.0], to: [12.5, 21.5, 30.0] };
    let cells = set(&encoded, &marking(&encoded, &[(flat, Sign::Positive)]), 1, 1.0);
    assert_eq!(cells, [[30, 20, 10], [30, 20, 11], [30, 20, 12], [30, 21, 10], [30, 21, 11], [30, 21, 12]]);
    let thick = Shape::Box { from: [1.0, 2.0, 3.0], to: [2.0, 4.0, 6.0] };
    assert_eq!(set(&encoded, &marking(&encoded, &[(thick, Sign::Positive)]), 1, 1.0).len(), 2 * 3 * 4);
    let sagittal = Shape::Box { from: [9.0, 3.5, 3.5], to: [9.0, 5.5, 5.5] };
    let cells = set(&encoded, &marking(&encoded, &[(sagittal, Sign::Positive)]), 1, 1.0);
    assert_eq!(cells, [[4, 4, 9], [4, 5, 9], [5, 4, 9], [5, 5, 9]]);
}

#[test]
fn a_click_is_a_soft_ball() {
    let encoded = Encoded::new(&image([64, 64, 64], Affine::IDENTITY, |_| 0.0)).unwrap();
    let drawn = marking(&encoded, &[(Shape::Click { at: [5.2, 6.0, 7.0] }, Sign::Negative)]);
    assert_eq!(set(&encoded, &drawn, 3, 1.0), [[7, 6, 5]]);
    assert!(set(&encoded, &drawn, 2, 0.01).is_empty());
    let next = drawn.cells[3 * encoded.fit.count() + (7 * 64 + 6) * 64 + 7];
    assert!((next - 1.0 / 3.0).abs() < 1e-6);
    let flat = Encoded::new(&picture(128, 128, |_| 0.0)).unwrap();
    let drawn = marking(&flat, &[(Shape::Click { at: [5.0, 9.0, 0.0] }, Sign::Positive)]);
    assert!((drawn.cells[2 * flat.fit.count() + 9 * 128 + 7] - 0.5).abs() < 1e-6);
}

#[test]
fn a_doodle_covers_what_lies_within_a_cell_on_its_slice() {
    let encoded = Encoded::new(&image([64, 64, 64], Affine::IDENTITY, |_| 0.0)).unwrap();
    let doodle = Shape::Doodle { points: vec![[10.0, 10.0, 4.0], [14.0, 10.0, 4.0]], normal: 2 };
    let cells = set(&encoded, &marking(&encoded, &[(doodle, Sign::Positive)]), 2, 1.0);
    assert_eq!(cells.len(), 5 * 3 + 2);
    assert!(cells.iter().all(|[z, ..]| *z == 4));
}

#[test]
fn the_eraser_takes_back_the_brush() {
    let encoded = Encoded::new(&image([64, 64, 64], Affine::IDENTITY, |_| 0.0)).unwrap();
    let stroke = |tip, radius_mm| Shape::Stroke { points: vec![[20.0, 20.0, 20.0]], radius_mm, tip };
    let ball = marking(&encoded, &[(stroke(Tip::Ball, 3.0), Sign::Positive)]);
    assert_eq!(set(&encoded, &ball, 2, 1.0).len(), 123, "the whole points within 3 of another");
    let disc = marking(&encoded, &[(stroke(Tip::Disc { normal: 1 }, 3.0), Sign::Positive)]);
    assert_eq!(set(&encoded, &disc, 2, 1.0).len(), 29);
    let both = [(stroke(Tip::Ball, 3.0), Sign::Positive), (stroke(Tip::Ball, 2.0), Sign::Negative)];
    let both = marking(&encoded, &both);
    assert_eq!(set(&encoded, &both, 2, 1.0).len(), 123 - 33);
    assert_eq!(set(&encoded, &both, 3, 1.0).len(), 33);
}

#[test]
fn a_region_is_drawn_as_a_stroke_over_its_voxels_would_be() {
    let encoded = Encoded::new(&image([64, 64, 64], Affine::IDENTITY, |_| 0.0)).unwrap();
    let region = |from: usize, to: usize| {
        let within = |index: usize| [index % 64, index / 64 % 64, index / 4096].iter().all(|c| (from..to).contains(c));
        Shape::Region { mask: std::sync::Arc::new(Mask::from_fn([64; 3], within)) }
    };
    let marked = marking(&encoded, &[(region(10, 20), Sign::Positive), (region(12, 14), Sign::Negative)]);
    assert_eq!(set(&encoded, &marked, 2, 1.0).len(), 1000 - 8);
    assert_eq!(set(&encoded, &marked, 3, 1.0).len(), 8);
    let elsewhere = Shape::Region { mask: std::sync::Arc::new(Mask::from_fn([32; 3], |_| true)) };
    assert!(marking(&encoded, &[(elsewhere, Sign::Positive)]).is_empty());
}

#[test]
fn marks_that_are_nowhere_are_left_out() {
    let encoded = Encoded::new(&picture(50, 60, |_| 0.0)).unwrap();
    let nowhere = [f32::NAN, 3.0, 0.0];
    let far = [1e30, -1e30, 0.0];
    for shape in [
        Shape::Click { at: nowhere },
        Shape::Click { at: [60.0, 3.0, 0.0] },
        Shape::Box { from: nowhere, to: [3.0; 3] },
        Shape::Doodle { points: vec![], normal: 2 },
        Shape::Doodle { points: vec![nowhere], normal: 7 },
        Shape::Stroke { points: vec![far], radius_mm: f32::NAN, tip: Tip::Ball },
    ] {
        assert!(marking(&encoded, &[(shape.clone(), Sign::Positive)]).is_empty(), "{shape:?}");
    }
    let huge = Shape::Stroke { points: vec![[3.0, 3.0, 0.0], far], radius_mm: 1e30, tip: Tip::Disc { normal: 9 } };
    assert!(!marking(&encoded, &[(huge, Sign::Positive)]).is_empty());
}

#[test]
fn masks_and_guesses_of_another_shape_are_refused() {
    let encoded = Encoded::new(&picture(50, 60, |_| 0.0)).unwrap();
    assert!(encoded.mask_cells(&Mask::empty([60, 50, 1])).is_err());
    let other = Volume::filled(Grid::new([60, 50, 1], Affine::IDENTITY), 9_u8);
    let click = marks(&[(Shape::Click { at: [5.0, 5.0, 0.0] }, Sign::Positive)]);
    assert!(encoded.marking(&click, None, Some(&other)).is_err());
    let own = Volume::filled(encoded.grid, 255_u8);
    let marked = encoded.marking(&click, None, Some(&own)).unwrap();
    assert_eq!(marked.cells[4 * encoded.fit.count() + 64 * 128 + 64], 1.0);
    let unmarked = encoded.marking(&Marks::default(), None, Some(&own)).unwrap();
    assert!(unmarked.is_empty(), "a guess alone is no mark");
}
