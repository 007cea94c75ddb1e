//! NIfTI-1 and NIfTI-2 (`.nii`, `.hdr`/`.img`) and Analyze 7.5, each gzipped or not.
//!
//! `header` says what a header holds, `place` where the volume lies, `voxels` what it is made of. Pictures and
//! the choice between the two are `files`'.

pub(crate) mod header;
mod place;
pub(crate) mod template;
pub(crate) mod voxels;

use super::fault::Fault;
use super::item::{ItemInfo, Part};
use super::label_map::{LabelMap, label};
use super::source::Source;
use crate::volume::{Grid, Image, Pixels};
use header::{Header, Kind};
use std::path::{Path, PathBuf};
use voxels::{Form, Scaling, read_colours, read_grey, read_numbers};

/// The most voxels that are opened: 8 GB as `f32`.
const MOST_VOXELS: usize = 1 << 31;

/// Reads a volume.
pub(crate) fn open(path: &Path, part: &Part) -> Result<Image, Fault> {
    let mut volume = Opened::new(path, part)?;
    let (count, format) = (volume.grid.len(), volume.format());
    let pixels = if volume.form.is_colour() {
        read_colours(&mut volume.source, count, volume.form)?
    } else {
        read_grey(&mut volume.source, count, format)?
    };
    volume.source.verify()?;
    note_what_is_no_number(&pixels, &mut volume.warnings);
    Ok(Image { grid: volume.grid, pixels, is_picture: false, warnings: volume.warnings })
}

/// Reads a volume of whole numbers as labels.
pub(crate) fn open_labels(path: &Path, part: &Part) -> Result<LabelMap, Fault> {
    let mut volume = Opened::new(path, part)?;
    if volume.form.is_colour() {
        return Err(Fault::NotLabels("its voxels are colours".to_owned()));
    }
    let mut values = Vec::new();
    let (count, format) = (volume.grid.len(), volume.format());
    read_numbers(&mut volume.source, count, format, |numbers| {
        for &number in numbers {
            values.push(label(number)?);
        }
        Ok(())
    })?;
    volume.source.verify()?;
    Ok(LabelMap { grid: volume.grid, values, colours: Vec::new(), warnings: volume.warnings })
}

/// The volumes of a file.
pub(crate) fn items(path: &Path) -> Result<Vec<ItemInfo>, Fault> {
    let (header, _) = read_header(path)?;
    let form = Form::from_code(header.datatype)?;
    let grid = Grid::new(header.shape, place::world_from_voxel(&header, &mut Vec::new()));
    let [x, y, z] = grid.spacing_mm();
    let details = format!("{x:.2} x {y:.2} x {z:.2} mm, {}", form.name());
    let whole = ItemInfo::only(path, header.kind.name(), header.shape, details);
    super::parts(whole, header.volumes, |at| header.title(u64::from(at)))
}

/// A volume whose header is checked, standing before its first voxel.
struct Opened {
    header: Header,
    source: Source,
    form: Form,
    scaling: Scaling,
    grid: Grid,
    warnings: Vec<String>,
}

impl Opened {
    fn new(path: &Path, part: &Part) -> Result<Self, Fault> {
        let (header, source) = read_header(path)?;
        let at = part.of(header.volumes)?;
        let mut warnings = Vec::new();
        let form = Form::from_code(header.datatype)?;
        let grid = Grid::new(header.shape, place::world_from_voxel(&header, &mut warnings));
        let scaling = Scaling::new(&header, &mut warnings);
        let source = voxel_source(path, &header, source, (form, at), &mut warnings)?;
        Ok(Self { header, source, form, scaling, grid, warnings })
    }

    fn format(&self) -> (Form, header::Endian, Scaling) {
        (self.form, self.header.endian, self.scaling)
    }
}

/// The header of a volume, be the path that of either half of a pair; the source stands behind it.
pub(crate) fn read_header(path: &Path) -> Result<(Header, Source), Fault> {
    let header_path = if is_half(path, "img") { other_half(path, "hdr")? } else { path.to_owned() };
    let mut source = Source::open(&header_path)?;
    let header = Header::read(&mut source)?;
    if header.kind == Kind::Analyze && !is_half(&header_path, "hdr") {
        return Err(Fault::Damaged("its header lacks the mark of a NIfTI file".to_owned()));
    }
    Ok((header, source))
}

/// The source that yields the voxels of one volume next. It is checked that there can be enough of them.
fn voxel_source(
    path: &Path,
    header: &Header,
    source: Source,
    (form, at): (Form, u64),
    warnings: &mut Vec<String>,
) -> Result<Source, Fault> {
    let pair = !header.single && (is_half(path, "hdr") || is_half(path, "img"));
    let (mut source, passed) = if pair {
        let voxels = if is_half(path, "img") { path.to_owned() } else { other_half(path, "img")? };
        (Source::open(&voxels)?, 0)
    } else {
        (source, header.kind.size() as u64)
    };
    let want = voxel_count(header.shape)? as u64;
    let first = first_voxel(header, if pair { 0 } else { passed + 4 }, warnings);
    // At most 2^31 voxels of 8 bytes in each of 2^32 volumes: no overflow below 2^66 bytes, which no file has.
    let begin = (want * form.width() as u64).checked_mul(at).and_then(|before| before.checked_add(first));
    let begin = begin.ok_or(Fault::Truncated { have: 0, want })?;
    check_size(header.shape, begin, form, &source)?;
    if source.skip(begin - passed)? < begin - passed {
        return Err(Fault::Truncated { have: 0, want });
    }
    Ok(source)
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

fn voxel_count(shape: [usize; 3]) -> Result<usize, Fault> {
    let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    count.filter(|&n| n <= MOST_VOXELS).ok_or_else(|| {
        Fault::TooLarge(format!(
            "its header declares {} voxels, and at most {MOST_VOXELS} can be opened",
            super::shape_text(shape)
        ))
    })
}

/// No byte is set aside for voxels that the file cannot hold.
fn check_size(shape: [usize; 3], begin: u64, form: Form, source: &Source) -> Result<(), Fault> {
    let (want, width) = (voxel_count(shape)? as u64, form.width() as u64);
    if begin.checked_add(want * width).is_some_and(|end| end <= source.most) {
        return Ok(());
    }
    if source.inflates {
        return Err(Fault::Damaged(format!(
            "its header declares {} voxels, more than so small a file can hold",
            super::shape_text(shape)
        )));
    }
    Err(Fault::Truncated { have: source.most.saturating_sub(begin) / width, want })
}

fn note_what_is_no_number(pixels: &Pixels, warnings: &mut Vec<String>) {
    let Pixels::F32(voxels) = pixels else { return };
    let nan = voxels.iter().filter(|voxel| voxel.is_nan()).count();
    let infinite = voxels.iter().filter(|voxel| voxel.is_infinite()).count();
    for (count, what) in [(nan, "hold no number (NaN)"), (infinite, "are infinite, or too large for 32 bits")] {
        if count > 0 {
            warnings.push(format!("{count} of its {} voxels {what}.", voxels.len()));
        }
    }
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
