//! What can be wrong with a file, in the user's words.
//!
//! The text says what could not be done, then why, then the path last, for paths hold patients' names.

use super::item::Part;
use super::memory::NoRoom;
use std::path::{Path, PathBuf};

/// A file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read the file: {fault}: {}", path.display())]
pub struct FileError {
    /// Why.
    pub fault: Fault,
    /// Which file.
    pub path: PathBuf,
}

/// Why a file could not be read; one variant for each thing that a user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is not there, or may not be read.
    #[error("{}", io_text(_0))]
    Unreadable(#[from] std::io::Error),
    /// It is a folder.
    #[error("it is a folder, not an image file")]
    Folder,
    /// It holds no byte.
    #[error("it is empty")]
    Empty,
    /// Its content is of no format that this program reads.
    #[error("{0}")]
    UnknownFormat(&'static str),
    /// Its format is known, but it uses a part of it that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// It holds more than one volume or page.
    #[error("it holds {0} volumes or pages, and one of them must be named: 0 to {last}", last = _0.saturating_sub(1))]
    ManyVolumes(u64),
    /// It holds no part of that name.
    #[error("it holds no part {part}; {}", parts_text(*count))]
    NoSuchPart {
        /// What was asked for.
        part: Part,
        /// Volumes or pages that it holds.
        count: u64,
    },
    /// It ends too early.
    #[error("the file ends after {have} of {want} voxels; copy or download it again")]
    Truncated {
        /// Voxels that are there.
        have: u64,
        /// Voxels that its header promises.
        want: u64,
    },
    /// What it says of itself does not hold together.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is larger than can be opened.
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// There is no memory for all of it; a part of it may be opened.
    #[error("it is too large: {0}")]
    NoRoom(NoRoom),
    /// The other half of a .hdr/.img pair is not there.
    #[error("the other half of the pair, {0}, is missing beside it")]
    MissingHalf(String),
    /// It is no label map.
    #[error("it is no label map: {0}")]
    NotLabels(String),
    /// A mask does not fit its image.
    #[error("the mask has {} voxels, but the image has {}", shape_text(*mask), shape_text(*image))]
    GridMismatch {
        /// Shape of the image.
        image: [usize; 3],
        /// Shape of the mask.
        mask: [usize; 3],
    },
}

impl Fault {
    /// Names the file.
    #[must_use]
    pub fn at(self, path: &Path) -> FileError {
        FileError { fault: self, path: path.to_owned() }
    }
}

/// What the system said, in words where it is one of the common things.
pub(crate) fn io_text(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the disk can only be read".to_owned(),
        _ => error.to_string(),
    }
}

/// A shape in words: `512 x 512 x 30`.
#[must_use]
pub fn shape_text([i, j, k]: [usize; 3]) -> String {
    format!("{i} x {j} x {k}")
}

fn parts_text(count: u64) -> String {
    match count {
        0 | 1 => "it is a single image".to_owned(),
        count => format!("it has volumes or pages 0 to {}", count - 1),
    }
}
