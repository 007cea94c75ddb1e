//! The net in use: the program's own, or a published one that the user has added and chosen. Also runs a net that needs
//! no example beside it, and measures how fast the device is.

use crate::error::EngineError;
use crate::nets::neuroverse::NeuroverseConfig;
use crate::nets::slabs::Work;
use crate::nets::source::Random;
use crate::protocol::{Example, NetChoice, Target};
use crate::published::Published;
use crate::segmenter::{Guess, NetSegmenter, Segmenter};
use crate::weights::installed::Installed;
use burn::tensor::{Device, Tensor};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The program's own nets, and the published ones in use.
pub(crate) struct Chooser {
    own: NetSegmenter,
    device: Device,
    chosen: Option<Published>,
    /// The automatic net that was used last.
    automatic: Option<(PathBuf, Published)>,
}

impl Chooser {
    pub fn new(own: NetSegmenter, device: Device) -> Self {
        Self { own, device, chosen: None, automatic: None }
    }

    fn open(&self, folder: &Path, manner: crate::published::Manner) -> Result<Published, EngineError> {
        let refuse = |why| EngineError::Weights { path: folder.to_owned(), why };
        Published::open(Installed::open(folder).map_err(refuse)?, manner, &self.device)
    }
}

impl Segmenter for Chooser {
    fn prepare(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        match &mut self.chosen {
            Some(chosen) => chosen.prepare(examples).map(|()| 1.0),
            None => self.own.prepare(examples),
        }
    }

    fn guess(&mut self, target: &Target, examples: &[Example], go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        match &mut self.chosen {
            Some(chosen) => chosen.guess(target, examples, go_on),
            None => self.own.guess(target, examples, go_on),
        }
    }

    fn tune(&mut self, examples: &[Example]) -> Result<f32, EngineError> {
        match &self.chosen {
            Some(_) => Err(EngineError::Prompts("only the program's own net can be tuned; choose it under File, Nets")),
            None => self.own.tune(examples),
        }
    }

    fn use_net(&mut self, net: &NetChoice) -> Result<(), EngineError> {
        // The old one goes first: two large nets need not fit side by side.
        self.chosen = None;
        if let NetChoice::Installed { folder, manner } = net {
            self.chosen = Some(self.open(folder, *manner)?);
        }
        Ok(())
    }

    fn automatic(&mut self, folder: &Path, target: &Target, go_on: &mut dyn FnMut(f32) -> bool) -> Result<Guess, EngineError> {
        if self.automatic.as_ref().is_none_or(|(known, _)| known != folder) {
            self.automatic = None;
            self.automatic = Some((folder.to_owned(), self.open(folder, crate::published::Manner::Published)?));
        }
        let Some((_, net)) = &mut self.automatic else { return Err(EngineError::NoMarks) };
        net.guess(target, &[], go_on)
    }

    fn speed(&mut self) -> Result<f64, EngineError> {
        speed(&self.device)
    }
}

/// Products a second, measured on a small net of the kind whose cost is asked for.
fn speed(device: &Device) -> Result<f64, EngineError> {
    let config = NeuroverseConfig { dims: 3, widths: vec![32, 64, 128] };
    let net = config.init(&mut Random(device.clone()));
    let side = 32;
    let [fixed, each] = config.products(side * side * side);
    let run = || -> Result<f64, EngineError> {
        let start = Instant::now();
        let input = |channels| Tensor::<5>::ones([1, channels, side, side, side], device);
        let mut go_on = |_| true;
        let out = net.forward(input(1), [input(2)], &mut Work::new(fixed + each, &mut go_on));
        let out = out.map_err(|_| EngineError::Cancelled)?.sum();
        let failed = |why: String| EngineError::Device { name: "the device".to_owned(), why };
        out.try_into_data().map_err(|error| failed(error.to_string()))?;
        Ok((fixed + each) / start.elapsed().as_secs_f64())
    };
    // A GPU compiles its kernels in the first run.
    run()?;
    run()
}
