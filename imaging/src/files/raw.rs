//! Volumes as NIfTI, NRRD, MetaImage and GIPL have them: a header, and then one number after another. The header
//! is each reader's; what is alike in all of them is here: sizes, parts, bounds, reading.

use super::fault::{Fault, shape_text};
use super::info::{Info, Tally, Told};
use super::item::{ItemInfo, Part};
use super::label_map::{LabelMap, label};
use super::memory;
use super::reduction::{Kept, Reduction, Sieve, Taking};
use super::source::Source;
use super::voxels::{Encoding, keep, keep_colours, read_colours, read_grey, read_numbers};
use crate::volume::{Grid, Image, Pixels};
use std::path::Path;

/// What a header says of its volumes, and the source that yields them.
pub(crate) struct Raw {
    /// What the format is called.
    pub format: &'static str,
    /// Where each of the volumes lies.
    pub grid: Grid,
    /// How their numbers lie in the file; `component` is of no matter yet.
    pub encoding: Encoding,
    /// Volumes that follow in time, one behind another.
    pub times: u64,
    /// As many such series, one behind another.
    pub channels: u64,
    /// What the numbers that lie side by side at a voxel are: "channel", "time point".
    pub side_by_side: &'static str,
    /// What there is to say of the header, each a sentence for the user.
    pub warnings: Vec<String>,
    /// Yields the first volume's first voxel after `begin` bytes.
    pub source: Source,
    /// Bytes to pass over.
    pub begin: u64,
}

impl Raw {
    /// Whether each voxel is a colour.
    pub fn is_colour(&self) -> bool {
        matches!(self.encoding.components, 3 | 4) && self.encoding.form.width() == 1 && !self.encoding.text
    }

    /// Bytes in which a voxel is kept, at least.
    fn kept_width(&self) -> u8 {
        if self.is_colour() { 3 } else { memory::kept_width(self.encoding.form.width()) as u8 }
    }

    fn components(&self) -> u64 {
        if self.is_colour() { 1 } else { self.encoding.components as u64 }
    }

    /// How many images there are to choose from.
    fn count(&self) -> Result<u64, Fault> {
        let count = self.times.checked_mul(self.channels).and_then(|count| count.checked_mul(self.components()));
        count.ok_or_else(|| Fault::Damaged("its header declares more volumes than can be counted".to_owned()))
    }

    /// The images of the file.
    pub fn items(&self, path: &Path) -> Result<Vec<ItemInfo>, Fault> {
        let [x, y, z] = self.grid.spacing_mm();
        let kind = if self.is_colour() { "colour" } else { self.encoding.form.name() };
        let details = format!("{x:.2} x {y:.2} x {z:.2} mm, {kind}");
        let whole = ItemInfo { voxel_bytes: self.kept_width(), ..ItemInfo::only(path, self.format, self.grid.shape, details) };
        super::parts(whole, self.count()?, |at| self.title(u64::from(at)))
    }

    /// What an image is among the others.
    fn title(&self, at: u64) -> String {
        let (component, volume) = (at % self.components(), at / self.components());
        let (time, channel) = (volume % self.times, volume / self.times);
        let parts = [
            (self.components() > 1).then(|| format!("{} {component}", self.side_by_side)),
            (self.times > 1).then(|| format!("time point {time}")),
            (self.channels > 1).then(|| format!("channel {channel}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Where a part lies.
    pub fn grid(&self, part: &Part) -> Result<Grid, Fault> {
        part.of(self.count()?)?;
        Ok(self.grid)
    }

    /// Brings the source to the first voxel of a part, having checked that there can be all of its voxels.
    fn seek(&mut self, part: &Part) -> Result<usize, Fault> {
        let at = part.of(self.count()?)?;
        self.encoding.component = if self.is_colour() { 0 } else { (at % self.components()) as usize };
        let count = voxel_count(self.grid.shape)?;
        self.seek_volume(at / self.components(), count)?;
        Ok(count)
    }

    /// Brings the source to a volume, having checked that `count` voxels can follow.
    fn seek_volume(&mut self, volume: u64, count: usize) -> Result<(), Fault> {
        // Text needs a character a number at least, and a gap.
        let stride = if self.encoding.text { 2 * self.encoding.components } else { self.encoding.stride() } as u64;
        let truncated = |have| Fault::Truncated { have, want: count as u64 };
        let size = stride.checked_mul(count as u64).ok_or_else(|| truncated(0))?;
        let begin = size.checked_mul(volume).and_then(|before| before.checked_add(self.begin)).ok_or_else(|| truncated(0))?;
        let end = begin.checked_add(size).ok_or_else(|| truncated(0))?;
        if end > self.source.most.saturating_add(u64::from(self.encoding.text)) {
            if self.source.inflates {
                let shape = shape_text(self.grid.shape);
                return Err(Fault::Damaged(format!("its header declares {shape} voxels, more than so small a file can hold")));
            }
            return Err(truncated(self.source.most.saturating_sub(begin) / stride));
        }
        if self.encoding.text && volume > 0 {
            return Err(Fault::Unsupported(
                "its voxels are written out as text, of which only the first volume is read".to_owned(),
            ));
        }
        if self.source.skip(begin)? < begin {
            return Err(truncated(0));
        }
        Ok(())
    }

    /// Tells what a part is, or all of them together where none is named, and keeps no voxel.
    pub fn info(mut self, part: &Part) -> Result<Info, Fault> {
        if let Err(lack) = memory::check(self.grid.shape, usize::from(self.kept_width())) {
            self.warnings.push(format!("It cannot be opened whole: {lack}."));
        }
        let mut further = Vec::new();
        let mut numbers = voxel_count(self.grid.shape)?;
        let mut encoding = self.encoding;
        if part.is_only() {
            let all = (numbers as u64).checked_mul(self.times).and_then(|all| all.checked_mul(self.channels));
            numbers = all
                .and_then(|all| usize::try_from(all).ok())
                .ok_or_else(|| Fault::TooLarge("its voxels cannot be counted".to_owned()))?;
            self.seek_volume(0, numbers)?;
            further = if self.channels > 1 { vec![self.times, self.channels] } else { vec![self.times] };
            further.retain(|_| self.times * self.channels > 1);
        } else {
            self.seek(part)?;
            encoding = self.encoding;
        }
        if part.is_only() || self.is_colour() {
            // Every number of a voxel counts.
            numbers = numbers.saturating_mul(encoding.components);
            (encoding.components, encoding.component) = (1, 0);
        }
        let mut tally = Tally::default();
        read_numbers(&mut self.source, numbers, &encoding, |some| {
            tally.add(some);
            Ok(())
        })?;
        self.source.verify()?;
        let components = if part.is_only() || self.is_colour() { self.encoding.components as u64 } else { 1 };
        let voxel_type = self.encoding.form.name().to_owned();
        let told = Told { format: self.format, grid: &self.grid, further, voxel_type, components, warnings: self.warnings };
        Ok(told.info(tally))
    }

    /// Reads an image, or what is wanted of it.
    pub fn image(mut self, part: &Part, reduction: &Reduction) -> Result<Image, Fault> {
        let count = self.seek(part)?;
        let kept = reduction.on(self.grid.shape)?;
        memory::check(kept.shape(), usize::from(self.kept_width()))?;
        let pixels = if !reduction.is_none() {
            self.reduced(&kept)?
        } else if self.is_colour() {
            read_colours(&mut self.source, count, &self.encoding)?
        } else {
            read_grey(&mut self.source, count, &self.encoding)?
        };
        self.source.verify()?;
        let grid = reduction.grid(&self.grid)?;
        note_what_is_no_number(&pixels, &mut self.warnings);
        if !reduction.is_none() {
            self.warnings.push(reduction.warning(self.grid.shape, &kept));
        }
        Ok(Image { grid, pixels, is_picture: false, window: None, warnings: self.warnings })
    }

    /// Reads what is kept of an image: `i16` where its numbers are whole ones that fit, means being rounded.
    fn reduced(&mut self, kept: &Kept) -> Result<Pixels, Fault> {
        let count = kept.shape().iter().product();
        if self.is_colour() {
            let mut colours = Vec::new();
            let channels = self.encoding.components;
            self.sieve(kept, channels, Taking::RoundedMean, |numbers| keep_colours(&mut colours, numbers, channels, count))?;
            return Ok(Pixels::Rgb(colours));
        }
        let whole = self.encoding.is_whole();
        let taking = if whole { Taking::RoundedMean } else { Taking::Mean };
        let mut pixels = if whole { Pixels::I16(Vec::new()) } else { Pixels::F32(Vec::new()) };
        self.sieve(kept, 1, taking, |numbers| keep(&mut pixels, numbers, count))?;
        Ok(pixels)
    }

    /// Feeds what is kept of the volume before which the source stands to `sink`, slice by slice.
    fn sieve(
        &mut self,
        kept: &Kept,
        channels: usize,
        taking: Taking,
        mut sink: impl FnMut(&[f64]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let [width, height, _] = self.grid.shape;
        let plane = width * height;
        // Numbers that are written out can only be passed over by reading them.
        let begin = if self.encoding.text { 0 } else { kept.from[2] };
        let passed = (begin * plane * self.encoding.stride()) as u64;
        if self.source.skip(passed)? < passed {
            return Err(Fault::Truncated { have: 0, want: plane as u64 });
        }
        let mut encoding = self.encoding;
        if channels > 1 {
            (encoding.components, encoding.component) = (1, 0);
        }
        let mut sieve = Sieve::new([width, height], kept.beyond(begin), channels, taking);
        let numbers = (kept.to[2] - begin) * plane * channels;
        let mut left = Vec::new();
        read_numbers(&mut self.source, numbers, &encoding, |some| {
            if channels == 1 {
                return sieve.take(some, &mut sink);
            }
            // A piece may end within a colour.
            left.extend_from_slice(some);
            let whole = left.len() / channels * channels;
            sieve.take(&left[..whole], &mut sink)?;
            left.drain(..whole);
            Ok(())
        })
    }

    /// Reads whole numbers as labels, of a block of voxels the one in its middle.
    pub fn labels(mut self, part: &Part, reduction: &Reduction) -> Result<LabelMap, Fault> {
        if self.is_colour() {
            return Err(Fault::NotLabels("its voxels are colours".to_owned()));
        }
        let count = self.seek(part)?;
        let kept = reduction.on(self.grid.shape)?;
        memory::check(kept.shape(), 2)?;
        let mut values = Vec::new();
        let take = |numbers: &[f64]| {
            for &number in numbers {
                values.push(label(number)?);
            }
            Ok(())
        };
        if reduction.is_none() {
            read_numbers(&mut self.source, count, &self.encoding, take)?;
        } else {
            self.sieve(&kept, 1, Taking::Middle, take)?;
        }
        self.source.verify()?;
        Ok(LabelMap { grid: reduction.grid(&self.grid)?, values, colours: Vec::new(), warnings: self.warnings })
    }
}

/// How many voxels a shape has, of a header that may declare anything.
pub(crate) fn voxel_count(shape: [usize; 3]) -> Result<usize, Fault> {
    let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    // Room is left for the bytes of each to be counted.
    count
        .filter(|&n| n <= usize::MAX >> 16)
        .ok_or_else(|| Fault::TooLarge(format!("its header declares {} voxels, more than can be counted", shape_text(shape))))
}

fn note_what_is_no_number(pixels: &Pixels, warnings: &mut Vec<String>) {
    let Pixels::F32(voxels) = pixels else { return };
    let (mut nan, mut infinite) = (0, 0);
    for voxel in voxels {
        nan += usize::from(voxel.is_nan());
        infinite += usize::from(voxel.is_infinite());
    }
    for (count, what) in [(nan, "hold no number (NaN)"), (infinite, "are infinite, or too large for 32 bits")] {
        if count > 0 {
            warnings.push(format!("{count} of its {} voxels {what}.", voxels.len()));
        }
    }
}
