//! Which values are black and which white: window and level, presets, and a first guess from the image.

use imaging::{Image, Pixels};

/// A range of values: `level` is its middle, `width` its length; in the image's own units (HU for CT).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// From black to white.
    pub width: f32,
    /// Middle grey.
    pub level: f32,
}

/// A window that radiologists know by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// What the menu calls it.
    pub name: &'static str,
    /// The window, in HU.
    pub window: Window,
}

/// The presets for CT, in the order of the keys 1 to 6.
pub const PRESETS: [Preset; 6] = [
    preset("Lung", 1500.0, -500.0),
    preset("Bone", 1800.0, 400.0),
    preset("Brain", 80.0, 40.0),
    preset("Abdomen", 350.0, 50.0),
    preset("Mediastinum", 350.0, 50.0),
    preset("Liver", 150.0, 30.0),
];

const fn preset(name: &'static str, width: f32, level: f32) -> Preset {
    Preset { name, window: Window { width, level } }
}

impl Window {
    /// The window of a colour picture: all of 0 to 255.
    pub const COLOUR: Self = Self { width: 255.0, level: 127.5 };

    /// The window from `black` to `white`.
    #[must_use]
    pub fn between(black: f32, white: f32) -> Self {
        Self { width: (white - black).max(f32::MIN_POSITIVE), level: f32::midpoint(black, white) }
    }

    /// A first window for an image: the 0.1 to 99.9 percentile of its values; colour as it is.
    #[must_use]
    pub fn auto(image: &Image) -> Self {
        if image.is_colour() {
            return Self::COLOUR;
        }
        let [black, white] = image.quantiles([0.001, 0.999]);
        if white > black { Self::between(black, white) } else { Self::around(image, black) }
    }

    /// For images of almost one value: the whole range, or one unit around that value.
    fn around(image: &Image, value: f32) -> Self {
        let [black, white] = image.quantiles([0.0, 1.0]);
        if white > black { Self::between(black, white) } else { Self { width: 1.0, level: value } }
    }

    /// The value shown black.
    #[must_use]
    pub fn black(&self) -> f32 {
        self.level - self.width / 2.0
    }

    /// The value shown white.
    #[must_use]
    pub fn white(&self) -> f32 {
        self.level + self.width / 2.0
    }

    /// How bright a value is shown, 0 to 1.
    #[must_use]
    pub fn brightness(&self, value: f32) -> f32 {
        ((value - self.black()) / self.width).clamp(0.0, 1.0)
    }

    /// The window after a drag by `[right, down]` points: right widens, up brightens. The pace follows the
    /// width, so that a drag feels alike for CT and for images of 0 to 1.
    #[must_use]
    pub fn dragged(self, [right, down]: [f32; 2]) -> Self {
        const PER_POINT: f32 = 0.004;
        let width = (self.width * (right * PER_POINT).exp()).clamp(1e-6, 1e9);
        Self { width, level: self.level + down * PER_POINT * self.width }
    }
}

/// Whether an image looks like CT in Hounsfield units: grey, and with values of air.
#[must_use]
pub fn is_ct(image: &Image) -> bool {
    match &image.pixels {
        Pixels::I16(voxels) => voxels.iter().any(|&v| v <= -500),
        Pixels::F32(voxels) => voxels.iter().any(|&v| v <= -500.0),
        Pixels::Rgb(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, Volume};

    fn image(voxels: Vec<f32>) -> Image {
        Image::grey(Volume { grid: Grid::new([voxels.len(), 1, 1], Affine::IDENTITY), voxels })
    }

    #[test]
    fn auto_leaves_out_the_outermost_thousandth() {
        let mut voxels: Vec<f32> = (0..10_000).map(|v| v as f32).collect();
        voxels[5000] = 1e9;
        let window = Window::auto(&image(voxels));
        assert!((window.width - 9980.0).abs() < 5.0, "{window:?}");
        assert!((window.level - 5000.0).abs() < 5.0, "{window:?}");
    }

    #[test]
    fn auto_has_width_even_for_one_value_or_none() {
        for voxels in [vec![7.0; 9], vec![f32::NAN; 9]] {
            assert!(Window::auto(&image(voxels)).width > 0.0);
        }
        let sparse: Vec<f32> = (0..10_000).map(|v| if v == 3 { 50.0 } else { 0.0 }).collect();
        assert_eq!(Window::auto(&image(sparse)), Window { width: 50.0, level: 25.0 });
    }

    #[test]
    fn brightness_runs_from_black_to_white() {
        let abdomen = PRESETS[3].window;
        assert_eq!(abdomen.black(), -125.0);
        assert_eq!([-500.0, -125.0, 50.0, 225.0, 900.0].map(|v| abdomen.brightness(v)), [0.0, 0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_drag_right_widens_and_up_brightens() {
        let window = Window { width: 350.0, level: 50.0 };
        assert!(window.dragged([10.0, 0.0]).width > 350.0);
        assert!(window.dragged([0.0, -10.0]).brightness(50.0) > 0.5);
        assert_eq!(window.dragged([0.0, 0.0]), window);
    }

    #[test]
    fn ct_is_told_by_air() {
        assert!(is_ct(&image(vec![-1000.0, 40.0])));
        assert!(!is_ct(&image(vec![0.0, 40.0])));
    }
}
