//! Where the slices of a volume lie: their order along the normal, the affine to world (RAS, mm), and what there is
//! to say of a stack that is no even one.

use super::instance::Place;
use super::stack::{Slice, Stack};
use crate::files::fault::Fault;
use crate::space::Affine;
use crate::volume::Grid;

/// Slices in order, and their grid.
#[derive(Clone, Debug)]
pub(crate) struct Laid {
    pub slices: Vec<Slice>,
    pub grid: Grid,
    /// Whether it lies nowhere in a patient: shown as a picture.
    pub is_picture: bool,
    pub warnings: Vec<String>,
}

/// Part of a step beyond which slices count as uneven, or as shifted.
const UNEVEN: f64 = 0.01;

/// Sorts a stack's slices and finds their grid.
pub(crate) fn lay(stack: Stack) -> Result<Laid, Fault> {
    let Stack { mut slices, mut warnings, .. } = stack;
    warnings.extend(slices.first().into_iter().flat_map(|slice| slice.file.warnings.clone()));
    slices.sort_by(|a, b| a.distance().unwrap_or(0.0).total_cmp(&b.distance().unwrap_or(0.0)));
    let Some(first) = slices.first() else { return Err(Fault::Empty) };
    let [columns, rows] = first.size();
    let shape = [columns, rows, slices.len()];
    let Place { position: Some(_), axes: Some(axes), spacing, .. } = *first.place() else {
        return Ok(Laid { grid: picture_grid(first, shape), slices, is_picture: true, warnings });
    };
    let [between_rows, between_columns] = spacing.unwrap_or_else(|| {
        warnings.push("It does not say how far its pixels lie apart; 1 mm is taken.".to_owned());
        [1.0; 2]
    });
    let positions: Vec<[f64; 3]> = slices.iter().filter_map(|slice| slice.place().position).collect();
    let step = step(&positions, axes, first.place(), &mut warnings);
    let columns = [axes[0].map(|part| part * between_columns), axes[1].map(|part| part * between_rows), step];
    let world_from_voxel = affine(columns, positions[0]);
    if !world_from_voxel.is_valid() {
        return Err(Fault::Damaged("its slices' positions or directions do not make a volume".to_owned()));
    }
    Ok(Laid { grid: Grid::new(shape, world_from_voxel), slices, is_picture: false, warnings })
}

/// An affine to RAS from directions and origin in DICOM's coordinates (left, posterior, superior).
pub(crate) fn affine(columns: [[f64; 3]; 3], origin: [f64; 3]) -> Affine {
    const RAS: [f64; 3] = [-1.0, -1.0, 1.0];
    Affine(std::array::from_fn(|world| {
        let at = |v: [f64; 3]| v[world] * RAS[world];
        [at(columns[0]), at(columns[1]), at(columns[2]), at(origin)]
    }))
}

/// The grid of a picture: as far apart as its pixels are said to be.
fn picture_grid(slice: &Slice, shape: [usize; 3]) -> Grid {
    let [rows, columns] = slice.place().spacing.unwrap_or([1.0; 2]);
    Grid::new(shape, Affine::from_spacing([columns, rows, 1.0]))
}

/// The way from one slice to the next, and warnings of what is uneven in it.
fn step(positions: &[[f64; 3]], axes: [[f64; 3]; 2], place: &Place, warnings: &mut Vec<String>) -> [f64; 3] {
    let normal = cross(axes[0], axes[1]);
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else { return normal };
    if positions.len() == 1 {
        let apart = place.between.or(place.thickness).unwrap_or(1.0);
        return normal.map(|part| part * apart);
    }
    let count = (positions.len() - 1) as f64;
    // From end to end, so that the first and the last slice lie where they are, however uneven those between.
    let step: [f64; 3] = std::array::from_fn(|axis| (last[axis] - first[axis]) / count);
    let mm: Vec<f64> = positions.array_windows().map(|[a, b]| dot(sub(*b, *a), normal)).collect();
    note_uneven(&mm, dot(step, normal), warnings);
    note_overlap(&mm, place.thickness, warnings);
    note_tilt(positions, step, normal, warnings);
    step
}

/// Says where slices are missing, or lie unevenly.
fn note_uneven(steps: &[f64], mean: f64, warnings: &mut Vec<String>) {
    let median = median(steps);
    let off = |step: f64| (step - median).abs() > (UNEVEN * median).max(0.01);
    let uneven: Vec<usize> = (0..steps.len()).filter(|&at| off(steps[at])).collect();
    if uneven.is_empty() {
        return;
    }
    let gap = |at: usize| {
        let times = steps[at] / median;
        (times >= 1.9 && (times - times.round()).abs() < 0.1).then(|| times.round() as usize - 1)
    };
    let told = if uneven.iter().all(|&at| gap(at).is_some()) {
        let gaps: Vec<String> = uneven
            .iter()
            .filter_map(|&at| gap(at).map(|count| format!("{count} between slices {} and {}", at + 1, at + 2)))
            .collect();
        format!("Slices are missing: {}.", listed(&gaps))
    } else {
        let (least, most) = steps.iter().fold((f64::MAX, 0.0_f64), |(a, b), &step| (a.min(step), b.max(step)));
        let after: Vec<String> = uneven.iter().map(|&at| (at + 1).to_string()).collect();
        format!(
            "Slices lie unevenly, {least:.2} to {most:.2} mm apart and mostly {median:.2} mm, but otherwise after slices {}.",
            listed(&after)
        )
    };
    warnings.push(format!("{told} They are shown, and volumes measured, as if {mean:.2} mm apart; masks stay on the slices."));
}

fn listed(parts: &[String]) -> String {
    const MOST: usize = 8;
    let shown = parts[..parts.len().min(MOST)].join(", ");
    if parts.len() > MOST { format!("{shown} and {} more", parts.len() - MOST) } else { shown }
}

fn note_overlap(steps: &[f64], thickness: Option<f64>, warnings: &mut Vec<String>) {
    let median = median(steps);
    if let Some(thickness) = thickness.filter(|&thickness| thickness > 1.01 * median + 0.01) {
        warnings.push(format!("Slices overlap: they are {thickness:.2} mm thick and lie {median:.2} mm apart."));
    }
}

/// Says of a stack that leans, as with a tilted gantry, or whose slices are shifted against each other.
fn note_tilt(positions: &[[f64; 3]], step: [f64; 3], normal: [f64; 3], warnings: &mut Vec<String>) {
    let along = dot(step, normal);
    let across = norm(sub(step, normal.map(|part| part * along)));
    let lean = across.atan2(along.abs()).to_degrees();
    if lean > 0.5 {
        warnings.push(format!(
            "Slices are shifted one against the next, as by a gantry tilted by {lean:.1} degrees; planes other than the slices' own are shown slanted."
        ));
    }
    let line = |position: [f64; 3]| {
        // The point of the line from first to last slice at the same distance along the normal.
        let share = dot(sub(position, positions[0]), normal) / along;
        norm(sub(position, std::array::from_fn(|axis| positions[0][axis] + step[axis] * share)))
    };
    let worst = positions.iter().map(|&position| line(position)).fold(0.0, f64::max);
    if worst > 0.5 {
        warnings.push(format!("Slices do not lie in one line: the worst is {worst:.1} mm off it."));
    }
}

fn median(steps: &[f64]) -> f64 {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(1.0)
}

/// Vector product.
pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Scalar product.
pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

pub(crate) fn norm(v: [f64; 3]) -> f64 {
    dot(v, v).sqrt()
}

/// A vector of its direction and of length 1, if it has a direction.
pub(crate) fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = norm(v);
    (length.is_finite() && length > 0.0).then(|| v.map(|part| part / length))
}
