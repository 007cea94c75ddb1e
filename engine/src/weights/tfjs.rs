//! TF.js layers models: `model.json` tells layers and tensors, files beside it hold the numbers.

use super::state::{Kind, State, Stored};
use serde::Deserialize;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

/// A `model.json` of a megabyte describes tens of thousands of layers.
const MOST_JSON: u64 = 16 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_topology: serde_json::Value,
    weights_manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Weight>,
}

#[derive(Deserialize)]
struct Weight {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<serde_json::Value>,
}

pub(super) fn open(path: &Path) -> Result<State, String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if about.len() > MOST_JSON {
        return Err("the description of the model is too long".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let model: Model = serde_json::from_str(&text).map_err(|error| format!("it describes no TF.js model ({error})"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut files = vec![(path.to_owned(), about.len())];
    let mut tensors = Vec::new();
    for Group { paths, weights } in model.weights_manifest {
        let [file] = &paths[..] else { return Err("its numbers are spread over several files".to_owned()) };
        files.push(beside(folder, file)?);
        let mut start = 0_u64;
        for weight in weights {
            if weight.dtype != "float32" || weight.quantization.is_some() {
                return Err(format!("the tensor {} is of a kind that is not read here", weight.name));
            }
            let stored = Stored::whole(weight.shape, Kind::F32, files.len() - 1, start).ok_or("the file is damaged")?;
            start = (stored.len() as u64).checked_mul(4).and_then(|len| len.checked_add(start)).ok_or("the file is damaged")?;
            tensors.push((weight.name, stored));
        }
    }
    let mut state = State::new(files, tensors)?;
    state.topology = Some(model.model_topology);
    Ok(state)
}

/// A file beside the description, and its length; a path that leads elsewhere is none.
fn beside(folder: &Path, name: &str) -> Result<(PathBuf, u64), String> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err("it names a file outside of its own folder".to_owned());
    }
    let path = folder.join(name);
    let len = File::open(&path).and_then(|file| file.metadata()).map_err(|error| format!("{name} beside it: {error}"))?.len();
    Ok((path, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(weights: &serde_json::Value, path: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.bin"), [0; 16]).unwrap();
        let manifest = serde_json::json!([{ "paths": [path], "weights": weights }]);
        let model = serde_json::json!({ "modelTopology": {}, "weightsManifest": manifest });
        let file = folder.path().join("model.json");
        std::fs::write(&file, model.to_string()).unwrap();
        State::open(&file).err().unwrap_or_default()
    }

    #[test]
    fn tensors_are_taken_from_beside_the_description_and_nowhere_else() {
        let weight = |shape: &[usize], dtype: &str| serde_json::json!([{ "name": "a", "shape": shape, "dtype": dtype }]);
        assert_eq!(refusal(&weight(&[2, 2], "float32"), "w.bin"), "");
        assert!(refusal(&weight(&[2, 3], "float32"), "w.bin").contains("does not lie within"));
        assert!(refusal(&weight(&[usize::MAX, 3], "float32"), "w.bin").contains("damaged"));
        assert!(refusal(&weight(&[2, 2], "uint8"), "w.bin").contains("a kind that is not read"));
        for elsewhere in ["../w.bin", "/etc/passwd", "a/../../w.bin"] {
            assert!(refusal(&weight(&[2, 2], "float32"), elsewhere).contains("outside of its own folder"));
        }
        assert!(refusal(&weight(&[2, 2], "float32"), "none.bin").contains("none.bin beside it"));
    }
}
