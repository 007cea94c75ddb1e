//! What is guessed: segmentation nets on a thread of their own.
//!
//! The window sends a [`Request`] and takes an [`Event`]; both are plain data (`protocol`).

mod align;
mod cache;
mod chooser;
mod control;
pub mod device;
mod edges;
pub mod encode;
mod engine;
pub mod error;
pub mod evaluate;
mod look;
pub mod nets;
mod plan;
pub mod protocol;
pub mod published;
mod segmenter;
mod strategy;
mod threads;
mod tune;
pub mod weights;
mod worker;

pub use engine::{Engine, Script};
pub use error::EngineError;
pub use protocol::{DeviceChoice, Event, Example, ImageRef, Marks, NetChoice, NetInfo, Request, Target, Ticket};
