//! An image and the layers over it as 3-D textures: what the app keeps, how it is sampled down where the GPU
//! is too small, and which bytes go to the GPU. When they go is the pass's (`slice`).

use crate::scene::{Cover, Layer};
use eframe::egui_wgpu::RenderState;
use imaging::{Image, Pixels};
use std::borrow::Cow;
use std::sync::Arc;

/// How many layers are drawn at once; further ones are left out.
pub const MOST_LAYERS: usize = 8;

/// How large a 3-D texture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Voxels along any axis.
    pub side: usize,
    /// Bytes of one image.
    pub bytes: usize,
}

impl Default for Limits {
    /// What nearly every GPU can do; 256 voxels a side is the least that any guarantees.
    fn default() -> Self {
        Self { side: 2048, bytes: 1 << 30 }
    }
}

impl Limits {
    /// The limits of the window's own device.
    #[must_use]
    pub fn of(state: &RenderState) -> Self {
        Self { side: state.device.limits().max_texture_dimension_3d as usize, ..Self::default() }
    }

    /// What a view would show of a volume that passes the limits: of so many voxels along each axis, of so many bytes
    /// each, the number of them that are shown. `None` where all are.
    #[must_use]
    pub fn shown_of(self, shape: [usize; 3], bytes_per_voxel: usize) -> Option<[usize; 3]> {
        let sampling = Sampling::within(shape, bytes_per_voxel, self);
        (!sampling.is_whole()).then(|| sampling.texels())
    }
}

/// An image as the panes show it. Cheap to clone; its texture lives on the GPU while any clone lives and a
/// pane draws it.
#[derive(Clone, Debug)]
pub struct ImageTexture(pub(crate) Arc<ImageSource>);

/// What an [`ImageTexture`] is made of; its address is its identity.
#[derive(Debug)]
pub(crate) struct ImageSource {
    pub image: Arc<Image>,
    pub sampling: Sampling,
}

impl ImageTexture {
    /// An image for the panes. One that passes the limits is shown sampled down; [`Self::note`] then says so.
    #[must_use]
    pub fn new(image: Arc<Image>, limits: Limits) -> Self {
        let sampling = Sampling::within(image.grid.shape, bytes_per_voxel(&image), limits);
        Self(Arc::new(ImageSource { image, sampling }))
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &Arc<Image> {
        &self.0.image
    }

    /// A sentence for the user where the view shows less than the image holds.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let [nx, ny, nz] = self.0.sampling.texels();
        (!self.0.sampling.is_whole()).then(|| {
            format!(
                "This image is too large for the graphics memory, so the view shows {nx} x {ny} x {nz} of its voxels; \
                 marks and masks keep all of them."
            )
        })
    }
}

/// The masks and guesses over one image, at most [`MOST_LAYERS`] of them, the last on top.
///
/// Set `list` anew each frame or when something changes, as you like: what is sent to the GPU is found by
/// comparing the `Arc`s, and of a changed mask only the box that changed is sent.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What lies over the image, from bottom to top.
    pub list: Vec<Layer>,
    pub(crate) identity: Arc<()>,
    pub(crate) sampling: Sampling,
}

impl Layers {
    /// No layers yet, for one image. Its clones share one texture.
    #[must_use]
    pub fn new(image: &ImageTexture) -> Self {
        Self { list: Vec::new(), identity: Arc::new(()), sampling: image.0.sampling }
    }

    /// What each slot of the texture shall hold; a layer of another shape holds nothing.
    pub(crate) fn slots(&self) -> Slots {
        std::array::from_fn(|slot| {
            let layer = self.list.get(slot)?;
            (layer.cover.shape() == self.sampling.shape).then(|| layer.cover.clone())
        })
    }
}

/// One cover a bit of the texture.
pub(crate) type Slots = [Option<Cover>; MOST_LAYERS];

/// Which voxels of a grid become texels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// Voxels.
    pub shape: [usize; 3],
    /// Voxels a texel.
    pub stride: [usize; 3],
}

/// A box of texels: from, and past the end.
pub(crate) type Texels = [[usize; 3]; 2];

impl Sampling {
    /// Every voxel where the limits allow; else the longest side is halved, thirded.. until they do.
    pub fn within(shape: [usize; 3], bytes_per_voxel: usize, limits: Limits) -> Self {
        let mut sampling = Self { shape, stride: shape.map(|n| n.div_ceil(limits.side.max(1)).max(1)) };
        while sampling.texels().iter().product::<usize>() * bytes_per_voxel > limits.bytes && sampling.texels() != [1; 3] {
            let longest = (0..3).max_by_key(|&axis| sampling.texels()[axis]).unwrap_or(0);
            sampling.stride[longest] += 1;
        }
        sampling
    }

    /// Texels along each axis; at least one, for the GPU knows no empty texture.
    pub fn texels(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.shape[axis].div_ceil(self.stride[axis]).max(1))
    }

    /// Whether each voxel is a texel.
    pub fn is_whole(&self) -> bool {
        self.stride == [1; 3]
    }

    /// The texels of a box of voxels, both ends included.
    fn texels_of(&self, [low, high]: [[usize; 3]; 2]) -> Texels {
        [std::array::from_fn(|i| low[i] / self.stride[i]), std::array::from_fn(|i| high[i] / self.stride[i] + 1)]
    }

    /// The voxel behind a texel, along one axis.
    fn voxel(&self, axis: usize, texel: usize) -> usize {
        (texel * self.stride[axis] + self.stride[axis] / 2).min(self.shape[axis].saturating_sub(1))
    }

    /// Where in memory the rows of voxels behind a box of texels begin, in the order of the texture.
    fn rows(&self, [from, to]: Texels) -> impl Iterator<Item = usize> + '_ {
        let row = move |j, k| self.shape[0] * (self.voxel(1, j) + self.shape[1] * self.voxel(2, k));
        (from[2]..to[2]).flat_map(move |k| (from[1]..to[1]).map(move |j| row(j, k)))
    }

    /// Positions in memory of the voxels behind a box of texels, in the order of the texture.
    fn indices(&self, texels: Texels) -> impl Iterator<Item = usize> + '_ {
        let [from, to] = texels.map(|corner| corner[0]);
        self.rows(texels).flat_map(move |row| (from..to).map(move |i| row + self.voxel(0, i)))
    }
}

fn bytes_per_voxel(image: &Image) -> usize {
    if matches!(image.pixels, Pixels::I16(_)) { 2 } else { 4 }
}

/// The bytes of layers `k` of an image's texture: `i16` low byte first, `f32`, or red, green, blue, 255.
pub(crate) fn image_bytes(source: &ImageSource, [from, to]: [usize; 2]) -> Cow<'_, [u8]> {
    let [nx, ny, _] = source.sampling.texels();
    let texels = [[0, 0, from], [nx, ny, to]];
    match (&source.image.pixels, source.sampling.is_whole()) {
        (Pixels::I16(voxels), true) => Cow::Borrowed(bytemuck::cast_slice(&voxels[from * nx * ny..to * nx * ny])),
        (Pixels::F32(voxels), true) => Cow::Borrowed(bytemuck::cast_slice(&voxels[from * nx * ny..to * nx * ny])),
        (Pixels::I16(voxels), false) => {
            Cow::Owned(source.sampling.indices(texels).flat_map(|index| voxels[index].to_ne_bytes()).collect())
        }
        (Pixels::F32(voxels), false) => {
            Cow::Owned(source.sampling.indices(texels).flat_map(|index| voxels[index].to_ne_bytes()).collect())
        }
        (Pixels::Rgb(voxels), _) => Cow::Owned(
            source
                .sampling
                .indices(texels)
                .flat_map(|index| {
                    let [r, g, b] = voxels[index];
                    [r, g, b, 255]
                })
                .collect(),
        ),
    }
}

/// The bytes of a box of the layers' texture: one bit a slot.
pub(crate) fn layer_bytes(slots: &Slots, sampling: &Sampling, texels: Texels) -> Vec<u8> {
    let mut bytes = vec![0; (0..3).map(|axis| texels[1][axis] - texels[0][axis]).product()];
    for (slot, cover) in slots.iter().enumerate() {
        // Told apart here and not a voxel at a time: a volume has a hundred million of them.
        match cover {
            Some(Cover::Guess(guess)) => add_bits(&mut bytes, sampling, texels, |index| guess.voxels[index] >> 7 << slot),
            Some(Cover::Mask(mask) | Cover::Draft(mask)) => {
                add_bits(&mut bytes, sampling, texels, |index| u8::from(mask.get(index)) << slot);
            }
            None => {}
        }
    }
    bytes
}

fn add_bits(bytes: &mut [u8], sampling: &Sampling, texels: Texels, bit: impl Fn(usize) -> u8) {
    let [from, to] = texels.map(|corner| corner[0]);
    for (bytes, row) in bytes.chunks_exact_mut(to - from).zip(sampling.rows(texels)) {
        for (byte, texel) in bytes.iter_mut().zip(from..to) {
            *byte |= bit(row + sampling.voxel(0, texel));
        }
    }
}

/// The box of texels that differ between what the texture holds and what it shall hold.
pub(crate) fn changed(held: &Slots, wanted: &Slots, sampling: &Sampling) -> Option<Texels> {
    let boxes = held.iter().zip(wanted).filter_map(|(held, wanted)| match (held, wanted) {
        (Some(a), Some(b)) if a.is(b) => None,
        (Some(a), Some(b)) => difference(a, b),
        (a, b) => union(a.as_ref().and_then(bounds), b.as_ref().and_then(bounds)),
    });
    boxes.fold(None, |all, next| union(all, Some(next))).map(|voxels| sampling.texels_of(voxels))
}

fn difference(a: &Cover, b: &Cover) -> Option<[[usize; 3]; 2]> {
    let (Some(a), Some(b)) = (a.mask(), b.mask()) else { return union(bounds(a), bounds(b)) };
    a.bounds_of_change(b)
}

/// The least and greatest voxel inside a cover.
pub(crate) fn bounds(cover: &Cover) -> Option<[[usize; 3]; 2]> {
    match cover {
        Cover::Mask(mask) | Cover::Draft(mask) => mask.bounds(),
        Cover::Guess(guess) => guess_bounds(&guess.voxels, guess.grid.shape),
    }
}

fn guess_bounds(voxels: &[u8], [nx, ny, _]: [usize; 3]) -> Option<[[usize; 3]; 2]> {
    let mut found = None;
    for (row, values) in voxels.chunks_exact(nx.max(1)).enumerate() {
        let Some(first) = values.iter().position(|&v| v >= 128) else { continue };
        let last = values.iter().rposition(|&v| v >= 128).unwrap_or(first);
        let [j, k] = [row % ny, row / ny];
        found = union(found, Some([[first, j, k], [last, j, k]]));
    }
    found
}

fn union(a: Option<[[usize; 3]; 2]>, b: Option<[[usize; 3]; 2]>) -> Option<[[usize; 3]; 2]> {
    let (Some([low, high]), Some([from, to])) = (a, b) else { return a.or(b) };
    Some([std::array::from_fn(|i| low[i].min(from[i])), std::array::from_fn(|i| high[i].max(to[i]))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{Affine, Grid, Mask, Volume};

    fn cover(set: &[usize]) -> Cover {
        Cover::Mask(Arc::new(Mask::from_fn([4, 3, 2], |index| set.contains(&index))))
    }

    fn slots(covers: Vec<Cover>) -> Slots {
        let mut covers = covers.into_iter();
        std::array::from_fn(|_| covers.next())
    }

    const WHOLE: Sampling = Sampling { shape: [4, 3, 2], stride: [1; 3] };

    #[test]
    fn only_the_changed_box_is_sent() {
        let [before, after] = [slots(vec![cover(&[0, 5])]), slots(vec![cover(&[0, 6, 23])])];
        assert_eq!(changed(&before, &before, &WHOLE), None);
        assert_eq!(changed(&before, &after, &WHOLE), Some([[1, 1, 0], [4, 3, 2]]));
        assert_eq!(changed(&slots(vec![]), &before, &WHOLE), Some([[0, 0, 0], [2, 2, 1]]));
        assert_eq!(changed(&before, &slots(vec![]), &WHOLE), Some([[0, 0, 0], [2, 2, 1]]));
    }

    #[test]
    fn a_guess_counts_from_128() {
        let mut guess = Volume::filled(Grid::new([4, 3, 2], Affine::IDENTITY), 127_u8);
        guess.voxels[6] = 128;
        let guess = slots(vec![cover(&[]), Cover::Guess(Arc::new(guess))]);
        let texels = changed(&slots(vec![]), &guess, &WHOLE).expect("one voxel is inside");
        assert_eq!(texels, [[2, 1, 0], [3, 2, 1]]);
        assert_eq!(layer_bytes(&guess, &WHOLE, texels), [0b10]);
    }

    #[test]
    fn each_layer_has_its_bit() {
        let bytes = layer_bytes(&slots(vec![cover(&[0, 1]), cover(&[1, 2])]), &WHOLE, [[0, 0, 0], [4, 1, 1]]);
        assert_eq!(bytes, [0b01, 0b11, 0b10, 0]);
    }

    #[test]
    fn what_passes_the_limits_is_sampled_down_and_says_so() {
        let limits = Limits { side: 8, bytes: 600 };
        let sampling = Sampling::within([20, 8, 8], 2, limits);
        assert!(sampling.texels().iter().all(|&n| n <= 8));
        assert!(sampling.texels().iter().product::<usize>() * 2 <= 600);
        let grid = Grid::new([20, 8, 8], Affine::IDENTITY);
        let image = Arc::new(Image::grey(Volume::filled(grid, 0.0)));
        assert!(ImageTexture::new(Arc::clone(&image), limits).note().is_some());
        assert!(ImageTexture::new(image, Limits::default()).note().is_none());
    }

    #[test]
    fn sampled_bytes_fill_the_texture() {
        let grid = Grid::new([5, 4, 3], Affine::IDENTITY);
        let pixels = Pixels::I16((0..60).collect());
        let image = Image { grid, pixels, is_picture: false, window: None, warnings: vec![] };
        let sampling = Sampling { shape: grid.shape, stride: [2, 1, 2] };
        let source = ImageSource { image: Arc::new(image), sampling };
        let bytes = image_bytes(&source, [0, 2]);
        assert_eq!(bytes.len(), 3 * 4 * 2 * 2);
        assert_eq!(bytes[..6], [21, 0, 23, 0, 24, 0]);
    }
}
