//! The fuzz target: it takes any bytes, and returns unless a reader panics or takes more than a file can hold.

use super::state::State;
use std::path::Path;

/// Stands between the files of an input: a TF.js model and its numbers.
const SPLIT: &[u8] = b"\n--file--\n";

/// More tensors of one input teach nothing new.
const ENOUGH: usize = 8;

/// A file of weights in whatever format, its tensors listed, and some of them read.
pub fn weights(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = bytes.windows(SPLIT.len()).position(|some| some == SPLIT);
    let path = folder.path().join(if at.is_some() { "model.json" } else { "weights.pth" });
    let (first, second) = at.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + SPLIT.len()..])));
    put(&path, first);
    if let Some(second) = second {
        put(&folder.path().join("group1-shard1of1.bin"), second);
    }
    let Ok(state) = State::open(&path) else { return };
    let names: Vec<String> = state.tensors().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().take(ENOUGH) {
        let len: usize = state.shape(name).expect("it was listed").iter().product();
        // A tensor that is stretched over a storage holds no more numbers than its file has bytes.
        assert!(len <= bytes.len(), "{len} numbers of {} bytes", bytes.len());
        if let Ok(numbers) = state.read(name) {
            assert_eq!(numbers.len(), len);
        }
    }
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a temporary folder can be written");
}
