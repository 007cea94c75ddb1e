//! The voxels of a NIfTI volume as numbers: every numeric type, both byte orders, slope and intercept.
//!
//! Voxels stream through a small buffer into the form in which they are kept, so a false header costs no more
//! memory than the file has voxels.

use super::super::fault::Fault;
use super::super::source::Source;
use super::header::{Endian, Header, Kind};
use crate::volume::Pixels;

/// Room that is set aside at once; beyond it a vector grows as voxels arrive.
const FIRST_ROOM: usize = 1 << 24;

/// How a voxel is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Rgb,
    Rgba,
}

impl Form {
    /// The form behind a header's code.
    pub fn from_code(code: i16) -> Result<Self, Fault> {
        Ok(match code {
            2 => Self::U8,
            4 => Self::I16,
            8 => Self::I32,
            16 => Self::F32,
            64 => Self::F64,
            128 => Self::Rgb,
            256 => Self::I8,
            512 => Self::U16,
            768 => Self::U32,
            1024 => Self::I64,
            1280 => Self::U64,
            2304 => Self::Rgba,
            32 | 1792 | 2048 => return unsupported("its voxels are complex numbers; save magnitude or phase as plain numbers"),
            1536 => return unsupported("its voxels are 128-bit numbers; save them as 32-bit or 64-bit"),
            1 => return unsupported("its voxels are single bits; save them as whole bytes"),
            _ => return Err(Fault::Damaged(format!("its header names a voxel type that does not exist ({code})"))),
        })
    }

    /// Bytes a voxel.
    pub fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::Rgb => 3,
            Self::U32 | Self::I32 | Self::F32 | Self::Rgba => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "8-bit whole numbers from 0",
            Self::I8 => "8-bit whole numbers",
            Self::U16 => "16-bit whole numbers from 0",
            Self::I16 => "16-bit whole numbers",
            Self::U32 => "32-bit whole numbers from 0",
            Self::I32 => "32-bit whole numbers",
            Self::U64 => "64-bit whole numbers from 0",
            Self::I64 => "64-bit whole numbers",
            Self::F32 => "32-bit numbers",
            Self::F64 => "64-bit numbers",
            Self::Rgb => "colours",
            Self::Rgba => "colours with transparency",
        }
    }

    /// Whether a voxel is a colour.
    pub fn is_colour(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba)
    }

    fn is_whole(self) -> bool {
        !self.is_colour() && !matches!(self, Self::F32 | Self::F64)
    }
}

fn unsupported<T>(why: &str) -> Result<T, Fault> {
    Err(Fault::Unsupported(why.to_owned()))
}

/// What a header makes of a stored number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    slope: f64,
    inter: f64,
}

impl Scaling {
    /// The scaling of a header; a slope of 0, or one that is no number, means none (nifti1.h).
    pub fn new(header: &Header, warnings: &mut Vec<String>) -> Self {
        let none = Self { slope: 1.0, inter: 0.0 };
        if !header.slope.is_finite() || header.slope == 0.0 {
            return none;
        }
        if !header.inter.is_finite() {
            // SPM's Analyze headers leave the intercept out, so only NIfTI is worth a word.
            if header.kind != Kind::Analyze {
                warnings.push("Its intercept is no number; 0 is taken.".to_owned());
            }
            return Self { slope: header.slope, ..none };
        }
        Self { slope: header.slope, inter: header.inter }
    }

    fn is_none(self) -> bool {
        self.slope == 1.0 && self.inter == 0.0
    }

    fn is_whole(self) -> bool {
        self.slope.fract() == 0.0 && self.inter.fract() == 0.0
    }
}

/// Feeds the voxels in order to `sink`, some thousands at a time, scaled.
pub(crate) fn read_numbers(
    source: &mut Source,
    count: usize,
    (form, endian, scaling): (Form, Endian, Scaling),
    mut sink: impl FnMut(&[f64]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut numbers = Vec::new();
    read_chunks(source, count, form.width(), |bytes| {
        decode(bytes, form, endian, &mut numbers);
        if !scaling.is_none() {
            numbers.iter_mut().for_each(|number| *number = *number * scaling.slope + scaling.inter);
        }
        sink(&numbers)
    })
}

/// Reads `count` grey voxels: as `i16` where they are whole numbers that fit, else as `f32`.
pub(crate) fn read_grey(source: &mut Source, count: usize, format: (Form, Endian, Scaling)) -> Result<Pixels, Fault> {
    let room = count.min(FIRST_ROOM);
    let whole = format.0.is_whole() && format.2.is_whole();
    let mut kept = if whole { Pixels::I16(Vec::with_capacity(room)) } else { Pixels::F32(Vec::with_capacity(room)) };
    read_numbers(source, count, format, |numbers| {
        keep(&mut kept, numbers);
        Ok(())
    })?;
    Ok(kept)
}

/// Appends numbers; the first that is no `i16` turns all to `f32`.
fn keep(kept: &mut Pixels, numbers: &[f64]) {
    if let Pixels::I16(whole) = kept {
        if numbers.iter().all(|&number| f64::from(number as i16) == number) {
            return whole.extend(numbers.iter().map(|&number| number as i16));
        }
        *kept = Pixels::F32(whole.iter().map(|&number| f32::from(number)).collect());
    }
    if let Pixels::F32(real) = kept {
        real.extend(numbers.iter().map(|&number| number as f32));
    }
}

/// Reads `count` colours; transparency is dropped.
pub(crate) fn read_colours(source: &mut Source, count: usize, form: Form) -> Result<Pixels, Fault> {
    let mut kept = Vec::with_capacity(count.min(FIRST_ROOM));
    read_chunks(source, count, form.width(), |bytes| {
        kept.extend(bytes.chunks_exact(form.width()).map(|colour| [colour[0], colour[1], colour[2]]));
        Ok(())
    })?;
    Ok(Pixels::Rgb(kept))
}

/// Feeds the bytes of `count` voxels to `sink`, never part of a voxel.
fn read_chunks(
    source: &mut Source,
    count: usize,
    width: usize,
    mut sink: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    const VOXELS: usize = 1 << 13;
    let mut buffer = vec![0; VOXELS * width];
    let mut done = 0;
    while done < count {
        let wanted = VOXELS.min(count - done) * width;
        let filled = source.fill(&mut buffer[..wanted])?;
        done += filled / width;
        if filled < wanted {
            return Err(Fault::Truncated { have: done as u64, want: count as u64 });
        }
        sink(&buffer[..filled])?;
    }
    Ok(())
}

fn decode(bytes: &[u8], form: Form, endian: Endian, numbers: &mut Vec<f64>) {
    match form {
        Form::U8 => convert(bytes, endian, numbers, |[byte]: [u8; 1]| f64::from(byte)),
        Form::I8 => convert(bytes, endian, numbers, |b| f64::from(i8::from_le_bytes(b))),
        Form::U16 => convert(bytes, endian, numbers, |b| f64::from(u16::from_le_bytes(b))),
        Form::I16 => convert(bytes, endian, numbers, |b| f64::from(i16::from_le_bytes(b))),
        Form::U32 => convert(bytes, endian, numbers, |b| f64::from(u32::from_le_bytes(b))),
        Form::I32 => convert(bytes, endian, numbers, |b| f64::from(i32::from_le_bytes(b))),
        Form::U64 => convert(bytes, endian, numbers, |b| u64::from_le_bytes(b) as f64),
        Form::I64 => convert(bytes, endian, numbers, |b| i64::from_le_bytes(b) as f64),
        Form::F32 => convert(bytes, endian, numbers, |b| f64::from(f32::from_le_bytes(b))),
        Form::F64 => convert(bytes, endian, numbers, f64::from_le_bytes),
        Form::Rgb | Form::Rgba => numbers.clear(),
    }
}

fn convert<const N: usize>(bytes: &[u8], endian: Endian, numbers: &mut Vec<f64>, number: impl Fn([u8; N]) -> f64) {
    numbers.clear();
    numbers.extend(bytes.as_chunks().0.iter().map(|&b| number(endian.little(b))));
}
