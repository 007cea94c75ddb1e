//! What TIFF can say and `image` cannot: grey of signed and 32-bit numbers and of floating point, as microscopes
//! and ImageJ write it, and that a file is a stack of pages.

use super::fault::Fault;
use super::item::Part;
use super::picture::{grey16, memory_for};
use crate::volume::Pixels;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use tiff::ColorType;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// More pages than this are walked through by nobody.
const MOST_PAGES: usize = 1 << 16;

/// The size and values of a page; nothing where it is the first and in colour, which `image` reads better.
pub(crate) fn open_page(path: &Path, part: &Part) -> Result<Option<([u32; 2], Pixels)>, Fault> {
    let pages = find_pages(path)?;
    let at = part.of(pages.len() as u64)? as usize;
    let mut decoder = decoder(path)?;
    decoder.seek_to_image(pages[at].image).map_err(fault)?;
    let [width, height] = pages[at].size;
    let pixels = match decoder.colortype().map_err(fault)? {
        ColorType::Gray(_) => pixels(decoder.read_image().map_err(fault)?),
        _ if at == 0 => return Ok(None),
        ColorType::RGB(8) => colours(decoder.read_image().map_err(fault)?, 3)?,
        ColorType::RGBA(8) => colours(decoder.read_image().map_err(fault)?, 4)?,
        _ => return Err(Fault::Unsupported("a page after the first is in colours that are not read".to_owned())),
    };
    let (have, want) = (count(&pixels) as u64, u64::from(width) * u64::from(height));
    if have == want { Ok(Some(([width, height], pixels))) } else { Err(truncated(have as usize, [width, height])) }
}

/// Of a page of which not all pixels are there.
pub(crate) fn truncated(have: usize, [width, height]: [u32; 2]) -> Fault {
    Fault::Truncated { have: have as u64, want: u64::from(width) * u64::from(height) }
}

/// The size of each page.
pub(crate) fn pages(path: &Path) -> Result<Vec<[u32; 2]>, Fault> {
    Ok(find_pages(path)?.into_iter().map(|page| page.size).collect())
}

/// The type of a number in the first page, as numpy calls it.
pub(crate) fn voxel_type(path: &Path) -> Result<String, Fault> {
    let mut decoder = decoder(path)?;
    let bits = decoder.colortype().map_err(fault)?.bit_depth();
    let kind = match sample_format(&mut decoder)? {
        Some(2) => "int",
        Some(3) => "float",
        _ => "uint",
    };
    Ok(format!("{kind}{bits}"))
}

/// What the numbers of the page at hand are: 1 whole, 2 signed, 3 real (TIFF 6.0, section 19).
pub(crate) fn sample_format(decoder: &mut Decoder<BufReader<File>>) -> Result<Option<u16>, Fault> {
    let kinds = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(fault)?;
    Ok(kinds.and_then(|kinds| kinds.first().copied()))
}

fn colours(values: DecodingResult, channels: usize) -> Result<Pixels, Fault> {
    match values {
        DecodingResult::U8(values) => {
            Ok(Pixels::Rgb(values.chunks_exact(channels).map(|colour| [colour[0], colour[1], colour[2]]).collect()))
        }
        _ => Err(Fault::Damaged("its colours are not of 8 bits, as its header has it".to_owned())),
    }
}

pub(crate) fn decoder(path: &Path) -> Result<Decoder<BufReader<File>>, Fault> {
    let file = File::open(path)?;
    let most = usize::try_from(memory_for(file.metadata()?.len())).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    Ok(Decoder::new(BufReader::new(file)).map_err(fault)?.with_limits(limits))
}

/// A page of full size.
pub(crate) struct Page {
    /// Its place among the images of the file.
    pub image: usize,
    /// Width and height.
    pub size: [u32; 2],
    /// Its colours, where they are ones that can be read.
    pub colour: Option<ColorType>,
}

/// Pages of full size; smaller copies of a page for a quick look are left out.
pub(crate) fn find_pages(path: &Path) -> Result<Vec<Page>, Fault> {
    let mut decoder = decoder(path)?;
    let mut pages = Vec::new();
    for image in 0..MOST_PAGES {
        let reduced = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).map_err(fault)?.is_some_and(|kind| kind & 1 == 1);
        if !reduced {
            let (width, height) = decoder.dimensions().map_err(fault)?;
            pages.push(Page { image, size: [width, height], colour: decoder.colortype().ok() });
        }
        if !decoder.more_images() {
            return Ok(pages);
        }
        decoder.next_image().map_err(fault)?;
    }
    Err(Fault::TooLarge(format!("it holds more than {MOST_PAGES} pages")))
}

fn pixels(values: DecodingResult) -> Pixels {
    match values {
        DecodingResult::U8(values) => Pixels::I16(values.into_iter().map(i16::from).collect()),
        DecodingResult::I8(values) => Pixels::I16(values.into_iter().map(i16::from).collect()),
        DecodingResult::U16(values) => grey16(&values),
        DecodingResult::I16(values) => Pixels::I16(values),
        DecodingResult::U32(values) => whole(values),
        DecodingResult::I32(values) => whole(values),
        DecodingResult::U64(values) => whole(values),
        DecodingResult::I64(values) => whole(values),
        DecodingResult::F16(values) => Pixels::F32(values.into_iter().map(f32::from).collect()),
        DecodingResult::F32(values) => Pixels::F32(values),
        DecodingResult::F64(values) => Pixels::F32(values.into_iter().map(|value| value as f32).collect()),
    }
}

fn count(pixels: &Pixels) -> usize {
    match pixels {
        Pixels::I16(values) => values.len(),
        Pixels::F32(values) => values.len(),
        Pixels::Rgb(values) => values.len(),
    }
}

/// Whole numbers: as `i16` where every one fits.
fn whole<T: Copy + TryInto<i16> + TryInto<i128>>(values: Vec<T>) -> Pixels {
    let fitting: Option<Vec<i16>> = values.iter().map(|&value| value.try_into().ok()).collect();
    let real = |value: T| TryInto::<i128>::try_into(value).map_or(f32::NAN, |value| value as f32);
    fitting.map_or_else(|| Pixels::F32(values.into_iter().map(real).collect()), Pixels::I16)
}

pub(crate) fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Fault::Damaged("it ends too early".to_owned()),
        TiffError::IoError(error) => Fault::Unreadable(error),
        TiffError::UnsupportedError(error) => Fault::Unsupported(error.to_string()),
        TiffError::LimitsExceeded | TiffError::IntSizeError => {
            Fault::TooLarge("it would take more memory than such a file can sensibly hold".to_owned())
        }
        error => Fault::Damaged(error.to_string()),
    }
}
