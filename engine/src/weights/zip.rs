//! The directory of a zip archive, as far as PyTorch writes one: files stored as they are, small or large (zip64).
//! Owns where each file's bytes lie; what is in them is `torch`'s.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// A file in the archive.
pub(super) struct Entry {
    pub name: String,
    pub len: u64,
    stored: bool,
    header: u64,
}

/// Directory of a checkpoint with a hundred thousand tensors.
const MOST_DIRECTORY: u64 = 32 << 20;
const DAMAGED: &str = "the archive is damaged";

/// The files of an archive of `len` bytes.
///
/// # Errors
/// In a few words, where there is no directory that can be read.
pub(super) fn entries(file: &mut File, len: u64) -> Result<Vec<Entry>, String> {
    let tail_len = len.min(22 + 0xffff);
    let tail = read_at(file, len - tail_len, tail_len)?;
    let end = (0..tail.len().saturating_sub(21)).rev().find(|&at| tail[at..].starts_with(b"PK\x05\x06")).ok_or(DAMAGED)?;
    let (mut size, mut start) = (number(&tail, end + 12, 4)?, number(&tail, end + 16, 4)?);
    if size == 0xffff_ffff || start == 0xffff_ffff || number(&tail, end + 10, 2)? == 0xffff {
        (size, start) = large_directory(file, &tail, end)?;
    }
    if size > MOST_DIRECTORY || start.checked_add(size).is_none_or(|end| end > len) {
        return Err(DAMAGED.to_owned());
    }
    let directory = read_at(file, start, size)?;
    let mut entries = Vec::new();
    let mut at = 0;
    while directory[at..].starts_with(b"PK\x01\x02") {
        let [name, extra, comment] =
            [number(&directory, at + 28, 2)?, number(&directory, at + 30, 2)?, number(&directory, at + 32, 2)?];
        entries.push(entry(&directory, at, name as usize, extra as usize)?);
        at += 46 + (name + extra + comment) as usize;
        if at >= directory.len() {
            break;
        }
    }
    Ok(entries)
}

/// Where the directory of a large archive lies: its end is told by a second end before the first.
fn large_directory(file: &mut File, tail: &[u8], end: usize) -> Result<(u64, u64), String> {
    let locator = end.checked_sub(20).filter(|&at| tail[at..].starts_with(b"PK\x06\x07")).ok_or(DAMAGED)?;
    let record = read_at(file, number(tail, locator + 8, 8)?, 56)?;
    if !record.starts_with(b"PK\x06\x06") {
        return Err(DAMAGED.to_owned());
    }
    Ok((number(&record, 40, 8)?, number(&record, 48, 8)?))
}

fn entry(directory: &[u8], at: usize, name_len: usize, extra_len: usize) -> Result<Entry, String> {
    let name = directory.get(at + 46..at + 46 + name_len).ok_or(DAMAGED)?;
    let extra = directory.get(at + 46 + name_len..at + 46 + name_len + extra_len).ok_or(DAMAGED)?;
    let [mut packed, mut len, mut header] =
        [number(directory, at + 20, 4)?, number(directory, at + 24, 4)?, number(directory, at + 42, 4)?];
    // Lengths past 32 bits stand in an extra field, in this order, only those that have no room above.
    if let Some(wide) = wide_field(extra) {
        let mut from = 0;
        for value in [&mut len, &mut packed, &mut header] {
            if *value == 0xffff_ffff {
                *value = number(wide, from, 8)?;
                from += 8;
            }
        }
    }
    let stored = number(directory, at + 10, 2)? == 0 && packed == len;
    Ok(Entry { name: String::from_utf8_lossy(name).into_owned(), len, stored, header })
}

fn wide_field(mut extra: &[u8]) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let len = usize::from(u16::from_le_bytes([extra[2], extra[3]]));
        let field = extra.get(4..4 + len)?;
        if extra[..2] == [1, 0] {
            return Some(field);
        }
        extra = &extra[4 + len..];
    }
    None
}

impl Entry {
    /// The first byte of the file's contents, which lie as they are.
    ///
    /// # Errors
    /// Where they are compressed, which PyTorch never does, or the archive is damaged.
    pub fn start(&self, file: &mut File) -> Result<u64, String> {
        if !self.stored {
            return Err("the archive is compressed, so it was not written by PyTorch".to_owned());
        }
        let header = read_at(file, self.header, 30)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(DAMAGED.to_owned());
        }
        let names = number(&header, 26, 2)? + number(&header, 28, 2)?;
        self.header.checked_add(30 + names).ok_or_else(|| DAMAGED.to_owned())
    }

    /// The file's contents, where they are no longer than `most`.
    ///
    /// # Errors
    /// Where they are longer, or cannot be read.
    pub fn read(&self, file: &mut File, most: u64) -> Result<Vec<u8>, String> {
        if self.len > most {
            return Err(format!("{} in the archive is too long", self.name));
        }
        let start = self.start(file)?;
        read_at(file, start, self.len)
    }
}

fn read_at(file: &mut File, start: u64, len: u64) -> Result<Vec<u8>, String> {
    let cut = |error: std::io::Error| format!("{DAMAGED} ({error})");
    file.seek(SeekFrom::Start(start)).map_err(cut)?;
    let mut bytes = Vec::new();
    // Not a buffer of the length that is claimed: the file may be shorter than that.
    file.take(len).read_to_end(&mut bytes).map_err(cut)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err("the archive is cut short".to_owned()) }
}

fn number(bytes: &[u8], at: usize, len: usize) -> Result<u64, String> {
    let bytes = bytes.get(at..at + len).ok_or(DAMAGED)?;
    Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}
