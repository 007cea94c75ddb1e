//! Label maps saved as pictures: grey values and palette indices are the labels, colours are numbered.
//!
//! PNG is read by the `png` crate itself, for `image` replaces palette indices by their colours and stretches
//! values of 1, 2 and 4 bits to 8.

use super::fault::{Fault, io_text};
use super::item::Part;
use super::label_map::{LabelMap, label};
use super::picture;
use super::reduction::Reduction;
use crate::volume::{Image, Pixels};
use image::ImageFormat;
use png::{BitDepth, ColorType, DecodingError, Transformations};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// More colours than this are a photograph.
const MOST_COLOURS: usize = 1_024;

/// Reads a label map from a picture.
pub(crate) fn open(path: &Path, part: &Part, format: ImageFormat) -> Result<LabelMap, Fault> {
    match format {
        ImageFormat::Jpeg => Err(Fault::NotLabels("JPEG blurs labels into each other; save them as PNG".to_owned())),
        ImageFormat::Png => part.of(1).and_then(|_| png_labels(path)),
        _ => any_labels(path, part, format),
    }
}

fn label_map(size: [u32; 2], values: Vec<u16>) -> Result<LabelMap, Fault> {
    Ok(LabelMap { grid: picture::grid(size)?, values, colours: Vec::new(), warnings: Vec::new() })
}

fn any_labels(path: &Path, part: &Part, format: ImageFormat) -> Result<LabelMap, Fault> {
    let Image { grid, pixels, .. } = picture::open(path, part, &Reduction::default(), format)?;
    let [width, height, _] = grid.shape;
    let size = [width as u32, height as u32];
    let values = match pixels {
        Pixels::Rgb(colours) => return numbered(size, &colours),
        Pixels::I16(values) => values.into_iter().map(|value| label(f64::from(value))).collect(),
        Pixels::F32(values) => values.into_iter().map(|value| label(f64::from(value))).collect::<Result<_, _>>(),
    };
    label_map(size, values?)
}

fn png_labels(path: &Path) -> Result<LabelMap, Fault> {
    let file = File::open(path)?;
    let most = picture::memory_for(file.metadata()?.len()) as usize;
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(file), png::Limits { bytes: most });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(fault)?;
    let size = [reader.info().width, reader.info().height];
    let length = reader.output_buffer_size().filter(|&length| length <= most);
    let mut samples = vec![0; length.ok_or_else(|| Fault::TooLarge(format!("it declares {} x {} pixels", size[0], size[1])))?];
    let frame = reader.next_frame(&mut samples).map_err(fault)?;
    samples.truncate(frame.buffer_size());
    let wide = frame.bit_depth == BitDepth::Sixteen;
    match frame.color_type {
        ColorType::Indexed | ColorType::Grayscale if wide => label_map(size, pairs(&samples)),
        ColorType::Indexed | ColorType::Grayscale => {
            label_map(size, unpacked(&samples, size[0] as usize, frame.bit_depth as usize))
        }
        colour => numbered(size, &top_bytes(&samples, wide).chunks_exact(colour.samples()).map(rgb).collect::<Vec<_>>()),
    }
}

fn pairs(samples: &[u8]) -> Vec<u16> {
    samples.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair)).collect()
}

/// The upper byte of each sample.
fn top_bytes(samples: &[u8], wide: bool) -> Vec<u8> {
    if wide { samples.iter().copied().step_by(2).collect() } else { samples.to_vec() }
}

/// Samples of `bits` bits, packed from the left; each row begins at a whole byte.
fn unpacked(samples: &[u8], width: usize, bits: usize) -> Vec<u16> {
    let each = 8 / bits;
    let sample = |row: &[u8], x: usize| row[x / each] >> (8 - bits - x % each * bits) & (0xff >> (8 - bits));
    let rows = samples.chunks_exact(width.div_ceil(each).max(1));
    rows.flat_map(|row| (0..width).map(move |x| u16::from(sample(row, x)))).collect()
}

/// Grey, grey with alpha, RGB or RGBA as a colour.
fn rgb(samples: &[u8]) -> [u8; 3] {
    if let &[red, green, blue, ..] = samples { [red, green, blue] } else { [samples[0]; 3] }
}

/// Numbers colours: grey ones by their value; else black is 0 and the others follow in order from 1.
fn numbered(size: [u32; 2], pixels: &[[u8; 3]]) -> Result<LabelMap, Fault> {
    if pixels.iter().all(|[red, green, blue]| red == green && green == blue) {
        return label_map(size, pixels.iter().map(|&[grey, ..]| u16::from(grey)).collect());
    }
    let mut distinct = BTreeSet::from([[0; 3]]);
    for &pixel in pixels {
        if distinct.insert(pixel) && distinct.len() > MOST_COLOURS {
            return Err(Fault::NotLabels(format!("it holds more than {MOST_COLOURS} colours, as a photograph does")));
        }
    }
    let colours: Vec<[u8; 3]> = distinct.into_iter().collect();
    let values = pixels.iter().map(|pixel| colours.partition_point(|colour| colour < pixel) as u16).collect();
    Ok(LabelMap { colours, ..label_map(size, values)? })
}

/// Labels as a grey PNG of 8 or (`wide`) 16 bits.
pub(crate) fn encode([width, height, _]: [usize; 3], values: &[u16], wide: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(if wide { BitDepth::Sixteen } else { BitDepth::Eight });
    let samples: Vec<u8> = if wide {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    } else {
        values.iter().map(|&value| value as u8).collect()
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&samples)?;
    writer.finish()?;
    Ok(bytes)
}

fn fault(error: DecodingError) -> Fault {
    match error {
        DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Fault::Damaged("it ends too early".to_owned())
        }
        DecodingError::IoError(error) => Fault::Damaged(io_text(&error)),
        DecodingError::LimitsExceeded => {
            Fault::TooLarge("it would take more memory than such a file can sensibly hold".to_owned())
        }
        error => Fault::Damaged(error.to_string()),
    }
}
