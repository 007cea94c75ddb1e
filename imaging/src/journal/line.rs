//! One entry as one line: the CRC-32 of its JSON as eight hexadecimal digits, a space, the JSON, a line feed.

use crate::edit::Edit;
use crate::history::Entry;

/// Longer lines are no entries; 2 GB of JSON would be the masks of a very large study in one step.
pub(super) const MOST_LINE: u64 = 1 << 31;
/// As for images: no mask has more voxels.
const MOST_VOXELS: usize = 1 << 31;

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
    let json = serde_json::to_string(entry).map_err(|error| error.to_string())?;
    // JSON has no NaN: it is written as null, which nobody could read again.
    let back: Entry = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    if back != *entry {
        return Err("a number in it is not finite".to_owned());
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
    serde_json::from_slice(json).ok().filter(is_sane).ok_or(Ending::Damaged)
}

/// Whether no mask in an entry is larger than any image, for its memory is set aside as declared.
fn is_sane(entry: &Entry) -> bool {
    fn edit_is_sane(edit: &Edit) -> bool {
        match edit {
            Edit::Review { shape, patch, .. } => {
                let voxels = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
                voxels.is_some_and(|voxels| voxels <= MOST_VOXELS && patch.is_sound(voxels))
            }
            Edit::Several(edits) => edits.iter().all(edit_is_sane),
            _ => true,
        }
    }
    if let Entry::Do(step) = entry { edit_is_sane(&step.edit) } else { true }
}
