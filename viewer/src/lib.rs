//! What is seen: slices of volumes, masks and marks, drawn by wgpu in egui. It knows no project and no engine.
//!
//! Once at start the app calls [`install`]. For each open case it keeps an [`ImageTexture`] and [`Layers`];
//! each frame it fills a [`Scene`] and hands it to [`triplanar::show`] (or [`pane::show`]), which draws and says
//! what the pointer did, in voxel positions. What that means is the app's business.

pub mod camera;
pub mod contrast;
pub mod marks;
pub mod overlay;
pub mod pane;
pub mod scene;
mod shader;
pub mod slice;
pub mod texture;
pub mod thumbnail;
pub mod triplanar;

pub use camera::{Camera, Placement};
pub use contrast::{PRESETS, Preset, Window};
pub use pane::{Button, PaneOutput, PaneState, Phase, PointerEvent};
pub use scene::{Brush, Cover, Cut, Layer, Mark, Scene};
pub use slice::install;
pub use texture::{ImageTexture, Layers, Limits, MOST_LAYERS};
pub use triplanar::{Behaviour, TriplanarOutput, TriplanarState};
