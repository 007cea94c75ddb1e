//! One entry as one line: the CRC-32 of its JSON as eight hexadecimal digits, a space, the JSON, a line feed.

use crate::bounds::Bounded as _;
use crate::edit::EditError;
use crate::history::Entry;

/// Longer lines are no entries; 2 GB of JSON would be the masks of a very large study in one step.
pub(super) const MOST_LINE: u64 = 1 << 31;

/// What follows the last good line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing.
    Whole,
    /// A line that was cut short.
    Torn,
    /// Something else.
    Damaged,
}

/// An entry as a line; the reason where it would not read back as it is.
pub(super) fn write(entry: &Entry) -> Result<Vec<u8>, String> {
    if !entry.is_bounded() {
        return Err(EditError::NotFinite.to_string());
    }
    let json = serde_json::to_string(entry).map_err(|error| error.to_string())?;
    let back: Entry = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    if back != *entry {
        return Err("it would not be read back as it is".to_owned());
    }
    Ok(summed(&json))
}

/// JSON as a line with its checksum.
pub(super) fn summed(json: &str) -> Vec<u8> {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// The JSON of a line whose checksum holds.
pub(super) fn json(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    (sum == format!("{:08x}", crc32fast::hash(json)).as_bytes()).then_some(json)
}

/// The entry of a line, which may be cut short, or empty at the end of the journal.
pub(super) fn read(bytes: &[u8]) -> Result<Entry, Ending> {
    if !bytes.ends_with(b"\n") {
        return Err(if bytes.is_empty() { Ending::Whole } else { Ending::Torn });
    }
    let json = json(bytes).ok_or(Ending::Damaged)?;
    serde_json::from_slice(json).ok().filter(Entry::is_bounded).ok_or(Ending::Damaged)
}
