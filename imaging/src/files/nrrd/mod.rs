//! NRRD (`.nrrd`, and `.nhdr` with its voxels beside it): raw, gzip and text, in any space that names its axes.
//!
//! Source: "Definition of NRRD File Format" of teem. `header` has the fields, `segments` what 3D Slicer notes in
//! them of masks; voxels are `raw`'s.

mod axes;
mod header;
pub(crate) mod segments;

use super::fault::Fault;
use super::raw::{Raw, voxel_count};
use super::source::{Packing, Source};
use super::text_header::beside;
use super::voxels::{Encoding, Endian, Form, Scaling};
use crate::volume::Grid;
use axes::Axes;
pub(crate) use header::Header;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Whether a file begins as NRRD does.
pub(crate) fn is(head: &[u8]) -> bool {
    head.starts_with(b"NRRD000")
}

/// A file's header, and its source of voxels.
pub(crate) fn raw(path: &Path) -> Result<Raw, Fault> {
    let header = Header::read(path)?;
    let mut warnings = Vec::new();
    let form = form(header.field("type")?)?;
    let axes = Axes::read(&header, &mut warnings)?;
    let grid = Grid::new(axes.shape, axes.world_from_voxel);
    let (packing, text) = packing(header.field("encoding")?)?;
    let endian = endian(&header, form.width() > 1 && !text, &mut warnings)?;
    let encoding = Encoding { form, endian, scaling: Scaling::NONE, components: axes.components, component: 0, text };
    let size = volume_size(&encoding, &axes)?;
    let (source, begin) = voxels(path, &header, packing, size)?;
    Ok(Raw {
        format: "NRRD",
        grid,
        encoding,
        times: axes.times,
        channels: axes.channels,
        side_by_side: axes.side_by_side,
        warnings,
        source,
        begin,
    })
}

/// Bytes of all volumes together.
fn volume_size(encoding: &Encoding, axes: &Axes) -> Result<u64, Fault> {
    let volumes = axes.times.checked_mul(axes.channels);
    let size = volumes.and_then(|n| n.checked_mul(encoding.stride() as u64)?.checked_mul(voxel_count(axes.shape).ok()? as u64));
    size.ok_or_else(|| Fault::TooLarge("its header declares more voxels than a file can hold".to_owned()))
}

fn form(name: &str) -> Result<Form, Fault> {
    let words: Vec<&str> = name.split_whitespace().collect();
    Ok(match words.join(" ").as_str() {
        "signed char" | "int8" | "int8_t" => Form::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Form::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Form::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Form::U16,
        "int" | "signed int" | "int32" | "int32_t" => Form::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Form::U32,
        "longlong" | "long long" | "long long int" | "signed long long" | "signed long long int" | "int64" | "int64_t" => {
            Form::I64
        }
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Form::U64,
        "float" => Form::F32,
        "double" => Form::F64,
        "block" => return Err(Fault::Unsupported("its voxels are blocks of bytes without a meaning".to_owned())),
        _ => return Err(Fault::Damaged("its header names a voxel type that does not exist".to_owned())),
    })
}

/// How the voxels are packed, and whether they are written out as text.
fn packing(name: &str) -> Result<(Packing, bool), Fault> {
    match name.to_ascii_lowercase().as_str() {
        "raw" => Ok((Packing::Plain, false)),
        "gzip" | "gz" => Ok((Packing::Deflated, false)),
        "txt" | "text" | "ascii" => Ok((Packing::Plain, true)),
        "bzip2" | "bz2" => Err(Fault::Unsupported("its voxels are packed with bzip2; save it with gzip".to_owned())),
        "hex" => Err(Fault::Unsupported("its voxels are written as hexadecimal digits; save it as raw or gzip".to_owned())),
        _ => Err(Fault::Damaged("its header names an encoding that does not exist".to_owned())),
    }
}

fn endian(header: &Header, needed: bool, warnings: &mut Vec<String>) -> Result<Endian, Fault> {
    match header.get("endian").map(str::to_ascii_lowercase).as_deref() {
        Some("little") => Ok(Endian::Little),
        Some("big") => Ok(Endian::Big),
        None => {
            if needed {
                warnings.push("Its header does not tell the order of bytes; the lesser byte first is taken.".to_owned());
            }
            Ok(Endian::Little)
        }
        Some(_) => Err(Fault::Damaged("its header names an order of bytes that does not exist".to_owned())),
    }
}

/// The source that yields the voxels of a `size` in all, and the bytes of it before the first.
fn voxels(path: &Path, header: &Header, packing: Packing, size: u64) -> Result<(Source, u64), Fault> {
    let (path, begin) = match header.get("datafile") {
        None => (path.to_owned(), header.end),
        Some(named) if named.starts_with("LIST") || named.contains('%') => {
            return Err(Fault::Unsupported("its voxels lie in several files; save it as one".to_owned()));
        }
        Some(named) => (beside(path, named)?, 0),
    };
    let begin = begin + lines_length(&path, begin, header.whole("lineskip")?.unwrap_or(0))?;
    match header.whole("byteskip")?.unwrap_or(0) {
        // The voxels are what the file ends with.
        -1 if packing == Packing::Plain => {
            let length = std::fs::metadata(&path)?.len();
            Ok((Source::open_at(&path, length.saturating_sub(size).max(begin), packing)?, 0))
        }
        skip => {
            let skip =
                u64::try_from(skip).map_err(|_| Fault::Damaged("its header skips a negative number of bytes".to_owned()))?;
            Ok((Source::open_at(&path, begin, packing)?, skip))
        }
    }
}

/// The bytes of so many lines from a byte on.
fn lines_length(path: &Path, begin: u64, lines: i64) -> Result<u64, Fault> {
    const LONGEST: u64 = 1 << 20;
    let lines = u64::try_from(lines).map_err(|_| Fault::Damaged("its header skips a negative number of lines".to_owned()))?;
    let mut file = BufReader::new(std::fs::File::open(path)?);
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(begin))?;
    let mut length = 0;
    for _ in 0..lines {
        let read = std::io::Read::take(&mut file, LONGEST).skip_until(b'\n')? as u64;
        if read == 0 || read == LONGEST {
            return Err(Fault::Damaged("it has not as many lines as its header skips".to_owned()));
        }
        length += read;
    }
    Ok(length)
}
