//! A TIFF whose pages are the slices of one volume, as microscopes and ImageJ write them. Pages by themselves are
//! `tiff`'s.
//!
//! Its place in a patient is not known: as the ITK family has it, rows run to the left and columns to the back. How far
//! pixels lie apart is told by the resolution of the first page, how far pages by ImageJ's description alone.

use super::fault::Fault;
use super::item::{ItemInfo, Part};
use super::label_map::{LabelMap, label};
use super::memory;
use super::reduction::{Kept, Reduction, Sieve, Taking};
use super::tiff::{Page, decoder, fault, find_pages, truncated};
use super::voxels::keep;
use crate::space::Affine;
use crate::volume::{Grid, Image, Pixels};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use tiff::ColorType;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

/// Bytes that all pages may take for each byte of the file: deflate and LZW pack no better. Many pages can be of the
/// same strips.
const MOST_INFLATION: u64 = 1_100;
/// Bytes that the pages of even the smallest file may take.
const LEAST_BYTES: u64 = 16 << 20;
/// Numbers that are handed on at once.
const CHUNK: usize = 1 << 14;
const MM_OF_INCH: f64 = 25.4;
const MM_OF_CM: f64 = 10.0;

/// What the headers of the pages say.
struct Stack {
    grid: Grid,
    pages: Vec<Page>,
    /// Bytes of a number in the file.
    width: usize,
    /// Whether the numbers are whole ones.
    is_whole: bool,
    warnings: Vec<String>,
}

/// The whole stack as one image of a list; nothing where there is one page, or pages differ in size or kind of number, or
/// are in colour.
pub(crate) fn item(path: &Path) -> Result<Option<ItemInfo>, Fault> {
    let pages = find_pages(path)?;
    if !are_slices(&pages) {
        return Ok(None);
    }
    let stack = Stack::of(path, pages)?;
    let spacing = lengths(stack.grid.spacing_mm());
    let mut info = ItemInfo::only(path, "TIFF", stack.grid.shape, format!("{spacing}, a stack of pages"));
    info.item.part = Part::Stack;
    info.title = format!("all {} pages as one volume", stack.pages.len());
    info.voxel_bytes = memory::kept_width(stack.width) as u8;
    Ok(Some(info))
}

/// Reads the stack, or what is wanted of it.
pub(crate) fn image(path: &Path, reduction: &Reduction) -> Result<Image, Fault> {
    let stack = Stack::read(path)?;
    let kept = stack.kept(reduction)?;
    let count = kept.shape().iter().product();
    let taking = if stack.is_whole { Taking::RoundedMean } else { Taking::Mean };
    let mut pixels = if stack.is_whole { Pixels::I16(Vec::new()) } else { Pixels::F32(Vec::new()) };
    stack.feed(path, reduction, &kept, taking, |numbers| keep(&mut pixels, numbers, count))?;
    let mut warnings = stack.warnings;
    if !reduction.is_none() {
        warnings.push(reduction.warning(stack.grid.shape, &kept));
    }
    Ok(Image { grid: reduction.grid(&stack.grid)?, pixels, is_picture: false, window: None, warnings })
}

/// Reads whole numbers as labels, of a block of voxels the one in its middle.
pub(crate) fn labels(path: &Path, reduction: &Reduction) -> Result<LabelMap, Fault> {
    let stack = Stack::read(path)?;
    let kept = stack.kept(reduction)?;
    let mut values = Vec::new();
    stack.feed(path, reduction, &kept, Taking::Middle, |numbers| {
        for &number in numbers {
            values.push(label(number)?);
        }
        Ok(())
    })?;
    Ok(LabelMap { grid: reduction.grid(&stack.grid)?, values, colours: Vec::new(), warnings: stack.warnings })
}

/// The grid of the stack, whose pixels are left alone.
pub(crate) fn grid(path: &Path) -> Result<Grid, Fault> {
    Stack::read(path).map(|stack| stack.grid)
}

impl Stack {
    fn read(path: &Path) -> Result<Self, Fault> {
        let pages = find_pages(path)?;
        if pages.len() < 2 {
            return Err(Fault::NoSuchPart { part: Part::Stack, count: pages.len() as u64 });
        }
        if !are_slices(&pages) {
            return Err(Fault::Unsupported("its pages are no slices of one volume: they differ, or are in colour".to_owned()));
        }
        Self::of(path, pages)
    }

    /// Of pages that are slices.
    fn of(path: &Path, pages: Vec<Page>) -> Result<Self, Fault> {
        let Some(Page { size: [columns, rows], colour: Some(ColorType::Gray(bits)), .. }) = pages.first() else {
            return Err(Fault::Empty);
        };
        let shape = [*columns as usize, *rows as usize, pages.len()];
        let width = usize::from(*bits) / 8;
        let bytes = shape.iter().try_fold(width as u64, |product, &n| product.checked_mul(n as u64));
        let most = std::fs::metadata(path)?.len().saturating_mul(MOST_INFLATION).max(LEAST_BYTES);
        if bytes.is_none_or(|bytes| bytes > most || bytes == 0) {
            return Err(Fault::Damaged("its header declares pages of more voxels than so small a file can hold".to_owned()));
        }
        let mut decoder = decoder(path)?;
        decoder.seek_to_image(pages[0].image).map_err(fault)?;
        let is_whole = super::tiff::sample_format(&mut decoder)? != Some(3);
        let mut warnings = Vec::new();
        let [x, y, z] = spacing_mm(&mut decoder, &mut warnings);
        // To the right on the screen is the patient's left, and down is the back.
        let grid = Grid::new(shape, Affine([[-x, 0.0, 0.0, 0.0], [0.0, -y, 0.0, 0.0], [0.0, 0.0, z, 0.0]]));
        Ok(Self { grid, pages, width, is_whole, warnings })
    }

    /// What is kept, for which there is memory.
    fn kept(&self, reduction: &Reduction) -> Result<Kept, Fault> {
        let kept = reduction.on(self.grid.shape)?;
        memory::check(kept.shape(), self.width)?;
        Ok(kept)
    }

    /// Feeds what is kept to `sink`, page by page.
    fn feed(
        &self,
        path: &Path,
        reduction: &Reduction,
        kept: &Kept,
        taking: Taking,
        mut sink: impl FnMut(&[f64]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let [columns, rows, _] = self.grid.shape;
        let mut sieve = (!reduction.is_none()).then(|| Sieve::new([columns, rows], kept.beyond(kept.from[2]), 1, taking));
        let mut decoder = decoder(path)?;
        for page in &self.pages[kept.from[2]..kept.to[2]] {
            decoder.seek_to_image(page.image).map_err(fault)?;
            let values = decoder.read_image().map_err(fault)?;
            let mut count = 0;
            each_chunk(&values, |numbers| {
                count += numbers.len();
                match &mut sieve {
                    Some(sieve) => sieve.take(numbers, &mut sink),
                    None => sink(numbers),
                }
            })?;
            if count != columns * rows {
                return Err(truncated(count, page.size));
            }
        }
        Ok(())
    }
}

/// Whether pages are the slices of one volume: several, all grey and alike.
fn are_slices(pages: &[Page]) -> bool {
    let Some(Page { size, colour: Some(colour @ ColorType::Gray(bits)), .. }) = pages.first() else { return false };
    pages.len() > 1 && *bits >= 8 && pages.iter().all(|page| page.size == *size && page.colour == Some(*colour))
}

fn each_chunk(values: &DecodingResult, sink: impl FnMut(&[f64]) -> Result<(), Fault>) -> Result<(), Fault> {
    match values {
        DecodingResult::U8(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::I8(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::U16(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::I16(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::U32(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::I32(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::U64(values) => chunks(values, |&value| value as f64, sink),
        DecodingResult::I64(values) => chunks(values, |&value| value as f64, sink),
        DecodingResult::F16(values) => chunks(values, |&value| f64::from(f32::from(value)), sink),
        DecodingResult::F32(values) => chunks(values, |&value| f64::from(value), sink),
        DecodingResult::F64(values) => chunks(values, |&value| value, sink),
    }
}

fn chunks<T>(values: &[T], number: impl Fn(&T) -> f64, mut sink: impl FnMut(&[f64]) -> Result<(), Fault>) -> Result<(), Fault> {
    values.chunks(CHUNK).try_for_each(|some| sink(&some.iter().map(&number).collect::<Vec<_>>()))
}

/// How far voxels lie apart along columns, rows and pages, as far as the first page tells.
fn spacing_mm(decoder: &mut Decoder<BufReader<File>>, warnings: &mut Vec<String>) -> [f64; 3] {
    let description = decoder.find_tag(Tag::ImageDescription).ok().flatten().and_then(|value| value.into_string().ok());
    let told = Told::of(description.as_deref().unwrap_or_default());
    // Where none is given it is the inch (TIFF 6.0, section 8).
    let unit = decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten().unwrap_or(2);
    let unit_mm = match unit {
        2 => Some(MM_OF_INCH),
        3 => Some(MM_OF_CM),
        _ => told.unit_mm,
    };
    let mut in_plane = |tag| sensible(unit_mm? / number(decoder.find_tag(tag).ok()??)?);
    let spacing = [in_plane(Tag::XResolution), in_plane(Tag::YResolution)];
    let between = told.spacing.zip(told.unit_mm.or(unit_mm)).and_then(|(spacing, unit)| sensible(spacing.abs() * unit));
    if spacing.contains(&None) {
        warnings.push("It does not say how far its pixels lie apart; 1 mm is taken.".to_owned());
    }
    if between.is_none() {
        warnings.push("It does not say how far its pages lie apart; 1 mm is taken.".to_owned());
    }
    if told.channels > 1 || told.frames > 1 {
        warnings.push(format!(
            "Its pages are {} channels and {} points of time, as ImageJ has it; all of them are taken for slices.",
            told.channels, told.frames
        ));
    }
    [spacing[0], spacing[1], between].map(|mm| mm.unwrap_or(1.0))
}

/// A resolution, which is a ratio of whole numbers by the book.
fn number(value: Value) -> Option<f64> {
    match value {
        Value::Rational(over, under) => Some(f64::from(over) / f64::from(under)),
        Value::Float(number) => Some(f64::from(number)),
        Value::Double(number) => Some(number),
        value => value.into_u32().ok().map(f64::from),
    }
}

/// A length that voxels can be apart: from a picometre to a kilometre.
fn sensible(mm: f64) -> Option<f64> {
    (1e-9..=1e6).contains(&mm).then_some(mm)
}

/// Three lengths in the unit that suits them all.
fn lengths(mm: [f64; 3]) -> String {
    let (scale, unit) = if mm.iter().all(|&mm| mm < 0.1) { (1e3, "\u{b5}m") } else { (1.0, "mm") };
    let [x, y, z] = mm.map(|mm| mm * scale);
    format!("{x:.2} x {y:.2} x {z:.2} {unit}")
}

/// What ImageJ says of a stack in the description of its first page: lines of names and values.
#[derive(Debug, PartialEq)]
struct Told {
    /// Millimetres of the unit of lengths.
    unit_mm: Option<f64>,
    /// Way from page to page, in that unit.
    spacing: Option<f64>,
    channels: u32,
    frames: u32,
}

impl Told {
    fn of(description: &str) -> Self {
        let lines = || description.lines().filter_map(|line| line.split_once('='));
        // Others write what they like there.
        let is_imagej = description.starts_with("ImageJ=");
        let value = |name: &str| lines().find(|(key, _)| is_imagej && key.trim() == name).map(|(_, value)| value.trim());
        let count = |name| value(name).and_then(|value| value.parse().ok()).unwrap_or(1);
        let unit_mm = match value("unit") {
            Some("mm" | "millimeter") => Some(1.0),
            Some("cm") => Some(MM_OF_CM),
            Some("m" | "meter") => Some(1e3),
            Some("inch" | "in") => Some(MM_OF_INCH),
            Some("micron" | "microns" | "um" | "\u{b5}m" | "\u{3bc}m" | "\\u00B5m") => Some(1e-3),
            Some("nm") => Some(1e-6),
            _ => None,
        };
        let spacing = value("spacing").and_then(|value| value.parse().ok());
        Self { unit_mm, spacing, channels: count("channels"), frames: count("frames") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_imagej_is_read_and_others_are_not() {
        let told = Told::of("ImageJ=1.53t\nimages=12\nslices=4\nframes=3\nunit=\\u00B5m\nspacing=-2.5\nloop=false\n");
        assert_eq!(told, Told { unit_mm: Some(1e-3), spacing: Some(-2.5), channels: 1, frames: 3 });
        let nothing = Told { unit_mm: None, spacing: None, channels: 1, frames: 1 };
        assert_eq!(Told::of("unit=mm\nspacing=3"), nothing);
        assert_eq!(Told::of("ImageJ=1.53t\nunit=pixel\nspacing=nonsense"), nothing);
    }
}
