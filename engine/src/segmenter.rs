//! Who guesses: a target and examples in, a probability on the source grid out. Owns which images, masks and nets are
//! kept; how passes are combined is `strategy`'s, where to look twice is `look`'s.

use crate::cache::Cache;
use crate::chooser::Chooser;
use crate::device::{self, Compute};
use crate::encode::{Encoded, fit::Fit, marks::Marking};
use crate::error::EngineError;
use crate::look::{self, Region};
use crate::nets::in_context::InContextNet;
use crate::protocol::{DeviceChoice, Example, ImageRef, Marks, NetChoice, NetInfo, Target};
use crate::strategy::{self, Input};
use crate::tune::{Lessons, Sample, Tuning};
use crate::weights::{self, Loaded};
use burn::tensor::Device;
use imaging::{Image, Item, Mask, Volume};
use planned::{Planned, Planning};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;
use tiles::Close;

/// What was guessed.
pub(crate) struct Guess {
    /// On the source grid, 0 to 255.
    pub probability: Volume<u8>,
    /// 0 to 1.
    pub uncertainty: f32,
}

/// What the window is told once the engine can be asked.
#[derive(Default)]
pub(crate) struct About {
    pub adapter: String,
    pub is_cpu: bool,
    pub nets: Vec<NetInfo>,
    pub remarks: Vec<String>,
}

/// Something that guesses; tests put their own in the worker.
pub(crate) trait Segmenter {
    /// Looks at the examples of an order before its targets, a little at a time, so that a fault of theirs ends the order
    /// at once; gives the share done, 1 at the end.
    fn prepare(&mut self, examples: &[Example]) -> Result<f32, EngineError>;

    /// Guesses one image; `go_on` is told the share done and says whether the answer is still wanted.
    fn guess(&mut self, target: &Target, examples: &[Example], go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError>;

    /// Learns a little from the examples; gives the share that is learned, 1 at the end. From then on guesses from these
    /// examples, or from these and others, are made with what was learned.
    fn tune(&mut self, _examples: &[Example]) -> Result<f32, EngineError> {
        Err(EngineError::Prompts("the net in use cannot be tuned"))
    }

    /// Takes another net into use.
    fn use_net(&mut self, _net: &NetChoice) -> Result<(), EngineError> {
        Ok(())
    }

    /// Segments an image by itself with the automatic net in a folder.
    fn automatic(&mut self, _folder: &Path, _target: &Target, _go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        Err(EngineError::NoMarks)
    }

    /// Products that the device sums in a second.
    fn speed(&mut self) -> Result<f64, EngineError> {
        Ok(0.0)
    }
}

/// Opens the device and the nets, and makes them warm.
///
/// # Errors
/// Where there is no such device, or not one net.
pub(crate) fn open(choice: DeviceChoice) -> Result<(Box<dyn Segmenter>, About), EngineError> {
    let compute = device::open(choice)?;
    let mut about = About { adapter: compute.adapter.clone(), is_cpu: compute.is_cpu, ..About::default() };
    about.remarks.extend(compute.remark.clone());
    let nets = load_nets(&compute.device, &mut about.remarks)?;
    about.nets = nets.iter().map(|loaded| loaded.card.info()).collect();
    let device = compute.device.clone();
    let segmenter = NetSegmenter::new(compute, nets);
    segmenter.warm_up();
    Ok((Box::new(Chooser::new(segmenter, device)), about))
}

/// All weights that are in order; a remark for each that is not.
fn load_nets(device: &Device, remarks: &mut Vec<String>) -> Result<Vec<Loaded>, EngineError> {
    let nowhere = |path: PathBuf| EngineError::Weights { path, why: "there are none".to_owned() };
    let folder = weights::folder().ok_or_else(|| nowhere(PathBuf::from("assets/weights")))?;
    let mut first_error = None;
    let mut nets: Vec<Loaded> = Vec::new();
    for card in weights::cards(&folder) {
        match weights::load(&card, device) {
            Ok(loaded) => nets.push(loaded),
            Err(error) => {
                remarks.push(error.to_string());
                first_error.get_or_insert(error);
            }
        }
    }
    if nets.is_empty() { Err(first_error.unwrap_or_else(|| nowhere(folder))) } else { Ok(nets) }
}

/// Bytes of encoded images, and of encoded masks, that are kept.
const MOST_BYTES: usize = 256 << 20;

/// The in-context nets on a device.
pub(crate) struct NetSegmenter {
    compute: Compute,
    nets: Vec<Loaded>,
    images: Cache<(ImageKey, Option<Fit>), Encoded>,
    masks: Cache<MaskKey, Vec<f32>>,
    /// The file that was read last, kept while one image is guessed: it may be looked at twice.
    opened: Option<(ImageKey, Arc<Image>)>,
    tuning: Option<Tuning>,
    /// What was learned lately, the newest last.
    tuned: Vec<(Lessons, InContextNet)>,
    planning: Option<Planning>,
    plans: Vec<Planned>,
    /// Examples, and what was made of their marks.
    understood: Vec<(Lessons, Example)>,
}

/// So many tuned nets are kept: as many structures in turn.
const MOST_TUNED: usize = 64;

/// Which mask an encoded one was made from, and on which working grid.
struct MaskKey(Weak<Mask>, Fit);

impl PartialEq for MaskKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0) && self.1 == other.1
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

impl NetSegmenter {
    pub fn new(compute: Compute, nets: Vec<Loaded>) -> Self {
        Self {
            compute,
            nets,
            images: Cache::new(MOST_BYTES),
            masks: Cache::new(MOST_BYTES),
            opened: None,
            tuning: None,
            tuned: Vec::new(),
            planning: None,
            plans: Vec::new(),
            understood: Vec::new(),
        }
    }

    /// The first pass on a GPU compiles and tunes its kernels; on the CPU there is nothing to warm.
    fn warm_up(&self) {
        if self.compute.is_cpu {
            return;
        }
        for loaded in &self.nets {
            strategy::warm_up(&loaded.net, &self.compute.device);
        }
    }

    fn net(&self, dims: usize) -> Result<&Loaded, EngineError> {
        self.nets.iter().find(|loaded| loaded.card.config.dims == dims).ok_or(EngineError::NoNet { dims })
    }

    fn image(&mut self, image: &ImageRef) -> Result<Arc<Image>, EngineError> {
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
    fn encoded(&mut self, image: &ImageRef) -> Result<Arc<Encoded>, EngineError> {
        let key = (ImageKey::new(image), None);
        if let Some(encoded) = self.images.get(&key) {
            return Ok(encoded);
        }
        let encoded = Encoded::new(self.image(image)?.as_ref())?;
        Ok(self.keep(key, encoded))
    }

    /// A window of an image.
    fn window(&mut self, image: &ImageRef, fit: &Fit) -> Result<Arc<Encoded>, EngineError> {
        let key = (ImageKey::new(image), Some(fit.clone()));
        if let Some(encoded) = self.images.get(&key) {
            return Ok(encoded);
        }
        let whole = self.encoded(image)?;
        let encoded = whole.window(self.image(image)?.as_ref(), fit.clone());
        Ok(self.keep(key, encoded))
    }

    fn keep(&mut self, key: (ImageKey, Option<Fit>), encoded: Encoded) -> Arc<Encoded> {
        let bytes = size_of_val(encoded.cells.as_slice());
        self.images.retain(|(key, _)| !matches!(key, ImageKey::Loaded(image) if image.strong_count() == 0));
        self.images.put(key, encoded, bytes)
    }

    fn mask(&mut self, encoded: &Encoded, mask: &Arc<Mask>) -> Result<Arc<Vec<f32>>, EngineError> {
        let key = MaskKey(Arc::downgrade(mask), encoded.fit.clone());
        if let Some(cells) = self.masks.get(&key) {
            return Ok(cells);
        }
        let cells = encoded.mask_cells(mask)?;
        let bytes = size_of_val(cells.as_slice());
        self.masks.retain(|MaskKey(mask, _)| mask.strong_count() > 0);
        Ok(self.masks.put(key, cells, bytes))
    }

    fn marking(&mut self, encoded: &Encoded, marks: &Marks, previous: Option<&Volume<u8>>) -> Result<Marking, EngineError> {
        match &marks.mask {
            // A whole mask says all that marks could say, and so the nets were trained.
            Some(mask) if !mask.is_empty() => {
                let cells = self.mask(encoded, mask)?;
                encoded.marking(&Marks::default(), Some(&cells), previous)
            }
            _ => encoded.marking(marks, None, previous),
        }
    }

    /// An example with its marks; with `side`, what a window of that width shows of it.
    fn shown(&mut self, example: &Example, side: Option<f64>) -> Result<(Arc<Encoded>, Marking), EngineError> {
        let mut encoded = self.encoded(&example.image)?;
        let region = side.and_then(|side| Some((side, Region::of_marks(&example.marks)?)));
        if let Some(fit) = region.and_then(|(side, region)| look::around(&encoded.fit, &region, side)) {
            encoded = self.window(&example.image, &fit)?;
        }
        let marking = self.marking(&encoded, &example.marks, None)?;
        Ok((encoded, marking))
    }

    /// The examples that a net of `dims` can use; with `side`, what a window of that width shows of each.
    fn contexts(&mut self, examples: &[&Example], dims: usize, side: Option<f64>) -> Result<Vec<Input>, EngineError> {
        let mut contexts = Vec::new();
        for example in examples {
            let (encoded, marking) = self.shown(example, side)?;
            if encoded.fit.dims == dims && !marking.is_empty() {
                contexts.push(Input::new(&encoded, &marking));
            }
        }
        Ok(contexts)
    }

    /// How wide a second look is, by the examples.
    fn side_of_examples(&mut self, examples: &[&Example]) -> Result<Option<f64>, EngineError> {
        let mut regions = Vec::new();
        for example in examples {
            let encoded = self.encoded(&example.image)?;
            regions.extend(Region::of_marks(&example.marks).map(|region| (encoded, region)));
        }
        Ok(look::side_of_examples(regions.iter().map(|(encoded, region)| (&encoded.fit, *region))))
    }

    /// Guesses what one working grid shows of the target; `side` is that of a window, and `learned` are the examples that a
    /// net may have learned from. A volume that the user has marked is
    /// looked at again with what was found, unless an earlier guess was given: own boxes gained 0.02 of Dice, first clicks 0.01.
    fn look(
        &mut self,
        target: &Target,
        encoded: &Encoded,
        examples: &[&Example],
        side: Option<f64>,
        learned: &[&Example],
    ) -> Result<(Vec<f32>, f32), EngineError> {
        let dims = encoded.fit.dims;
        let own = self.marking(encoded, &target.marks, target.previous.as_deref())?;
        let is_marked = !own.is_empty();
        let others = self.contexts(examples, dims, side)?;
        if others.is_empty() && !is_marked {
            return Err(EngineError::NoMarks);
        }
        let own = Input::new(encoded, &own);
        let net = self.net_for(dims, Some(learned))?;
        let found = strategy::guess(net, &self.compute.device, &own, is_marked, &others)?;
        if dims == 2 || !is_marked || target.previous.is_some() {
            return Ok(found);
        }
        strategy::guess(net, &self.compute.device, &own.with_previous(&found.0), is_marked, &others)
    }

    /// The net that has learned from these examples, or the program's own.
    fn net_for(&self, dims: usize, examples: Option<&[&Example]>) -> Result<&InContextNet, EngineError> {
        match examples.and_then(|examples| self.learned_net(dims, examples)) {
            Some(net) => Ok(net),
            None => Ok(&self.net(dims)?.net),
        }
    }

    fn learned_net(&self, dims: usize, examples: &[&Example]) -> Option<&InContextNet> {
        let holds = |(lessons, net): &&(Lessons, InContextNet)| net.config().dims == dims && lessons.hold(examples);
        self.tuned.iter().rev().find(holds).map(|(_, net)| net)
    }

    /// An example as it is to be learned: where only marks are known, what the net makes of them is the truth.
    fn sample(&mut self, example: &Example, side: Option<f64>) -> Result<Sample, EngineError> {
        let (encoded, marking) = self.shown(example, side)?;
        let truth = match &example.marks.mask {
            Some(mask) if !mask.is_empty() => self.mask(&encoded, mask)?.to_vec(),
            _ => {
                let own = Input::new(&encoded, &marking);
                let net = &self.net(encoded.fit.dims)?.net;
                strategy::guess(net, &self.compute.device, &own, true, &[])?.0
            }
        };
        Ok(Sample { cells: [encoded.cells.as_slice(), &marking.cells, &truth].concat(), shape: encoded.fit.shape() })
    }

    /// The tuning of these examples: begun anew if another was under way.
    fn tuning(&mut self, examples: &[Example]) -> Result<Tuning, EngineError> {
        if let Some(tuning) = self.tuning.take_if(|tuning| tuning.lessons.are(examples)) {
            return Ok(tuning);
        }
        let first = examples.first().ok_or(EngineError::NoMarks)?;
        let dims = self.encoded(&first.image)?.fit.dims;
        let net = &self.net(dims)?.net;
        Ok(Tuning::new(net, &self.compute.device, Lessons::new(examples), 2))
    }

    /// Where to look closely, and the side of that window, if it would show more than the whole image.
    fn closer(
        &mut self,
        target: &Target,
        whole: &Fit,
        examples: &[&Example],
        found: Option<Region>,
    ) -> Result<Option<(Fit, f64)>, EngineError> {
        let Some(region) = Region::of_target(&target.marks, found) else { return Ok(None) };
        let side = match Region::of_marks(&target.marks) {
            Some(_) => Some(look::side_of_own(whole, &region)),
            None => self.side_of_examples(examples)?,
        };
        Ok(side.and_then(|side| Some((look::around(whole, &region, side)?, side))))
    }
}

impl Segmenter for NetSegmenter {
    fn prepare(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        self.make_plan(examples)
    }

    fn guess(&mut self, target: &Target, examples: &[Example], go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        let plan = if target.marks.is_empty() { self.plan_of(examples) } else { None };
        let guess = match plan {
            Some(plan) => self.guess_planned(target, examples, &plan, go_on),
            None => self.look_twice(target, examples, go_on),
        };
        self.opened = None;
        guess
    }

    fn tune(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        if self.tuned.iter().any(|(lessons, _)| lessons.are(examples)) {
            return Ok(1.0);
        }
        let mut tuning = self.tuning(examples)?;
        let share = self.learn(&mut tuning, examples)?;
        if share < 1.0 {
            self.tuning = Some(tuning);
        } else {
            self.tuned.push((tuning.lessons.clone(), tuning.net()));
            let excess = self.tuned.len().saturating_sub(MOST_TUNED);
            self.tuned.drain(..excess);
        }
        Ok(share)
    }
}

impl NetSegmenter {
    /// One example is made ready, or one step is done, so that nobody waits long for something else.
    fn learn(&mut self, tuning: &mut Tuning, examples: &[Example]) -> Result<f32, EngineError> {
        if let Some(example) = examples.get(tuning.views[0].len()) {
            let side = self.side_of_examples(&examples.iter().collect::<Vec<_>>())?;
            let [whole, close] = [None, side].map(|side| self.sample(example, side));
            let [whole, close] = [whole?, close?];
            if tuning.views[0].first().is_some_and(|first| first.shape != whole.shape) {
                return Err(EngineError::Prompts("a net cannot be tuned to pictures and volumes together"));
            }
            tuning.views[0].push(whole);
            tuning.views[1].push(close);
            self.opened = None;
            return Ok(0.0);
        }
        tuning.learn()?;
        Ok(tuning.share())
    }

    fn look_twice(
        &mut self,
        target: &Target,
        examples: &[Example],
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Guess, EngineError> {
        let whole = self.encoded(&target.image)?;
        let is_marked = !target.marks.is_empty();
        // A marked target stands among its own examples already.
        let mut examples: Vec<&Example> = examples.iter().filter(|e| !is_marked || e.case != target.case).collect();
        examples.sort_by_key(|example| example.case);
        let learned = examples.clone();
        let legible = if is_marked { Vec::new() } else { self.legible(&learned, whole.fit.dims)? };
        if !is_marked {
            examples = legible.iter().collect();
        }

        if look::tells_size(&target.marks, &whole.fit)
            && let Some(window) = self.closer(target, &whole.fit, &examples, None)?
        {
            let close = self.look_closely(target, window, &examples, &learned)?;
            let mut probability = Volume::filled(whole.grid, 0);
            close.paste(&mut probability.voxels);
            return Ok(Guess { probability, uncertainty: close.uncertainty });
        }
        let (cells, uncertainty) = self.look(target, &whole, &examples, None, &learned)?;
        let mut guess = Guess { probability: whole.decode(&cells), uncertainty };
        let found = Region::of_guess(&whole.fit, &cells);
        let close = match self.closer(target, &whole.fit, &examples, found)? {
            Some(window) => Some(self.look_closely(target, window, &examples, &learned)?),
            // In volumes tiles did harm where no plan had tried them; who has marked the target waits for no dozen of them.
            None => match found.filter(|_| whole.fit.dims == 2 && !is_marked) {
                Some(region) => self.tiled(target, &region, &examples, Some(&learned), go_on)?,
                None => None,
            },
        };
        if let Some(close) = close {
            close.paste(&mut guess.probability.voxels);
            guess.uncertainty = close.uncertainty;
        }
        Ok(guess)
    }

    fn look_closely(
        &mut self,
        target: &Target,
        (fit, side): (Fit, f64),
        examples: &[&Example],
        learned: &[&Example],
    ) -> Result<Close, EngineError> {
        let window = self.window(&target.image, &fit)?;
        let (cells, uncertainty) = self.look(target, &window, examples, Some(side), learned)?;
        Ok(Close { windows: vec![(fit, cells)], uncertainty })
    }
}

mod planned;
mod tiles;
mod understood;

#[cfg(test)]
mod tests;
