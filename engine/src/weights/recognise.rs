//! Which net a file of weights belongs to, told by its tensors alone: names of files lie.

use super::fit::fit;
use super::state::State;
use crate::nets::meshnet::{MeshNet, MeshNetConfig};
use crate::nets::neuroverse::{Neuroverse, NeuroverseConfig};
use crate::nets::scribbleprompt::{ScribblePrompt, ScribblePromptConfig};
use crate::nets::source::{Schema, Source};
use crate::nets::tyche::{Tyche, TycheConfig};
use crate::nets::universeg::{UniverSeg, UniverSegConfig};
use burn::tensor::Device;

/// The shape of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Neuroverse3D and WS-ICL.
    Neuroverse(NeuroverseConfig),
    /// UniverSeg and MultiverSeg.
    UniverSeg(UniverSegConfig),
    /// ScribblePrompt-UNet.
    ScribblePrompt(ScribblePromptConfig),
    /// Tyche-TS.
    Tyche(TycheConfig),
    /// MeshNet.
    MeshNet(MeshNetConfig),
}

/// A net with its weights.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is its tensors that are large")]
pub enum Net {
    /// Neuroverse3D and WS-ICL.
    Neuroverse(Neuroverse),
    /// UniverSeg and MultiverSeg, and its shape.
    UniverSeg(UniverSeg, UniverSegConfig),
    /// ScribblePrompt-UNet.
    ScribblePrompt(ScribblePrompt),
    /// Tyche-TS.
    Tyche(Tyche),
    /// MeshNet, and its shape.
    MeshNet(MeshNet, MeshNetConfig),
}

impl Config {
    /// The net whose tensors a file holds.
    ///
    /// # Errors
    /// In a few words, where it is none that is known here, or the tensors of one do not fit it.
    pub fn recognise(state: &State) -> Result<Self, String> {
        let width = |name: &str| state.shape(name).and_then(|shape| shape.first().copied());
        let config = if let Some(topology) = &state.topology {
            Self::MeshNet(MeshNetConfig::from_topology(topology)?)
        } else if let Some(shape) = state.shape("context_unet.context_embedding.module.weight") {
            let dims = shape.len().saturating_sub(2);
            let level = |at: usize| width(&format!("context_unet.enc_blocks.{at}.context_conv.module.layers.0.weight"));
            Self::Neuroverse(NeuroverseConfig { dims, widths: (0..).map_while(level).collect() })
        } else if let Some(width) = width("downs.0.conv.0.weight") {
            Self::ScribblePrompt(ScribblePromptConfig { width })
        } else if let Some(shape) = state.shape("enc_blocks.0.cross.cross_conv.weight") {
            let [width, inputs, ..] = *shape else { return Err("a tensor has too few axes".to_owned()) };
            if state.shape("enc_blocks.0.meanconv.vmapped.conv.weight").is_some() {
                Self::Tyche(TycheConfig { width })
            } else {
                let normed = state.shape("enc_blocks.0.target.vmapped.norml.weight").is_some();
                Self::UniverSeg(UniverSegConfig { target_channels: inputs.saturating_sub(2), width, normed })
            }
        } else {
            return Err("its tensors belong to no net that is known here".to_owned());
        };
        config.fault().map_or(Ok(config), |fault| Err(fault.to_owned()))
    }

    /// Why no net can be made of this, if so.
    fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Neuroverse(config) if !matches!(config.dims, 2 | 3) => Some("its tensors are neither of 2-D nor of 3-D"),
            Self::Neuroverse(config) if !(2..=8).contains(&config.widths.len()) => Some("its levels are too few or too many"),
            Self::UniverSeg(config) if !matches!(config.target_channels, 1 | 5) => {
                Some("its target has channels without a meaning")
            }
            _ => None,
        }
    }

    /// The net with the tensors of a file.
    ///
    /// # Errors
    /// In a few words, what does not fit.
    pub fn load(&self, state: &State, device: &Device) -> Result<Net, String> {
        fit(state, device, |schema| drop(self.init(schema)), |source| self.init(source))
    }

    /// Whether a file holds the tensors of this net and no others; reads none of their numbers.
    ///
    /// # Errors
    /// In a few words, what does not fit.
    pub fn check(&self, state: &State) -> Result<(), String> {
        fit(state, &Device::flex(), |schema| drop(self.init(schema)), |_| ())
    }

    /// Numbers in all tensors.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let mut schema = Schema::default();
        drop(self.init(&mut schema));
        schema.parameters()
    }

    fn init(&self, source: &mut impl Source) -> Net {
        match self {
            Self::Neuroverse(config) => Net::Neuroverse(config.init(source)),
            Self::UniverSeg(config) => Net::UniverSeg(config.init(source), config.clone()),
            Self::ScribblePrompt(config) => Net::ScribblePrompt(config.init(source)),
            Self::Tyche(config) => Net::Tyche(config.init(source)),
            Self::MeshNet(config) => Net::MeshNet(config.init(source), config.clone()),
        }
    }
}
