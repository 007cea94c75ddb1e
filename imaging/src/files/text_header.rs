//! Headers that are lines of text before (or apart from) their voxels: how far they go, and which file they name.

use super::fault::Fault;
use super::source::Source;
use std::path::{Component, Path, PathBuf};

/// No header is longer: Slicer's of some hundred segments have 100 KB.
const MOST_BYTES: usize = 4 << 20;

/// The lines of a header, each without its end, until `is_last` holds of one (which is among them) or the file ends;
/// and the byte behind them.
pub(crate) fn read_lines(path: &Path, is_last: impl Fn(&str) -> bool) -> Result<(Vec<String>, u64), Fault> {
    let mut source = Source::open(path)?;
    if source.inflates {
        return Err(Fault::Unsupported("it is gzipped as a whole; unpack it first".to_owned()));
    }
    let (mut bytes, mut lines, mut at) = (Vec::new(), Vec::new(), 0);
    loop {
        let fresh = source.take(1 << 14)?;
        let ended = fresh.is_empty();
        bytes.extend(fresh);
        while let Some(length) = line_length(&bytes[at..], ended) {
            let line = String::from_utf8_lossy(&bytes[at..at + length]);
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            at += length;
            let last = is_last(&line);
            lines.push(line);
            if last {
                return Ok((lines, at as u64));
            }
        }
        if ended {
            return Ok((lines, at as u64));
        }
        if bytes.len() > MOST_BYTES {
            return Err(Fault::Damaged("its header has no end".to_owned()));
        }
    }
}

/// The length of the first line, its end included; nothing where more bytes are needed to tell.
fn line_length(bytes: &[u8], ended: bool) -> Option<usize> {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) => Some(end + 1),
        None => (ended && !bytes.is_empty()).then_some(bytes.len()),
    }
}

/// The file of voxels that a header names: in the header's own folder or below it. A header must not be able to
/// make this program read any file of the disk as an image.
pub(crate) fn beside(header: &Path, named: &str) -> Result<PathBuf, Fault> {
    // Windows writes paths with backslashes, and other systems must find the file all the same.
    let named = PathBuf::from(named.trim().replace('\\', "/"));
    let inside = named.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || named.as_os_str().is_empty() || named.to_string_lossy().contains(':') {
        return Err(Fault::Unsupported("it names voxels in another folder; put both files into one folder".to_owned()));
    }
    let path = header.parent().unwrap_or(Path::new("")).join(&named);
    if path.is_file() { Ok(path) } else { Err(Fault::MissingHalf(named.display().to_string())) }
}

/// All numbers of a text, which blanks, commas or brackets part; nothing where one of them is none.
pub(crate) fn numbers(text: &str) -> Option<Vec<f64>> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')')).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

/// The sizes of up to three axes of space, with 1 for those that are missing; a size of 0 is a fault.
pub(crate) fn shape(sizes: &[u64]) -> Result<[usize; 3], Fault> {
    let mut shape = [1_usize; 3];
    for (to, &size) in shape.iter_mut().zip(sizes) {
        *to = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| no_size(sizes))?;
    }
    Ok(shape)
}

/// A header declares sizes that no image has.
pub(crate) fn no_size(sizes: &[u64]) -> Fault {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    Fault::Damaged(format!("its header declares an image of {} voxels", sizes.join(" x ")))
}
