//! The lines of an NRRD header: fields of the format, and pairs of key and value that programs add.

use super::super::fault::Fault;
use super::super::text_header::read_lines;
use std::collections::BTreeMap;
use std::path::Path;

/// What a header says.
pub(crate) struct Header {
    /// By name in small letters and without blanks, for the format allows `data file` and `datafile`.
    fields: BTreeMap<String, String>,
    /// What programs have added.
    pub pairs: BTreeMap<String, String>,
    /// The byte behind the header.
    pub end: u64,
}

impl Header {
    /// Reads the header of a file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let (lines, end) = read_lines(path, str::is_empty)?;
        let (mut fields, mut pairs) = (BTreeMap::new(), BTreeMap::new());
        for line in lines.iter().skip(1).filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once(':') else { continue };
            match value.strip_prefix('=') {
                Some(value) => drop(pairs.insert(key.to_owned(), value.to_owned())),
                None => drop(fields.insert(name(key), value.trim().to_owned())),
            }
        }
        Ok(Self { fields, pairs, end })
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that must be there.
    pub fn field(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).ok_or_else(|| Fault::Damaged(format!("its header lacks the field {name}")))
    }

    /// A field that is a whole number.
    pub fn whole(&self, name: &str) -> Result<Option<i64>, Fault> {
        let damaged = |_| Fault::Damaged(format!("the field {name} of its header is no whole number"));
        self.get(name).map(|text| text.parse().map_err(damaged)).transpose()
    }
}

fn name(key: &str) -> String {
    key.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}
