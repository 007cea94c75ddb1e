//! What the axes of an NRRD file are: up to three of space, and before or behind them channels and points of time.

use super::super::fault::Fault;
use super::super::place::{LPS, Placed};
use super::super::text_header::{numbers, shape};
use super::Header;
use crate::space::Affine;

/// Axes of more dimensions are allowed and are made by nobody.
const MOST_AXES: usize = 16;

/// How the numbers of a file are to be understood.
pub(super) struct Axes {
    /// Voxels along the axes of space.
    pub shape: [usize; 3],
    /// Numbers that lie side by side at a voxel.
    pub components: usize,
    /// What they are.
    pub side_by_side: &'static str,
    /// Volumes that follow each other in time.
    pub times: u64,
    /// Such series that follow each other.
    pub channels: u64,
    /// Where the volumes lie.
    pub world_from_voxel: Affine,
}

impl Axes {
    pub fn read(header: &Header, warnings: &mut Vec<String>) -> Result<Self, Fault> {
        let sizes = sizes(header)?;
        let kinds = kinds(header, sizes.len())?;
        let directions = directions(header, sizes.len())?;
        let space = space_axes(&kinds, directions.as_deref(), sizes.len())?;
        let shape = shape(&sizes[space.clone()])?;
        let product = |range: std::ops::Range<usize>| {
            let product = sizes[range].iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
            product
                .filter(|&n| n > 0)
                .ok_or_else(|| Fault::Damaged("its header declares axes of sizes that cannot be".to_owned()))
        };
        let components = usize::try_from(product(0..space.start)?).ok().filter(|&n| n <= 1 << 20);
        let components =
            components.ok_or_else(|| Fault::TooLarge("it has more numbers at a voxel than can be read".to_owned()))?;
        let behind = product(space.end..sizes.len())?;
        let in_time = kinds[space.end..].iter().any(|kind| kind == "time") || space.end == sizes.len();
        let world_from_voxel = place(header, directions.as_deref(), space.clone(), warnings);
        Ok(Self {
            shape,
            components,
            side_by_side: if kinds[..space.start].iter().any(|kind| kind == "time") { "time point" } else { "channel" },
            times: if in_time { behind } else { 1 },
            channels: if in_time { 1 } else { behind },
            world_from_voxel,
        })
    }
}

fn sizes(header: &Header) -> Result<Vec<u64>, Fault> {
    let damaged = || Fault::Damaged("the sizes in its header do not fit its dimension".to_owned());
    let sizes: Option<Vec<u64>> = header.field("sizes")?.split_whitespace().map(|size| size.parse().ok()).collect();
    let sizes = sizes.ok_or_else(damaged)?;
    let dimension = header.whole("dimension")?.and_then(|n| usize::try_from(n).ok());
    if dimension != Some(sizes.len()) || sizes.is_empty() || sizes.len() > MOST_AXES {
        return Err(damaged());
    }
    Ok(sizes)
}

/// The kind of each axis, in small letters; empty where it is not told.
fn kinds(header: &Header, dimension: usize) -> Result<Vec<String>, Fault> {
    let mut kinds: Vec<String> = header.get("kinds").unwrap_or("").split_whitespace().map(str::to_ascii_lowercase).collect();
    if kinds.iter().any(|kind| kind == "complex") {
        return Err(Fault::Unsupported("its voxels are complex numbers; save magnitude or phase as plain numbers".to_owned()));
    }
    kinds.resize(dimension, String::new());
    Ok(kinds)
}

/// The step along each axis, up to three numbers of it; none for an axis that is not of space.
fn directions(header: &Header, dimension: usize) -> Result<Option<Vec<Option<[f64; 3]>>>, Fault> {
    let Some(text) = header.get("spacedirections") else { return Ok(None) };
    let damaged = || Fault::Damaged("the directions in its header do not fit its dimension".to_owned());
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = if rest.starts_with('(') {
            rest.find(')').ok_or_else(damaged)? + 1
        } else {
            rest.find([' ', '\t']).unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        found.push(if word.starts_with('(') { Some(vector(word).ok_or_else(damaged)?) } else { None });
        rest = after.trim_start();
    }
    // An axis of time has a direction too where time is a fourth axis of the space.
    let is_space = |step: &[f64; 3]| step.iter().any(|part| *part != 0.0);
    if found.len() == dimension {
        Ok(Some(found.into_iter().map(|step| step.filter(is_space)).collect()))
    } else {
        Err(damaged())
    }
}

/// The first three numbers of a vector, with 0 for those that are missing.
fn vector(text: &str) -> Option<[f64; 3]> {
    let numbers = numbers(text)?;
    Some(std::array::from_fn(|at| numbers.get(at).copied().unwrap_or(0.0)))
}

/// The axes of space, which must lie side by side.
fn space_axes(
    kinds: &[String],
    directions: Option<&[Option<[f64; 3]>]>,
    dimension: usize,
) -> Result<std::ops::Range<usize>, Fault> {
    let named = |kind: &str| matches!(kind, "domain" | "space");
    let told = kinds.iter().any(|kind| named(kind));
    let is_space = |axis: usize| match directions {
        Some(directions) => directions[axis].is_some(),
        None if told => named(&kinds[axis]),
        // Untold, a short first axis of colours is what it looks like to no reader: all axes are of space.
        None => kinds[axis].is_empty() && axis < 3,
    };
    let axes: Vec<usize> = (0..dimension).filter(|&axis| is_space(axis)).collect();
    let (Some(&first), Some(&last)) = (axes.first(), axes.last()) else {
        return Err(Fault::Unsupported("none of its axes is one of space".to_owned()));
    };
    if last - first + 1 != axes.len() || axes.len() > 3 {
        return Err(Fault::Unsupported("its axes of space do not lie side by side, or are more than three".to_owned()));
    }
    Ok(first..last + 1)
}

fn place(
    header: &Header,
    directions: Option<&[Option<[f64; 3]>]>,
    space: std::ops::Range<usize>,
    warnings: &mut Vec<String>,
) -> Affine {
    let count = space.len();
    let mut steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut origin = header.get("spaceorigin").and_then(vector).unwrap_or_default();
    match directions {
        Some(directions) => {
            steps.iter_mut().zip(space.filter_map(|axis| directions[axis])).for_each(|(to, step)| *to = step);
            if count == 2 {
                steps[2] = across(steps[0], steps[1]).unwrap_or(steps[2]);
            }
        }
        None => {
            let each = |name: &str| header.get(name).and_then(numbers).unwrap_or_default();
            let (spacings, least) = (each("spacings"), each("axismins"));
            for (axis, at) in space.enumerate() {
                let spacing = spacings.get(at).copied().filter(|length| length.is_finite() && *length != 0.0);
                steps[axis][axis] = spacing.unwrap_or(1.0);
                origin[axis] = least.get(at).copied().filter(|place| place.is_finite()).unwrap_or(origin[axis]);
            }
        }
    }
    Placed { origin, steps }.world_from_voxel(signs(header, warnings), warnings)
}

/// A step of 1 mm at right angles to two others.
fn across(a: [f64; 3], b: [f64; 3]) -> Option<[f64; 3]> {
    let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let length = cross.iter().map(|part| part * part).sum::<f64>().sqrt();
    (length.is_finite() && length > 0.0).then(|| cross.map(|part| part / length))
}

/// What turns the file's space to the right, to the front and upwards.
fn signs(header: &Header, warnings: &mut Vec<String>) -> [f64; 3] {
    let space = header.get("space").unwrap_or("").to_ascii_lowercase();
    match space.trim_end_matches("-time") {
        "right-anterior-superior" | "ras" | "rast" => [1.0, 1.0, 1.0],
        "left-anterior-superior" | "las" | "last" => [-1.0, 1.0, 1.0],
        "left-posterior-superior" | "lps" | "lpst" => LPS,
        _ => {
            warnings.push("Its header does not tell the patient's sides; left, back and up are taken, as ITK does.".to_owned());
            LPS
        }
    }
}
