//! Voxels as numbers: every numeric type, both byte orders, slope and intercept, binary or written out.
//!
//! Voxels stream through a small buffer into the form in which they are kept, so a false header costs no more
//! memory than the file has voxels. Which format they come from is `raw`'s and the readers' affair.

use super::fault::Fault;
use super::source::Source;
use crate::volume::Pixels;

/// Voxels that are decoded at once.
const CHUNK: usize = 1 << 14;

/// Order of the bytes in each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The bytes of a number with the least first; the way back is the same.
    pub fn little<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        if self == Self::Big {
            bytes.reverse();
        }
        bytes
    }
}

/// How a number is written.
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
}

impl Form {
    /// Bytes a number.
    pub fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Its short name, as numpy has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    fn is_whole(self) -> bool {
        !matches!(self, Self::F32 | Self::F64)
    }
}

/// What a header makes of a stored number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    /// What it is multiplied by.
    pub slope: f64,
    /// What is added then.
    pub inter: f64,
}

impl Scaling {
    /// Numbers as they stand.
    pub const NONE: Self = Self { slope: 1.0, inter: 0.0 };

    fn is_whole(self) -> bool {
        self.slope.fract() == 0.0 && self.inter.fract() == 0.0
    }
}

/// How the numbers of a volume lie in their file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    pub form: Form,
    pub endian: Endian,
    pub scaling: Scaling,
    /// Numbers that lie side by side at a voxel.
    pub components: usize,
    /// Which of them is meant; all three where the voxel is a colour.
    pub component: usize,
    /// Whether the numbers are written out as text.
    pub text: bool,
}

impl Encoding {
    /// Bytes a voxel.
    pub fn stride(&self) -> usize {
        self.form.width() * self.components
    }

    /// Whether all numbers are whole, after slope and intercept too.
    pub fn is_whole(&self) -> bool {
        self.form.is_whole() && self.scaling.is_whole()
    }

    /// Whether a number is kept as it stands.
    fn is_bare(&self) -> bool {
        self.scaling == Scaling::NONE && self.components == 1 && !self.text
    }
}

/// Reads `count` grey voxels: as `i16` where they are whole numbers that fit, else as `f32`.
pub(crate) fn read_grey(source: &mut Source, count: usize, encoding: &Encoding) -> Result<Pixels, Fault> {
    match encoding.form {
        Form::I16 if encoding.is_bare() => {
            read_bare(source, count, |b| i16::from_le_bytes(encoding.endian.little(b))).map(Pixels::I16)
        }
        Form::U8 if encoding.is_bare() => read_bare(source, count, |[byte]: [u8; 1]| i16::from(byte)).map(Pixels::I16),
        Form::F32 if encoding.is_bare() => {
            read_bare(source, count, |b| f32::from_le_bytes(encoding.endian.little(b))).map(Pixels::F32)
        }
        _ => {
            let mut kept = if encoding.is_whole() { Pixels::I16(Vec::new()) } else { Pixels::F32(Vec::new()) };
            read_numbers(source, count, encoding, |numbers| keep(&mut kept, numbers, count))?;
            Ok(kept)
        }
    }
}

/// Reads `count` numbers that are kept as they stand.
fn read_bare<T, const N: usize>(source: &mut Source, count: usize, number: impl Fn([u8; N]) -> T) -> Result<Vec<T>, Fault> {
    let mut kept = Vec::new();
    read_chunks(source, count, N, |bytes| {
        let numbers = bytes.as_chunks().0;
        make_room(&mut kept, numbers.len(), count)?;
        kept.extend(numbers.iter().map(|&bytes| number(bytes)));
        Ok(())
    })?;
    Ok(kept)
}

/// Room for `more` voxels where `count` are to come. It doubles as voxels arrive, and never past the last of them.
fn make_room<T>(kept: &mut Vec<T>, more: usize, count: usize) -> Result<(), Fault> {
    if kept.capacity() - kept.len() >= more {
        return Ok(());
    }
    let wanted = more.max(kept.len()).min(count.saturating_sub(kept.len())).max(more);
    kept.try_reserve_exact(wanted).map_err(|_| Fault::TooLarge("there is not enough memory for its voxels".to_owned()))
}

/// Appends numbers; the first that is no `i16` turns all to `f32`.
pub(crate) fn keep(kept: &mut Pixels, numbers: &[f64], count: usize) -> Result<(), Fault> {
    if let Pixels::I16(whole) = kept {
        if numbers.iter().all(|&number| f64::from(number as i16) == number) {
            make_room(whole, numbers.len(), count)?;
            whole.extend(numbers.iter().map(|&number| number as i16));
            return Ok(());
        }
        *kept = Pixels::F32(whole.iter().map(|&number| f32::from(number)).collect());
    }
    if let Pixels::F32(real) = kept {
        make_room(real, numbers.len(), count)?;
        real.extend(numbers.iter().map(|&number| number as f32));
    }
    Ok(())
}

/// Appends colours of `channels` numbers each; transparency is dropped.
pub(crate) fn keep_colours(kept: &mut Vec<[u8; 3]>, numbers: &[f64], channels: usize, count: usize) -> Result<(), Fault> {
    make_room(kept, numbers.len() / channels, count)?;
    kept.extend(numbers.chunks_exact(channels).map(|colour| [colour[0] as u8, colour[1] as u8, colour[2] as u8]));
    Ok(())
}

/// Reads `count` colours of 8 bits a channel; transparency is dropped.
pub(crate) fn read_colours(source: &mut Source, count: usize, encoding: &Encoding) -> Result<Pixels, Fault> {
    let mut kept = Vec::new();
    let stride = encoding.stride();
    read_chunks(source, count, stride, |bytes| {
        make_room(&mut kept, bytes.len() / stride, count)?;
        kept.extend(bytes.chunks_exact(stride).map(|colour| [colour[0], colour[1], colour[2]]));
        Ok(())
    })?;
    Ok(Pixels::Rgb(kept))
}

/// Feeds the numbers in order to `sink`, some thousands at a time, scaled.
pub(crate) fn read_numbers(
    source: &mut Source,
    count: usize,
    encoding: &Encoding,
    mut sink: impl FnMut(&[f64]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Scaling { slope, inter } = encoding.scaling;
    let mut scaled = |numbers: &mut Vec<f64>| {
        if encoding.scaling != Scaling::NONE {
            numbers.iter_mut().for_each(|number| *number = *number * slope + inter);
        }
        sink(numbers)
    };
    let mut numbers = Vec::new();
    if encoding.text {
        return read_text(source, count, encoding, &mut scaled);
    }
    read_chunks(source, count, encoding.stride(), |bytes| {
        decode(bytes, encoding, &mut numbers);
        scaled(&mut numbers)
    })
}

/// Feeds the bytes of `count` voxels of `width` bytes to `sink`, never part of a voxel.
fn read_chunks(
    source: &mut Source,
    count: usize,
    width: usize,
    mut sink: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // A voxel of very many numbers must not make the buffer large.
    let voxels = CHUNK.min((1 << 20) / width).max(1);
    let mut buffer = vec![0; voxels * width];
    let mut done = 0;
    while done < count {
        let wanted = voxels.min(count - done) * width;
        let filled = source.fill(&mut buffer[..wanted])?;
        done += filled / width;
        if filled < wanted {
            return Err(Fault::Truncated { have: done as u64, want: count as u64 });
        }
        sink(&buffer[..filled])?;
    }
    Ok(())
}

fn decode(bytes: &[u8], encoding: &Encoding, numbers: &mut Vec<f64>) {
    let to = numbers;
    match encoding.form {
        Form::U8 => convert(bytes, encoding, to, |[byte]: [u8; 1]| f64::from(byte)),
        Form::I8 => convert(bytes, encoding, to, |b| f64::from(i8::from_le_bytes(b))),
        Form::U16 => convert(bytes, encoding, to, |b| f64::from(u16::from_le_bytes(b))),
        Form::I16 => convert(bytes, encoding, to, |b| f64::from(i16::from_le_bytes(b))),
        Form::U32 => convert(bytes, encoding, to, |b| f64::from(u32::from_le_bytes(b))),
        Form::I32 => convert(bytes, encoding, to, |b| f64::from(i32::from_le_bytes(b))),
        Form::U64 => convert(bytes, encoding, to, |b| u64::from_le_bytes(b) as f64),
        Form::I64 => convert(bytes, encoding, to, |b| i64::from_le_bytes(b) as f64),
        Form::F32 => convert(bytes, encoding, to, |b| f64::from(f32::from_le_bytes(b))),
        Form::F64 => convert(bytes, encoding, to, f64::from_le_bytes),
    }
}

fn convert<const N: usize>(bytes: &[u8], encoding: &Encoding, numbers: &mut Vec<f64>, number: impl Fn([u8; N]) -> f64) {
    numbers.clear();
    let stored = bytes.as_chunks().0.iter().skip(encoding.component).step_by(encoding.components);
    numbers.extend(stored.map(|&b| number(encoding.endian.little(b))));
}

/// Feeds `count` voxels that are written out, their numbers apart by blanks, line ends or commas.
fn read_text(
    source: &mut Source,
    count: usize,
    encoding: &Encoding,
    sink: &mut impl FnMut(&mut Vec<f64>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    /// No number is written with more characters.
    const LONGEST: usize = 512;
    let (mut rest, mut seen, mut done) = (Vec::new(), 0_usize, 0_usize);
    let mut numbers = Vec::new();
    while done < count {
        let fresh = source.take(1 << 16)?;
        let ended = fresh.is_empty();
        rest.extend(fresh);
        // What follows the last gap may be half a number.
        let end = if ended { rest.len() } else { rest.iter().rposition(|byte| is_gap(*byte)).unwrap_or(0) };
        numbers.clear();
        for word in rest[..end].split(|byte| is_gap(*byte)).filter(|word| !word.is_empty()) {
            let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
            let number: f64 = number.ok_or_else(|| Fault::Damaged("what should be a number is none".to_owned()))?;
            if seen % encoding.components == encoding.component && done < count {
                numbers.push(number);
                done += 1;
            }
            seen += 1;
        }
        rest.drain(..end);
        sink(&mut numbers)?;
        if done < count && ended {
            return Err(Fault::Truncated { have: done as u64, want: count as u64 });
        }
        if rest.len() > LONGEST {
            return Err(Fault::Damaged("what should be a number is none".to_owned()));
        }
    }
    Ok(())
}

fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}
