//! What a user has chosen for all projects: a file in the program's own folder.

use crate::queue::Order;
use crate::recent::data_folder;
use crate::whole;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a user has chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefs {
    /// The name that goes into the ledger.
    pub reader: String,
    /// The order of the queue.
    pub order: Order,
}

impl Default for Prefs {
    fn default() -> Self {
        let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
        Self { reader: name.unwrap_or_else(|_| "reader".into()), order: Order::default() }
    }
}

impl Prefs {
    /// As they were left in the program's own folder; the usual ones where none can be read.
    #[must_use]
    pub fn load() -> Self {
        Self::load_from(&file())
    }

    fn load_from(file: &Path) -> Self {
        std::fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps them in the program's own folder.
    pub fn save(&self) {
        self.save_to(&file());
    }

    fn save_to(&self, file: &Path) {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| whole::write(file, text));
        if let Err(error) = written {
            tracing::warn!("could not keep the settings: {error}");
        }
    }
}

fn file() -> PathBuf {
    data_folder().join("settings.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_there_the_next_time() {
        let folder = tempfile::tempdir().expect("a test can have a folder");
        let file = folder.path().join("settings.json");
        assert_eq!(Prefs::load_from(&file), Prefs::default());
        let chosen = Prefs { reader: "Dr. Ä".into(), order: Order::Size };
        chosen.save_to(&file);
        assert_eq!(Prefs::load_from(&file), chosen);
        std::fs::write(&file, r#"{"order":"name","of a newer program":1}"#).expect("a test's folder can be written");
        assert_eq!(Prefs::load_from(&file).order, Order::Name);
    }
}
