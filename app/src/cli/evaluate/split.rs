//! Which cases of which sets were held back from training, as a JSON file tells.

use crate::cli::told;
use anyhow::ensure;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The file's content: for each set its cases, or an object with `held_back`; `held_back_tasks` names whole sets.
pub struct Split(Value);

/// The cases of a set that are held back.
pub struct Held(Option<BTreeSet<String>>);

impl Held {
    /// Whether a case is one of them.
    pub fn holds(&self, case: &str) -> bool {
        self.0.as_ref().is_none_or(|cases| cases.contains(case))
    }
}

impl Split {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read or is no JSON object.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || -> anyhow::Result<Value> {
            let value: Value = serde_json::from_slice(&std::fs::read(path)?)?;
            ensure!(value.is_object(), "it is no JSON object of sets and their cases");
            Ok(value)
        };
        read().map(Self).map_err(told("the split cannot be read", path))
    }

    /// What is held back of a set, which the file may name with or without the folders above it; nothing of a set that
    /// it does not name.
    pub fn of_set(&self, set: &str) -> Option<Held> {
        let last = set.rsplit('/').next().unwrap_or(set);
        let names =
            |value: &Value| value.as_array().map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        let whole: BTreeSet<String> = self.0.get("held_back_tasks").and_then(names).unwrap_or_default();
        if whole.contains(set) || whole.contains(last) {
            return Some(Held(None));
        }
        let entry = self.0.get(set).or_else(|| self.0.get(last))?;
        names(entry.get("held_back").unwrap_or(entry)).map(|cases| Held(Some(cases)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_held_back_whole_in_part_or_not_at_all() {
        let split = Split(serde_json::json!({
            "held_back_tasks": ["knee"],
            "mr": {"train": ["a"], "held_back": ["b"]},
            "us": ["c"],
        }));
        let holds = |set, case| split.of_set(set).map(|held| held.holds(case));
        assert_eq!(holds("mini2d/knee", "x"), Some(true));
        assert_eq!((holds("mr", "a"), holds("mr", "b")), (Some(false), Some(true)));
        assert_eq!((holds("more/us", "c"), holds("us", "d")), (Some(true), Some(false)));
        assert_eq!(holds("ct", "a"), None, "a set that is not named may have been trained on");
    }
}
