//! Tables that stored numbers are looked up in: the colours of a palette, plain or in segments, and the values of a
//! modality.

use super::data_set::DataSet;
use crate::files::fault::Fault;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// A colour table, 8 bits a channel.
#[derive(Debug, PartialEq)]
pub(crate) struct Palette {
    /// The stored number of the first colour.
    pub first: i32,
    pub colours: Vec<[u8; 3]>,
}

/// A modality look-up table, which stands in place of slope and intercept.
#[derive(Debug, PartialEq)]
pub(crate) struct Lookup {
    /// The stored number of the first value.
    pub first: i32,
    pub values: Vec<f32>,
}

/// What a table says of itself: entries, the stored number of the first, and bits of an entry.
struct Descriptor {
    count: usize,
    first: i32,
    bits: u32,
}

impl Descriptor {
    fn new(numbers: &[f64], signed: bool) -> Option<Self> {
        let &[count, first, bits] = numbers else { return None };
        // 0 stands for 2^16; and the first number is signed where pixels are, whatever its VR says.
        let count = if count as i32 as u16 == 0 { 1 << 16 } else { usize::from(count as i32 as u16) };
        let word = first as i32 as u16;
        let first = if signed { i32::from(word as i16) } else { i32::from(word) };
        Some(Self { count, first, bits: bits as u32 })
    }
}

impl Palette {
    /// The colours of a file.
    pub fn new(root: &DataSet<'_>) -> Result<Self, Fault> {
        let damaged = || Fault::Damaged("its colour table is missing or incomplete".to_owned());
        let signed = root.count(tags::PIXEL_REPRESENTATION) == Some(1);
        let descriptor =
            Descriptor::new(&root.numbers(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR), signed).ok_or_else(damaged)?;
        let channel = |plain, segmented| channel(root, &descriptor, plain, segmented).ok_or_else(damaged);
        let red = channel(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        let green = channel(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA, tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        let blue = channel(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA, tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
        let colours = red.into_iter().zip(green).zip(blue).map(|((r, g), b)| [r, g, b]).collect();
        Ok(Self { first: descriptor.first, colours })
    }
}

/// One channel of a palette, 8 bits an entry.
fn channel(root: &DataSet<'_>, descriptor: &Descriptor, plain: Tag, segmented: Tag) -> Option<Vec<u8>> {
    let Descriptor { count, bits, .. } = *descriptor;
    let word = |pair: &[u8; 2]| if root.is_big_endian() { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
    let words = |bytes: &[u8]| bytes.as_chunks::<2>().0.iter().map(word).collect::<Vec<u16>>();
    let narrow = |value: u16| if bits > 8 { (value >> 8) as u8 } else { value as u8 };
    let Some(bytes) = root.bytes(plain) else {
        let entries = unfolded(&words(root.bytes(segmented)?), count)?;
        return Some(entries.into_iter().map(narrow).collect());
    };
    if bytes.len() >= 2 * count {
        return Some(words(bytes).into_iter().take(count).map(narrow).collect());
    }
    // Two entries of 8 bits share a word, which is turned round in big-endian files.
    let paired: Vec<u8> = words(bytes).into_iter().flat_map(u16::to_le_bytes).collect();
    paired.get(..count).map(<[u8]>::to_vec)
}

/// The entries of a table in segments: plain ones, lines, and segments that are used again (PS3.3 C.7.9.2).
fn unfolded(words: &[u16], count: usize) -> Option<Vec<u16>> {
    let mut entries = Vec::new();
    let mut at = 0;
    while entries.len() < count && at + 1 < words.len() {
        at = segment(words, at, count, &mut entries)?;
    }
    (entries.len() == count).then_some(entries)
}

/// Appends the segment at a place; gives the place behind it.
fn segment(words: &[u16], at: usize, count: usize, entries: &mut Vec<u16>) -> Option<usize> {
    let (code, length) = (*words.get(at)?, usize::from(*words.get(at + 1)?));
    match code {
        0 => {
            let values = words.get(at + 2..at + 2 + length)?;
            entries.extend(values.iter().take(count - entries.len()));
            Some(at + 2 + length)
        }
        1 => {
            let (from, to) = (f64::from(*entries.last()?), f64::from(*words.get(at + 2)?));
            let line = (1..=length).map(|step| (from + (to - from) * step as f64 / length as f64).round() as u16);
            entries.extend(line.take(count - entries.len()));
            Some(at + 3)
        }
        2 => {
            let offset = usize::from(*words.get(at + 2)?) | usize::from(*words.get(at + 3)?) << 16;
            let mut again = offset / 2;
            for _ in 0..length {
                // An indirect segment must not point at another, or a table could grow without end.
                if *words.get(again)? > 1 {
                    return None;
                }
                // Nor may it repeat one that adds nothing: a table of these would take hours to unfold.
                let before = entries.len();
                again = segment(words, again, count, entries)?;
                if entries.len() == before {
                    return (before == count).then_some(at + 4);
                }
            }
            Some(at + 4)
        }
        _ => None,
    }
}

impl Lookup {
    /// The table of a file, if there is one.
    pub fn new(root: &DataSet<'_>) -> Result<Option<Self>, Fault> {
        let Some(item) = root.item(tags::MODALITY_LUT_SEQUENCE) else { return Ok(None) };
        let signed = root.count(tags::PIXEL_REPRESENTATION) == Some(1);
        let Some(Descriptor { count, first, .. }) = Descriptor::new(&item.numbers(tags::LUT_DESCRIPTOR), signed) else {
            return Ok(None);
        };
        let values: Vec<f32> = item.numbers(tags::LUT_DATA).into_iter().take(count).map(|value| value as f32).collect();
        if values.len() < count {
            return Err(Fault::Damaged("its table of modality values is incomplete".to_owned()));
        }
        Ok(Some(Self { first, values }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_unfold_to_plain_entries() {
        // Two plain entries, a line of three to 100, and the line's segment once more, to its own end.
        let words = [0, 2, 10, 40, 1, 3, 100, 2, 1, 8, 0];
        assert_eq!(unfolded(&words, 8), Some(vec![10, 40, 60, 80, 100, 100, 100, 100]));
        assert_eq!(unfolded(&words, 9), None, "too few entries");
        assert_eq!(unfolded(&[2, 1, 0, 0], 4), None, "a segment that points at itself");
        assert_eq!(unfolded(&[0, 0, 2, u16::MAX, 0, 0, 0, 1, 7], 1), None, "one that repeats what adds nothing");
    }
}
