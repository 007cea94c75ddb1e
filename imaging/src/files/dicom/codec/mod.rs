//! Compressed frames to samples. Every decoder gives the samples of one frame, those of a pixel together, each in as
//! many whole bytes as the file allocates, the lesser first.

mod jpeg;
mod jpeg2000;
mod jpeg_ls;
mod jpeg_ls_markers;
mod run_length;

use super::instance::Form;
use super::syntax::Compression;
use crate::files::fault::Fault;
use flate2::read::DeflateDecoder;
use std::io::Read;

/// Memory that a frame may take for each byte of its compressed form: more than any real one inflates by.
const MOST_INFLATION: usize = 4_096;
/// Memory that even the smallest frame may take.
const LEAST_BYTES: usize = 16 << 20;

/// Decodes one frame. What the codec does not say of the samples is `form`'s.
pub(crate) fn decode(compression: &Compression, bytes: &[u8], form: &Form) -> Result<Vec<u8>, Fault> {
    let want = form.rows * form.columns * form.samples * bytes_a_sample(form);
    if want > bytes.len().saturating_mul(MOST_INFLATION).max(LEAST_BYTES) {
        return Err(Fault::Damaged(format!(
            "it declares {} x {} pixels, more than so small a file can hold",
            form.columns, form.rows
        )));
    }
    let samples = match compression {
        Compression::RunLength => run_length::decode(bytes, form)?,
        Compression::Jpeg => jpeg::decode(bytes, form)?,
        Compression::JpegLs => jpeg_ls::decode(bytes, form)?,
        Compression::Jpeg2000 => jpeg2000::decode(bytes, form)?,
        Compression::Deflate => {
            let mut inflated = Vec::new();
            let read = DeflateDecoder::new(bytes).take(want as u64).read_to_end(&mut inflated);
            read.map_err(|error| Fault::Damaged(format!("a frame cannot be inflated ({error})")))?;
            return Ok(inflated);
        }
        Compression::None | Compression::Fragments => return Ok(bytes.to_vec()),
        Compression::Undecodable(why) => return Err(Fault::Unsupported(why.clone())),
    };
    if samples.len() != want {
        return Err(Fault::Damaged("a frame is not of the size that the header declares".to_owned()));
    }
    Ok(samples)
}

/// Whole bytes of a decoded sample.
pub(crate) fn bytes_a_sample(form: &Form) -> usize {
    (form.bits_allocated as usize).div_ceil(8)
}

/// Checks the size that a frame says of itself.
fn check_size(form: &Form, columns: usize, rows: usize, samples: usize) -> Result<(), Fault> {
    if (columns, rows, samples) == (form.columns, form.rows, form.samples) {
        return Ok(());
    }
    Err(Fault::Damaged(format!(
        "a frame is of {columns} x {rows} pixels of {samples} samples, where the header declares {} x {} of {}",
        form.columns, form.rows, form.samples
    )))
}
