//! Who guesses: a target and examples in, a probability on the source grid out. Owns which nets are kept; which images are
//! is `images`', how passes are combined is `strategy`'s, where to look twice is `look`'s.

use crate::cache::Newest;
use crate::chooser::Chooser;
use crate::device::{self, Compute};
use crate::edges;
use crate::encode::{Encoded, fit::Fit};
use crate::error::EngineError;
use crate::look::{self, Region};
use crate::nets::in_context::InContextNet;
use crate::protocol::{DeviceChoice, Example, NetChoice, NetInfo, Target};
use crate::strategy::{self, Input};
use crate::tune::{Lessons, Sample, Tuning};
use crate::weights::{self, Loaded};
use burn::tensor::Device;
use images::Images;
use imaging::Volume;
use planned::{Planned, Planning};
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// The in-context nets on a device.
pub(crate) struct NetSegmenter {
    compute: Compute,
    nets: Vec<Loaded>,
    images: Images,
    tuning: Option<Tuning>,
    /// What was learned lately.
    tuned: Newest<(Lessons, Arc<InContextNet>)>,
    planning: Option<Planning>,
    plans: Newest<Planned>,
    /// Examples, and what was made of their marks.
    understood: Newest<(Lessons, Example)>,
}

/// So many cells away edges are followed.
const EDGES_WITHIN: f64 = 0.6;
/// With so many marks a guess that is corrected is left to the net for images marked themselves.
const ENOUGH_MARKS: usize = 5;
/// So many tuned nets, plans and understood examples are kept: as many structures in turn.
const MOST_KEPT: usize = 64;

impl NetSegmenter {
    pub fn new(compute: Compute, nets: Vec<Loaded>) -> Self {
        Self {
            compute,
            nets,
            images: Images::default(),
            tuning: None,
            tuned: Newest::new(MOST_KEPT),
            planning: None,
            plans: Newest::new(MOST_KEPT),
            understood: Newest::new(MOST_KEPT),
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

    /// The program's net that learns from examples.
    fn net(&self, dims: usize) -> Result<Arc<InContextNet>, EngineError> {
        self.shipped(dims, false).ok_or(EngineError::NoNet { dims })
    }

    /// One of the program's nets: that for images marked themselves, or the other.
    fn shipped(&self, dims: usize, own: bool) -> Option<Arc<InContextNet>> {
        let is_it = |loaded: &&Loaded| loaded.card.config.dims == dims && loaded.card.own == own;
        self.nets.iter().find(is_it).map(|loaded| loaded.net.clone())
    }

    /// The program's net for images that are marked themselves, where there is one and it does better. Mean Dice of the
    /// other net and of this one, of volumes: a box on hippocampi and their parts (6 cases) 0.71 to 0.73, with five clicks
    /// 0.79 to 0.83, one, three and five clicks alone 0.67 to 0.68, 0.77 to 0.79, 0.81 to 0.83, a doodle 0.70 to 0.72; of
    /// hearts, cords, spleens and other organs (2 to 6 each) 0.36 to 0.38, 0.60 to 0.64, 0.16 to 0.16, 0.47 to 0.49, 0.56 to
    /// 0.58, 0.27 to 0.35.
    ///
    /// In pictures only once a box tells how large the structure is, or a guess was corrected. Kinds that no net was trained
    /// on (11 structures, 4 pictures each): a box 0.80 to 0.80, with five clicks 0.84 to 0.86, with ten 0.85 to 0.89; nuclei
    /// 0.91 to 0.92, 0.91 to 0.93, 0.92 to 0.93. One click alone lost (0.49 to 0.47, nuclei 0.45 to 0.20).
    fn own_net(&self, dims: usize, target: &Target) -> Option<Arc<InContextNet>> {
        let marks = &target.marks;
        let is_corrected = target.previous.is_some() && marks.prompts.len() >= ENOUGH_MARKS;
        let does_better = if dims == 3 { !marks.prompts.is_empty() } else { marks.has_box() || is_corrected };
        if does_better { self.shipped(dims, true) } else { None }
    }

    /// The same, unless other images show what is wanted.
    fn own_net_for(&mut self, target: &Target, examples: &[Example]) -> Result<Option<Arc<InContextNet>>, EngineError> {
        if examples.iter().any(|example| example.case != target.case) {
            return Ok(None);
        }
        let dims = self.images.encoded(&target.image)?.fit.dims;
        Ok(self.own_net(dims, target))
    }

    /// The examples that a net of `dims` can use; with `side`, what a window of that width shows of each.
    fn contexts(&mut self, examples: &[&Example], dims: usize, side: Option<f64>) -> Result<Vec<Input>, EngineError> {
        let mut contexts = Vec::new();
        for example in examples {
            let (encoded, marking) = self.images.shown(example, side)?;
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
            let encoded = self.images.encoded(&example.image)?;
            regions.extend(Region::of_marks(&example.marks).map(|region| (encoded, region)));
        }
        Ok(look::side_of_examples(regions.iter().map(|(encoded, region)| (&encoded.fit, *region))))
    }

    /// Guesses what one working grid shows of the target; `side` is that of a window. A volume that the user has marked is
    /// looked at again with what was found, unless an earlier guess was given: own boxes gained 0.02 of Dice, first clicks 0.01.
    fn look(
        &mut self,
        net: &InContextNet,
        target: &Target,
        encoded: &Encoded,
        examples: &[&Example],
        side: Option<f64>,
    ) -> Result<(Vec<f32>, f32), EngineError> {
        let dims = encoded.fit.dims;
        let own = self.images.marking(encoded, &target.marks, target.previous.as_deref())?;
        let is_marked = !own.is_empty();
        let others = self.contexts(examples, dims, side)?;
        if others.is_empty() && !is_marked {
            return Err(EngineError::NoMarks);
        }
        let own = Input::new(encoded, &own);
        let found = strategy::guess(net, &self.compute.device, &own, is_marked, &others)?;
        if dims == 2 || !is_marked || target.previous.is_some() {
            return Ok(found);
        }
        strategy::guess(net, &self.compute.device, &own.with_previous(&found.0), is_marked, &others)
    }

    /// The net that has learned from these examples as the user gave them, or the program's own.
    fn net_for(&self, dims: usize, given: &[&Example]) -> Result<Arc<InContextNet>, EngineError> {
        match self.learned_net(dims, given) {
            Some(net) => Ok(net),
            None => self.net(dims),
        }
    }

    fn learned_net(&self, dims: usize, given: &[&Example]) -> Option<Arc<InContextNet>> {
        let holds = |(lessons, net): &&(Lessons, Arc<InContextNet>)| net.config().dims == dims && lessons.hold(given);
        self.tuned.iter().find(holds).map(|(_, net)| net.clone())
    }

    /// An example as it is to be learned: where only marks are known, what the net makes of them is the truth.
    fn sample(&mut self, example: &Example, side: Option<f64>) -> Result<Sample, EngineError> {
        let (encoded, marking) = self.images.shown(example, side)?;
        let truth = match example.marks.filled_mask() {
            Some(mask) => self.images.mask(&encoded, mask)?.to_vec(),
            None => {
                let own = Input::new(&encoded, &marking);
                let net = self.net(encoded.fit.dims)?;
                strategy::guess(&net, &self.compute.device, &own, true, &[])?.0
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
        let dims = self.images.encoded(&first.image)?.fit.dims;
        Ok(Tuning::new(self.net(dims)?.as_ref(), &self.compute.device, Lessons::new(examples), 2))
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
        let guess = match self.plan_for(target, examples)? {
            Some(plan) => self.guess_planned(target, examples, &plan, go_on),
            None => {
                let own = self.own_net_for(target, examples)?;
                self.look_twice(target, examples, own, go_on).and_then(|(mut guess, fit)| {
                    self.follow_edges(target, &mut guess.probability, &fit)?;
                    Ok(guess)
                })
            }
        };
        self.images.close();
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
            self.tuned.push((tuning.lessons.clone(), Arc::new(tuning.net())));
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
            self.images.close();
            return Ok(0.0);
        }
        tuning.learn()?;
        Ok(tuning.share())
    }

    /// A guess, and the working grid on which most of it was found.
    fn look_twice(
        &mut self,
        target: &Target,
        examples: &[Example],
        own: Option<Arc<InContextNet>>,
        go_on: &mut dyn FnMut(f32) -> bool,
    ) -> Result<(Guess, Fit), EngineError> {
        let whole = self.images.encoded(&target.image)?;
        let is_marked = !target.marks.is_empty();
        // A marked target stands among its own examples already.
        let mut examples: Vec<&Example> = examples.iter().filter(|e| !is_marked || e.case != target.case).collect();
        examples.sort_by_key(|example| example.case);
        let dims = whole.fit.dims;
        let net = own.map_or_else(|| self.net_for(dims, &examples), Ok)?;
        let legible = if is_marked { Vec::new() } else { self.legible(&examples, dims)? };
        if !is_marked {
            examples = legible.iter().collect();
        }

        if look::tells_size(&target.marks, &whole.fit)
            && let Some(window) = self.closer(target, &whole.fit, &examples, None)?
        {
            let fit = window.0.clone();
            let close = self.look_closely(&net, target, window, &examples)?;
            let mut probability = Volume::filled(whole.grid, 0);
            close.paste(&mut probability.voxels);
            return Ok((Guess { probability, uncertainty: close.uncertainty }, fit));
        }
        let (cells, uncertainty) = self.look(&net, target, &whole, &examples, None)?;
        let mut guess = Guess { probability: whole.decode(&cells), uncertainty };
        let found = Region::of_guess(&whole.fit, &cells);
        let close = match self.closer(target, &whole.fit, &examples, found)? {
            Some(window) => Some(self.look_closely(&net, target, window, &examples)?),
            // In volumes tiles did harm where no plan had tried them; who has marked the target waits for no dozen of them.
            None => match found.filter(|_| whole.fit.dims == 2 && !is_marked) {
                Some(region) => self.tiled(&net, target, &region, &examples, go_on)?,
                None => None,
            },
        };
        if let Some(close) = &close {
            close.paste(&mut guess.probability.voxels);
            guess.uncertainty = close.uncertainty;
        }
        let fit = close.as_ref().and_then(Close::fit).unwrap_or(&whole.fit).clone();
        Ok((guess, fit))
    }

    /// Draws the guess of a picture that bears marks of its own to its edges, about as far as a cell of `fit` reaches. Mean
    /// Dice of kinds that no net was trained on (11 structures, 4 pictures each): a box 0.800 to 0.802, one, three, five and
    /// ten clicks 0.48 to 0.48, 0.69 to 0.69, 0.787 to 0.782, 0.844 to 0.851.
    fn follow_edges(&mut self, target: &Target, guess: &mut Volume<u8>, fit: &Fit) -> Result<(), EngineError> {
        if fit.dims == 3 || target.marks.is_empty() {
            return Ok(());
        }
        let encoded = self.images.encoded(&target.image)?;
        let image = self.images.image(&target.image)?;
        // The flat axis has one voxel, so rows are as long as the first axis that has more.
        let width = encoded.grid.shape.into_iter().find(|&voxels| voxels > 1).unwrap_or(1);
        let reach = fit.voxels(EDGES_WITHIN * fit.cell()).into_iter().fold(1.0, f64::max).round() as usize;
        guess.voxels = edges::followed(&guess.voxels, |at| encoded.scaled(image.value(at)), width, reach);
        Ok(())
    }

    fn look_closely(
        &mut self,
        net: &InContextNet,
        target: &Target,
        (fit, side): (Fit, f64),
        examples: &[&Example],
    ) -> Result<Close, EngineError> {
        let window = self.images.window(&target.image, &fit)?;
        let (cells, uncertainty) = self.look(net, target, &window, examples, Some(side))?;
        Ok(Close { windows: vec![(fit, cells)], uncertainty })
    }
}

pub(crate) mod images;
mod planned;
mod tiles;
mod understood;

#[cfg(test)]
mod tests;
