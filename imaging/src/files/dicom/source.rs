//! A DICOM image as the source of an export: its grid, its files, and what a segmentation of it takes over.

use super::file;
use super::geometry::Laid;
use super::guarded;
use super::seg_write::{Drawn, Subject, encode};
use crate::files::fault::{Fault, FileError};
use crate::files::item::Item;
use crate::space::Affine;
use crate::volume::Grid;
use std::path::Path;

/// An image whose slices are known; its voxels are left alone.
pub(crate) struct Source {
    laid: Laid,
    /// Where what is kept of it lies.
    grid: Grid,
    subject: Subject,
}

impl Source {
    /// Reads the heads of an image's files.
    pub fn read(item: &Item) -> Result<Self, FileError> {
        let laid = super::laid(item)?;
        let Some(first) = laid.slices.first() else { return Err(Fault::Empty.at(&item.path)) };
        let path = first.file.path.clone();
        let subject = guarded(|| file::read(&path, |root, _| Ok(Subject::new(root)))).map_err(|fault| fault.at(&path))?;
        let grid = item.reduction.grid(&laid.grid).map_err(|fault| fault.at(&path))?;
        Ok(Self { laid, grid, subject })
    }

    /// Where the image's voxels lie.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The grid of its label map, where it is a picture without a place.
    pub fn picture(&self) -> Option<Grid> {
        self.laid.is_picture.then(|| Grid::new(self.grid.shape, Affine::IDENTITY))
    }

    /// The image's files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.laid.slices.iter().map(|slice| slice.file.path.as_path())
    }

    /// The bytes of a segmentation of this image, or why there can be none.
    pub fn segmentation(&self, segments: &[Drawn<'_>]) -> Result<Vec<u8>, String> {
        if self.grid != self.laid.grid {
            return Err("a DICOM segmentation lies on whole slices of its image, of which only a part was opened".to_owned());
        }
        encode(&self.laid, &self.subject, segments)
    }
}
