//! Which image of a file is meant: most files hold one, others a time series, several channels, a stack of
//! pages, or (as DICOM) several series. What a format's parts are is left to its reader, and what is left out of an
//! image that is too large to `reduction`.

use super::fault::Fault;
use super::listing::case_name;
use super::reduction::Reduction;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A part of a file that is one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// The only image that the file holds.
    #[default]
    Only,
    /// One of several volumes (time points, channels) or pages, counted from 0 in the order of the file.
    Volume(u32),
    /// All pages of a file as the slices of one volume.
    Stack,
    /// A series of a DICOM file or folder.
    Series {
        /// Its SeriesInstanceUID.
        uid: String,
        /// One of its volumes, counted from 0.
        volume: u32,
    },
}

impl Part {
    /// Whether the file's only image is meant.
    #[must_use]
    pub fn is_only(&self) -> bool {
        *self == Self::Only
    }

    /// Which of `count` volumes is meant, counted from 0.
    ///
    /// # Errors
    /// `Fault::ManyVolumes` where there are several and none is named, `Fault::NoSuchPart` where there is none
    /// of that name.
    pub(crate) fn of(&self, count: u64) -> Result<u64, Fault> {
        match self {
            Self::Only if count == 1 => Ok(0),
            Self::Only => Err(Fault::ManyVolumes(count)),
            Self::Volume(at) if u64::from(*at) < count => Ok(u64::from(*at)),
            _ => Err(Fault::NoSuchPart { part: self.clone(), count }),
        }
    }
}

/// How a stack is written.
const STACK: &str = "stack";

/// As it is written on the command line: nothing, a number, `stack`, a UID, or `UID#number`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => Ok(()),
            Self::Volume(at) => write!(f, "{at}"),
            Self::Stack => f.write_str(STACK),
            Self::Series { uid, volume: 0 } if is_told_by_itself(uid) => f.write_str(uid),
            Self::Series { uid, volume } => write!(f, "{uid}#{volume}"),
        }
    }
}

/// Whether a UID alone is read back as one. A file may call its series what it likes: nothing, `3`, or `a#3`.
fn is_told_by_itself(uid: &str) -> bool {
    !uid.is_empty() && uid != STACK && !uid.contains('#') && uid.parse::<u32>().is_err()
}

impl FromStr for Part {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        if let Ok(at) = text.parse() {
            return Ok(Self::Volume(at));
        }
        if text == STACK {
            return Ok(Self::Stack);
        }
        let series = |uid: &str, volume| Self::Series { uid: uid.trim_end().to_owned(), volume };
        Ok(match text.rsplit_once('#').and_then(|(uid, number)| Some((uid, number.parse().ok()?))) {
            _ if text.is_empty() => Self::Only,
            Some((uid, volume)) => series(uid, volume),
            None => series(text, 0),
        })
    }
}

/// One image: a file (or a folder, for DICOM), the part of it that is meant, and what is kept of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// The part of it.
    #[serde(default, skip_serializing_if = "Part::is_only")]
    pub part: Part,
    /// What of the part.
    #[serde(default, skip_serializing_if = "Reduction::is_none")]
    pub reduction: Reduction,
}

impl Item {
    /// A part of a file, whole.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, part: Part) -> Self {
        Self { path: path.into(), part, reduction: Reduction::default() }
    }

    /// The same, less of it.
    #[must_use]
    pub fn reduced(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// The same, all of it.
    #[must_use]
    pub fn whole(&self) -> Self {
        self.clone().reduced(Reduction::default())
    }
}

impl From<PathBuf> for Item {
    fn from(path: PathBuf) -> Self {
        Self::new(path, Part::Only)
    }
}

impl From<&Path> for Item {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

/// What a chooser shows of an image, without its voxels having been read.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemInfo {
    /// The image.
    pub item: Item,
    /// What its case is called; no patient's name unless the file's name is one.
    pub name: String,
    /// What it is within its file: "time point 3", "page 0", a series' description. Empty where it is the only one.
    pub title: String,
    /// The format, as its specification calls it.
    pub format: String,
    /// Its voxels along each axis, all that the file holds.
    pub shape: [usize; 3],
    /// Bytes in which a voxel is kept, at least; 0 where it is not known, or of a picture.
    pub voxel_bytes: u8,
    /// What it was taken together with: its StudyInstanceUID. Empty where there is none.
    pub study: String,
    /// Spacing, kind of voxel and whatever else helps to choose, in one line.
    pub details: String,
}

impl ItemInfo {
    /// The only image of a file.
    pub(crate) fn only(path: &Path, format: &str, shape: [usize; 3], details: String) -> Self {
        let (name, format) = (case_name(path), format.to_owned());
        Self { item: path.into(), name, title: String::new(), format, shape, voxel_bytes: 0, study: String::new(), details }
    }

    /// Voxels along each axis of what is opened of it.
    #[must_use]
    pub fn kept_shape(&self) -> [usize; 3] {
        self.item.reduction.on(self.shape).map_or(self.shape, |kept| kept.shape())
    }

    /// One of several volumes or pages of a file, with what it is called among them.
    pub(crate) fn volume(&self, at: u32, title: String) -> Self {
        let path = &self.item.path;
        let word = title.split(' ').next().filter(|_| !title.contains(',')).unwrap_or("volume");
        let name = format!("{}_{word}{at}", case_name(path));
        Self { item: Item::new(path.clone(), Part::Volume(at)), name, title, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_as_they_are_read() {
        let series = |volume| Part::Series { uid: "1.2.840.10008".to_owned(), volume };
        for part in [Part::Only, Part::Volume(0), Part::Volume(41), Part::Stack, series(0), series(7)] {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        for uid in ["", "3", "+3", "a#3", "a b", "stack"] {
            let part = Part::Series { uid: uid.to_owned(), volume: 0 };
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        assert_eq!("1.2 #0".parse(), Ok(Part::Series { uid: "1.2".to_owned(), volume: 0 }));
    }

    #[test]
    fn an_item_without_a_part_is_the_only_one() {
        let item: Item = serde_json::from_str(r#"{"path": "a.nii"}"#).expect("the part may be left out");
        assert_eq!(item, Item::from(Path::new("a.nii")));
        assert_eq!(serde_json::to_string(&item).expect("it can be written"), r#"{"path":"a.nii"}"#);
    }

    #[test]
    fn what_is_kept_of_an_item_is_written_as_it_is_read() {
        for reduction in [Reduction::every(3), Reduction::within([1, 2, 3], [10, 20, 30])] {
            let item = Item::from(Path::new("a.nii")).reduced(reduction);
            let text = serde_json::to_string(&item).expect("it can be written");
            assert_eq!(serde_json::from_str::<Item>(&text).expect("it can be read"), item, "{text}");
            assert_eq!(item.whole(), Item::from(Path::new("a.nii")));
        }
    }

    #[test]
    fn a_part_is_one_of_so_many() {
        assert!(matches!(Part::Only.of(1), Ok(0)));
        assert!(matches!(Part::Only.of(3), Err(Fault::ManyVolumes(3))));
        assert!(matches!(Part::Volume(2).of(3), Ok(2)));
        assert!(matches!(Part::Volume(3).of(3), Err(Fault::NoSuchPart { count: 3, .. })));
    }
}
