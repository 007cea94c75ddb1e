//! A file of weights as a list of named tensors, of which each is read only when it is asked for: an optimiser's state
//! and nets that nobody wants are never loaded. Which formats there are is known to `open` alone.

use super::{safe, tfjs, torch};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// Signed integer of so many bytes.
    Int(usize),
    /// A byte, or a truth value.
    U8,
}

impl Kind {
    /// Bytes a number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int(size) => size,
            Self::U8 => 1,
        }
    }

    fn decode(self, bytes: &[u8]) -> f32 {
        match self {
            Self::F64 => bytes.try_into().map_or(0.0, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::F32 => bytes.try_into().map_or(0.0, f32::from_le_bytes),
            Self::F16 => bytes.try_into().map_or(0.0, |bytes| burn::tensor::f16::from_le_bytes(bytes).to_f32()),
            Self::Bf16 => bytes.try_into().map_or(0.0, |bytes| burn::tensor::bf16::from_le_bytes(bytes).to_f32()),
            Self::Int(_) => {
                let high = if bytes.last().is_some_and(|&byte| byte >= 0x80) { -1_i64 } else { 0 };
                bytes.iter().rev().fold(high, |value, &byte| value << 8 | i64::from(byte)) as f32
            }
            Self::U8 => f32::from(bytes[0]),
        }
    }
}

/// Where a tensor lies: a block of a file, and the way through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub kind: Kind,
    /// The file, by its place in the list.
    pub(super) file: usize,
    /// First byte of the storage that holds it.
    pub(super) start: u64,
    /// Numbers in that storage.
    pub(super) storage_len: usize,
    /// The tensor's first number in the storage.
    pub(super) first: usize,
    /// Numbers between neighbours along each axis.
    pub(super) strides: Vec<usize>,
}

impl Stored {
    /// A tensor that fills its storage, last axis fastest.
    pub(super) fn whole(shape: Vec<usize>, kind: Kind, file: usize, start: u64) -> Option<Self> {
        let storage_len = count(&shape)?;
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].checked_mul(shape[axis])?;
        }
        Some(Self { shape, kind, file, start, storage_len, first: 0, strides })
    }

    /// Numbers in it.
    #[must_use]
    pub fn len(&self) -> usize {
        count(&self.shape).unwrap_or(0)
    }

    /// Whether it holds no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it lies within its storage, that within a file of `file_len` bytes, and it is no larger than the file.
    ///
    /// An axis of stride 0 repeats numbers, so a few bytes could otherwise claim a tensor of any size.
    pub(super) fn fits(&self, file_len: u64) -> bool {
        let bytes = (self.storage_len as u64).checked_mul(self.kind.size() as u64);
        let end = bytes.and_then(|bytes| bytes.checked_add(self.start));
        let within = end.is_some_and(|end| end <= file_len);
        let small = count(&self.shape).is_some_and(|len| len as u64 <= file_len);
        within && small && (self.is_empty() || self.last().is_some_and(|last| last < self.storage_len))
    }

    /// The tensor's furthest number in the storage.
    fn last(&self) -> Option<usize> {
        let reach = |last: usize, (&len, &stride): (&usize, &usize)| last.checked_add(len.checked_sub(1)?.checked_mul(stride)?);
        self.shape.iter().zip(&self.strides).try_fold(self.first, reach)
    }
}

fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, &len| count.checked_mul(len))
}

/// A file of weights (or a few that belong together) and the tensors in it.
pub struct State {
    files: Vec<(PathBuf, u64)>,
    tensors: BTreeMap<String, Stored>,
    /// What a TF.js model says of its layers.
    pub topology: Option<serde_json::Value>,
}

/// Prefixes that wrappers of nets put before every name.
const PREFIXES: [&str; 3] = ["net.", "module.", "_orig_mod."];

impl State {
    /// Reads what is in a file: PyTorch (zip or the older stream), safetensors by whatever name, TF.js (`model.json`).
    ///
    /// # Errors
    /// In a few words, why no weights can be read from it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let len = file.metadata().map_err(|error| error.to_string())?.len();
        let mut head = [0; 9];
        let got = read_up_to(&mut file, &mut head).map_err(|error| error.to_string())?;
        file.rewind().map_err(|error| error.to_string())?;
        match &head[..got] {
            [b'P', b'K', 3, 4, ..] => torch::open_zip(path, &mut file, len),
            [_, _, _, _, _, _, _, 0, b'{'] => safe::open(path, &mut file, len),
            [0x80, 2, 0x8a, 10, ..] => torch::open_stream(path, &mut file, len),
            [first, ..] if b"{ \n\r\t".contains(first) => tfjs::open(path),
            [] => Err("the file is empty".to_owned()),
            _ => Err("it is none of the formats of weights that are read here".to_owned()),
        }
    }

    /// Keeps the tensors that lie where they say; names lose the prefixes of wrappers.
    ///
    /// # Errors
    /// Where one does not fit its file, or there is none.
    pub(super) fn new(files: Vec<(PathBuf, u64)>, tensors: impl IntoIterator<Item = (String, Stored)>) -> Result<Self, String> {
        let mut kept = BTreeMap::new();
        for (name, stored) in tensors {
            if !files.get(stored.file).is_some_and(|(_, len)| stored.fits(*len)) {
                return Err(format!("the tensor {name} does not lie within the file"));
            }
            kept.entry(unwrapped(&name).to_owned()).or_insert(stored);
        }
        if kept.is_empty() {
            return Err("it holds no tensors".to_owned());
        }
        Ok(Self { files, tensors: kept, topology: None })
    }

    /// The tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored))
    }

    /// The shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.shape.as_slice())
    }

    /// The files, the first of which was opened.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// A tensor's numbers, last axis fastest.
    ///
    /// # Errors
    /// Where there is none of that name, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        let stored = self.tensors.get(name).ok_or_else(|| format!("there is no tensor {name}"))?;
        let (Some(last), false) = (stored.last(), stored.is_empty()) else { return Ok(Vec::new()) };
        let size = stored.kind.size();
        let mut bytes = vec![0; (last + 1 - stored.first) * size];
        let (path, _) = &self.files[stored.file];
        let mut read = || -> std::io::Result<()> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(stored.start + (stored.first * size) as u64))?;
            file.read_exact(&mut bytes)
        };
        read().map_err(|error| error.to_string())?;
        Ok(gathered(stored, &bytes))
    }
}

fn unwrapped(name: &str) -> &str {
    let stripped = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    stripped.map_or(name, unwrapped)
}

/// The numbers in the order of the axes, from the bytes that begin with the tensor's first number.
fn gathered(stored: &Stored, bytes: &[u8]) -> Vec<f32> {
    let size = stored.kind.size();
    let mut out = Vec::with_capacity(stored.len());
    let mut index = vec![0; stored.shape.len()];
    let mut at = 0;
    for _ in 0..stored.len() {
        out.push(stored.kind.decode(&bytes[at * size..][..size]));
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            at += stored.strides[axis];
            if index[axis] < stored.shape[axis] {
                break;
            }
            at -= stored.strides[axis] * stored.shape[axis];
            index[axis] = 0;
        }
    }
    out
}

fn read_up_to(file: &mut File, out: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match file.read(&mut out[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind_are_read() {
        assert_eq!(Kind::F64.decode(&1.5_f64.to_le_bytes()), 1.5);
        assert_eq!(Kind::F32.decode(&(-0.25_f32).to_le_bytes()), -0.25);
        assert_eq!(Kind::F16.decode(&[0x00, 0x3e]), 1.5);
        assert_eq!(Kind::Bf16.decode(&[0xc0, 0x3f]), 1.5);
        assert_eq!(Kind::Int(8).decode(&(-3_i64).to_le_bytes()), -3.0);
        assert_eq!(Kind::Int(2).decode(&300_i16.to_le_bytes()), 300.0);
        assert_eq!(Kind::U8.decode(&[200]), 200.0);
    }

    #[test]
    fn strides_are_followed() {
        let turned = Stored { strides: vec![1, 3], first: 1, ..Stored::whole(vec![3, 2], Kind::U8, 0, 0).unwrap() };
        assert_eq!(gathered(&turned, &[10, 11, 12, 20, 21, 22]), [10.0, 20.0, 11.0, 21.0, 12.0, 22.0]);
        let repeated = Stored { strides: vec![0, 1], storage_len: 2, ..Stored::whole(vec![2, 2], Kind::U8, 0, 0).unwrap() };
        assert_eq!(gathered(&repeated, &[7, 8]), [7.0, 8.0, 7.0, 8.0]);
    }

    #[test]
    fn a_tensor_larger_than_its_file_or_storage_does_not_fit() {
        let whole = |shape: &[usize]| Stored::whole(shape.to_vec(), Kind::F32, 0, 8);
        assert!(whole(&[2, 3]).unwrap().fits(32));
        assert!(!whole(&[2, 3]).unwrap().fits(31));
        assert!(whole(&[usize::MAX, 2]).is_none());
        let repeated = Stored { strides: vec![0], shape: vec![1 << 40], storage_len: 1, ..whole(&[1]).unwrap() };
        assert!(!repeated.fits(1000), "a few bytes cannot claim a tensor of any size");
        let beyond = Stored { first: 3, ..whole(&[4]).unwrap() };
        assert!(!beyond.fits(1000));
    }

    #[test]
    fn a_file_is_what_it_holds_and_not_what_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/published/scribbleprompt.safetensors");
        let renamed = folder.path().join("weights.pth");
        std::fs::copy(published, &renamed).unwrap();
        let state = State::open(&renamed).unwrap();
        assert_eq!(state.shape("downs.0.conv.0.weight"), Some(&[8, 5, 3, 3][..]));
        assert_eq!(state.read("downs.0.conv.0.bias").unwrap().len(), 8);
        std::fs::write(&renamed, b"").unwrap();
        assert!(State::open(&renamed).err().is_some_and(|why| why.contains("empty")));
        std::fs::write(&renamed, b"GIF89a").unwrap();
        assert!(State::open(&renamed).err().is_some_and(|why| why.contains("none of the formats")));
    }

    #[test]
    fn wrappers_leave_no_trace_in_names() {
        assert_eq!(unwrapped("net.module._orig_mod.conv.module.weight"), "conv.module.weight");
    }
}
