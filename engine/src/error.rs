//! What can go wrong in the engine: one variant a thing that the user or the caller can act on.

use std::path::PathBuf;
use std::sync::Arc;

/// A cause that came from elsewhere.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What could not be done, then why, then the path.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// There is nothing to learn from.
    #[error("there is nothing to go by: mark the structure on this image, or on an example")]
    NoMarks,
    /// An image could not be read.
    #[error("the image could not be opened: {cause}: {}", path.display())]
    Open {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: Cause,
    },
    /// An image that no net can take.
    #[error("the image cannot be segmented: {0}")]
    Image(String),
    /// A mask or guess that is not of its image's shape.
    #[error("a mask of {mask:?} voxels does not fit its image of {image:?}")]
    Shape {
        /// Shape of the mask.
        mask: [usize; 3],
        /// Shape of the image.
        image: [usize; 3],
    },
    /// No weights for images of this kind.
    #[error("there is no net for {dims}-D images among the installed weights")]
    NoNet {
        /// 2 or 3.
        dims: usize,
    },
    /// Weights were found and refused, or not found.
    #[error("the weights could not be used: {why}: {}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Why, in a few words.
        why: String,
    },
    /// The device that was asked for is not there or does not compute rightly.
    #[error("{name} cannot be used: {why}")]
    Device {
        /// The device.
        name: String,
        /// Why, in a few words.
        why: String,
    },
    /// A fault in the program or the driver; the device was made anew.
    #[error("the engine failed and was started again: {0}")]
    Panic(String),
    /// The net in use cannot go by what was marked.
    #[error("{0}")]
    Prompts(&'static str),
    /// Somebody no longer wants the answer.
    #[error("the work was cancelled")]
    Cancelled,
    /// The engine's thread is gone.
    #[error("the engine has stopped")]
    Stopped,
}
