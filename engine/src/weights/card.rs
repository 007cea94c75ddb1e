//! The card that stands beside each file of weights.

use crate::nets::in_context::InContextConfig;
use crate::protocol::NetInfo;
use serde::Deserialize;

/// The version of card, names of tensors and meaning of channels that this program understands.
pub const SCHEMA: u64 = 1;

/// What a file of weights is. The file must hash to `sha256`.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// A short name.
    pub name: String,
    /// What the net does, in a sentence or two.
    pub what: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The licence of the weights.
    pub licence: String,
    /// What they were trained on.
    pub trained_on: Vec<Source>,
    /// Whether the net was trained on images alone that are marked themselves: it takes no examples.
    #[serde(default)]
    pub own: bool,
    /// What fixes the net's shape.
    pub config: InContextConfig,
}

/// A set that a net was trained on.
#[derive(Clone, Debug, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its licence.
    pub licence: String,
}

#[derive(Deserialize)]
struct Version {
    schema: u64,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// In a few words, why this is no card for this program.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unreadable = |error: serde_json::Error| format!("the card cannot be read ({error})");
        // The version alone first: another version's card may have other fields.
        let Version { schema } = serde_json::from_str(text).map_err(unreadable)?;
        if schema != SCHEMA {
            return Err(format!("they are made for another version of this program (schema {schema}, not {SCHEMA})"));
        }
        let card: Self = serde_json::from_str(text).map_err(unreadable)?;
        match card.config.fault() {
            Some(fault) => Err(format!("the card describes no net ({fault})")),
            None => Ok(card),
        }
    }

    /// The card in the words of the window.
    #[must_use]
    pub fn info(&self) -> NetInfo {
        let sources: Vec<String> = self.trained_on.iter().map(|source| format!("{} ({})", source.name, source.licence)).collect();
        NetInfo {
            name: self.name.clone(),
            dims: self.config.dims,
            what: self.what.clone(),
            trained_on: sources.join(", "),
            licence: self.licence.clone(),
        }
    }
}
