//! Images and masks on their working grids, and what is compared of them, kept as long as memory allows.

use crate::align::Features;
use crate::cache::Cache;
use crate::encode::{Encoded, fit::Fit, marks::Marking};
use crate::error::EngineError;
use crate::look::{self, Region};
use crate::protocol::{Example, ImageRef, Marks};
use imaging::{Image, Item, Mask, Volume};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// Bytes that are kept of each of the three, at most.
const MOST_BYTES: usize = 256 << 20;

/// What was read lately.
pub(super) struct Images {
    encoded: Cache<(ImageKey, Option<Fit>), Encoded>,
    masks: Cache<MaskKey, Vec<f32>>,
    features: Cache<FeaturesKey, Features>,
    /// The file that was read last, kept while one image is guessed: it may be looked at twice.
    opened: Option<(ImageKey, Arc<Image>)>,
}

impl Default for Images {
    fn default() -> Self {
        Self { encoded: Cache::new(MOST_BYTES), masks: Cache::new(MOST_BYTES), features: Cache::new(MOST_BYTES), opened: None }
    }
}

impl Images {
    /// Lets go of the file that was read last.
    pub fn close(&mut self) {
        self.opened = None;
    }

    pub(super) fn image(&mut self, image: &ImageRef) -> Result<Arc<Image>, EngineError> {
        if let ImageRef::Loaded(image) = image {
            return Ok(image.clone());
        }
        let key = ImageKey::new(image);
        if let Some((_, image)) = self.opened.as_ref().filter(|(other, _)| *other == key) {
            return Ok(image.clone());
        }
        // The last one goes before the next one comes.
        self.opened = None;
        let image = opened(image)?;
        self.opened = Some((key, image.clone()));
        Ok(image)
    }

    /// An image on its working grid; its file is opened only if it was not lately.
    pub fn encoded(&mut self, image: &ImageRef) -> Result<Arc<Encoded>, EngineError> {
        let key = (ImageKey::new(image), None);
        if let Some(encoded) = self.encoded.get(&key) {
            return Ok(encoded);
        }
        let encoded = Encoded::new(self.image(image)?.as_ref())?;
        Ok(self.keep(key, encoded))
    }

    /// A window of an image.
    pub fn window(&mut self, image: &ImageRef, fit: &Fit) -> Result<Arc<Encoded>, EngineError> {
        let key = (ImageKey::new(image), Some(fit.clone()));
        if let Some(encoded) = self.encoded.get(&key) {
            return Ok(encoded);
        }
        let whole = self.encoded(image)?;
        let encoded = whole.window(self.image(image)?.as_ref(), fit.clone());
        Ok(self.keep(key, encoded))
    }

    fn keep(&mut self, key: (ImageKey, Option<Fit>), encoded: Encoded) -> Arc<Encoded> {
        let bytes = size_of_val(encoded.cells.as_slice());
        self.encoded.retain(|(key, _)| !matches!(key, ImageKey::Loaded(image) if image.strong_count() == 0));
        self.encoded.put(key, encoded, bytes)
    }

    /// A mask on the working grid of its image, or of a window of it.
    pub fn mask(&mut self, encoded: &Encoded, mask: &Arc<Mask>) -> Result<Arc<Vec<f32>>, EngineError> {
        let key = MaskKey(Arc::downgrade(mask), encoded.fit.clone());
        if let Some(cells) = self.masks.get(&key) {
            return Ok(cells);
        }
        let cells = encoded.mask_cells(mask)?;
        let bytes = size_of_val(cells.as_slice());
        self.masks.retain(|MaskKey(mask, _)| mask.strong_count() > 0);
        Ok(self.masks.put(key, cells, bytes))
    }

    /// What marks and a previous guess show to a net.
    pub fn marking(&mut self, encoded: &Encoded, marks: &Marks, previous: Option<&Volume<u8>>) -> Result<Marking, EngineError> {
        match marks.filled_mask() {
            // A whole mask says all that marks could say, and so the nets were trained.
            Some(mask) => {
                let cells = self.mask(encoded, mask)?;
                encoded.marking(&Marks::default(), Some(&cells), previous)
            }
            None => encoded.marking(marks, None, previous),
        }
    }

    /// An example with its marks; with `side`, what a window of that width shows of it.
    pub fn shown(&mut self, example: &Example, side: Option<f64>) -> Result<(Arc<Encoded>, Marking), EngineError> {
        let mut encoded = self.encoded(&example.image)?;
        let region = side.and_then(|side| Some((side, Region::of_marks(&example.marks)?)));
        if let Some(fit) = region.and_then(|(side, region)| look::around(&encoded.fit, &region, side)) {
            encoded = self.window(&example.image, &fit)?;
        }
        let marking = self.marking(&encoded, &example.marks, None)?;
        Ok((encoded, marking))
    }

    /// What is compared of an example that is shown for many targets.
    pub fn features(&mut self, encoded: &Arc<Encoded>) -> Arc<Features> {
        let key = FeaturesKey(Arc::downgrade(encoded));
        if let Some(features) = self.features.get(&key) {
            return features;
        }
        let features = Features::of(encoded);
        let bytes = features.bytes();
        self.features.retain(|FeaturesKey(encoded)| encoded.strong_count() > 0);
        self.features.put(key, features, bytes)
    }
}

/// Which mask an encoded one was made from, and on which working grid.
struct MaskKey(Weak<Mask>, Fit);

impl PartialEq for MaskKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0) && self.1 == other.1
    }
}

/// Which encoded image features were made from.
struct FeaturesKey(Weak<Encoded>);

impl PartialEq for FeaturesKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// An image, from its file if need be.
pub(crate) fn opened(image: &ImageRef) -> Result<Arc<Image>, EngineError> {
    match image {
        ImageRef::Loaded(image) => Ok(image.clone()),
        ImageRef::File(item) => {
            let cannot = |cause| EngineError::Open { path: item.path.clone(), cause: Arc::new(cause) };
            imaging::files::open_item(item).map(Arc::new).map_err(cannot)
        }
    }
}

/// Which image an encoded one was made from.
pub(crate) enum ImageKey {
    File(Item, u64, Option<SystemTime>),
    /// A weak pointer keeps the place, not the image, so no other image can come to lie there.
    Loaded(Weak<Image>),
}

impl PartialEq for ImageKey {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(path, len, time), Self::File(path_2, len_2, time_2)) => (path, len, time) == (path_2, len_2, time_2),
            (Self::Loaded(image), Self::Loaded(image_2)) => image.ptr_eq(image_2),
            _ => false,
        }
    }
}

impl ImageKey {
    pub fn new(image: &ImageRef) -> Self {
        match image {
            ImageRef::Loaded(image) => Self::Loaded(Arc::downgrade(image)),
            ImageRef::File(item) => {
                let about = std::fs::metadata(&item.path).ok();
                let len = about.as_ref().map_or(0, std::fs::Metadata::len);
                Self::File(item.clone(), len, about.and_then(|about| about.modified().ok()))
            }
        }
    }
}
