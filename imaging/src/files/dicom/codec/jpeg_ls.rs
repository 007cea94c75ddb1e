//! JPEG-LS, lossless and near-lossless (ISO 14495-1, whose names are kept), for up to 16 bits, each interleaving.
//!
//! No well-kept decoder in Rust was to be had, and CharLS needs a C++ build with cmake.

use super::jpeg_ls_markers::{FrameHeader, Preset, ScanHeader, Stream};
use super::{bytes_a_sample, check_size};
use crate::files::dicom::instance::Form;
use crate::files::fault::Fault;

/// Orders of the run lengths (A.2.1).
const J: [u32; 32] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

pub(super) fn decode(bytes: &[u8], form: &Form) -> Result<Vec<u8>, Fault> {
    let mut stream = Stream { bytes, at: 0 };
    let mut frame: Option<FrameHeader> = None;
    let mut preset = Preset::default();
    let mut planes: Vec<Vec<u16>> = Vec::new();
    let mut decoded = Vec::new();
    while let Some(marker) = stream.marker() {
        match marker {
            0xd8 => {}
            0xd9 => break,
            0xf7 if frame.is_some() => return Err(damaged("has two headers")),
            0xf7 => {
                let header = FrameHeader::read(stream.segment()?)?;
                check_size(form, header.columns, header.rows, header.components.len())?;
                planes = vec![vec![0; header.columns * header.rows]; header.components.len()];
                decoded = vec![false; header.components.len()];
                frame = Some(header);
            }
            0xf8 => preset.read(stream.segment()?)?,
            0xda => {
                let frame = frame.as_ref().ok_or_else(|| damaged("has a scan before its header"))?;
                let scan = ScanHeader::read(stream.segment()?, frame)?;
                for &place in &scan.planes {
                    // A frame of a few bytes a scan could else be decoded again and again.
                    if std::mem::replace(&mut decoded[place], true) {
                        return Err(damaged("holds a component twice"));
                    }
                }
                let rest = &bytes[stream.at..];
                let used = Decoder::new(frame, &scan, &preset, rest)?.decode(&scan, &mut planes)?;
                stream.at += used;
            }
            0xdd => return Err(Fault::Unsupported("its JPEG-LS pixels use restart intervals, which are not decoded".to_owned())),
            0xe8 => {
                if stream.segment()?.starts_with(b"mrfx") {
                    return Err(Fault::Unsupported("its JPEG-LS pixels use a colour transform that is not decoded".to_owned()));
                }
            }
            _ => drop(stream.segment()?),
        }
    }
    if planes.is_empty() {
        return Err(damaged("has no header"));
    }
    let width = bytes_a_sample(form);
    let mut samples = vec![0; form.rows * form.columns * planes.len() * width];
    for (place, plane) in planes.iter().enumerate() {
        for (sample, value) in samples.chunks_exact_mut(width).skip(place).step_by(planes.len()).zip(plane) {
            let bytes = value.to_le_bytes();
            let both = width.min(2);
            sample[..both].copy_from_slice(&bytes[..both]);
        }
    }
    Ok(samples)
}

pub(super) fn damaged(what: &str) -> Fault {
    Fault::Damaged(format!("a JPEG-LS frame {what}"))
}

/// The counts of one context (A.2.1).
#[derive(Clone, Copy)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

struct Decoder<'a> {
    bits: Bits<'a>,
    max_value: i32,
    near: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    thresholds: [i32; 3],
    reset: i32,
    contexts: Vec<Context>,
    runs: [Run; 2],
    columns: usize,
    rows: usize,
}

/// The counts of a context of run interruption.
#[derive(Clone, Copy)]
struct Run {
    a: i32,
    n: i32,
    negative: i32,
}

impl<'a> Decoder<'a> {
    fn new(frame: &FrameHeader, scan: &ScanHeader, preset: &Preset, bytes: &'a [u8]) -> Result<Self, Fault> {
        let full = (1_i32 << frame.precision) - 1;
        let max_value = if preset.max_value == 0 { full } else { preset.max_value };
        let near = scan.near;
        if max_value > full || max_value < 1 || near > (max_value / 2).min(255) {
            return Err(damaged("has parameters that do not hold together"));
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let log2 = |n: i32| if n <= 1 { 0 } else { 32 - ((n - 1) as u32).leading_zeros() };
        let bpp = log2(max_value + 1).max(2);
        let a = ((range + 32) / 64).max(2);
        Ok(Self {
            bits: Bits { bytes, at: 0, held: 0, count: 0 },
            max_value,
            near,
            range,
            qbpp: log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            thresholds: thresholds(preset, max_value, near)?,
            reset: if preset.reset == 0 { 64 } else { preset.reset.max(3) },
            contexts: vec![Context { a, b: 0, c: 0, n: 1 }; 365],
            runs: [Run { a, n: 1, negative: 0 }; 2],
            columns: frame.columns,
            rows: frame.rows,
        })
    }

    /// Decodes a scan into its planes; says how many bytes it took.
    fn decode(mut self, scan: &ScanHeader, planes: &mut [Vec<u16>]) -> Result<usize, Fault> {
        let count = scan.planes.len();
        // One sample on either side: what lies left of a line, and right of the one above.
        let mut above = vec![vec![0_i32; self.columns + 2]; count];
        let mut line = above.clone();
        let mut run_index = vec![0_usize; count];
        for row in 0..self.rows {
            for plane in 0..count {
                above[plane][self.columns + 1] = above[plane][self.columns];
                line[plane][0] = above[plane][1];
            }
            if scan.interleave == 2 {
                self.line_of_pixels(&above, &mut line, &mut run_index[0])?;
            } else {
                for plane in 0..count {
                    self.line(&above[plane], &mut line[plane], &mut run_index[plane])?;
                }
            }
            for (plane, &place) in scan.planes.iter().enumerate() {
                let out = &mut planes[place][row * self.columns..][..self.columns];
                out.iter_mut().zip(&line[plane][1..]).for_each(|(out, &value)| *out = value as u16);
            }
            std::mem::swap(&mut above, &mut line);
        }
        Ok(self.bits.used())
    }

    /// One line of one component.
    fn line(&mut self, above: &[i32], line: &mut [i32], run_index: &mut usize) -> Result<(), Fault> {
        let mut at = 1;
        while at <= self.columns {
            let around = Around::new(above, line, at);
            if !around.is_flat(self.near) {
                line[at] = self.regular(around)?;
                at += 1;
                continue;
            }
            let run = self.run(self.columns + 1 - at, run_index)?;
            line[at..at + run].fill(around.left);
            at += run;
            if at <= self.columns {
                let up = above[at];
                line[at] = self.interruption(around.left, up, (around.left - up).abs() <= self.near, *run_index)?;
                *run_index = run_index.saturating_sub(1);
                at += 1;
            }
        }
        Ok(())
    }

    /// One line of pixels whose components stand together.
    fn line_of_pixels(&mut self, above: &[Vec<i32>], line: &mut [Vec<i32>], run_index: &mut usize) -> Result<(), Fault> {
        let mut at = 1;
        while at <= self.columns {
            if !(0..line.len()).all(|plane| Around::new(&above[plane], &line[plane], at).is_flat(self.near)) {
                for plane in 0..line.len() {
                    line[plane][at] = self.regular(Around::new(&above[plane], &line[plane], at))?;
                }
                at += 1;
                continue;
            }
            let run = self.run(self.columns + 1 - at, run_index)?;
            for plane in line.iter_mut() {
                let left = plane[at - 1];
                plane[at..at + run].fill(left);
            }
            at += run;
            if at <= self.columns {
                for plane in 0..line.len() {
                    line[plane][at] = self.interruption(line[plane][at - 1], above[plane][at], false, *run_index)?;
                }
                *run_index = run_index.saturating_sub(1);
                at += 1;
            }
        }
        Ok(())
    }

    /// A sample by its context (A.4 to A.6).
    fn regular(&mut self, around: Around) -> Result<i32, Fault> {
        let signed = 81 * self.quantised(around.gradients[0])
            + 9 * self.quantised(around.gradients[1])
            + self.quantised(around.gradients[2]);
        let sign = if signed < 0 { -1 } else { 1 };
        let place = signed.unsigned_abs() as usize;
        let context = self.contexts[place];
        let predicted = (around.median() + sign * context.c).clamp(0, self.max_value);
        let mut k = 0;
        while context.n << k < context.a && k < 24 {
            k += 1;
        }
        let mapped = self.golomb(k, self.limit)?;
        // The map turns round where the errors of a context lean to one side (A.5.2).
        let turned = self.near == 0 && k == 0 && 2 * context.b <= -context.n;
        let half = mapped >> 1;
        let error = if (mapped & 1 == 1) == turned { half } else { -half - 1 };
        self.update(place, error);
        Ok(self.restored(predicted, sign * error))
    }

    fn update(&mut self, place: usize, error: i32) {
        let (width, reset) = (2 * self.near + 1, self.reset);
        let context = &mut self.contexts[place];
        context.b += error * width;
        // Only a `RESET` that no encoder sets lets it grow so far.
        context.a = context.a.saturating_add(error.abs());
        if context.n == reset {
            context.a >>= 1;
            context.b = if context.b >= 0 { context.b >> 1 } else { -((1 - context.b) >> 1) };
            context.n >>= 1;
        }
        context.n += 1;
        if context.b <= -context.n {
            context.b = (context.b + context.n).max(1 - context.n);
            context.c = (context.c - 1).max(-128);
        } else if context.b > 0 {
            context.b = (context.b - context.n).min(0);
            context.c = (context.c + 1).min(127);
        }
    }

    /// Length of a run, `most` at most (A.7.1).
    fn run(&mut self, most: usize, run_index: &mut usize) -> Result<usize, Fault> {
        let mut length = 0;
        while self.bits.read(1)? == 1 {
            let block = 1 << J[*run_index];
            if length + block > most {
                return Ok(most);
            }
            length += block;
            *run_index = (*run_index + 1).min(31);
            if length == most {
                return Ok(most);
            }
        }
        length += self.bits.read(J[*run_index])? as usize;
        if length < most { Ok(length) } else { Err(damaged("has a run past the end of a line")) }
    }

    /// The sample that ends a run (A.7.2).
    fn interruption(&mut self, left: i32, up: i32, alike: bool, run_index: usize) -> Result<i32, Fault> {
        let kind = i32::from(alike);
        let run = self.runs[alike as usize];
        let sum = if alike { run.a + (run.n >> 1) } else { run.a };
        let mut k = 0;
        while run.n << k < sum && k < 24 {
            k += 1;
        }
        let mapped = self.golomb(k, self.limit - J[run_index] - 1)?;
        let both = mapped + kind;
        let odd = both & 1;
        let size = (both + odd) / 2;
        let error = if (k != 0 || 2 * run.negative >= run.n) == (odd == 1) { -size } else { size };
        let run = &mut self.runs[alike as usize];
        run.negative += i32::from(error < 0);
        run.a = run.a.saturating_add((mapped + 1 - kind) >> 1);
        if run.n == self.reset {
            run.a >>= 1;
            run.n >>= 1;
            run.negative >>= 1;
        }
        run.n += 1;
        let (predicted, sign) = if alike { (left, 1) } else { (up, if left > up { -1 } else { 1 }) };
        Ok(self.restored(predicted, sign * error))
    }

    /// A sample from its prediction and error, brought back into range (A.4.5).
    fn restored(&self, predicted: i32, error: i32) -> i32 {
        let width = 2 * self.near + 1;
        let mut value = predicted + error * width;
        if value < -self.near {
            value += self.range * width;
        } else if value > self.max_value + self.near {
            value -= self.range * width;
        }
        value.clamp(0, self.max_value)
    }

    /// A number in limited Golomb code (A.5.3).
    fn golomb(&mut self, k: u32, limit: u32) -> Result<i32, Fault> {
        let most = limit - self.qbpp - 1;
        let mut zeros = 0;
        while self.bits.read(1)? == 0 {
            zeros += 1;
            if zeros > most {
                return Err(damaged("has a code that does not exist"));
            }
        }
        let value = if zeros < most { zeros << k | self.bits.read(k)? } else { self.bits.read(self.qbpp)? + 1 };
        // An error is at most half the range (A.4.5), and its map twice as great; beyond that the sums would overflow.
        i32::try_from(value)
            .ok()
            .filter(|&value| value <= 2 * self.range)
            .ok_or_else(|| damaged("has a code that does not exist"))
    }

    fn quantised(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = match gradient.abs() {
            size if size <= self.near => 0,
            size if size < t1 => 1,
            size if size < t2 => 2,
            size if size < t3 => 3,
            _ => 4,
        };
        size * gradient.signum()
    }
}

/// The default thresholds (C.2.4.1.1.1) where none are set.
fn thresholds(preset: &Preset, max_value: i32, near: i32) -> Result<[i32; 3], Fault> {
    let within = |value: i32, least: i32| if value > max_value || value < least { least } else { value };
    let [t1, t2, t3] = if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        [factor + 2 + 3 * near, 4 * factor + 3 + 5 * near, 17 * factor + 4 + 7 * near]
    } else {
        let factor = 256 / (max_value + 1);
        [(3 / factor + 3 * near).max(2), (7 / factor + 5 * near).max(3), (21 / factor + 7 * near).max(4)]
    };
    let [s1, s2, s3] = preset.thresholds;
    let t1 = if s1 == 0 { within(t1, near + 1) } else { s1 };
    let t2 = if s2 == 0 { within(t2, t1) } else { s2 };
    let t3 = if s3 == 0 { within(t3, t2) } else { s3 };
    if near < t1 && t1 <= t2 && t2 <= t3 { Ok([t1, t2, t3]) } else { Err(damaged("has thresholds out of order")) }
}

/// The neighbours of a sample: left, above, above left, and the differences between them.
#[derive(Clone, Copy)]
struct Around {
    left: i32,
    up: i32,
    corner: i32,
    gradients: [i32; 3],
}

impl Around {
    fn new(above: &[i32], line: &[i32], at: usize) -> Self {
        let (left, up, corner, next) = (line[at - 1], above[at], above[at - 1], above[at + 1]);
        Self { left, up, corner, gradients: [next - up, up - corner, corner - left] }
    }

    fn is_flat(&self, near: i32) -> bool {
        self.gradients.iter().all(|gradient| gradient.abs() <= near)
    }

    /// The prediction that looks for an edge (A.4.1).
    fn median(&self) -> i32 {
        let (least, most) = (self.left.min(self.up), self.left.max(self.up));
        if self.corner >= most {
            least
        } else if self.corner <= least {
            most
        } else {
            self.left + self.up - self.corner
        }
    }
}

/// Bits of a scan; after a byte of ones one bit is stuffed (A.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Result<u32, Fault> {
        while self.count < count {
            self.fill()?;
        }
        self.count -= count;
        Ok((self.held >> self.count & ((1 << count) - 1)) as u32)
    }

    fn fill(&mut self) -> Result<(), Fault> {
        let stuffed = self.at > 0 && self.bytes[self.at - 1] == 0xff;
        match self.bytes.get(self.at) {
            Some(&byte) if !(stuffed && byte >= 0x80) => {
                let width = if stuffed { 7 } else { 8 };
                self.held = self.held << width | u64::from(byte);
                self.count += width;
                self.at += 1;
                Ok(())
            }
            _ => Err(damaged("ends too early")),
        }
    }

    /// Bytes up to the marker that ends the scan.
    fn used(&self) -> usize {
        // A last byte of ones may be data, followed by a stuffed byte, which is no marker.
        let from = self.at.saturating_sub(1);
        let marker = self.bytes[from..].array_windows().position(|pair: &[u8; 2]| pair[0] == 0xff && pair[1] >= 0x80);
        marker.map_or(self.bytes.len(), |at| from + at)
    }
}
