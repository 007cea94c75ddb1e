//! GIPL (`.gipl`, `.gipl.gz`), the Guy's Image Processing Lab format: 256 bytes of header, the greater byte first.
//!
//! Source: the header as ITK reads it; it holds spacing and origin, which count to the left, to the back and
//! upwards, and no directions that any program writes.

use super::fault::Fault;
use super::place::{LPS, Placed};
use super::raw::{Raw, voxel_count};
use super::source::Source;
use super::text_header::shape;
use super::voxels::{Encoding, Endian, Form, Scaling};
use crate::volume::Grid;
use std::path::Path;

const HEADER: usize = 256;
const MARKS: [u32; 3] = [719_555_000, 4_026_526_128, 719_555_001];

/// Whether a file begins as GIPL does.
pub(crate) fn is(head: &[u8]) -> bool {
    head.get(252..HEADER).and_then(|mark| mark.first_chunk()).is_some_and(|mark| MARKS.contains(&u32::from_be_bytes(*mark)))
}

/// A file's header, and its source of voxels.
pub(crate) fn raw(path: &Path) -> Result<Raw, Fault> {
    let mut source = Source::open(path)?;
    let head = source.take(HEADER)?;
    let Some(head) = head.first_chunk::<HEADER>() else {
        return Err(Fault::Damaged("it ends within its header".to_owned()));
    };
    source.most = source.most.saturating_sub(HEADER as u64);
    let sizes: [u64; 4] = std::array::from_fn(|axis| u64::from(u16::from_be_bytes(bytes(head, axis * 2))));
    // Depth and time are 0 in files that have none.
    let shape = shape(&[sizes[0], sizes[1], sizes[2].max(1)])?;
    voxel_count(shape)?;
    let mut warnings = Vec::new();
    let spacing: [f64; 3] = std::array::from_fn(|axis| f64::from(f32::from_be_bytes(bytes(head, 10 + axis * 4))));
    let step = |axis: usize| {
        let length = Some(spacing[axis]).filter(|length| length.is_finite() && *length != 0.0).unwrap_or(1.0);
        std::array::from_fn(|row| if row == axis { length } else { 0.0 })
    };
    let origin = std::array::from_fn(|axis| f64::from_be_bytes(bytes(head, 204 + axis * 8)));
    let place = Placed { origin, steps: std::array::from_fn(step) }.world_from_voxel(LPS, &mut warnings);
    let form = form(u16::from_be_bytes(bytes(head, 8)))?;
    let encoding = Encoding { form, endian: Endian::Big, scaling: Scaling::NONE, components: 1, component: 0, text: false };
    Ok(Raw {
        format: "GIPL",
        grid: Grid::new(shape, place),
        encoding,
        times: sizes[3].max(1),
        channels: 1,
        side_by_side: "channel",
        warnings,
        source,
        begin: 0,
    })
}

/// Bytes of a header, whose offsets all lie within it.
fn bytes<const N: usize>(head: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&head[at..at + N]);
    bytes
}

fn form(code: u16) -> Result<Form, Fault> {
    Ok(match code {
        7 => Form::I8,
        8 => Form::U8,
        15 => Form::I16,
        16 => Form::U16,
        31 => Form::U32,
        32 => Form::I32,
        64 => Form::F32,
        65 => Form::F64,
        1 => return Err(Fault::Unsupported("its voxels are single bits; save them as whole bytes".to_owned())),
        144 | 160 | 192 | 193 => {
            return Err(Fault::Unsupported(
                "its voxels are complex numbers; save magnitude or phase as plain numbers".to_owned(),
            ));
        }
        200 | 201 => return Err(Fault::Unsupported("its voxels are surfaces or polygons".to_owned())),
        _ => return Err(Fault::Damaged(format!("its header names a voxel type that does not exist ({code})"))),
    })
}
