//! What is to be drawn, as plain data: the image, what lies over it, and how it shall look. Filled anew each
//! frame by the app; the panes only read it.

use crate::contrast::Window;
use crate::texture::{ImageTexture, Layers};
use imaging::{Mask, Shape, Sign, Slicing, Tip, Volume};
use std::sync::Arc;

/// All that the panes of one case share.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The image.
    pub image: &'a ImageTexture,
    /// Masks and guesses over it.
    pub layers: &'a Layers,
    /// Which values are black and white.
    pub window: Window,
    /// Whether values between voxels are interpolated; otherwise each voxel is a tile.
    pub smooth: bool,
    /// Whether layers are filled.
    pub fill: bool,
    /// Whether layers have an outline.
    pub outline: bool,
    /// Marks to draw.
    pub marks: &'a [Mark<'a>],
    /// The mark that is being drawn now, if any.
    pub draft: Option<Mark<'a>>,
    /// Where the crosshair stands (a voxel position), or `None` to hide it.
    pub crosshair: Option<[f32; 3]>,
    /// The brush in hand, drawn at the pointer.
    pub brush: Option<Brush>,
    /// Whether letters, title and scale bar are drawn.
    pub annotations: bool,
}

impl<'a> Scene<'a> {
    /// A scene with its usual look: smooth, filled and outlined, without marks.
    #[must_use]
    pub fn new(image: &'a ImageTexture, layers: &'a Layers, window: Window) -> Self {
        Self {
            image,
            layers,
            window,
            smooth: true,
            fill: true,
            outline: true,
            marks: &[],
            draft: None,
            crosshair: None,
            brush: None,
            annotations: true,
        }
    }
}

/// One slice of one plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// How the plane lies on the screen.
    pub slicing: Slicing,
    /// Which slice; at most `slicing.count() - 1`.
    pub slice: usize,
}

impl Cut {
    /// The slice of `slicing` on which a voxel position lies.
    #[must_use]
    pub fn through(slicing: Slicing, voxel: [f32; 3]) -> Self {
        let last = slicing.count().saturating_sub(1);
        // A float that is NaN or negative becomes 0.
        Self { slicing, slice: (voxel[slicing.normal].round() as usize).min(last) }
    }
}

/// What a layer covers; which of both also decides its look.
#[derive(Clone, Debug)]
pub enum Cover {
    /// A mask that stands: even fill, solid outline.
    Mask(Arc<Mask>),
    /// A guess, 0 to 255, inside from 128: hatched fill, dashed outline.
    Guess(Arc<Volume<u8>>),
    /// A mask that does not stand yet, such as a guess with strokes on it: drawn like a guess.
    Draft(Arc<Mask>),
}

impl Cover {
    /// Shape of its grid.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        match self {
            Self::Mask(mask) | Self::Draft(mask) => mask.shape(),
            Self::Guess(guess) => guess.grid.shape,
        }
    }

    /// Whether the voxel at a position in memory is inside.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        match self {
            Self::Mask(mask) | Self::Draft(mask) => mask.get(index),
            Self::Guess(guess) => guess.voxels[index] >= 128,
        }
    }

    /// Whether both are the same data in memory, not only equal.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Guess(a), Self::Guess(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.mask().zip(b.mask()).is_some_and(|(a, b)| Arc::ptr_eq(a, b)),
        }
    }

    /// Whether it is drawn as what may still change: hatched and dashed.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        !matches!(self, Self::Mask(_))
    }

    pub(crate) fn mask(&self) -> Option<&Arc<Mask>> {
        match self {
            Self::Mask(mask) | Self::Draft(mask) => Some(mask),
            Self::Guess(_) => None,
        }
    }
}

/// A structure's mask or guess over the image.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it covers. Its grid must have the image's shape, or the layer is not drawn.
    pub cover: Cover,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// Opacity of the fill, 0 to 1.
    pub opacity: f32,
    /// Whether it is drawn.
    pub visible: bool,
}

/// A mark as the panes draw it.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// Its geometry in voxel positions.
    pub shape: &'a Shape,
    /// Here, or not here.
    pub sign: Sign,
    /// The structure's colour.
    pub colour: [u8; 3],
    /// Whether it is drawn larger and brighter (selected, or under the pointer).
    pub highlighted: bool,
}

/// The brush in hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brush {
    /// Radius in mm.
    pub radius_mm: f32,
    /// Disc or ball, for the cursor's look only.
    pub tip: Tip,
    /// The structure's colour.
    pub colour: [u8; 3],
    /// Whether it erases.
    pub erases: bool,
}
