//! One net a file. Nothing here reads a file or knows a prompt.
//!
//! `in_context` is the net that the program ships; the others are published ones, as in their papers. They share
//! `source` (tensors by the names in their authors' files), `layer`, `slabs` (features that are cut so that no piece
//! is too large) and `resize`; `cpu` holds what had to be written out for the processor,
//! `gradient` the same where a net is tuned.

mod cpu;
mod gradient;
pub mod in_context;
mod layer;
pub mod meshnet;
pub mod neuroverse;
mod resize;
pub mod scribbleprompt;
pub mod slabs;
pub mod source;
pub mod tyche;
pub mod universeg;
