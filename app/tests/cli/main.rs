//! The built program on the command line: what it refuses and how, and the main job with the real engine.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too, which clippy cannot know")]

mod baselines;
mod evaluate;
mod less;
mod make;
mod models;
mod propagate;
mod refusals;
mod run;
#[path = "../support/shared.rs"]
mod shared;
