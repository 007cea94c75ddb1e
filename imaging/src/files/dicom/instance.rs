//! One image file: how its pixels are written, and where each of its frames belongs.
//!
//! Enhanced files tell that by functional groups, which `functional` reads; a Siemens mosaic by its private header,
//! which `mosaic` reads. Nothing here names a patient.

use super::data_set::DataSet;
use super::file::{self, Facts};
use super::syntax::Syntax;
use super::tables::{Lookup, Palette};
use super::walk::{PixelKind, PixelsAt};
use super::{functional, mosaic};
use crate::files::fault::Fault;
use dicom_dictionary_std::tags;
use std::cmp::Ordering;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The most frames that one file may declare.
const MOST_FRAMES: u32 = 1 << 20;

/// An image file.
#[derive(Debug)]
pub(crate) struct Instance {
    pub path: PathBuf,
    pub sop_class: String,
    pub sop_instance: String,
    pub series: Series,
    pub frame_of_reference: String,
    pub form: Form,
    pub syntax: Syntax,
    pub pixels: PixelsAt,
    pub inflated: Option<Arc<Vec<u8>>>,
    /// Bytes of data in all.
    pub total: u64,
    /// Stored frames; a mosaic is one.
    pub stored_frames: u32,
    pub frames: Vec<Frame>,
    /// Where the fragments of each stored frame lie, found when first asked for.
    pub fragments: OnceLock<Result<Vec<Vec<Range<u64>>>, String>>,
    /// What there is to say of this file.
    pub warnings: Vec<String>,
}

/// What a series is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub uid: String,
    pub study: String,
    pub modality: String,
    pub description: String,
    pub number: Option<u32>,
}

/// How pixels are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    pub rows: usize,
    pub columns: usize,
    pub samples: usize,
    pub colour: Colour,
    pub bits_allocated: u32,
    pub bits_stored: u32,
    pub high_bit: u32,
    pub signed: bool,
    pub planar: bool,
    pub palette: Option<Arc<Palette>>,
    pub lookup: Option<Arc<Lookup>>,
}

/// What samples mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Great values are bright, or dark with `inverted`.
    Grey {
        inverted: bool,
    },
    Palette,
    Rgb,
    YbrFull,
    YbrFull422,
}

/// One slice of a file, and where it belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    /// The stored frame, from 0.
    pub index: u32,
    /// Where in it the slice begins, column and row; a mosaic holds many.
    pub corner: [usize; 2],
    /// Columns and rows, where they are not the file's.
    pub size: Option<[usize; 2]>,
    pub place: Place,
    pub slope: f64,
    pub intercept: f64,
    /// Width and centre, after slope and intercept.
    pub window: Option<[f64; 2]>,
    pub keys: Keys,
}

/// Where a slice lies (patient coordinates of DICOM: left, posterior, superior, mm).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// Centre of the first pixel.
    pub position: Option<[f64; 3]>,
    /// Directions along a row and along a column.
    pub axes: Option<[[f64; 3]; 2]>,
    /// Distance between rows, and between columns.
    pub spacing: Option<[f64; 2]>,
    /// Thickness of the slice.
    pub thickness: Option<f64>,
    /// Distance to the next slice, where it is said.
    pub between: Option<f64>,
}

/// What tells slices at one place apart, the strongest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys {
    pub values: [Key; KEYS.len()],
    pub instance: i64,
}

/// What each of [`Keys::values`] is called.
pub(crate) const KEYS: [&str; 9] = [
    "kind of image",
    "echo",
    "time point",
    "b-value",
    "direction",
    "trigger time",
    "stack",
    "acquisition",
    "time of acquisition",
];

/// One of a slice's keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Key {
    #[default]
    Missing,
    Number(f64),
    Text(String),
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl Key {
    fn rank(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }

    pub fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }

    pub fn text(text: Option<String>) -> Self {
        text.map_or(Self::Missing, Self::Text)
    }
}

impl Instance {
    /// Reads the head of an image file; `None` where the file is DICOM, but holds no image.
    pub fn read(path: &Path) -> Result<Option<Self>, Fault> {
        super::guarded(|| {
            file::read(path, |root, facts| match facts.pixels {
                Some(pixels) if root.text(tags::MODALITY).is_none_or(|modality| modality != "SEG") => {
                    Self::new(path, root, facts, pixels).map(Some)
                }
                _ => Ok(None),
            })
        })
    }

    /// What names its series: a file without a series is one by itself.
    pub fn series_key(&self) -> &str {
        if self.series.uid.is_empty() { &self.sop_instance } else { &self.series.uid }
    }

    /// What a file with pixels says.
    pub fn new(path: &Path, root: &DataSet<'_>, facts: Facts, pixels: PixelsAt) -> Result<Self, Fault> {
        let form = Form::new(root, pixels.kind)?;
        let stored_frames = root.count(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
        if stored_frames > MOST_FRAMES {
            return Err(Fault::Damaged(format!("it declares {stored_frames} frames")));
        }
        // Each frame takes a byte at least, whatever the compression.
        if u64::from(stored_frames) > facts.total {
            return Err(Fault::Damaged(format!("it declares {stored_frames} frames, more than so small a file can hold")));
        }
        let mut warnings = Vec::new();
        let single = Frame::of_file(root);
        let mosaic = mosaic::frames(root, &form, &single, &mut warnings);
        let frames = mosaic.unwrap_or_else(|| functional::frames(root, &single, stored_frames));
        Ok(Self {
            path: path.to_owned(),
            sop_class: root.text(tags::SOP_CLASS_UID).unwrap_or_default(),
            sop_instance: root.text(tags::SOP_INSTANCE_UID).unwrap_or_default(),
            series: Series::new(root),
            frame_of_reference: root.text(tags::FRAME_OF_REFERENCE_UID).unwrap_or_default(),
            form,
            syntax: facts.syntax,
            pixels,
            inflated: facts.inflated,
            total: facts.total,
            stored_frames,
            frames,
            fragments: OnceLock::new(),
            warnings,
        })
    }
}

impl Series {
    fn new(root: &DataSet<'_>) -> Self {
        let characters = root.characters();
        let words = |tag| root.words(tag, &characters);
        Self {
            uid: root.text(tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            study: root.text(tags::STUDY_INSTANCE_UID).unwrap_or_default(),
            modality: root.text(tags::MODALITY).unwrap_or_default(),
            description: words(tags::SERIES_DESCRIPTION).or_else(|| words(tags::PROTOCOL_NAME)).unwrap_or_default(),
            number: root.count(tags::SERIES_NUMBER),
        }
    }
}

impl Form {
    pub(crate) fn new(root: &DataSet<'_>, kind: PixelKind) -> Result<Self, Fault> {
        let missing = |what: &str| Fault::Damaged(format!("its header does not say {what}"));
        let rows = root.count(tags::ROWS).ok_or_else(|| missing("how many rows it has"))? as usize;
        let columns = root.count(tags::COLUMNS).ok_or_else(|| missing("how many columns it has"))? as usize;
        if rows == 0 || columns == 0 || rows > 1 << 16 || columns > 1 << 16 {
            return Err(Fault::Damaged(format!("its header declares a picture of {columns} x {rows} pixels")));
        }
        let samples = root.count(tags::SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
        let colour = colour(&root.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default(), samples)?;
        let bits_allocated = match kind {
            PixelKind::Whole => root.count(tags::BITS_ALLOCATED).ok_or_else(|| missing("how many bits a pixel has"))?,
            PixelKind::Float => 32,
            PixelKind::Double => 64,
        };
        if !matches!(bits_allocated, 1 | 8 | 16 | 32 | 64) || (bits_allocated == 64 && kind == PixelKind::Whole) {
            return Err(Fault::Unsupported(format!(
                "its pixels take {bits_allocated} bits each, where 1, 8, 16 or 32 can be read"
            )));
        }
        let bits_stored =
            root.count(tags::BITS_STORED).filter(|&bits| (1..=bits_allocated).contains(&bits)).unwrap_or(bits_allocated);
        let high_bit =
            root.count(tags::HIGH_BIT).filter(|&bit| bit + 1 >= bits_stored && bit < bits_allocated).unwrap_or(bits_stored - 1);
        Ok(Self {
            rows,
            columns,
            samples,
            colour,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: root.count(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: samples > 1 && root.count(tags::PLANAR_CONFIGURATION) == Some(1),
            palette: (colour == Colour::Palette).then(|| Palette::new(root)).transpose()?.map(Arc::new),
            lookup: Lookup::new(root)?.map(Arc::new),
        })
    }

    /// Bytes of one uncompressed frame; a bit a pixel is rounded up.
    pub fn frame_bytes(&self) -> usize {
        let samples = self.rows * self.columns * if self.colour == Colour::YbrFull422 { 2 } else { self.samples };
        if self.bits_allocated == 1 { samples.div_ceil(8) } else { samples * self.bits_allocated as usize / 8 }
    }

    pub fn is_colour(&self) -> bool {
        !matches!(self.colour, Colour::Grey { .. })
    }
}

fn colour(name: &str, samples: usize) -> Result<Colour, Fault> {
    let colour = match (name, samples) {
        ("MONOCHROME1", 1) => Colour::Grey { inverted: true },
        ("MONOCHROME2" | "", 1) => Colour::Grey { inverted: false },
        ("PALETTE COLOR", 1) => Colour::Palette,
        // A reversible or irreversible transform is undone by the decoder of JPEG 2000.
        ("RGB" | "" | "YBR_RCT" | "YBR_ICT", 3) => Colour::Rgb,
        ("YBR_FULL", 3) => Colour::YbrFull,
        ("YBR_FULL_422" | "YBR_PARTIAL_422", 3) => Colour::YbrFull422,
        _ => {
            let name: String = name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(16).collect();
            return Err(Fault::Unsupported(format!(
                "its pixels are of {samples} samples and of the kind {name:?}, which is not read"
            )));
        }
    };
    Ok(colour)
}

impl Frame {
    /// What the file itself says of its only frame.
    fn of_file(root: &DataSet<'_>) -> Self {
        let axes = root.numbers(tags::IMAGE_ORIENTATION_PATIENT);
        Self {
            index: 0,
            corner: [0; 2],
            size: None,
            place: Place {
                position: root.point(tags::IMAGE_POSITION_PATIENT),
                axes: axes_from(&axes),
                spacing: spacing(root),
                thickness: root.number(tags::SLICE_THICKNESS).filter(|&mm| mm > 0.0),
                between: root.number(tags::SPACING_BETWEEN_SLICES).filter(|&mm| mm != 0.0).map(f64::abs),
            },
            slope: root.number(tags::RESCALE_SLOPE).filter(|&slope| slope != 0.0).unwrap_or(1.0),
            intercept: root.number(tags::RESCALE_INTERCEPT).unwrap_or(0.0),
            window: window(root),
            keys: Keys {
                values: [
                    Key::text(root.text(tags::IMAGE_TYPE)),
                    Key::number(root.number(tags::ECHO_NUMBERS).or_else(|| root.number(tags::ECHO_TIME))),
                    Key::number(root.number(tags::TEMPORAL_POSITION_IDENTIFIER)),
                    Key::number(root.number(tags::DIFFUSION_B_VALUE)),
                    Key::text(direction(root)),
                    Key::number(root.number(tags::TRIGGER_TIME)),
                    Key::text(root.text(tags::STACK_ID)),
                    Key::number(root.number(tags::ACQUISITION_NUMBER)),
                    Key::number(root.number(tags::ACQUISITION_TIME)),
                ],
                instance: root.number(tags::INSTANCE_NUMBER).unwrap_or(0.0) as i64,
            },
        }
    }
}

fn direction(root: &DataSet<'_>) -> Option<String> {
    root.point(tags::DIFFUSION_GRADIENT_ORIENTATION).map(|d| format!("{:.3} {:.3} {:.3}", d[0], d[1], d[2]))
}

/// Distances between rows and between columns: in the patient, else at the detector.
fn spacing(root: &DataSet<'_>) -> Option<[f64; 2]> {
    let said = [tags::PIXEL_SPACING, tags::IMAGER_PIXEL_SPACING, tags::NOMINAL_SCANNED_PIXEL_SPACING].into_iter();
    said.map(|tag| root.numbers(tag)).find_map(|numbers| spacing_from(&numbers))
}

/// Two distances of a sane size.
pub(crate) fn spacing_from(numbers: &[f64]) -> Option<[f64; 2]> {
    let &[rows, columns] = numbers else { return None };
    [rows, columns].iter().all(|mm| (1e-7..1e7).contains(mm)).then_some([rows, columns])
}

/// Two directions of length 1, square to each other as far as their digits go.
pub(crate) fn axes_from(numbers: &[f64]) -> Option<[[f64; 3]; 2]> {
    let &[a, b, c, d, e, f] = numbers else { return None };
    let length = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (row, column) = ([a, b, c], [d, e, f]);
    let dot = a * d + b * e + c * f;
    let sound = (length(row) - 1.0).abs() < 0.05 && (length(column) - 1.0).abs() < 0.05 && dot.abs() < 0.05;
    sound.then_some([row, column])
}

/// The first window, as width and centre.
pub(crate) fn window(root: &DataSet<'_>) -> Option<[f64; 2]> {
    let width = root.number(tags::WINDOW_WIDTH).filter(|&width| width > 0.0)?;
    Some([width, root.number(tags::WINDOW_CENTER)?])
}
