//! NIfTI-1 and NIfTI-2 (`.nii`, `.hdr`/`.img`) and Analyze 7.5, each gzipped or not.
//!
//! `header` says what a header holds, `place` where the volume lies, `template` what a mask takes over of it.
//! Voxels are `raw`'s; which format a file is, is `files`'.

pub(crate) mod header;
mod place;
pub(crate) mod template;

use super::fault::Fault;
use super::raw::{Raw, voxel_count};
use super::source::Source;
use super::voxels::{Encoding, Form, Scaling};
use crate::volume::Grid;
use header::{Header, Kind};
use std::path::{Path, PathBuf};

/// A file's header, and its source of voxels.
pub(crate) fn raw(path: &Path) -> Result<Raw, Fault> {
    let (header, source) = read_header(path)?;
    let mut warnings = Vec::new();
    let (form, components) = form(header.datatype)?;
    let grid = Grid::new(header.shape, place::world_from_voxel(&header, &mut warnings));
    let scaling = if components == 1 { scaling(&header, &mut warnings) } else { Scaling::NONE };
    let (source, begin) = voxel_source(path, &header, source, &mut warnings)?;
    Ok(Raw {
        format: header.kind.name(),
        grid,
        encoding: Encoding { form, endian: header.endian, scaling, components, component: 0, text: false },
        times: header.times,
        channels: header.volumes / header.times,
        side_by_side: "channel",
        warnings,
        source,
        begin,
    })
}

/// The type of number behind a header's code, and how many of them make a voxel.
fn form(code: i16) -> Result<(Form, usize), Fault> {
    let unsupported = |why: &str| Err(Fault::Unsupported(why.to_owned()));
    Ok(match code {
        2 => (Form::U8, 1),
        4 => (Form::I16, 1),
        8 => (Form::I32, 1),
        16 => (Form::F32, 1),
        64 => (Form::F64, 1),
        128 => (Form::U8, 3),
        256 => (Form::I8, 1),
        512 => (Form::U16, 1),
        768 => (Form::U32, 1),
        1024 => (Form::I64, 1),
        1280 => (Form::U64, 1),
        2304 => (Form::U8, 4),
        32 | 1792 | 2048 => return unsupported("its voxels are complex numbers; save magnitude or phase as plain numbers"),
        1536 => return unsupported("its voxels are 128-bit numbers; save them as 32-bit or 64-bit"),
        1 => return unsupported("its voxels are single bits; save them as whole bytes"),
        _ => return Err(Fault::Damaged(format!("its header names a voxel type that does not exist ({code})"))),
    })
}

/// The scaling of a header; a slope of 0, or one that is no number, means none (nifti1.h).
fn scaling(header: &Header, warnings: &mut Vec<String>) -> Scaling {
    if !header.slope.is_finite() || header.slope == 0.0 {
        return Scaling::NONE;
    }
    if header.inter.is_finite() {
        return Scaling { slope: header.slope, inter: header.inter };
    }
    // SPM's Analyze headers leave the intercept out, so only NIfTI is worth a word.
    if header.kind != Kind::Analyze {
        warnings.push("Its intercept is no number; 0 is taken.".to_owned());
    }
    Scaling { slope: header.slope, inter: 0.0 }
}

/// The header of a volume, be the path that of either half of a pair; the source stands behind it.
pub(crate) fn read_header(path: &Path) -> Result<(Header, Source), Fault> {
    let header_path = if is_half(path, "img") { other_half(path, "hdr")? } else { path.to_owned() };
    let mut source = Source::open(&header_path)?;
    let header = Header::read(&mut source)?;
    if header.kind == Kind::Analyze && !is_half(&header_path, "hdr") {
        return Err(Fault::Damaged("its header lacks the mark of a NIfTI file".to_owned()));
    }
    voxel_count(header.shape)?;
    Ok((header, source))
}

/// The source that yields the voxels, and the bytes of it before the first.
fn voxel_source(path: &Path, header: &Header, mut source: Source, warnings: &mut Vec<String>) -> Result<(Source, u64), Fault> {
    if !header.single && (is_half(path, "hdr") || is_half(path, "img")) {
        let voxels = if is_half(path, "img") { path.to_owned() } else { other_half(path, "img")? };
        return Ok((Source::open(&voxels)?, first_voxel(header, 0, warnings)));
    }
    let passed = header.kind.size() as u64;
    source.most = source.most.saturating_sub(passed);
    Ok((source, first_voxel(header, passed + 4, warnings) - passed))
}

/// Where the voxels begin; `least` where the header says nothing that can be.
fn first_voxel(header: &Header, least: u64, warnings: &mut Vec<String>) -> u64 {
    let declared = header.voxels_at;
    if declared.is_finite() && declared >= least as f64 && declared < 1e15 {
        return declared as u64;
    }
    if declared != 0.0 {
        warnings.push(format!("Its header puts the first voxel at byte {declared}; {least} is taken."));
    }
    least
}

/// Whether a path is the `half` (`hdr` or `img`) of a pair, gzipped or not.
pub(crate) fn is_half(path: &Path, half: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(half).is_some_and(|stem| stem.ends_with('.'))
}

/// The other half of a pair: of the same stem, gzipped or not, in small letters or capitals.
fn other_half(path: &Path, half: &str) -> Result<PathBuf, Fault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bare = if name.to_ascii_lowercase().ends_with(".gz") { &name[..name.len() - 3] } else { &name };
    let stem = &bare[..bare.len() - 3];
    let names = [half.to_owned(), format!("{half}.gz"), half.to_uppercase(), format!("{}.GZ", half.to_uppercase())];
    let found = names.iter().map(|ending| path.with_file_name(format!("{stem}{ending}"))).find(|other| other.is_file());
    found.ok_or_else(|| Fault::MissingHalf(format!("*.{half}")))
}
