//! A data set: elements by tag, which borrow their bytes from the file, and sequences of data sets.
//!
//! How bytes become elements is `walk`'s; what the elements mean is asked by those who know the tags.

use dicom_core::{Tag, VR};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

/// The elements of a file or of one item of a sequence, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct DataSet<'a> {
    elements: Vec<Element<'a>>,
    big_endian: bool,
}

/// One element.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    pub tag: Tag,
    pub vr: VR,
    pub content: Content<'a>,
}

/// What an element holds.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Bytes(&'a [u8]),
    Items(Vec<DataSet<'a>>),
}

impl<'a> DataSet<'a> {
    pub fn new(big_endian: bool) -> Self {
        Self { elements: Vec::new(), big_endian }
    }

    pub fn push(&mut self, element: Element<'a>) {
        self.elements.push(element);
    }

    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    fn get(&self, tag: Tag) -> Option<&Element<'a>> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    /// The bytes of a value.
    pub fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        match self.get(tag)?.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Items(_) => None,
        }
    }

    /// The items of a sequence; none where it is missing.
    pub fn items(&self, tag: Tag) -> &[DataSet<'a>] {
        match self.get(tag).map(|element| &element.content) {
            Some(Content::Items(items)) => items,
            _ => &[],
        }
    }

    /// The first item of a sequence.
    pub fn item(&self, tag: Tag) -> Option<&DataSet<'a>> {
        self.items(tag).first()
    }

    /// A text in the default repertoire (codes, identifiers), trimmed; `None` where it is missing or empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        let text: String = self.bytes(tag)?.iter().map(|&byte| char::from(byte)).collect();
        let text = trimmed(&text);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The parts of a text between backslashes.
    pub fn texts(&self, tag: Tag) -> Vec<String> {
        self.text(tag).map(|text| text.split('\\').map(|part| trimmed(part).to_owned()).collect()).unwrap_or_default()
    }

    /// A text in the words of a language, by the file's character set.
    pub fn words(&self, tag: Tag, characters: &SpecificCharacterSet) -> Option<String> {
        let bytes = self.bytes(tag)?;
        let decoded = characters.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
        let clean: String = decoded.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clean = trimmed(&clean);
        (!clean.is_empty()).then(|| clean.to_owned())
    }

    /// The character set that a file's texts are in.
    pub fn characters(&self) -> SpecificCharacterSet {
        let codes = self.texts(Tag(0x0008, 0x0005));
        let code = codes.iter().rfind(|code| !code.is_empty());
        code.and_then(|code| SpecificCharacterSet::from_code(code)).unwrap_or_default()
    }

    /// The finite numbers of a value, be they written as text or in binary; empty where one is no number.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        self.get(tag).and_then(|element| self.parsed(element)).unwrap_or_default()
    }

    /// The first number of a value.
    pub fn number(&self, tag: Tag) -> Option<f64> {
        let element = self.get(tag)?;
        let Content::Bytes(bytes) = element.content else { return None };
        if is_text(element.vr) {
            // Only the first part: a window's centre is good though the second of two is damaged.
            let end = bytes.iter().position(|&byte| byte == b'\\').unwrap_or(bytes.len());
            return text_number(&bytes[..end]);
        }
        self.parsed(element)?.first().copied()
    }

    /// The first number of a value, where it is whole and not negative.
    pub fn count(&self, tag: Tag) -> Option<u32> {
        let number = self.number(tag)?;
        (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
    }

    /// Three numbers: a position in mm.
    pub fn point(&self, tag: Tag) -> Option<[f64; 3]> {
        self.numbers(tag).try_into().ok()
    }

    fn parsed(&self, element: &Element<'_>) -> Option<Vec<f64>> {
        let Content::Bytes(bytes) = element.content else { return None };
        let big = self.big_endian;
        Some(match element.vr {
            vr if is_text(vr) => {
                bytes.split(|&byte| byte == b'\\').map(text_number).collect::<Option<Vec<f64>>>().unwrap_or_default()
            }
            VR::SS => binary(bytes, big, |b| f64::from(i16::from_le_bytes(b))),
            VR::UL => binary(bytes, big, |b| f64::from(u32::from_le_bytes(b))),
            VR::SL => binary(bytes, big, |b| f64::from(i32::from_le_bytes(b))),
            VR::FL | VR::OF => binary(bytes, big, |b| f64::from(f32::from_le_bytes(b))),
            VR::FD | VR::OD => binary(bytes, big, f64::from_le_bytes),
            VR::UV => binary(bytes, big, |b| u64::from_le_bytes(b) as f64),
            VR::SV => binary(bytes, big, |b| i64::from_le_bytes(b) as f64),
            VR::OB => bytes.iter().map(|&byte| f64::from(byte)).collect(),
            // US, OW, and unknown values, which in practice are such.
            _ => binary(bytes, big, |b| f64::from(u16::from_le_bytes(b))),
        })
    }
}

fn is_text(vr: VR) -> bool {
    matches!(vr, VR::DS | VR::IS | VR::LO | VR::SH | VR::CS | VR::ST | VR::LT | VR::UT | VR::TM | VR::DA | VR::DT)
}

fn text_number(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?;
    trimmed(text).parse().ok().filter(|number: &f64| number.is_finite())
}

fn binary<const N: usize>(bytes: &[u8], big: bool, number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let turned = |&(mut bytes): &[u8; N]| {
        if big {
            bytes.reverse();
        }
        number(bytes)
    };
    bytes.as_chunks().0.iter().map(turned).collect()
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
}
