//! The nets' weights: where they lie, what their card says, and whether they are what it says. Knows nothing of how
//! a net computes.
//!
//! The program's own stand in `assets` with a card each. Published ones are added by the user (`installed`): `state`
//! lists the tensors of a file of any format (`torch`, `safe`, `tfjs`), `recognise` tells by them which net it is, `fit`
//! puts them into it, and `catalogue` knows what the authors say of it.

mod card;
pub mod catalogue;
mod fit;
pub mod installed;
mod pickle;
pub mod recognise;
mod safe;
pub mod state;
mod tfjs;
mod torch;
mod zip;

pub use card::{Card, SCHEMA, Source};
pub use fit::{FromFile, fit};

use crate::error::EngineError;
use crate::nets::in_context::InContextNet;
use burn::module::Module;
use burn::store::{ModuleStore, PyTorchToBurnAdapter, SafetensorsStore};
use burn::tensor::Device;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A net with its weights, and their card.
pub struct Loaded {
    /// What the weights are.
    pub card: Card,
    /// The net.
    pub net: Arc<InContextNet>,
}

/// The folder of weights: below `EXEMPLAR_ASSETS` if that is set, else beside the program as it was installed, else
/// in the source tree.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    if let Some(assets) = std::env::var_os("EXEMPLAR_ASSETS") {
        return Some(PathBuf::from(assets).join("weights"));
    }
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    let installed = ["../share/exemplar/weights", "../Resources/weights", "assets/weights"];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/weights");
    let mut places = beside.into_iter().flat_map(|beside| installed.map(|place| beside.join(place))).chain([source]);
    places.find(|place| place.is_dir())
}

/// The cards in a folder, sorted by name.
#[must_use]
pub fn cards(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut cards: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_card(path)).collect();
    cards.sort();
    cards
}

fn is_card(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json") && path.with_extension("safetensors").is_file()
}

/// Reads a card and the weights beside it.
///
/// # Errors
/// [`EngineError::Weights`] where either cannot be read, the card is of another schema, the weights are not those
/// that it describes, or they do not fit the net.
pub fn load(card_path: &Path, device: &Device) -> Result<Loaded, EngineError> {
    let refuse = |path: &Path, why: String| EngineError::Weights { path: path.to_owned(), why };
    let text = std::fs::read_to_string(card_path).map_err(|error| refuse(card_path, error.to_string()))?;
    let card = Card::parse(&text).map_err(|why| refuse(card_path, why))?;
    let path = card_path.with_extension("safetensors");
    let bytes = std::fs::read(&path).map_err(|error| refuse(&path, error.to_string()))?;
    if !hash(&bytes).eq_ignore_ascii_case(&card.sha256) {
        return Err(refuse(&path, "they are not the ones that their card describes (the SHA-256 differs)".to_owned()));
    }
    let net = fill(card.config.init(&Device::flex()), bytes).map_err(|why| refuse(&path, why))?;
    // Filled on the CPU: a device that fails while the store holds the net would end the whole program.
    Ok(Loaded { card, net: Arc::new(net.to_device(device)) })
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Puts tensors, named as in `net.py`, into a net of which each must be one and only one.
///
/// # Errors
/// In a few words, what does not fit.
pub fn fill(mut net: InContextNet, safetensors: Vec<u8>) -> Result<InContextNet, String> {
    let mut store = SafetensorsStore::from_bytes(Some(safetensors))
        .with_from_adapter(PyTorchToBurnAdapter)
        .with_key_remapping(r"\.(target|context)_(conv|conv_2|norm_1|norm_2|skip)\.", ".${1}.${2}.")
        .map_indices_contiguous(false)
        .validate(false)
        .allow_partial(true);
    let result = store.apply_to(&mut net).map_err(|error| format!("the file is damaged ({error})"))?;
    if let Some(error) = result.errors.first() {
        return Err(format!("they do not fit the net ({error})"));
    }
    if let Some((name, _)) = result.missing.first() {
        return Err(format!("{} tensors are missing, {name} among them", result.missing.len()));
    }
    match result.unused.first() {
        Some(name) => Err(format!("the net has no place for {name}")),
        None => Ok(net),
    }
}

#[cfg(test)]
#[path = "../../fuzz/src/target.rs"]
mod fuzz_target;

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = r#"{
        "name": "tiny", "what": "A test.", "schema": 1, "sha256": "HASH", "licence": "CC0-1.0",
        "trained_on": [{"name": "Nothing", "licence": "CC0-1.0", "cases": 0}],
        "config": {"dims": 3, "image_channels": 1, "prompt_channels": 5, "widths": [4, 8, 8, 16, 16], "heads": 4,
            "attention_levels": 2, "group": 8, "full_resolution_cross": false}
    }"#;

    fn tiny() -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tiny_3d.safetensors")).unwrap()
    }

    fn load_with(card: &str, weights: &[u8]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.json"), card).unwrap();
        std::fs::write(folder.path().join("tiny.safetensors"), weights).unwrap();
        let cards = cards(folder.path());
        assert_eq!(cards.len(), 1);
        load(&cards[0], &Device::flex()).map_err(|error| error.to_string())
    }

    #[test]
    fn weights_are_loaded_with_their_card() {
        let loaded = load_with(&CARD.replace("HASH", &hash(&tiny())), &tiny()).unwrap();
        assert_eq!(loaded.card.info().name, "tiny");
        assert_eq!(loaded.card.info().trained_on, "Nothing (CC0-1.0)");
        assert_eq!(loaded.net.config().widths, [4, 8, 8, 16, 16]);
    }

    #[test]
    fn a_wrong_hash_schema_or_net_is_refused_in_one_sentence() {
        let good = CARD.replace("HASH", &hash(&tiny()));
        for (card, weights, why) in [
            (CARD.to_owned(), tiny(), "SHA-256 differs"),
            (good.replace("\"schema\": 1", "\"schema\": 2"), tiny(), "made for another version"),
            (good.replace("\"group\": 8", "\"group\": 0"), tiny(), "the groups do not share the width"),
            (good.replace("[4, 8, 8, 16, 16]", "[4, 8, 8, 16, 24]"), tiny(), "do not fit the net"),
            (good.replace("\"attention_levels\": 2", "\"attention_levels\": 1"), tiny(), "the net has no place"),
            (good.replace("\"full_resolution_cross\": false", "\"full_resolution_cross\": true"), tiny(), "missing"),
            (CARD.replace("HASH", &hash(b"no")), b"no".to_vec(), "damaged"),
            ("{".to_owned(), tiny(), "the card cannot be read"),
        ] {
            let message = load_with(&card, &weights).map(|_| ()).unwrap_err();
            assert!(message.contains(why), "{message} does not say {why}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    /// What a fuzzer finds is kept by laying its input into the corpus.
    #[test]
    fn no_input_of_the_fuzzers_corpus_makes_a_reader_fail() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/weights");
        let entries: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!entries.is_empty());
        for path in entries {
            println!("{}", path.display());
            fuzz_target::weights(&std::fs::read(&path).unwrap());
        }
    }
}
