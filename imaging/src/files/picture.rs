//! Pictures: PNG, JPEG, TIFF and BMP, grey or colour, as images one voxel deep.
//!
//! A picture says nothing of millimetres that could be trusted, so its grid has voxels of 1 mm, `i` to the right
//! and `j` down, and `Image::is_picture` keeps it from being shown as anatomy. The stored order of pixels is
//! kept, whatever a camera noted of its rotation, so that a mask fits the file pixel by pixel.

use super::Format;
use super::fault::Fault;
use super::item::{ItemInfo, Part};
use super::reduction::Reduction;
use super::{tiff, tiff_stack};
use crate::space::Affine;
use crate::volume::{Grid, Image, Pixels};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// Memory for one picture at most.
const MOST_BYTES: u64 = 4 << 30;
/// Memory that a picture may take for each byte of its file: more than any of these codecs inflates by.
const MOST_INFLATION: u64 = 4_096;
/// Memory that even the smallest file may take.
const LEAST_BYTES: u64 = 16 << 20;

/// Reads a picture.
pub(crate) fn open(path: &Path, part: &Part, reduction: &Reduction, format: ImageFormat) -> Result<Image, Fault> {
    if *part == Part::Stack && format == ImageFormat::Tiff {
        return tiff_stack::image(path, reduction);
    }
    if !reduction.is_none() {
        return Err(is_whole());
    }
    let mut warnings = Vec::new();
    if format == ImageFormat::Tiff {
        if let Some((size, pixels)) = tiff::open_page(path, part)? {
            return Ok(Image { grid: grid(size)?, pixels, is_picture: true, window: None, warnings });
        }
    } else {
        part.of(1)?;
    }
    let picture = decode(path, format, &mut warnings)?;
    let grid = grid([picture.width(), picture.height()])?;
    Ok(Image { grid, pixels: pixels(picture, &mut warnings), is_picture: true, window: None, warnings })
}

/// Why nothing is left out of a picture: its reader needs the memory for all of it.
pub(crate) fn is_whole() -> Fault {
    Fault::Unsupported("a picture is opened whole or not at all".to_owned())
}

/// The pages of a picture: one, but for TIFF.
pub(crate) fn items(path: &Path, format: ImageFormat) -> Result<Vec<ItemInfo>, Fault> {
    let name = format.extensions_str().first().copied().unwrap_or_default().to_ascii_uppercase();
    let only = |shape| ItemInfo::only(path, &name, shape, "a picture".to_owned());
    if format != ImageFormat::Tiff {
        return Ok(vec![only(size(path, &Part::Only, format)?.shape)]);
    }
    let pages = tiff::pages(path)?;
    let first = pages.first().copied().unwrap_or_default();
    let mut items = super::parts(only(grid(first)?.shape), pages.len() as u64, |at| format!("page {at}"))?;
    for (item, &size) in items.iter_mut().zip(&pages) {
        item.shape = grid(size)?.shape;
    }
    Ok(items)
}

/// The type of a number in a picture's file, as numpy calls it.
pub(crate) fn voxel_type(path: &Path) -> Result<String, Fault> {
    let Format::Picture(format) = super::format(path)? else { return Ok(String::new()) };
    if format == ImageFormat::Tiff {
        return tiff::voxel_type(path);
    }
    let decoder = ImageReader::with_format(BufReader::new(File::open(path)?), format).into_decoder().map_err(fault)?;
    let colour = decoder.original_color_type();
    let bits = colour.bits_per_pixel() / u16::from(colour.channel_count()).max(1);
    Ok(format!("uint{bits}"))
}

/// The grid of a picture's file, whose pixels are left alone.
pub(crate) fn size(path: &Path, part: &Part, format: ImageFormat) -> Result<Grid, Fault> {
    if *part == Part::Stack && format == ImageFormat::Tiff {
        return tiff_stack::grid(path);
    }
    if format == ImageFormat::Tiff {
        let pages = tiff::pages(path)?;
        let at = part.of(pages.len() as u64)?;
        return grid(pages[at as usize]);
    }
    part.of(1)?;
    let reader = ImageReader::with_format(BufReader::new(File::open(path)?), format);
    let (width, height) = reader.into_dimensions().map_err(fault)?;
    grid([width, height])
}

/// The grid of a picture of a width and a height.
pub(crate) fn grid([width, height]: [u32; 2]) -> Result<Grid, Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::Damaged(format!("its header declares a picture of {width} x {height} pixels")));
    }
    Ok(Grid::new([width as usize, height as usize, 1], Affine::IDENTITY))
}

/// Decodes a picture within bounds of memory that its file's size sets.
fn decode(path: &Path, format: ImageFormat, warnings: &mut Vec<String>) -> Result<DynamicImage, Fault> {
    if format == ImageFormat::Jpeg && !is_whole_jpeg(&std::fs::read(path)?) {
        return Err(Fault::Damaged("it ends before its picture does".to_owned()));
    }
    let file = File::open(path)?;
    let most = memory_for(file.metadata()?.len());
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(most);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    if decoder.total_bytes() > most {
        let (width, height) = decoder.dimensions();
        return Err(Fault::TooLarge(format!("it declares {width} x {height} pixels, more than such a file can sensibly hold")));
    }
    if decoder.orientation().is_ok_and(|turn| turn != Orientation::NoTransforms) {
        warnings.push("The camera noted a rotation; the picture is shown as its pixels are stored.".to_owned());
    }
    DynamicImage::from_decoder(decoder).map_err(fault)
}

/// Whether an end follows the last scan: the decoder fills what is missing with grey and says nothing.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.array_windows().rposition(|pair| *pair == marker);
    let (scan, end) = (last([0xff, 0xda]), last([0xff, 0xd9]));
    end.is_some() && end > scan
}

/// Memory that a picture of a file of `length` bytes may take.
pub(crate) fn memory_for(length: u64) -> u64 {
    length.saturating_mul(MOST_INFLATION).clamp(LEAST_BYTES, MOST_BYTES)
}

fn fault(error: ImageError) -> Fault {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Fault::Damaged("it ends too early".to_owned()),
        ImageError::IoError(error) => Fault::Unreadable(error),
        ImageError::Limits(error) => Fault::TooLarge(error.to_string()),
        ImageError::Unsupported(error) => Fault::Unsupported(error.to_string()),
        ImageError::Decoding(error) => Fault::Damaged(innermost(&error)),
        error => Fault::Damaged(error.to_string()),
    }
}

/// The last cause of an error: a codec wraps what went wrong in layers that say only where.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}

/// Grey values as they are; colours as 8 bits, and as grey where every one of them is.
fn pixels(picture: DynamicImage, warnings: &mut Vec<String>) -> Pixels {
    if picture.color().has_alpha() {
        warnings.push("Its transparency is left out.".to_owned());
    }
    match picture {
        DynamicImage::ImageLuma8(grey) => Pixels::I16(grey.into_raw().into_iter().map(i16::from).collect()),
        DynamicImage::ImageLumaA8(grey) => Pixels::I16(grey.pixels().map(|pixel| i16::from(pixel.0[0])).collect()),
        DynamicImage::ImageLuma16(grey) => grey16(&grey.into_raw()),
        DynamicImage::ImageLumaA16(grey) => grey16(&grey.pixels().map(|pixel| pixel.0[0]).collect::<Vec<_>>()),
        DynamicImage::ImageRgb16(colour) if colour.pixels().all(|pixel| is_grey(&pixel.0)) => {
            grey16(&colour.pixels().map(|pixel| pixel.0[0]).collect::<Vec<_>>())
        }
        colour => colours(&colour.into_rgb8()),
    }
}

fn colours(colour: &image::RgbImage) -> Pixels {
    if colour.pixels().all(|pixel| is_grey(&pixel.0)) {
        Pixels::I16(colour.pixels().map(|pixel| i16::from(pixel.0[0])).collect())
    } else {
        Pixels::Rgb(colour.pixels().map(|pixel| pixel.0).collect())
    }
}

fn is_grey<T: PartialEq>([red, green, blue]: &[T; 3]) -> bool {
    red == green && green == blue
}

/// 16-bit grey: as `i16` where every value fits.
pub(crate) fn grey16(values: &[u16]) -> Pixels {
    let whole: Option<Vec<i16>> = values.iter().map(|&value| i16::try_from(value).ok()).collect();
    whole.map_or_else(|| Pixels::F32(values.iter().map(|&value| f32::from(value)).collect()), Pixels::I16)
}
