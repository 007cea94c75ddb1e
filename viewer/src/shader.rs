//! The one place that includes WGSL.

/// The slice pass.
pub const SLICE: &str = concat!(include_str!("../../shaders/common.wgsl"), include_str!("../../shaders/slice.wgsl"));
