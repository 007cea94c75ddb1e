//! The readers of weights (`engine/src/weights/`) under libFuzzer.

#![allow(dead_code, unused_imports, reason = "the readers are here without most of what uses them")]

// The one thing of burn that the readers use, under its name.
extern crate self as burn;
pub mod tensor {
    pub use half::{bf16, f16};
}

#[path = "../../src/weights/pickle.rs"]
mod pickle;
#[path = "../../src/weights/safe.rs"]
mod safe;
#[path = "../../src/weights/state.rs"]
pub mod state;
pub mod target;
#[path = "../../src/weights/tfjs.rs"]
mod tfjs;
#[path = "../../src/weights/torch.rs"]
mod torch;
#[path = "../../src/weights/zip.rs"]
mod zip;
