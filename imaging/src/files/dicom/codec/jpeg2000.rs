//! JPEG 2000, lossless and lossy, by the `hayro-jpeg2000` crate.

use super::{bytes_a_sample, check_size};
use crate::files::dicom::instance::Form;
use crate::files::fault::Fault;
use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

/// The most bytes that follow the end of a frame.
const MOST_PADDING: usize = 16;

pub(super) fn decode(bytes: &[u8], form: &Form) -> Result<Vec<u8>, Fault> {
    let failed = |error: hayro_jpeg2000::DecodeError| Fault::Damaged(format!("a JPEG 2000 frame cannot be decoded ({error})"));
    // The decoder fills what is missing of a frame, and says nothing. After its end only padding comes.
    if !bytes[bytes.len().saturating_sub(MOST_PADDING)..].windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err(Fault::Damaged("a JPEG 2000 frame ends too early".to_owned()));
    }
    let settings = DecodeSettings { resolve_palette_indices: false, ..DecodeSettings::default() };
    let image = Image::new(bytes, &settings).map_err(failed)?;
    // The size is that of the header before any memory is set aside for it.
    if (image.width() as usize, image.height() as usize) != (form.columns, form.rows) {
        check_size(form, image.width() as usize, image.height() as usize, form.samples)?;
    }
    let signs = signs(bytes);
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(failed)?;
    let components = decoded.components();
    check_size(form, form.columns, form.rows, components.len())?;
    let (pixels, width) = (form.rows * form.columns, bytes_a_sample(form));
    let mut samples = vec![0; pixels * form.samples * width];
    for (place, component) in components.iter().enumerate() {
        if component.samples().len() < pixels {
            return Err(Fault::Damaged("a JPEG 2000 frame is smaller than its header declares".to_owned()));
        }
        // The decoder lifts signed components as it does unsigned ones (ISO 15444-1 G.1 wants that of unsigned only).
        let depth = u32::from(component.bit_depth()).clamp(1, 32);
        let lifted = if signs.get(place).is_some_and(|&signed| signed) { 1_i64 << (depth - 1) } else { 0 };
        for (pixel, &value) in component.samples()[..pixels].iter().enumerate() {
            // Lossy values may overshoot what their bits can tell.
            let value = (value.round() as i64).clamp(0, (1 << depth) - 1) - lifted;
            let at = (pixel * form.samples + place) * width;
            samples[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
    }
    Ok(samples)
}

/// Whether each component is signed: the highest bit of its `Ssiz`, in the marker that begins a codestream.
fn signs(bytes: &[u8]) -> Vec<bool> {
    let Some(begin) = bytes.array_windows().position(|window| *window == [0xff, 0x4f, 0xff, 0x51]) else { return Vec::new() };
    let size = &bytes[begin + 4..];
    let Some(&[high, low]) = size.get(36..38) else { return Vec::new() };
    let count = usize::from(u16::from_be_bytes([high, low]));
    size.get(38..).unwrap_or_default().chunks_exact(3).take(count).map(|component| component[0] & 0x80 != 0).collect()
}
