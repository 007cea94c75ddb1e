//! What a run says on standard output: a line a case, for people or as JSON.

use imaging::{Grid, Mask};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// What was found in one image.
#[derive(Serialize)]
pub struct Case {
    /// The case's name.
    pub case: String,
    /// The mask that was written.
    pub file: PathBuf,
    /// How long it took, from opening the image to the mask on the disk.
    pub took_secs: f64,
    /// In the order of the label values.
    pub structures: Vec<Found>,
}

/// One structure of a case.
#[derive(Serialize)]
pub struct Found {
    /// What it is called.
    pub name: String,
    /// Its label value.
    pub value: u16,
    /// Voxels of its mask.
    pub voxels: usize,
    /// Volume of its mask; a picture has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ml: Option<f64>,
    /// How little the guess is to be trusted, 0 to 1.
    pub uncertainty: f32,
}

impl Found {
    /// What a mask on a grid amounts to.
    pub fn new(name: &str, value: u16, mask: &Mask, grid: &Grid, is_picture: bool, uncertainty: f32) -> Self {
        let voxels = mask.count();
        let ml = (!is_picture).then(|| (voxels as f64 * grid.voxel_ml() * 1000.0).round() / 1000.0);
        Self { name: name.to_owned(), value, voxels, ml, uncertainty }
    }

    fn amount(&self) -> String {
        self.ml.map_or_else(|| format!("{} pixels", self.voxels), |ml| format!("{ml:.1} ml"))
    }
}

/// A case that could not be segmented.
#[derive(Serialize)]
struct Failed<'a> {
    case: &'a str,
    error: String,
}

/// How results are told.
#[derive(Clone, Copy)]
pub struct Teller {
    /// As JSON, a line each.
    pub json: bool,
}

impl Teller {
    /// Tells of a case.
    pub fn tell(self, name: &str, result: &anyhow::Result<Case>) {
        match result {
            Ok(case) => self.done(case),
            Err(error) => self.failed(name, error),
        }
    }

    /// Tells of a case that is done.
    pub fn done(self, case: &Case) {
        if self.json {
            return tell_json(case);
        }
        let found: Vec<String> = case.structures.iter().map(|found| format!("{} {}", found.name, found.amount())).collect();
        println!("{} ({:.1} s): {}", case.file.display(), case.took_secs, found.join(", "));
    }

    /// Tells of a case that is left out; the sentence goes to standard error as well.
    fn failed(self, case: &str, error: &anyhow::Error) {
        eprintln!("exemplar: {case} is left out: {error:#}");
        if self.json {
            tell_json(&Failed { case, error: format!("{error:#}") });
        }
    }
}

fn tell_json(line: &impl Serialize) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => tracing::error!("a result could not be told: {error}"),
    }
}

/// Seconds to the hundredth.
pub fn secs(took: Duration) -> f64 {
    (took.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Affine;

    #[test]
    fn a_result_has_its_volume_in_ml_unless_it_is_a_picture() {
        let grid = Grid::new([10, 10, 10], Affine::from_spacing([1.0, 2.0, 5.0]));
        let mask = Mask::from_fn(grid.shape, |index| index < 100);
        let found = |is_picture| serde_json::to_value(Found::new("liver", 1, &mask, &grid, is_picture, 0.25)).unwrap();
        assert_eq!(found(false), serde_json::json!({"name": "liver", "value": 1, "voxels": 100, "ml": 1.0, "uncertainty": 0.25}));
        assert!(found(true).get("ml").is_none());
    }
}
