//! The promises of `files::dicom`: on real files against other programs' reading, and on files broken here.

mod broken;
mod drawn_elsewhere;
mod outside;
mod reduced;
mod segmentations;
mod series;
mod structures;
mod support;
mod syntaxes;
