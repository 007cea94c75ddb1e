//! The voxels of a volume: each slice decoded, and what its header makes of its numbers.

use super::codec::bytes_a_sample;
use super::frames;
use super::geometry::Laid;
use super::instance::{Colour, Form, Frame};
use super::stack::Slice;
use super::syntax::Compression;
use super::walk::PixelKind;
use crate::files::fault::{Fault, FileError};
use crate::files::memory;
use crate::files::reduction::{Kept, Reduction, Sieve, Taking};
use crate::volume::Pixels;
use rayon::prelude::*;

/// Reads what is kept of the voxels of a volume: as `i16` where they are whole numbers that fit, else as `f32`, or as
/// colours.
///
/// # Errors
/// Names the file of the slice that could not be read.
pub(crate) fn read(laid: &Laid, reduction: &Reduction) -> Result<Pixels, FileError> {
    let Some(first) = laid.slices.first() else { return Err(Fault::Empty.at(std::path::Path::new(""))) };
    let at = |fault: Fault| fault.at(&first.file.path);
    let mut checked = std::collections::HashSet::new();
    for slice in &laid.slices {
        if checked.insert(&slice.file.path) {
            frames::check(&slice.file).map_err(|fault| fault.at(&slice.file.path))?;
        }
    }
    let kept = reduction.on(laid.grid.shape).map_err(at)?;
    let shape = kept.shape();
    memory::check(shape, usize::from(kept_width(laid))).map_err(at)?;
    let too_many = || Fault::TooLarge(format!("it is of {} voxels", crate::files::shape_text(shape)));
    let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)).ok_or_else(too_many).map_err(at)?;
    if first.file.form.is_colour() {
        return colours(laid, &kept, count);
    }
    if are_whole(laid) {
        let mut voxels = vec![0_i16; count];
        if fill(laid, &kept, &mut voxels, whole_numbers)? {
            return Ok(Pixels::I16(voxels));
        }
    }
    let mut voxels = vec![0_f32; count];
    fill(laid, &kept, &mut voxels, real_numbers)?;
    Ok(Pixels::F32(voxels))
}

/// Bytes in which a voxel is kept, at least.
pub(crate) fn kept_width(laid: &Laid) -> u8 {
    match laid.slices.first() {
        Some(first) if first.file.form.is_colour() => 3,
        _ if are_whole(laid) => 2,
        _ => 4,
    }
}

fn are_whole(laid: &Laid) -> bool {
    laid.slices.iter().all(is_whole)
}

/// Fills voxels slice by slice; whether every slice's numbers fit.
fn fill<T: Voxel>(
    laid: &Laid,
    kept: &Kept,
    voxels: &mut [T],
    put: impl Fn(&Slice, &[u8], &mut [T]) -> bool + Sync,
) -> Result<bool, FileError> {
    let [width, height, depth] = kept.shape();
    let decoded = |slice: &Slice, out: &mut [T]| {
        let at = |fault: Fault| fault.at(&slice.file.path);
        let samples = frames::samples(&slice.file, slice.frame().index).map_err(at)?;
        let samples = cropped(slice, samples).map_err(at)?;
        Ok(put(slice, &samples, out))
    };
    let is_all = [width, height, depth] == laid.grid.shape;
    let filled = |(number, out): (usize, &mut [T])| -> Result<bool, FileError> {
        if is_all { decoded(&laid.slices[number], out) } else { reduced(laid, kept, number, out, decoded) }
    };
    let fits: Result<Vec<bool>, FileError> = voxels.par_chunks_mut(width * height).enumerate().map(filled).collect();
    Ok(fits?.into_iter().all(|fits| fits))
}

/// Fills one kept slice from those that make it, of which one at a time is held.
fn reduced<T: Voxel>(
    laid: &Laid,
    kept: &Kept,
    number: usize,
    out: &mut [T],
    decoded: impl Fn(&Slice, &mut [T]) -> Result<bool, FileError>,
) -> Result<bool, FileError> {
    let [width, height, _] = laid.grid.shape;
    let range = kept.slices(number);
    let mut sieve = Sieve::new([width, height], kept.of_slices(range.len()), T::CHANNELS, T::TAKING);
    let mut plane = vec![T::default(); width * height];
    let mut numbers = Vec::new();
    let mut fits = true;
    for slice in &laid.slices[range] {
        fits &= decoded(slice, &mut plane)?;
        numbers.clear();
        plane.iter().for_each(|voxel| voxel.numbers(&mut numbers));
        let take = |means: &[f64]| {
            out.iter_mut().zip(means.chunks_exact(T::CHANNELS)).for_each(|(out, mean)| *out = T::of(mean));
            Ok(())
        };
        sieve.take(&numbers, take).map_err(|fault| fault.at(&slice.file.path))?;
    }
    Ok(fits)
}

/// A voxel as numbers of which means are made, and back.
trait Voxel: Copy + Default + Send {
    const CHANNELS: usize;
    const TAKING: Taking;
    fn numbers(self, to: &mut Vec<f64>);
    fn of(numbers: &[f64]) -> Self;
}

/// A grey voxel: one number, as it is.
macro_rules! grey {
    ($number:ty, $taking:expr) => {
        impl Voxel for $number {
            const CHANNELS: usize = 1;
            const TAKING: Taking = $taking;
            fn numbers(self, to: &mut Vec<f64>) {
                to.push(f64::from(self));
            }
            fn of(numbers: &[f64]) -> Self {
                numbers[0] as Self
            }
        }
    };
}

grey!(i16, Taking::RoundedMean);
grey!(f32, Taking::Mean);

impl Voxel for [u8; 3] {
    const CHANNELS: usize = 3;
    const TAKING: Taking = Taking::RoundedMean;
    fn numbers(self, to: &mut Vec<f64>) {
        to.extend(self.map(f64::from));
    }
    fn of(numbers: &[f64]) -> Self {
        std::array::from_fn(|channel| numbers[channel] as u8)
    }
}

/// The part of a stored frame that is the slice.
fn cropped(slice: &Slice, samples: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let form = &slice.file.form;
    let pixel = form.samples * bytes_a_sample(form);
    if samples.len() < form.rows * form.columns * pixel {
        return Err(Fault::Damaged("a frame ends too early".to_owned()));
    }
    let Frame { corner: [x, y], size: Some([columns, rows]), .. } = *slice.frame() else { return Ok(samples) };
    let row = |row: usize| &samples[((y + row) * form.columns + x) * pixel..][..columns * pixel];
    Ok((0..rows).flat_map(row).copied().collect())
}

fn is_whole(slice: &Slice) -> bool {
    let (form, frame) = (&slice.file.form, slice.frame());
    slice.file.pixels.kind == PixelKind::Whole
        && form.bits_allocated <= 16
        && frame.slope.fract() == 0.0
        && frame.intercept.fract() == 0.0
        && frame.slope.abs() < 65536.0
        && frame.intercept.abs() < 1e6
}

/// What a header makes of a stored number: its bits, its turning round, its slope or table.
struct Scale<'a> {
    form: &'a Form,
    slope: f64,
    intercept: f64,
    /// A number is taken from this where small ones are bright.
    turned: Option<i64>,
}

impl<'a> Scale<'a> {
    fn of(slice: &'a Slice) -> Self {
        let (form, frame) = (&slice.file.form, slice.frame());
        Self { form, slope: frame.slope, intercept: frame.intercept, turned: turned_from(form) }
    }

    /// The stored number in the bits of a sample.
    fn stored(&self, bits: u32) -> i64 {
        let form = self.form;
        let shifted = u64::from(bits) >> (form.high_bit + 1 - form.bits_stored);
        let spare = 64 - form.bits_stored;
        let number = if form.signed { ((shifted << spare) as i64) >> spare } else { ((shifted << spare) >> spare) as i64 };
        self.turned.map_or(number, |from| from - number)
    }

    fn real(&self, number: f64, whole: i64) -> f64 {
        match &self.form.lookup {
            Some(table) => {
                let place = (whole - i64::from(table.first)).clamp(0, table.values.len() as i64 - 1);
                f64::from(table.values[place as usize])
            }
            None => number * self.slope + self.intercept,
        }
    }
}

/// The sum of the least and the greatest stored number, where small ones are bright.
fn turned_from(form: &Form) -> Option<i64> {
    let Colour::Grey { inverted: true } = form.colour else { return None };
    Some(if form.signed { -1 } else { (1_i64 << form.bits_stored.min(32)) - 1 })
}

fn whole_numbers(slice: &Slice, samples: &[u8], out: &mut [i16]) -> bool {
    let scale = Scale::of(slice);
    if scale.form.lookup.is_some() {
        return false;
    }
    let (slope, intercept) = (scale.slope as i64, scale.intercept as i64);
    let mut fits = true;
    let mut put = |out: &mut i16, bits: u32| {
        let value = scale.stored(bits) * slope + intercept;
        *out = value as i16;
        fits &= i64::from(*out) == value;
    };
    if bytes_a_sample(scale.form) == 1 {
        out.iter_mut().zip(samples).for_each(|(out, &byte)| put(out, u32::from(byte)));
    } else {
        let words = samples.as_chunks::<2>().0;
        out.iter_mut().zip(words).for_each(|(out, word)| put(out, u32::from(u16::from_le_bytes(*word))));
    }
    fits
}

fn real_numbers(slice: &Slice, samples: &[u8], out: &mut [f32]) -> bool {
    let scale = Scale::of(slice);
    let whole = |bits: u32| {
        let number = scale.stored(bits);
        scale.real(number as f64, number) as f32
    };
    let real = |number: f64| (number * scale.slope + scale.intercept) as f32;
    match (slice.file.pixels.kind, bytes_a_sample(scale.form)) {
        (PixelKind::Float, _) => each(samples, out, |bytes| real(f64::from(f32::from_le_bytes(bytes)))),
        (PixelKind::Double, _) => each(samples, out, |bytes| real(f64::from_le_bytes(bytes))),
        (PixelKind::Whole, 1) => each(samples, out, |[byte]: [u8; 1]| whole(u32::from(byte))),
        (PixelKind::Whole, 2) => each(samples, out, |bytes| whole(u32::from(u16::from_le_bytes(bytes)))),
        (PixelKind::Whole, _) => each(samples, out, |bytes| whole(u32::from_le_bytes(bytes))),
    }
    true
}

fn each<const N: usize>(samples: &[u8], out: &mut [f32], number: impl Fn([u8; N]) -> f32) {
    out.iter_mut().zip(samples.as_chunks().0).for_each(|(out, bytes)| *out = number(*bytes));
}

/// Colours; grey where every one of them is.
fn colours(laid: &Laid, kept: &Kept, count: usize) -> Result<Pixels, FileError> {
    let mut voxels = vec![[0_u8; 3]; count];
    fill(laid, kept, &mut voxels, |slice, samples, out| {
        put_colours(slice, samples, out);
        true
    })?;
    if voxels.iter().all(|[red, green, blue]| red == green && green == blue) {
        return Ok(Pixels::I16(voxels.iter().map(|colour| i16::from(colour[0])).collect()));
    }
    Ok(Pixels::Rgb(voxels))
}

fn put_colours(slice: &Slice, samples: &[u8], out: &mut [[u8; 3]]) {
    let form = &slice.file.form;
    let width = bytes_a_sample(form);
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
    if let Some(palette) = &form.palette {
        let last = palette.colours.len() as i64 - 1;
        let scale = Scale { form, slope: 1.0, intercept: 0.0, turned: None };
        for (out, sample) in out.iter_mut().zip(samples.chunks_exact(width)) {
            let place = (scale.stored(number(sample)) - i64::from(palette.first)).clamp(0, last.max(0));
            *out = palette.colours.get(place as usize).copied().unwrap_or_default();
        }
        return;
    }
    let spare = form.bits_stored.saturating_sub(8);
    // The decoder of JPEG has undone the change of colours.
    let is_ybr =
        matches!(form.colour, Colour::YbrFull | Colour::YbrFull422) && slice.file.syntax.compression != Compression::Jpeg;
    for (out, pixel) in out.iter_mut().zip(samples.chunks_exact(3 * width)) {
        let channel = |at: usize| (number(&pixel[at * width..][..width]) >> spare) as u8;
        let colour = [channel(0), channel(1), channel(2)];
        *out = if is_ybr { rgb_from_ybr(colour) } else { colour };
    }
}

/// Red, green and blue from YBR_FULL (PS3.3 C.7.6.3.1.2).
fn rgb_from_ybr([y, blue, red]: [u8; 3]) -> [u8; 3] {
    let (y, blue, red) = (f32::from(y), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    [y + 1.402 * red, y - 0.344_136 * blue - 0.714_136 * red, y + 1.772 * blue].map(|part| part.round().clamp(0.0, 255.0) as u8)
}

/// The window that the middle slice brings along: width and centre of the values as read.
pub(crate) fn window(laid: &Laid) -> Option<[f32; 2]> {
    let slice = laid.slices.get(laid.slices.len() / 2)?;
    let [width, centre] = slice.frame().window?;
    let frame = slice.frame();
    let turned = turned_from(&slice.file.form);
    let centre = turned.map_or(centre, |from| frame.slope * from as f64 + 2.0 * frame.intercept - centre);
    Some([width as f32, centre as f32])
}
