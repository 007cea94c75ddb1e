//! The nets that the user has added, and which of them is in use: where they lie, and what is remembered of the choice
//! from one run to the next.

use crate::recent;
use crate::whole;
use engine::NetChoice;
use engine::published::Manner;
use engine::weights::installed::{self, Installed};
use std::path::PathBuf;

/// Where added nets lie.
#[must_use]
pub fn folder() -> PathBuf {
    recent::data_folder().join("nets")
}

/// The nets that were added.
#[must_use]
pub fn list() -> Vec<Installed> {
    installed::list(&folder())
}

/// The net of an id, as `exemplar models list` tells it; its first letters suffice where they mean one alone.
///
/// # Errors
/// In a few words, where there is none, or more than one.
pub fn find(id: &str) -> Result<Installed, String> {
    let mut found: Vec<Installed> = list().into_iter().filter(|net| net.id().starts_with(id)).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(format!("no net named {id} was added; exemplar models list tells which were")),
        _ => Err(format!("{id} could mean several nets; exemplar models list tells their names")),
    }
}

/// The choice of the last run; the program's own net where the chosen one is gone.
#[must_use]
pub fn remembered() -> NetChoice {
    let choice = std::fs::read(file()).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    match &choice {
        NetChoice::Installed { folder, .. } if !folder.is_dir() => NetChoice::Own,
        _ => choice,
    }
}

/// Remembers a choice for the next run.
pub fn remember(choice: &NetChoice) {
    let written = serde_json::to_vec(choice).map_err(std::io::Error::from).and_then(|text| whole::write(&file(), text));
    if let Err(error) = written {
        tracing::warn!("could not note which net is in use: {error}");
    }
}

fn file() -> PathBuf {
    recent::data_folder().join("net.json")
}

/// What the settings say of the two ways to make an image ready.
#[must_use]
pub fn manner_text(manner: Manner) -> &'static str {
    match manner {
        Manner::Published => "as published",
        Manner::Oriented => "oriented and clipped",
    }
}

/// Bytes in the unit that people read.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes >= 1e9 {
        format!("{:.1} GB", bytes / 1e9)
    } else if bytes >= 1e6 {
        format!("{:.1} MB", bytes / 1e6)
    } else {
        format!("{:.0} kB", bytes / 1e3)
    }
}

/// Seconds as people say them.
#[must_use]
pub fn time_text(secs: f64) -> String {
    if secs >= 90.0 {
        format!("{:.0} min", secs / 60.0)
    } else if secs >= 1.0 {
        format!("{secs:.0} s")
    } else {
        "under a second".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_told_in_units_of_people() {
        assert_eq!(size_text(283_419_652), "283.4 MB");
        assert_eq!(size_text(1_900_000_000), "1.9 GB");
        assert_eq!(size_text(22_392), "22 kB");
        assert_eq!([time_text(0.2), time_text(42.4), time_text(150.0)], ["under a second", "42 s", "2 min"]);
    }
}
