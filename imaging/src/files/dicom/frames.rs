//! The stored frames of a file as samples: found in the file, decoded, brought into one order. Nothing is set aside
//! that the file could not fill, and a decoder that panics costs its file.

use super::codec;
use super::file::{bytes_at, check_compression};
use super::guarded;
use super::instance::{Colour, Form, Instance};
use super::syntax::Compression;
use super::walk::{Encoding, fragments};
use crate::files::fault::Fault;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Checks that a file can hold the frames that it declares.
pub(crate) fn check(file: &Instance) -> Result<(), Fault> {
    check_compression(&file.syntax.compression)?;
    let frame = file.form.frame_bytes() as u64;
    let all = frame.saturating_mul(u64::from(file.stored_frames));
    match file.pixels.length {
        Some(declared) => {
            // A bit a pixel runs on from one frame into the next.
            let all =
                if file.form.bits_allocated == 1 { packed_bits(&file.form) * u64::from(file.stored_frames) / 8 } else { all };
            let there = declared.min(file.total.saturating_sub(file.pixels.at));
            if all > there {
                let pixel = (frame / (file.form.rows * file.form.columns) as u64).max(1);
                return Err(Fault::Truncated { have: there / pixel, want: all / pixel });
            }
            Ok(())
        }
        None if file.syntax.compression == Compression::None => {
            Err(Fault::Damaged("its pixels are in fragments, though its transfer syntax has none".to_owned()))
        }
        // A frame of one value inflates without end, but no real one by more than this.
        None if all > (file.total * 4096).max(16 << 20) => Err(Fault::Damaged(format!(
            "it declares {} frames of {} x {} pixels, more than so small a file can hold",
            file.stored_frames, file.form.columns, file.form.rows
        ))),
        None => Ok(()),
    }
}

fn packed_bits(form: &Form) -> u64 {
    (form.rows * form.columns * form.samples) as u64
}

/// The samples of a stored frame: those of a pixel together, each in whole bytes, the lesser first.
pub(crate) fn samples(file: &Instance, index: u32) -> Result<Vec<u8>, Fault> {
    guarded(|| {
        let form = &file.form;
        if form.bits_allocated == 1 && file.pixels.length.is_some() {
            return bits(file, index);
        }
        let bytes = stored(file, index)?;
        if !is_native(&file.syntax.compression) {
            return codec::decode(&file.syntax.compression, &bytes, form).and_then(|samples| ordered_deflated(samples, file));
        }
        let mut bytes = bytes;
        if file.syntax.encoding == Encoding::ExplicitBig {
            // Two samples of 8 bits share a word, and are turned round with it.
            let bits = if file.pixels.in_words { form.bits_allocated.max(16) } else { form.bits_allocated };
            turn(&mut bytes, bits);
        }
        ordered(bytes, form)
    })
}

fn is_native(compression: &Compression) -> bool {
    matches!(compression, Compression::None | Compression::Fragments)
}

/// A deflated frame is laid out as an uncompressed one is; of all others the decoder has put the samples in order.
fn ordered_deflated(samples: Vec<u8>, file: &Instance) -> Result<Vec<u8>, Fault> {
    if file.syntax.compression != Compression::Deflate {
        return Ok(samples);
    }
    let want = file.form.frame_bytes();
    if samples.len() < want {
        return Err(Fault::Damaged("a frame ends too early".to_owned()));
    }
    if file.form.bits_allocated == 1 {
        return Ok(unpacked(&samples, 0, file.form.rows * file.form.columns));
    }
    ordered(samples, &file.form)
}

/// Samples of one byte each from a file that gives each one bit.
fn bits(file: &Instance, index: u32) -> Result<Vec<u8>, Fault> {
    let count = packed_bits(&file.form);
    let begin = count * u64::from(index);
    let length = (begin % 8 + count).div_ceil(8) as usize;
    let bytes = bytes_at(&file.path, inflated(file), file.pixels.at + begin / 8, length)?;
    if bytes.len() < length {
        return Err(Fault::Damaged("a frame ends too early".to_owned()));
    }
    Ok(unpacked(&bytes, (begin % 8) as usize, count as usize))
}

/// Bits as bytes, the lowest of each byte first.
pub(crate) fn unpacked(bytes: &[u8], begin: usize, count: usize) -> Vec<u8> {
    (begin..begin + count).map(|bit| bytes[bit / 8] >> (bit % 8) & 1).collect()
}

fn inflated(file: &Instance) -> Option<&[u8]> {
    file.inflated.as_ref().map(|bytes| bytes.as_slice())
}

/// The bytes of a stored frame as they are in the file.
fn stored(file: &Instance, index: u32) -> Result<Vec<u8>, Fault> {
    let early = || Fault::Damaged("a frame ends too early".to_owned());
    if file.pixels.length.is_some() {
        let length = file.form.frame_bytes();
        let at = file.pixels.at + length as u64 * u64::from(index);
        let bytes = bytes_at(&file.path, inflated(file), at, length)?;
        return if bytes.len() == length { Ok(bytes) } else { Err(early()) };
    }
    let frames = file.fragments.get_or_init(|| frame_fragments(file)).as_ref().map_err(|why| Fault::Damaged(why.clone()))?;
    let parts = frames.get(index as usize).ok_or_else(early)?;
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(bytes_at(&file.path, inflated(file), part.start, (part.end - part.start) as usize)?);
    }
    Ok(bytes)
}

/// Which fragments each frame is made of.
fn frame_fragments(file: &Instance) -> Result<Vec<Vec<Range<u64>>>, String> {
    let read = |error: std::io::Error| crate::files::io_text(&error);
    let mut open = if file.inflated.is_none() { Some(File::open(&file.path).map_err(read)?) } else { None };
    let mut eight = |at: u64| -> Option<[u8; 8]> {
        if let Some(bytes) = inflated(file) {
            return bytes.get(at as usize..)?.first_chunk().copied();
        }
        let source = open.as_mut()?;
        let mut head = [0; 8];
        source.seek(SeekFrom::Start(at)).ok()?;
        source.read_exact(&mut head).ok()?;
        Some(head)
    };
    let (table, parts) = fragments(file.pixels.at, file.total, &mut eight)?;
    let frames = file.stored_frames as usize;
    if frames == 1 {
        return Ok(vec![parts]);
    }
    if parts.len() == frames {
        return Ok(parts.into_iter().map(|part| vec![part]).collect());
    }
    if parts.len() < frames {
        return Err(format!("it declares {frames} frames, but holds {}", parts.len()));
    }
    let table = bytes_at(&file.path, inflated(file), table.start, (table.end - table.start) as usize).unwrap_or_default();
    let offsets: Vec<u64> = table.as_chunks::<4>().0.iter().map(|word| u64::from(u32::from_le_bytes(*word))).collect();
    if offsets.len() == frames && offsets.is_sorted() {
        return Ok(by_offset(parts, &offsets));
    }
    let starts = parts.iter().filter_map(|part| eight(part.start).map(|head| (part.start, begins_frame(head))));
    let begins: Vec<u64> = starts.filter(|(_, begins)| *begins).map(|(at, _)| at).collect();
    if begins.len() == frames {
        let first = parts[0].start;
        let offsets: Vec<u64> = begins.iter().map(|at| at - first).collect();
        return Ok(by_offset(parts, &offsets));
    }
    Err(format!("it declares {frames} frames in {} fragments, and does not say which belong together", parts.len()))
}

/// Fragments by the offsets of their frames, each counted from the first fragment's head.
fn by_offset(parts: Vec<Range<u64>>, offsets: &[u64]) -> Vec<Vec<Range<u64>>> {
    let first = parts[0].start;
    let mut frames = vec![Vec::new(); offsets.len()];
    for part in parts {
        let frame = offsets.partition_point(|&offset| offset <= part.start - first).max(1) - 1;
        frames[frame].push(part);
    }
    frames
}

/// Whether a fragment begins a JPEG, JPEG-LS or JPEG 2000 picture.
fn begins_frame(head: [u8; 8]) -> bool {
    head.starts_with(&[0xff, 0xd8, 0xff]) || head.starts_with(&[0xff, 0x4f, 0xff, 0x51]) || head == *b"\0\0\0\x0cjP  "
}

/// Turns big-endian samples round.
fn turn(bytes: &mut [u8], bits: u32) {
    match bits {
        16 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|sample| sample.reverse()),
        32 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|sample| sample.reverse()),
        64 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|sample| sample.reverse()),
        _ => {}
    }
}

/// Puts the samples of a pixel together.
fn ordered(bytes: Vec<u8>, form: &Form) -> Result<Vec<u8>, Fault> {
    let pixels = form.rows * form.columns;
    if form.colour == Colour::YbrFull422 {
        if form.bits_allocated != 8 {
            return Err(Fault::Unsupported("its colours share samples of more than 8 bits, which is not read".to_owned()));
        }
        // Two pixels of a row: Y, Y, and the Cb and Cr of both.
        let pair = |&[first, second, blue, red]: &[u8; 4]| [first, blue, red, second, blue, red];
        return Ok(bytes.as_chunks::<4>().0.iter().flat_map(pair).collect());
    }
    if !form.planar {
        return Ok(bytes);
    }
    let width = codec::bytes_a_sample(form);
    let mut together = vec![0; bytes.len()];
    for (sample, plane) in bytes.chunks_exact(pixels * width).enumerate() {
        let places = together.chunks_exact_mut(width).skip(sample).step_by(form.samples);
        places.zip(plane.chunks_exact(width)).for_each(|(to, from)| to.copy_from_slice(from));
    }
    Ok(together)
}
