//! MetaImage (`.mha`, and `.mhd` with its voxels beside it), packed with zlib or not, of 2 to 4 dimensions.
//!
//! Source: the MetaIO documentation of ITK, and what ITK makes of it: positions are to the left, to the back and
//! upwards; `TransformMatrix` holds the direction of one voxel axis after another.

use super::fault::Fault;
use super::place::{LPS, Placed};
use super::raw::{Raw, voxel_count};
use super::source::{Packing, Source};
use super::text_header::{beside, no_size, numbers, read_lines, shape};
use super::voxels::{Encoding, Endian, Form, Scaling};
use crate::space::Affine;
use crate::volume::Grid;
use std::collections::BTreeMap;
use std::path::Path;

/// Whether a file begins as MetaImage does.
pub(crate) fn is(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.split('=').next().unwrap_or_default().trim();
    text.contains('=') && ["ObjectType", "NDims", "Comment", "ObjectSubType"].contains(&first)
}

/// A file's header, and its source of voxels.
pub(crate) fn raw(path: &Path) -> Result<Raw, Fault> {
    let header = Header::read(path)?;
    let mut warnings = Vec::new();
    let sizes = header.sizes()?;
    let space = sizes.len().min(3);
    let grid = Grid::new(shape(&sizes[..space])?, header.place(sizes.len(), &mut warnings));
    let times = sizes[space..].iter().try_fold(1_u64, |product, &n| product.checked_mul(n)).filter(|&n| n > 0);
    let times = times.ok_or_else(|| no_size(&sizes))?;
    let text = header.is("BinaryData", "false");
    let encoding = Encoding {
        form: form(header.field("ElementType")?)?,
        endian: if header.is_true("BinaryDataByteOrderMSB") || header.is_true("ElementByteOrderMSB") {
            Endian::Big
        } else {
            Endian::Little
        },
        scaling: Scaling::NONE,
        components: header.components()?,
        component: 0,
        text,
    };
    let size =
        (encoding.stride() as u64).checked_mul(times).and_then(|size| size.checked_mul(voxel_count(grid.shape).ok()? as u64));
    let size = size.ok_or_else(|| Fault::TooLarge("its header declares more voxels than a file can hold".to_owned()))?;
    let source = header.voxels(path, size)?;
    Ok(Raw { format: "MetaImage", grid, encoding, times, channels: 1, side_by_side: "channel", warnings, source, begin: 0 })
}

/// What a header says.
struct Header {
    fields: BTreeMap<String, String>,
    /// The byte behind it.
    end: u64,
}

impl Header {
    fn read(path: &Path) -> Result<Self, Fault> {
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let (lines, end) = read_lines(path, |line| key(line) == "ElementDataFile")?;
        let pair = |line: &String| Some((key(line), line.split_once('=')?.1.trim().to_owned()));
        Ok(Self { fields: lines.iter().filter_map(pair).collect(), end })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn field(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).ok_or_else(|| Fault::Damaged(format!("its header lacks the field {name}")))
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|text| text.eq_ignore_ascii_case(value))
    }

    /// MetaIO takes every word that begins like `true`, and 1.
    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|text| text.starts_with(['T', 't', '1']))
    }

    fn sizes(&self) -> Result<Vec<u64>, Fault> {
        let damaged = || Fault::Damaged("the sizes in its header do not fit its dimension".to_owned());
        let sizes: Option<Vec<u64>> = self.field("DimSize")?.split_whitespace().map(|size| size.parse().ok()).collect();
        let sizes = sizes.ok_or_else(damaged)?;
        let dimensions = self.field("NDims")?.parse().ok();
        if dimensions == Some(sizes.len()) && (1..=10).contains(&sizes.len()) { Ok(sizes) } else { Err(damaged()) }
    }

    fn components(&self) -> Result<usize, Fault> {
        let channels = self.get("ElementNumberOfChannels").map_or(Some(1), |text| text.parse().ok());
        let channels = channels.filter(|channels| (1..=1 << 20).contains(channels));
        channels.ok_or_else(|| Fault::Damaged("its header declares a number of channels that cannot be".to_owned()))
    }

    /// The first of some fields that is there and holds `count` numbers.
    fn numbers(&self, names: &[&str], count: usize) -> Option<Vec<f64>> {
        names.iter().find_map(|name| self.get(name).and_then(numbers)).filter(|numbers| numbers.len() == count)
    }

    fn place(&self, dimensions: usize, warnings: &mut Vec<String>) -> Affine {
        let spacing = self.numbers(&["ElementSpacing", "ElementSize"], dimensions).unwrap_or_default();
        let offset = self.numbers(&["Offset", "Position", "Origin"], dimensions).unwrap_or_default();
        let matrix = self.numbers(&["TransformMatrix", "Rotation", "Orientation"], dimensions * dimensions);
        let step = |axis: usize| {
            let length = spacing.get(axis).copied().filter(|length| length.is_finite() && *length != 0.0).unwrap_or(1.0);
            std::array::from_fn(|row| {
                let turned = matrix.as_ref().filter(|_| axis < dimensions && row < dimensions);
                turned.map_or(f64::from(u8::from(axis == row)), |matrix| matrix[axis * dimensions + row]) * length
            })
        };
        let origin = std::array::from_fn(|row| offset.get(row).copied().unwrap_or(0.0));
        Placed { origin, steps: std::array::from_fn(step) }.world_from_voxel(LPS, warnings)
    }

    /// The source that yields the voxels, of a `size` in all where they are not packed.
    fn voxels(&self, path: &Path, size: u64) -> Result<Source, Fault> {
        let named = self.field("ElementDataFile")?;
        let (path, begin) = match named {
            _ if named.eq_ignore_ascii_case("local") => (path.to_owned(), self.end),
            _ if named.starts_with("LIST") || named.contains('%') => {
                return Err(Fault::Unsupported("its voxels lie in several files; save it as one".to_owned()));
            }
            _ => (beside(path, named)?, 0),
        };
        if self.is_true("CompressedData") {
            return Source::open_at(&path, begin, Packing::Deflated);
        }
        let begin = match self.get("HeaderSize").and_then(|text| text.parse::<i64>().ok()) {
            // The voxels are what the file ends with.
            Some(-1) => std::fs::metadata(&path)?.len().saturating_sub(size),
            Some(length) => begin + u64::try_from(length).unwrap_or(0),
            None => begin,
        };
        Source::open_at(&path, begin, Packing::Plain)
    }
}

fn form(name: &str) -> Result<Form, Fault> {
    // A vector is named after its components.
    Ok(match name.strip_suffix("_ARRAY").unwrap_or(name) {
        "MET_CHAR" => Form::I8,
        "MET_UCHAR" | "MET_ASCII_CHAR" => Form::U8,
        "MET_SHORT" => Form::I16,
        "MET_USHORT" => Form::U16,
        "MET_INT" | "MET_LONG" => Form::I32,
        "MET_UINT" | "MET_ULONG" => Form::U32,
        "MET_LONG_LONG" => Form::I64,
        "MET_ULONG_LONG" => Form::U64,
        "MET_FLOAT" => Form::F32,
        "MET_DOUBLE" => Form::F64,
        _ => return Err(Fault::Unsupported("its voxels are of a type that is not read".to_owned())),
    })
}
