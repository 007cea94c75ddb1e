//! From bytes to a data set.
//!
//! The header of each element is read by dicom-rs' decoders; the tree is built here, because `dicom-object` 0.10
//! sets memory aside as an element declares it, and recurses once for each nesting: a file of a few bytes could ask
//! for gigabytes, or for all of the stack. Here values borrow from the file, and nesting has a bound.

use super::data_set::{Content, DataSet, Element};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::{DataElementHeader, Length};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_encoding::decode::Decode;
use dicom_encoding::decode::explicit_be::ExplicitVRBigEndianDecoder;
use dicom_encoding::decode::explicit_le::ExplicitVRLittleEndianDecoder;
use dicom_encoding::decode::implicit_le::StandardImplicitVRLittleEndianDecoder;
use std::ops::Range;

/// More than any object of the standard nests.
const DEEPEST: usize = 24;

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
const FLOAT_PIXELS: Tag = Tag(0x7fe0, 0x0008);
const DOUBLE_PIXELS: Tag = Tag(0x7fe0, 0x0009);
pub(crate) const PIXELS: Tag = Tag(0x7fe0, 0x0010);

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// Where the pixels of a file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelsAt {
    /// Whether they are whole numbers, `f32` or `f64`.
    pub kind: PixelKind,
    /// The first byte, counted from the beginning of the data.
    pub at: u64,
    /// Bytes; `None` where they are in fragments.
    pub length: Option<u64>,
    /// Whether they are written as words, two bytes in each.
    pub in_words: bool,
}

/// What pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PixelKind {
    Whole,
    Float,
    Double,
}

/// Why a data set could not be read.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The bytes given end within it, though the file goes on.
    NeedMore,
    /// It does not hold together.
    Damaged(String),
}

/// A data set up to its pixels.
#[derive(Debug)]
pub(crate) struct Walked<'a> {
    pub root: DataSet<'a>,
    pub pixels: Option<PixelsAt>,
}

/// Reads the data set of a file of `total` bytes from `begin` on, up to its pixels; `bytes` are the first of it.
pub(crate) fn walk(bytes: &[u8], begin: usize, total: u64, encoding: Encoding) -> Result<Walked<'_>, Stop> {
    let mut walker = Walker { bytes, at: begin, total, encoding };
    let mut root = DataSet::new(encoding == Encoding::ExplicitBig);
    while walker.total - walker.at as u64 >= 8 {
        let header = walker.header()?;
        let length = header.len;
        let kind = match header.tag {
            FLOAT_PIXELS => Some(PixelKind::Float),
            DOUBLE_PIXELS => Some(PixelKind::Double),
            PIXELS => Some(PixelKind::Whole),
            _ => None,
        };
        if let Some(kind) = kind {
            let length = length.get().map(u64::from);
            let pixels = PixelsAt { kind, at: walker.at as u64, length, in_words: header.vr == VR::OW };
            return Ok(Walked { root, pixels: Some(pixels) });
        }
        // After the pixels only signatures and padding come; zeros in place of a tag are padding too.
        if header.tag > PIXELS || (header.tag == Tag(0, 0) && length == Length(0)) {
            break;
        }
        let element = walker.element(header, 0)?;
        root.push(element);
    }
    Ok(Walked { root, pixels: None })
}

/// The elements of group 2, from `begin` on, and where what follows them begins.
pub(crate) fn walk_meta(bytes: &[u8], begin: usize, total: u64) -> Result<(DataSet<'_>, usize), Stop> {
    let mut walker = Walker { bytes, at: begin, total, encoding: Encoding::ExplicitLittle };
    let mut meta = DataSet::new(false);
    while walker.total - walker.at as u64 >= 8 {
        let before = walker.at;
        if walker.tag()?.group() != 2 {
            walker.at = before;
            break;
        }
        let header = walker.header()?;
        let element = walker.element(header, DEEPEST - 1)?;
        meta.push(element);
    }
    Ok((meta, walker.at))
}

/// The fragments of encapsulated pixels: the offset table, and where each fragment lies, told by `item`, which is
/// given the place of an item's head and gives its eight bytes.
pub(crate) fn fragments(
    mut at: u64,
    total: u64,
    mut item: impl FnMut(u64) -> Option<[u8; 8]>,
) -> Result<(Range<u64>, Vec<Range<u64>>), String> {
    let mut found: Vec<Range<u64>> = Vec::new();
    while at + 8 <= total {
        let Some([g0, g1, e0, e1, length @ ..]) = item(at) else { break };
        let tag = Tag(u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]));
        at += 8;
        if tag != ITEM {
            break;
        }
        let end = at + u64::from(u32::from_le_bytes(length));
        if end > total {
            // What is there of the last fragment may still be a whole frame.
            found.push(at..total);
            break;
        }
        found.push(at..end);
        at = end;
    }
    if found.is_empty() {
        return Err("its compressed pixels hold no fragment".to_owned());
    }
    let table = found.remove(0);
    Ok((table, found))
}

fn known(tag: Tag) -> VR {
    let known = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed());
    // How the items of an unknown sequence are written, nobody says.
    if known == VR::SQ { VR::UN } else { known }
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    total: u64,
    encoding: Encoding,
}

impl<'a> Walker<'a> {
    /// The next element's header.
    fn header(&mut self) -> Result<DataElementHeader, Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut source = rest;
        let header = match self.encoding {
            Encoding::ImplicitLittle => StandardImplicitVRLittleEndianDecoder::default().decode_header(&mut source),
            Encoding::ExplicitLittle => ExplicitVRLittleEndianDecoder::default().decode_header(&mut source),
            Encoding::ExplicitBig => ExplicitVRBigEndianDecoder::default().decode_header(&mut source),
        };
        match header {
            Ok((header, length)) => {
                self.at += length;
                Ok(header)
            }
            // A header takes twelve bytes at most, so all of it was there and still was none.
            Err(error) if rest.len() >= 12 => Err(Stop::Damaged(error.to_string())),
            Err(_) => Err(self.short()),
        }
    }

    fn tag(&mut self) -> Result<Tag, Stop> {
        let Some(&[g0, g1, e0, e1]) = self.bytes.get(self.at..self.at + 4) else { return Err(self.short()) };
        Ok(match self.encoding {
            Encoding::ExplicitBig => Tag(u16::from_be_bytes([g0, g1]), u16::from_be_bytes([e0, e1])),
            _ => Tag(u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1])),
        })
    }

    fn short(&self) -> Stop {
        if (self.bytes.len() as u64) < self.total {
            Stop::NeedMore
        } else {
            Stop::Damaged("its data set ends too early".to_owned())
        }
    }

    /// The element behind a header.
    fn element(&mut self, header: DataElementHeader, depth: usize) -> Result<Element<'a>, Stop> {
        let DataElementHeader { tag, vr, len } = header;
        // Some write elements that everybody knows as unknown ones; what they are stands in the dictionary.
        let vr = if vr == VR::UN && !len.is_undefined() { known(tag) } else { vr };
        if tag == PIXELS && len.is_undefined() {
            self.pass_fragments()?;
            return Ok(Element { tag, vr, content: Content::Bytes(&[]) });
        }
        let is_sequence = vr == VR::SQ
            || len.is_undefined()
            || (vr == VR::UN && self.encoding == Encoding::ImplicitLittle && self.starts_item(len));
        let content = if !is_sequence {
            Content::Bytes(self.take(tag, len)?)
        } else if vr == VR::UN && len.is_undefined() {
            // PS3.5 6.2.2: a sequence of unknown elements is written with implicit VR, whatever the rest is.
            let outer = std::mem::replace(&mut self.encoding, Encoding::ImplicitLittle);
            let items = self.items(tag, len, depth + 1);
            self.encoding = outer;
            Content::Items(items?)
        } else {
            Content::Items(self.items(tag, len, depth + 1)?)
        };
        Ok(Element { tag, vr, content })
    }

    /// Passes over the compressed pixels of an icon.
    fn pass_fragments(&mut self) -> Result<(), Stop> {
        loop {
            let header = self.header()?;
            match header.tag {
                ITEM => drop(self.take(PIXELS, header.len)?),
                _ => return Ok(()),
            }
        }
    }

    /// Whether a private value of unknown kind begins as a sequence does; without explicit VR nothing else tells.
    fn starts_item(&self, len: Length) -> bool {
        let head = self.bytes.get(self.at..self.at + 8);
        len.get().is_some_and(|length| length >= 8) && head.is_some_and(|head| head[..4] == [0xfe, 0xff, 0x00, 0xe0])
    }

    fn take(&mut self, tag: Tag, len: Length) -> Result<&'a [u8], Stop> {
        let length = u64::from(len.get().unwrap_or(0));
        let end = self.at as u64 + length;
        if end > self.total {
            return Err(Stop::Damaged(format!("its element {tag} declares {length} bytes, more than the file holds")));
        }
        let Some(value) = self.bytes.get(self.at..end as usize) else { return Err(self.short()) };
        self.at = end as usize;
        Ok(value)
    }

    /// The items of a sequence.
    fn items(&mut self, tag: Tag, len: Length, depth: usize) -> Result<Vec<DataSet<'a>>, Stop> {
        if depth > DEEPEST {
            return Err(Stop::Damaged(format!("its sequences are nested more than {DEEPEST} deep")));
        }
        let end = self.end(tag, len)?;
        let mut items = Vec::new();
        while end.is_none_or(|end| (self.at as u64) < end) {
            let header = match self.header() {
                Ok(header) => header,
                // A sequence without an end at the end of a file was whole enough for others.
                Err(Stop::Damaged(_)) if end.is_none() && self.at as u64 + 8 > self.total => break,
                Err(stop) => return Err(stop),
            };
            match header.tag {
                ITEM => items.push(self.item(header, depth)?),
                SEQUENCE_END => break,
                other => return Err(Stop::Damaged(format!("element {other} stands in sequence {tag} where an item should"))),
            }
        }
        Ok(items)
    }

    fn item(&mut self, header: DataElementHeader, depth: usize) -> Result<DataSet<'a>, Stop> {
        let end = self.end(header.tag, header.len)?;
        let mut item = DataSet::new(self.encoding == Encoding::ExplicitBig);
        while end.is_none_or(|end| (self.at as u64) < end) {
            let header = self.header()?;
            match header.tag {
                ITEM_END => break,
                ITEM | SEQUENCE_END => return Err(Stop::Damaged("an item of a sequence has no end".to_owned())),
                _ => {
                    let element = self.element(header, depth)?;
                    item.push(element);
                }
            }
        }
        Ok(item)
    }

    fn end(&self, tag: Tag, len: Length) -> Result<Option<u64>, Stop> {
        let Some(length) = len.get() else { return Ok(None) };
        let end = self.at as u64 + u64::from(length);
        if end > self.total {
            return Err(Stop::Damaged(format!("its element {tag} declares {length} bytes, more than the file holds")));
        }
        Ok(Some(end))
    }
}
