//! The Siemens mosaic: a whole volume as tiles of one picture. How many tiles there are, and which way they stack,
//! stands in Siemens' private header (CSA); the number also in element (0019,xx0A).

use super::data_set::DataSet;
use super::geometry::{cross, dot};
use super::instance::{Form, Frame};
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The most tiles of a mosaic; Siemens' have at most some hundred.
const MOST_TILES: usize = 4096;
/// The most entries of a private header that are looked through.
const MOST_ENTRIES: u32 = 1024;

/// The slices of a mosaic, or `None` where the file is none. One whose tiles are not told stays one picture, with a
/// warning.
pub(crate) fn frames(root: &DataSet<'_>, form: &Form, single: &Frame, warnings: &mut Vec<String>) -> Option<Vec<Frame>> {
    if !root.texts(tags::IMAGE_TYPE).iter().any(|part| part == "MOSAIC") {
        return None;
    }
    let csa = private(root, 0x0029, "SIEMENS CSA HEADER", 0x10);
    let told = csa.and_then(|csa| csa_numbers(csa, "NumberOfImagesInMosaic")).and_then(|numbers| numbers.first().copied());
    let told = told.or_else(|| tile_count(root)).map(|count| count as usize);
    let Some(count) = told.filter(|count| (1..=MOST_TILES).contains(count)) else {
        warnings.push("It is a mosaic, but does not say of how many tiles; it is shown as one picture.".to_owned());
        return None;
    };
    let side = (1..).find(|side| side * side >= count)?;
    let size = [form.columns / side, form.rows / side];
    if size.contains(&0) {
        return None;
    }
    let place = single.place;
    let normal = place.axes.map(|[row, column]| {
        let across = cross(row, column);
        let csa_normal = csa.and_then(|csa| csa_numbers(csa, "SliceNormalVector")).and_then(|n| <[f64; 3]>::try_from(n).ok());
        // Tiles may stack against the right-handed normal; only the private header says so.
        if csa_normal.is_some_and(|normal| dot(normal, across) < 0.0) { across.map(|part| -part) } else { across }
    });
    let between = place.between.or(place.thickness).unwrap_or(1.0);
    let frame = |tile: usize| {
        let mut frame = Frame { corner: [tile % side * size[0], tile / side * size[1]], size: Some(size), ..single.clone() };
        frame.place.position = (|| {
            let (position, [row, column], [down, across], normal) = (place.position?, place.axes?, place.spacing?, normal?);
            // The position is that of a corner of the whole mosaic, laid round the centre of each tile.
            let shift = [(form.columns - size[0]) as f64 / 2.0 * across, (form.rows - size[1]) as f64 / 2.0 * down];
            Some(std::array::from_fn(|i| {
                position[i] + row[i] * shift[0] + column[i] * shift[1] + normal[i] * between * tile as f64
            }))
        })();
        frame
    };
    Some((0..count).map(frame).collect())
}

fn tile_count(root: &DataSet<'_>) -> Option<f64> {
    let bytes = private(root, 0x0019, "SIEMENS MR HEADER", 0x0a)?;
    Some(f64::from(u16::from_le_bytes(*bytes.first_chunk()?)))
}

/// A private element of a creator.
fn private<'a>(root: &DataSet<'a>, group: u16, creator: &str, element: u16) -> Option<&'a [u8]> {
    let block = (0x10..=0xff_u16).find(|&block| root.text(Tag(group, block)).is_some_and(|name| name == creator))?;
    root.bytes(Tag(group, block << 8 | element))
}

/// The numbers of an entry of Siemens' private header, in its second form (`SV10`, since about 2002).
fn csa_numbers(csa: &[u8], wanted: &str) -> Option<Vec<f64>> {
    let mut at = csa.starts_with(b"SV10").then_some(8)?;
    let entries = word(csa, at)?.min(MOST_ENTRIES);
    at += 8;
    for _ in 0..entries {
        let name = csa.get(at..at + 64)?;
        let name = &name[..name.iter().position(|&byte| byte == 0).unwrap_or(64)];
        let items = word(csa, at + 76)?.min(MOST_ENTRIES);
        at += 84;
        let mut numbers = Vec::new();
        for _ in 0..items {
            let length = word(csa, at + 4)? as usize;
            let value = csa.get(at + 16..(at + 16).checked_add(length)?)?;
            let text: String = value.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect();
            numbers.extend(text.trim().parse::<f64>().ok().filter(|number| number.is_finite()));
            at += 16 + length.next_multiple_of(4);
        }
        if name == wanted.as_bytes() {
            return Some(numbers);
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
