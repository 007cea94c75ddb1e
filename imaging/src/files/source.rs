//! The bytes of a file, inflated on the way where it is gzipped, and the most that there can be of them.
//!
//! Nothing here believes a header: a reader asks `most` before it sets memory aside.

use super::fault::Fault;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Deflate makes at most 1032 bytes of one (RFC 1951: a match of 258 bytes takes two bits); gzip adds little.
pub(crate) const MOST_INFLATION: u64 = 1_100;

/// How bytes are packed within a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    Plain,
    /// Deflated, in the wrapping of gzip or of zlib; which of them is told by the content.
    Deflated,
}

/// A file to be read from its beginning to its end.
pub(crate) struct Source {
    reader: Box<dyn Read>,
    /// The most bytes that this file can yield.
    pub most: u64,
    /// Whether it is inflated on the way.
    pub inflates: bool,
}

impl Source {
    /// Opens a file; that it is gzipped is told by its content, whatever its name.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let (mut file, length) = plain_file(path)?;
        let inflates = file.fill_buf()?.starts_with(GZIP);
        let reader: Box<dyn Read> = if inflates { Box::new(Members::new(file)) } else { Box::new(file) };
        Ok(Self { reader, most: most(length, inflates), inflates })
    }

    /// Opens a file from a byte on, whose packing its format's header tells.
    pub fn open_at(path: &Path, begin: u64, packing: Packing) -> Result<Self, Fault> {
        let (mut file, length) = plain_file(path)?;
        file.seek(SeekFrom::Start(begin))?;
        let inflates = packing == Packing::Deflated;
        let reader: Box<dyn Read> = match packing {
            Packing::Plain => Box::new(file),
            Packing::Deflated if file.fill_buf()?.starts_with(GZIP) => Box::new(Members::new(file)),
            Packing::Deflated => Box::new(ZlibDecoder::new(file)),
        };
        Ok(Self { reader, most: most(length.saturating_sub(begin), inflates), inflates })
    }

    /// Reads until `buffer` is full or the file ends; says how many bytes there were.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(self.fault(error)),
            }
        }
        Ok(filled)
    }

    /// At most `length` bytes from here on.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; length];
        let filled = self.fill(&mut bytes)?;
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// All that is left, `most` bytes at most; memory grows as they arrive.
    pub fn take_growing(&mut self, most: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(most as u64).read_to_end(&mut bytes);
        read.map_err(|error| self.fault(error))?;
        Ok(bytes)
    }

    /// Passes over bytes; says how many there were.
    pub fn skip(&mut self, length: u64) -> Result<u64, Fault> {
        let copied = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink());
        copied.map_err(|error| self.fault(error))
    }

    /// Reads what is left of a gzipped file (at most 1 MiB), so that its check sum is looked at.
    pub fn verify(&mut self) -> Result<(), Fault> {
        if self.inflates { self.skip(1 << 20).map(|_| ()) } else { Ok(()) }
    }

    fn fault(&self, error: io::Error) -> Fault {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof if self.inflates => Fault::Damaged("its compressed data end too early".to_owned()),
            InvalidData | InvalidInput if self.inflates => Fault::Damaged(format!("it cannot be inflated ({error})")),
            _ => Fault::Unreadable(error),
        }
    }
}

const GZIP: &[u8] = &[0x1f, 0x8b];

fn most(length: u64, inflates: bool) -> u64 {
    length.saturating_mul(if inflates { MOST_INFLATION } else { 1 })
}

/// A file and its length; folders, pipes and devices are none.
fn plain_file(path: &Path) -> Result<(BufReader<File>, u64), Fault> {
    // Asked before it is opened: to open a pipe would wait for its other end.
    let about = std::fs::metadata(path)?;
    if about.is_dir() {
        return Err(Fault::Folder);
    }
    if !about.is_file() {
        return Err(Fault::UnknownFormat("it is not a plain file"));
    }
    Ok((BufReader::with_capacity(1 << 16, File::open(path)?), about.len()))
}

/// The members of a gzip file one after another, as `cat a.gz b.gz` and bgzip leave them. What follows the last
/// member and does not begin like one is left alone, as gzip does: archives on tape are padded.
struct Members<R> {
    current: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    fn new(reader: R) -> Self {
        Self { current: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.current.take() {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                self.current = Some(member);
                return Ok(read);
            }
            let mut rest = member.into_inner();
            if rest.fill_buf()?.first() == Some(&0x1f) {
                self.current = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}
