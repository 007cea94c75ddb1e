//! JPEG: baseline and extended of 8 bits, and lossless of up to 16, by the `jpeg-decoder` crate.

use super::{bytes_a_sample, check_size};
use crate::files::dicom::instance::{Colour, Form};
use crate::files::fault::Fault;
use jpeg_decoder::{ColorTransform, Decoder, Error, PixelFormat, UnsupportedFeature};

pub(super) fn decode(bytes: &[u8], form: &Form) -> Result<Vec<u8>, Fault> {
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().map_err(fault)?;
    let info = decoder.info().ok_or_else(|| Fault::Damaged("a JPEG frame has no header".to_owned()))?;
    let (samples, wide) = match info.pixel_format {
        PixelFormat::L8 => (1, false),
        PixelFormat::L16 => (1, true),
        PixelFormat::RGB24 => (3, false),
        PixelFormat::CMYK32 => (4, false),
    };
    check_size(form, usize::from(info.width), usize::from(info.height), samples)?;
    // The header says what the samples are; a JPEG file by itself would be taken as YCbCr.
    decoder.set_color_transform(match form.colour {
        Colour::YbrFull | Colour::YbrFull422 => ColorTransform::YCbCr,
        _ if samples == 3 => ColorTransform::RGB,
        _ => ColorTransform::Grayscale,
    });
    let decoded = decoder.decode().map_err(fault)?;
    Ok(widened(&decoded, wide, bytes_a_sample(form)))
}

/// Samples of native order in as many bytes as the file allocates.
fn widened(decoded: &[u8], wide: bool, width: usize) -> Vec<u8> {
    if wide {
        let values = decoded.as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair));
        return if width == 1 {
            values.map(|value| value as u8).collect()
        } else {
            values.flat_map(|value| value.to_le_bytes().into_iter().chain(std::iter::repeat_n(0, width - 2))).collect()
        };
    }
    decoded.iter().flat_map(|&value| std::iter::once(value).chain(std::iter::repeat_n(0, width - 1))).collect()
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Unsupported(UnsupportedFeature::SamplePrecision(bits)) => Fault::Unsupported(format!(
            "its pixels are lossy JPEG of {bits} bits, for which this program has no decoder, only for 8 bits"
        )),
        Error::Unsupported(feature) => {
            Fault::Unsupported(format!("its JPEG pixels use a part of the format that is not decoded ({feature:?})"))
        }
        Error::Io(_) => Fault::Damaged("a JPEG frame ends too early".to_owned()),
        error => Fault::Damaged(format!("a JPEG frame cannot be decoded ({error})")),
    }
}
