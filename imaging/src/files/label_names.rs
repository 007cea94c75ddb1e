//! What the values of a label map are called: ITK-SNAP's label files, nnU-Net's and the Decathlon's `dataset.json`,
//! and this program's own `labels.json`.

use super::fault::{Fault, FileError};
use super::listing::case_name;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A name, and a colour where the file has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName {
    /// What the structure is called.
    pub name: String,
    /// Red, green, blue.
    pub colour: Option<[u8; 3]>,
}

/// Names by label value; of background there is none.
pub type LabelNames = BTreeMap<u16, LabelName>;

/// No such file is longer.
const MOST_BYTES: u64 = 8 << 20;

/// The names that lie beside a label file: an ITK-SNAP file of its name, or a `labels.json` or `dataset.json` in its
/// folder or the one above, as nnU-Net has it. None where there is nothing of the kind.
///
/// # Errors
/// Where such a file is there and cannot be understood.
pub fn names_beside(labels: &Path) -> Result<LabelNames, FileError> {
    let folder = labels.parent().unwrap_or(Path::new(""));
    let above = folder.parent().map(Path::to_owned);
    let own = format!("{}.label", case_name(labels));
    let of = |folder: &Path| ["labels.json", "dataset.json"].map(|name| folder.join(name));
    let mut candidates: Vec<PathBuf> = vec![folder.join(own)];
    candidates.extend(of(folder));
    candidates.extend(above.as_deref().map(of).into_iter().flatten());
    candidates.into_iter().find(|path| path.is_file()).map_or_else(|| Ok(LabelNames::new()), |path| read_names(&path))
}

/// Reads a file of names; which kind it is, its content tells.
///
/// # Errors
/// Where it cannot be read or understood.
pub fn read_names(path: &Path) -> Result<LabelNames, FileError> {
    let read = || {
        if std::fs::metadata(path)?.len() > MOST_BYTES {
            return Err(Fault::TooLarge("no file of names is that long".to_owned()));
        }
        names(&std::fs::read(path)?)
    };
    read().map_err(|fault| fault.at(path))
}

/// The names in the bytes of a file.
///
/// # Errors
/// Where they cannot be understood.
pub fn names(bytes: &[u8]) -> Result<LabelNames, Fault> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        let whole: Value = serde_json::from_slice(bytes).map_err(|error| Fault::Damaged(format!("it is no JSON: {error}")))?;
        return from_json(whole.get("labels").unwrap_or(&whole));
    }
    from_itksnap(&String::from_utf8_lossy(bytes))
}

/// `{"liver": 1}`, or as the Decathlon has it `{"1": "liver"}`; nnU-Net's regions of several values are left out.
fn from_json(labels: &Value) -> Result<LabelNames, Fault> {
    let damaged = || Fault::Damaged("it does not give names to label values".to_owned());
    let mut names = LabelNames::new();
    for (key, value) in labels.as_object().ok_or_else(damaged)? {
        let (value, name) = match (value, key.parse::<u64>()) {
            (Value::String(name), Ok(value)) => (value, name.clone()),
            (Value::Array(_), _) => continue,
            _ => (value.as_u64().ok_or_else(damaged)?, key.clone()),
        };
        let value = u16::try_from(value).map_err(|_| damaged())?;
        names.insert(value, LabelName { name, colour: None });
    }
    names.remove(&0);
    Ok(names)
}

/// Lines of index, red, green, blue, alpha, two flags and a name in quotes; `#` begins a remark.
fn from_itksnap(text: &str) -> Result<LabelNames, Fault> {
    let mut names = LabelNames::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (value, name) = itksnap_line(line).ok_or_else(|| Fault::Damaged("it is no label file of ITK-SNAP".to_owned()))?;
        names.insert(value, name);
    }
    names.remove(&0);
    Ok(names)
}

fn itksnap_line(line: &str) -> Option<(u16, LabelName)> {
    let (numbers, name) = line.split_once('"')?;
    let name = name.rsplit_once('"')?.0.to_owned();
    let mut words = numbers.split_whitespace();
    let value = words.next()?.parse().ok()?;
    let mut channel = || words.next()?.parse().ok();
    Some((value, LabelName { name, colour: Some([channel()?, channel()?, channel()?]) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(u16, String)> {
        names(text.as_bytes()).expect("it is a file of names").into_iter().map(|(value, label)| (value, label.name)).collect()
    }

    #[test]
    fn names_are_read_in_each_form() {
        let wanted = [(1, "liver".to_owned()), (3, "spleen".to_owned())];
        assert_eq!(told(r#"{"liver": 1, "spleen": 3}"#), wanted);
        assert_eq!(told(r#"{"labels": {"background": 0, "liver": 1, "both": [1, 3], "spleen": 3}}"#), wanted);
        assert_eq!(told(r#"{"labels": {"0": "background", "1": "liver", "3": "spleen"}}"#), wanted);
        let itksnap = "# IDX -R- -G- -B- -A-- VIS MSH LABEL\n 0 0 0 0 0 0 0 \"Clear\"\n 1 9 8 7 1.00 1 1 \"liver\"\n";
        let read = names(itksnap.as_bytes()).expect("it is ITK-SNAP's");
        assert_eq!(read, LabelNames::from([(1, LabelName { name: "liver".to_owned(), colour: Some([9, 8, 7]) })]));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["{", r#"{"labels": 3}"#, r#"{"liver": -1}"#, r#"{"liver": 70000}"#, "1 2 3 liver", "\u{fffd}"] {
            assert!(names(text.as_bytes()).is_err(), "{text}");
        }
    }
}
