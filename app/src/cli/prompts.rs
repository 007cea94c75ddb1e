//! Marks in a JSON file: the form that people write, and the way from it to `imaging`'s prompts.

use super::told;
use anyhow::{Context as _, bail, ensure};
use imaging::{Affine, Image, Prompt, PromptId, Shape, Sign, StructureId, Tip};
use serde::Deserialize;
use std::path::Path;

/// The form of the file, for `--help`.
pub const FORM: &str = r#"The file of marks:
  {
    "positions": "voxel",
    "structures": [
      { "name": "liver", "value": 1, "marks": [
          { "box": [[30, 22, 20], [70, 60, 20]] },
          { "click": [44, 31, 20] },
          { "click": [80, 12, 20], "sign": "negative" },
          { "doodle": [[40, 30, 24], [45, 33, 24], [52, 33, 24]] },
          { "brush": [[41, 30, 22], [50, 32, 22]], "radius_mm": 6 } ] }
    ]
  }
Positions are [i, j, k], counted from 0 at the centre of the file's first voxel; in a picture [x, y] from its
upper left corner. With "positions": "ras_mm" they are [x, y, z] in mm to the right, front and head.
"value" is the label in the mask that is written (1, 2, .. in order if left out); "sign" is "positive" if left out.
A box, a doodle and a brush stroke usually lie on one slice; a box may be deep, and a brush with "ball": true too."#;

/// A structure and its marks on one image.
#[derive(Debug)]
pub struct Marked {
    /// What it is called.
    pub name: String,
    /// Its label value.
    pub value: u16,
    /// Its marks, in voxel positions.
    pub prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    positions: Positions,
    structures: Vec<Structure>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Positions {
    #[default]
    Voxel,
    RasMm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Structure {
    name: Option<String>,
    value: Option<u16>,
    marks: Vec<Mark>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Mark {
    click: Option<Vec<f64>>,
    #[serde(rename = "box")]
    corners: Option<[Vec<f64>; 2]>,
    doodle: Option<Vec<Vec<f64>>>,
    brush: Option<Vec<Vec<f64>>>,
    radius_mm: Option<f32>,
    ball: bool,
    sign: MarkSign,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MarkSign {
    #[default]
    Positive,
    Negative,
}

/// Reads the marks for an image from a file.
///
/// # Errors
/// Where the file is not of the form told in [`FORM`], or a mark does not lie on the image.
pub fn read(path: &Path, image: &Image) -> anyhow::Result<Vec<Marked>> {
    let read = || parse(&std::fs::read_to_string(path)?, image);
    read().map_err(told("the marks cannot be used", path))
}

/// The marks of one structure in the form of [`FORM`], positions in voxels.
///
/// # Errors
/// Where a position is not finite.
pub fn write(name: &str, prompts: &[Prompt]) -> anyhow::Result<String> {
    let marks = prompts.iter().map(|prompt| {
        ensure!(prompt.shape.is_finite(), "a mark of {name} has a position that is not finite");
        let mut mark = match &prompt.shape {
            Shape::Click { at } => serde_json::json!({ "click": at }),
            Shape::Box { from, to } => serde_json::json!({ "box": [from, to] }),
            Shape::Doodle { points, .. } => serde_json::json!({ "doodle": points }),
            Shape::Region { .. } => bail!("what a tool drew of {name} has no form as a mark: accept the mask first"),
            Shape::Stroke { points, radius_mm, tip } => {
                serde_json::json!({ "brush": points, "radius_mm": radius_mm, "ball": *tip == Tip::Ball })
            }
        };
        if prompt.sign == Sign::Negative {
            mark["sign"] = "negative".into();
        }
        Ok(mark)
    });
    let marks = marks.collect::<anyhow::Result<Vec<_>>>()?;
    let file = serde_json::json!({ "structures": [{ "name": name, "value": 1, "marks": marks }] });
    Ok(serde_json::to_string_pretty(&file)?)
}

fn parse(text: &str, image: &Image) -> anyhow::Result<Vec<Marked>> {
    let file: File = serde_json::from_str(text)?;
    let space = Space::new(file.positions, image)?;
    ensure!(!file.structures.is_empty(), "it names no structure");
    let mut structures: Vec<Marked> = Vec::new();
    for (order, structure) in file.structures.iter().enumerate() {
        let marked = space.structure(structure, order)?;
        ensure!(marked.value > 0, "the label value 0 means that nothing is there");
        ensure!(
            structures.iter().all(|other| other.value != marked.value),
            "two structures have the label value {}",
            marked.value
        );
        structures.push(marked);
    }
    Ok(structures)
}

/// The image that the positions speak of.
struct Space<'a> {
    image: &'a Image,
    voxel_from_file: Option<Affine>,
}

impl<'a> Space<'a> {
    fn new(positions: Positions, image: &'a Image) -> anyhow::Result<Self> {
        let in_mm = positions == Positions::RasMm;
        ensure!(!(in_mm && image.is_picture), "a picture has no positions in mm");
        let inverse = || image.grid.world_from_voxel.inverse().context("the image's affine cannot be inverted");
        Ok(Self { image, voxel_from_file: in_mm.then(inverse).transpose()? })
    }

    fn structure(&self, structure: &Structure, order: usize) -> anyhow::Result<Marked> {
        let value = structure.value.unwrap_or(order as u16 + 1);
        let name = structure.name.clone().unwrap_or_else(|| format!("structure {value}"));
        ensure!(!structure.marks.is_empty(), "{name} has no marks");
        let prompts = structure.marks.iter().enumerate().map(|(place, mark)| {
            let shape = self.shape(mark).with_context(|| format!("mark {} of {name}", place + 1))?;
            let sign = if mark.sign == MarkSign::Negative { Sign::Negative } else { Sign::Positive };
            Ok(Prompt { id: PromptId(place as u64), structure: StructureId(order as u64), sign, shape })
        });
        Ok(Marked { value, prompts: prompts.collect::<anyhow::Result<_>>()?, name })
    }

    fn shape(&self, mark: &Mark) -> anyhow::Result<Shape> {
        let shape = match (&mark.click, &mark.corners, &mark.doodle, &mark.brush) {
            (Some(at), None, None, None) => Shape::Click { at: self.position(at)? },
            (None, Some([a, b]), None, None) => Shape::spanning(self.position(a)?, self.position(b)?),
            (None, None, Some(line), None) => {
                let points = self.line(line)?;
                Shape::Doodle { normal: across(&points, self.image), points }
            }
            (None, None, None, Some(line)) => self.stroke(line, mark)?,
            _ => bail!("it must be one of click, box, doodle and brush"),
        };
        ensure!(!(mark.corners.is_some() && mark.sign == MarkSign::Negative), "a box cannot be negative");
        ensure!(shape.touches(self.image.grid.shape), "it lies outside the image");
        Ok(shape)
    }

    fn stroke(&self, line: &[Vec<f64>], mark: &Mark) -> anyhow::Result<Shape> {
        let points = self.line(line)?;
        let radius_mm = mark.radius_mm.context("a brush needs its radius_mm")?;
        ensure!(radius_mm.is_finite() && radius_mm > 0.0, "the radius of a brush must be more than 0");
        let tip = if mark.ball { Tip::Ball } else { Tip::Disc { normal: across(&points, self.image) } };
        Ok(Shape::Stroke { points, radius_mm, tip })
    }

    fn line(&self, line: &[Vec<f64>]) -> anyhow::Result<Vec<[f32; 3]>> {
        ensure!(!line.is_empty(), "it has no points");
        line.iter().map(|point| self.position(point)).collect()
    }

    fn position(&self, position: &[f64]) -> anyhow::Result<[f32; 3]> {
        let position = match *position {
            [i, j, k] => [i, j, k],
            [i, j] if self.image.grid.shape[2] == 1 && self.voxel_from_file.is_none() => [i, j, 0.0],
            _ => bail!("a position is three numbers (two in a picture)"),
        };
        ensure!(position.iter().all(|c| c.is_finite()), "a position is not finite");
        Ok(self.voxel_from_file.map_or(position, |affine| affine.apply(position)).map(|c| c as f32))
    }
}

/// The voxel axis along which the points differ least, in mm: the one across the slice on which they were drawn.
fn across(points: &[[f32; 3]], image: &Image) -> usize {
    let spacing = image.grid.spacing_mm();
    let extent = |axis: usize| {
        let coordinates = points.iter().map(|point| point[axis]);
        let [low, high] = coordinates.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], c| [low.min(c), high.max(c)]);
        f64::from(high - low) * spacing[axis]
    };
    // A single point says nothing of its slice: then the last axis, as most files store axial slices.
    (0..3).rev().min_by(|&a, &b| extent(a).total_cmp(&extent(b))).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Grid, Volume};

    fn image() -> Image {
        let affine = Affine([[-2.0, 0.0, 0.0, 10.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0]]);
        Image::grey(Volume::filled(Grid::new([10, 10, 6], affine), 0.0))
    }

    fn marks(marks: &str, positions: &str) -> anyhow::Result<Vec<Marked>> {
        parse(&format!(r#"{{"positions": "{positions}", "structures": [{{"name": "a", "marks": [{marks}]}}]}}"#), &image())
    }

    #[test]
    fn the_form_in_the_help_can_be_read() {
        let text: String = FORM.lines().skip(1).take_while(|line| !line.starts_with("Positions")).collect();
        let large = Image::grey(Volume::filled(Grid::new([96, 80, 64], Affine::IDENTITY), 0.0));
        let marked = parse(&text, &large).unwrap();
        assert_eq!((marked[0].name.as_str(), marked[0].value, marked[0].prompts.len()), ("liver", 1, 5));
        assert_eq!(marked[0].prompts[2].sign, Sign::Negative);
        assert!(matches!(marked[0].prompts[3].shape, Shape::Doodle { normal: 2, .. }));
    }

    #[test]
    fn what_is_written_reads_back() {
        let text: String = FORM.lines().skip(1).take_while(|line| !line.starts_with("Positions")).collect();
        let large = Image::grey(Volume::filled(Grid::new([96, 80, 64], Affine::IDENTITY), 0.0));
        let marked = parse(&text, &large).unwrap().remove(0);
        let again = parse(&write("liver", &marked.prompts).unwrap(), &large).unwrap().remove(0);
        assert_eq!((again.name, again.value, again.prompts), ("liver".to_owned(), 1, marked.prompts));
    }

    #[test]
    fn positions_in_mm_go_to_voxels() {
        let marked = marks(r#"{"box": [[4, 2, 8], [0, 6, 8]]}"#, "ras_mm").unwrap();
        assert_eq!(marked[0].prompts[0].shape, Shape::Box { from: [3.0, 1.0, 2.0], to: [5.0, 3.0, 2.0] });
    }

    #[test]
    fn a_line_on_a_sagittal_slice_is_known_as_one() {
        let marked = marks(r#"{"doodle": [[3, 1, 1], [3, 5, 4]]}"#, "voxel").unwrap();
        assert!(matches!(marked[0].prompts[0].shape, Shape::Doodle { normal: 0, .. }));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |mark: &str, why: &str| {
            let error = format!("{:#}", marks(mark, "voxel").unwrap_err());
            assert!(error.contains(why), "{error}");
        };
        refused(r#"{"click": [1, 2]}"#, "three numbers");
        refused(r#"{"click": [1, 2, 99]}"#, "outside the image");
        refused(r#"{"click": [1, 2, 3], "box": [[1, 2, 3], [2, 3, 3]]}"#, "one of click");
        refused(r#"{"brush": [[1, 2, 3]]}"#, "radius_mm");
        refused(r#"{"box": [[1, 2, 3], [2, 3, 3]], "sign": "negative"}"#, "negative");
        refused(r#"{"klick": [1, 2, 3]}"#, "unknown field");
        refused("", "no marks");
        assert!(parse("not json", &image()).is_err());
    }
}
