//! NIfTI files byte by byte, so that a test needs no other reader or writer.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a test file's header says; the rest is zero.
#[derive(Clone)]
pub struct Maker {
    pub two: bool,
    pub big: bool,
    pub single: bool,
    pub dim: Vec<i64>,
    pub datatype: i16,
    pub pixdim: [f64; 4],
    pub slope: f64,
    pub inter: f64,
    pub qform: i16,
    pub quaternion: [f64; 3],
    pub offset: [f64; 3],
    pub sform: i16,
    pub srow: [[f64; 4]; 3],
    pub units: u8,
    /// Follows the header and its four announcing bytes.
    pub extension: Vec<u8>,
    pub voxels_at: Option<f64>,
    pub description: &'static [u8],
}

impl Maker {
    pub fn new(shape: [usize; 3], datatype: i16) -> Self {
        Self {
            two: false,
            big: false,
            single: true,
            dim: [3].into_iter().chain(shape.map(|n| n as i64)).collect(),
            datatype,
            pixdim: [1.0; 4],
            slope: 0.0,
            inter: 0.0,
            qform: 0,
            quaternion: [0.0; 3],
            offset: [0.0; 3],
            sform: 1,
            srow: [[2.0, 0.0, 0.0, -5.0], [0.0, 3.0, 0.0, 7.0], [0.0, 0.0, 4.0, 11.0]],
            units: 2,
            extension: Vec::new(),
            voxels_at: None,
            description: b"made for a test",
        }
    }

    /// The header, its announcement and its extension.
    pub fn header(&self) -> Vec<u8> {
        let mut raw = vec![0; if self.two { 540 } else { 348 }];
        let begin = self.voxels_at.unwrap_or(if self.single { (raw.len() + 4 + self.extension.len()) as f64 } else { 0.0 });
        let mut put = |at: usize, bytes: &[u8]| {
            raw[at..at + bytes.len()].copy_from_slice(bytes);
            if self.big {
                raw[at..at + bytes.len()].reverse();
            }
        };
        let place = [self.quaternion.to_vec(), self.offset.to_vec(), self.srow.concat()].concat();
        if self.two {
            put(0, &540_i32.to_le_bytes());
            put(12, &self.datatype.to_le_bytes());
            self.dim.iter().enumerate().for_each(|(n, size)| put(16 + n * 8, &size.to_le_bytes()));
            self.pixdim.iter().enumerate().for_each(|(n, length)| put(104 + n * 8, &length.to_le_bytes()));
            put(168, &(begin as i64).to_le_bytes());
            put(176, &self.slope.to_le_bytes());
            put(184, &self.inter.to_le_bytes());
            put(344, &i32::from(self.qform).to_le_bytes());
            put(348, &i32::from(self.sform).to_le_bytes());
            place.iter().enumerate().for_each(|(n, value)| put(352 + n * 8, &value.to_le_bytes()));
            put(500, &i32::from(self.units).to_le_bytes());
            raw[240..240 + self.description.len()].copy_from_slice(self.description);
            raw[4..12].copy_from_slice(if self.single { b"n+2\0\r\n\x1a\n" } else { b"ni2\0\r\n\x1a\n" });
        } else {
            put(0, &348_i32.to_le_bytes());
            self.dim.iter().enumerate().for_each(|(n, &size)| put(40 + n * 2, &(size as i16).to_le_bytes()));
            put(70, &self.datatype.to_le_bytes());
            self.pixdim.iter().enumerate().for_each(|(n, &length)| put(76 + n * 4, &(length as f32).to_le_bytes()));
            put(108, &(begin as f32).to_le_bytes());
            put(112, &(self.slope as f32).to_le_bytes());
            put(116, &(self.inter as f32).to_le_bytes());
            put(252, &self.qform.to_le_bytes());
            put(254, &self.sform.to_le_bytes());
            place.iter().enumerate().for_each(|(n, &value)| put(256 + n * 4, &(value as f32).to_le_bytes()));
            raw[123] = self.units;
            raw[148..148 + self.description.len()].copy_from_slice(self.description);
            raw[344..348].copy_from_slice(if self.single { b"n+1\0" } else { b"ni1\0" });
        }
        raw.extend([u8::from(!self.extension.is_empty()), 0, 0, 0]);
        raw.extend(&self.extension);
        raw
    }

    /// A whole single file.
    pub fn file(&self, voxels: &[u8]) -> Vec<u8> {
        [self.header(), voxels.to_vec()].concat()
    }
}

/// Writes a file into a folder.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let bytes = if name.ends_with(".gz") { gzipped(bytes) } else { bytes.to_vec() };
    std::fs::write(&path, bytes).expect("a test's folder can be written");
    path
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a test can have a folder")
}
