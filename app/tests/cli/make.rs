//! Files for the tests, good and bad, written byte by byte.

use std::path::{Path, PathBuf};

/// A little-endian NIfTI-1 of 16-bit voxels, all 0, 1 mm.
pub fn nifti(shape: &[i16]) -> Vec<u8> {
    let count: usize = shape.iter().map(|&n| n.max(0) as usize).product();
    let mut bytes = header(shape, 4, 16);
    bytes.extend(vec![0; 2 * count]);
    bytes
}

/// A header of NIfTI-1 with its four bytes behind.
pub fn header(shape: &[i16], code: i16, bits: i16) -> Vec<u8> {
    let mut header = vec![0; 352];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    put(40, &(shape.len() as i16).to_le_bytes());
    for (axis, n) in shape.iter().enumerate() {
        put(42 + 2 * axis, &n.to_le_bytes());
    }
    put(70, &code.to_le_bytes());
    put(72, &bits.to_le_bytes());
    for axis in 0..4 {
        put(76 + 4 * axis, &1_f32.to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    for axis in 0..3 {
        put(280 + 20 * axis, &1_f32.to_le_bytes());
    }
    put(344, b"n+1\0");
    header
}

/// Writes a file, and the folders on its way.
pub fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Marks that fit any image of more than a few voxels.
pub const MARKS: &str = r#"{"structures": [{"name": "a", "marks": [{"box": [[1, 1, 1], [3, 3, 1]]}]}]}"#;
