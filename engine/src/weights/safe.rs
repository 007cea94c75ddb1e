//! safetensors: a length, a header in JSON, the numbers. Read by the format's own crate, the header alone.

use super::state::{Kind, State, Stored};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) fn open(path: &Path, file: &mut File, len: u64) -> Result<State, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the file is damaged ({error})");
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|error| damaged(&error))?;
    let header_len = u64::from_le_bytes(start);
    let numbers = header_len.checked_add(8).filter(|&end| end <= len).ok_or("the file is cut short")?;
    let mut header = Vec::new();
    file.take(header_len).read_to_end(&mut header).map_err(|error| damaged(&error))?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(&error))?;
    let mut tensors = Vec::new();
    for (name, info) in metadata.tensors() {
        let kind = kind(info.dtype).ok_or_else(|| format!("the tensor {name} is of a kind that is not read here"))?;
        let start = numbers.saturating_add(info.data_offsets.0 as u64);
        let stored = Stored::whole(info.shape.clone(), kind, 0, start).ok_or("the file is damaged")?;
        tensors.push((name, stored));
    }
    State::new(vec![(path.to_owned(), len)], tensors)
}

fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::F64 => Kind::F64,
        Dtype::F32 => Kind::F32,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::I64 => Kind::Int(8),
        Dtype::I32 => Kind::Int(4),
        Dtype::I16 => Kind::Int(2),
        Dtype::I8 => Kind::Int(1),
        Dtype::U8 | Dtype::BOOL => Kind::U8,
        _ => return None,
    })
}
