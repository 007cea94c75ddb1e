//! What TIFF can say and `image` cannot: grey of signed and 32-bit numbers and of floating point, as microscopes
//! and ImageJ write it, and that a file is a stack of pages.

use super::fault::Fault;
use super::picture::{grey16, memory_for};
use crate::volume::Pixels;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use tiff::ColorType;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// The size and values of a grey TIFF; nothing where it is in colour. A stack of pages is refused.
pub(crate) fn open_grey(path: &Path) -> Result<Option<([u32; 2], Pixels)>, Fault> {
    let pages = count_pages(path)?;
    if pages > 1 {
        return Err(Fault::ManyVolumes(pages));
    }
    let mut decoder = decoder(path)?;
    let (width, height) = decoder.dimensions().map_err(fault)?;
    if !matches!(decoder.colortype().map_err(fault)?, ColorType::Gray(_)) {
        return Ok(None);
    }
    let pixels = pixels(decoder.read_image().map_err(fault)?);
    let (have, want) = (count(&pixels) as u64, u64::from(width) * u64::from(height));
    if have == want { Ok(Some(([width, height], pixels))) } else { Err(Fault::Truncated { have, want }) }
}

fn decoder(path: &Path) -> Result<Decoder<BufReader<File>>, Fault> {
    let file = File::open(path)?;
    let most = usize::try_from(memory_for(file.metadata()?.len())).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    Ok(Decoder::new(BufReader::new(file)).map_err(fault)?.with_limits(limits))
}

/// Pages of full size; smaller copies of a page for a quick look are left out.
fn count_pages(path: &Path) -> Result<u64, Fault> {
    let mut decoder = decoder(path)?;
    let mut pages = 0;
    loop {
        let reduced = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).map_err(fault)?.is_some_and(|kind| kind & 1 == 1);
        pages += u64::from(!reduced);
        if !decoder.more_images() {
            return Ok(pages);
        }
        decoder.next_image().map_err(fault)?;
    }
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

fn fault(error: TiffError) -> Fault {
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
