//! The header of a label map that lies exactly on its source's grid: the source's own bytes, with only that
//! changed which speaks of the voxels' type and meaning.
//!
//! Byte order, sform, qform, their codes, spacing, units, description and extensions stay as they are. An
//! Analyze header, which has no place for most of these, becomes a NIfTI-1 header with an sform.

use super::super::fault::Fault;
use super::super::item::Part;
use super::header::{Header, Kind};
use super::{place, read_header};
use crate::volume::{Grid, Pixels};
use std::path::Path;

/// Extensions beyond this are left behind.
const MOST_EXTENSIONS: usize = 64 << 20;

/// The numbers that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    U8,
    U16,
    I16,
    F32,
    Rgb,
}

impl Stored {
    /// Of a label map: 16 bits where a label is beyond 255.
    pub fn labels(values: &[u16]) -> Self {
        if values.iter().any(|&value| value > 255) { Self::U16 } else { Self::U8 }
    }

    fn code(self) -> i16 {
        match self {
            Self::U8 => 2,
            Self::U16 => 512,
            Self::I16 => 4,
            Self::F32 => 16,
            Self::Rgb => 128,
        }
    }

    fn bits(self) -> i16 {
        match self {
            Self::U8 => 8,
            Self::U16 | Self::I16 => 16,
            Self::F32 => 32,
            Self::Rgb => 24,
        }
    }
}

/// What is kept of a source for its label maps.
pub(crate) struct Template {
    /// The source's grid.
    pub grid: Grid,
    header: Header,
    extensions: Vec<u8>,
}

impl Template {
    /// Reads a source's header and extensions; its voxels are left alone.
    pub fn read(path: &Path, part: &Part) -> Result<Self, Fault> {
        let (header, mut source) = read_header(path)?;
        part.of(header.volumes)?;
        let grid = Grid::new(header.shape, place::world_from_voxel(&header, &mut Vec::new()));
        let end = if header.single { header.voxels_at as u64 } else { source.most };
        let room = end.min(source.most).saturating_sub(header.kind.size() as u64).min(MOST_EXTENSIONS as u64 + 4);
        let extensions =
            if header.kind == Kind::Analyze { Vec::new() } else { chain(&source.take(room as usize)?, &header).to_vec() };
        Ok(Self { grid, header, extensions })
    }

    /// What a source of another format leaves to say: its grid, by an sform and without extensions.
    pub fn new(grid: Grid) -> Self {
        let wide = grid.shape.iter().any(|&size| size > i16::MAX as usize);
        let header = Header::new(if wide { Kind::Two } else { Kind::One }, grid.shape);
        let mut template = Self { grid, header, extensions: Vec::new() };
        let mut raw = std::mem::take(&mut template.header.raw);
        Writer { raw: &mut raw, header: &template.header }.place(&grid);
        template.header.raw = raw;
        template
    }

    /// All bytes before the voxels of a file of such numbers.
    pub fn bytes(&self, stored: Stored) -> Vec<u8> {
        let mut file = if self.header.kind == Kind::Analyze { self.nifti_of_analyze() } else { self.header.raw.clone() };
        let begin = (file.len() + 4 + self.extensions.len()).next_multiple_of(16);
        let mut fields = Writer { raw: &mut file, header: &self.header };
        match self.header.kind {
            Kind::Two => fields.label_two(begin as i64, stored),
            Kind::One | Kind::Analyze => fields.label_one(begin as f32, stored),
        }
        if self.header.volumes > 1 {
            fields.one_volume();
        }
        file.extend([u8::from(!self.extensions.is_empty()), 0, 0, 0]);
        file.extend(&self.extensions);
        file.resize(begin, 0);
        file
    }

    /// The voxels as the header's byte order has them.
    pub fn voxels(&self, values: &[u16], stored: Stored) -> Vec<u8> {
        if stored == Stored::U16 {
            values.iter().flat_map(|value| self.header.endian.little(value.to_le_bytes())).collect()
        } else {
            values.iter().map(|&value| value as u8).collect()
        }
    }

    /// The voxels of an image, and what they are.
    pub fn pixels(&self, pixels: &Pixels) -> (Stored, Vec<u8>) {
        let endian = self.header.endian;
        match pixels {
            Pixels::I16(values) => (Stored::I16, values.iter().flat_map(|value| endian.little(value.to_le_bytes())).collect()),
            Pixels::F32(values) => (Stored::F32, values.iter().flat_map(|value| endian.little(value.to_le_bytes())).collect()),
            Pixels::Rgb(values) => (Stored::Rgb, values.iter().flatten().copied().collect()),
        }
    }

    /// An Analyze header as NIfTI-1: what the two have in common is kept, all else is cleared.
    fn nifti_of_analyze(&self) -> Vec<u8> {
        let mut raw = self.header.raw.clone();
        for cleared in [56..70, 74..76, 112..148, 252..344] {
            raw[cleared].fill(0);
        }
        let mut fields = Writer { raw: &mut raw, header: &self.header };
        fields.put(76, 1.0_f32.to_le_bytes());
        fields.sform(&self.grid);
        raw
    }
}

/// The extensions that follow a header, without the four bytes that announce them: as far as the chain of
/// sizes holds.
fn chain<'a>(bytes: &'a [u8], header: &Header) -> &'a [u8] {
    let Some((&[announced, ..], rest)) = bytes.split_first_chunk::<4>() else { return &[] };
    let mut length = 0;
    while announced != 0
        && let Some(size) = rest.get(length..).and_then(|left| left.first_chunk::<4>())
        && let Ok(size) = usize::try_from(i32::from_le_bytes(header.endian.little(*size)))
        && size >= 8
        && length + size <= rest.len()
    {
        length += size;
    }
    &rest[..length]
}

/// Writes numbers into a header's bytes, in its own order. Every offset lies within its kind of header.
struct Writer<'a> {
    raw: &'a mut [u8],
    header: &'a Header,
}

impl Writer<'_> {
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.raw[at..at + N].copy_from_slice(&self.header.endian.little(bytes));
    }

    /// Shape, spacing and sform of a header that says nothing yet.
    fn place(&mut self, grid: &Grid) {
        let two = self.header.kind == Kind::Two;
        for n in 0..8 {
            let size = [3].into_iter().chain(grid.shape).nth(n).unwrap_or(1);
            let length = [1.0].into_iter().chain(grid.spacing_mm()).nth(n).unwrap_or(1.0);
            if two {
                self.put(16 + n * 8, (size as i64).to_le_bytes());
                self.put(104 + n * 8, length.to_le_bytes());
            } else {
                self.put(40 + n * 2, (size as i16).to_le_bytes());
                self.put(76 + n * 4, (length as f32).to_le_bytes());
            }
        }
        if two {
            self.put(0, 540_i32.to_le_bytes());
            self.put(348, 1_i32.to_le_bytes());
            self.put(500, 2_i32.to_le_bytes());
            for (n, &value) in grid.world_from_voxel.0.iter().flatten().enumerate() {
                self.put(400 + n * 8, value.to_le_bytes());
            }
        } else {
            self.sform(grid);
            self.put(254, 1_i16.to_le_bytes());
        }
    }

    /// An sform, in mm, of a NIfTI-1 header.
    fn sform(&mut self, grid: &Grid) {
        self.put(254, 2_i16.to_le_bytes());
        for (n, &value) in grid.world_from_voxel.0.iter().flatten().enumerate() {
            self.put(280 + n * 4, (value as f32).to_le_bytes());
        }
        self.raw[123] = 2;
    }

    fn label_one(&mut self, begin: f32, stored: Stored) {
        self.put(0, 348_i32.to_le_bytes());
        self.raw[56..70].fill(0); // intent_p1 to intent_code
        self.put(70, stored.code().to_le_bytes());
        self.put(72, stored.bits().to_le_bytes());
        self.put(108, begin.to_le_bytes());
        self.put(112, 1.0_f32.to_le_bytes());
        self.put(116, 0.0_f32.to_le_bytes());
        self.raw[124..132].fill(0); // cal_max, cal_min: the window of the source
        self.raw[328..344].fill(0); // intent_name
        self.raw[344..348].copy_from_slice(b"n+1\0");
    }

    /// A label map is of one volume, whatever its source is.
    fn one_volume(&mut self) {
        for (n, size) in [3_i16, 0, 0, 0, 1, 1, 1, 1].into_iter().enumerate().filter(|(n, _)| !(1..4).contains(n)) {
            match self.header.kind {
                Kind::Two => self.put(16 + n * 8, i64::from(size).to_le_bytes()),
                Kind::One | Kind::Analyze => self.put(40 + n * 2, size.to_le_bytes()),
            }
        }
    }

    fn label_two(&mut self, begin: i64, stored: Stored) {
        self.raw[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
        self.put(12, stored.code().to_le_bytes());
        self.put(14, stored.bits().to_le_bytes());
        self.raw[80..104].fill(0); // intent_p1 to intent_p3
        self.put(168, begin.to_le_bytes());
        self.put(176, 1.0_f64.to_le_bytes());
        self.put(184, 0.0_f64.to_le_bytes());
        self.raw[192..208].fill(0); // cal_max, cal_min
        self.put(504, 0_i32.to_le_bytes()); // intent_code
        self.raw[508..524].fill(0); // intent_name
    }
}
