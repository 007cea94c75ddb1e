//! A DICOM file: its preamble or the lack of one, its transfer syntax, and its bytes, in memory only as far as they
//! are needed. What the elements say is left to those who ask for them.

use super::data_set::DataSet;
use super::syntax::{Compression, Syntax};
use super::walk::{Encoding, PixelsAt, Stop, walk, walk_meta};
use crate::files::fault::Fault;
use crate::files::source::Source;
use dicom_core::Tag;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

const TRANSFER_SYNTAX: Tag = Tag(0x0002, 0x0010);
/// Bytes of a file that are read at first; the heads of most fit in.
const FIRST: usize = 1 << 16;
/// The most that a deflated data set may hold.
const MOST_INFLATED: u64 = 1 << 31;

/// What is known of a file besides its elements.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub syntax: Syntax,
    pub pixels: Option<PixelsAt>,
    /// The whole data, where they had to be inflated to be read.
    pub inflated: Option<Arc<Vec<u8>>>,
    /// Bytes of data in all.
    pub total: u64,
}

/// Whether a file begins like a DICOM file, as far as its first bytes tell; not where it cannot be read.
pub(crate) fn is_dicom(path: &Path) -> bool {
    let head = Source::open(path).and_then(|mut source| source.take(512));
    head.is_ok_and(|head| is(&head))
}

/// Whether these are the first bytes of a DICOM file.
pub(crate) fn is(head: &[u8]) -> bool {
    begin(head).is_some()
}

/// Reads the elements before a file's pixels and gives them to `ask`.
pub(crate) fn read<T>(path: &Path, ask: impl FnOnce(&DataSet<'_>, Facts) -> Result<T, Fault>) -> Result<T, Fault> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(Fault::Folder);
    }
    if !about.is_file() {
        return Err(Fault::UnknownFormat("it is not a plain file"));
    }
    let total = about.len();
    let mut bytes = Vec::new();
    let mut room = FIRST;
    loop {
        extend(&mut file, &mut bytes, room)?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return read_inflated(gunzipped(path)?, ask);
        }
        let whole = bytes.len() < room || bytes.len() as u64 == total;
        let total = if whole { bytes.len() as u64 } else { total };
        match start(&bytes, total) {
            Ok(Start { syntax, at }) if syntax.is_deflated => {
                extend(&mut file, &mut bytes, usize::MAX)?;
                return read_deflated(&bytes[at..], syntax, ask);
            }
            Ok(Start { syntax, at }) => match walk(&bytes, at, total, syntax.encoding) {
                Ok(walked) => {
                    let facts = Facts { syntax, pixels: walked.pixels, inflated: None, total };
                    return ask(&walked.root, facts);
                }
                Err(Stop::Damaged(why)) => return Err(Fault::Damaged(why)),
                Err(Stop::NeedMore) => {}
            },
            Err(Stop::Damaged(why)) => return Err(Fault::Damaged(why)),
            Err(Stop::NeedMore) => {}
        }
        if whole {
            return Err(Fault::Damaged("its data set ends too early".to_owned()));
        }
        room = room.saturating_mul(16);
    }
}

/// Bytes of a file from `at` on, fewer where it ends before.
pub(crate) fn bytes_at(path: &Path, inflated: Option<&[u8]>, at: u64, length: usize) -> Result<Vec<u8>, Fault> {
    if let Some(bytes) = inflated {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        return Ok(rest[..length.min(rest.len())].to_vec());
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let rest = file.metadata()?.len().saturating_sub(at);
    let mut bytes = Vec::with_capacity(rest.min(length as u64) as usize);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads on until there are `room` bytes, or the file ends.
fn extend(file: &mut File, bytes: &mut Vec<u8>, room: usize) -> Result<(), Fault> {
    let more = room.saturating_sub(bytes.len());
    file.by_ref().take(more as u64).read_to_end(bytes)?;
    Ok(())
}

struct Start {
    syntax: Syntax,
    at: usize,
}

/// The transfer syntax, and where the data set begins.
fn start(bytes: &[u8], total: u64) -> Result<Start, Stop> {
    let Some(at) = begin(bytes) else {
        return Err(Stop::Damaged("it does not begin as a DICOM file does".to_owned()));
    };
    let (meta, at) = walk_meta(bytes, at, total)?;
    if let Some(uid) = meta.text(TRANSFER_SYNTAX) {
        return Ok(Start { syntax: Syntax::from_uid(&uid), at });
    }
    let encoding = if has_vr(&bytes[at.min(bytes.len())..]) { Encoding::ExplicitLittle } else { Encoding::ImplicitLittle };
    Ok(Start { syntax: Syntax { encoding, ..Syntax::from_uid("") }, at })
}

/// Where the elements begin: after the preamble, or at once where it was left out.
fn begin(head: &[u8]) -> Option<usize> {
    if head.get(128..132) == Some(b"DICM") {
        return Some(132);
    }
    if head.starts_with(b"DICM") {
        return Some(4);
    }
    starts_with_element(head).then_some(0)
}

/// Whether these bytes are a first element of group 2 or 8, little-endian: of a known VR, or with a length and a
/// second element that follows in order.
fn starts_with_element(head: &[u8]) -> bool {
    let Some(&[g0, g1, e0, e1, l0, l1, l2, l3]) = head.get(..8) else { return false };
    let (group, element) = (u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]));
    if !(group == 2 || group == 8) || element > 0x0070 {
        return false;
    }
    if has_vr(head) {
        return true;
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let next = head.get(8 + length.min(1 << 16)..).and_then(|rest| rest.get(..4));
    next.is_some_and(|next| {
        let (next_group, next_element) = (u16::from_le_bytes([next[0], next[1]]), u16::from_le_bytes([next[2], next[3]]));
        (group, element) < (next_group, next_element) && next_group <= 0x0010
    })
}

fn has_vr(bytes: &[u8]) -> bool {
    bytes.get(4..6).is_some_and(|vr| dicom_core::VR::from_binary([vr[0], vr[1]]).is_some())
}

fn gunzipped(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut source = Source::open(path)?;
    let most = source.most.min(MOST_INFLATED) as usize;
    source.take_growing(most)
}

fn read_inflated<T>(bytes: Vec<u8>, ask: impl FnOnce(&DataSet<'_>, Facts) -> Result<T, Fault>) -> Result<T, Fault> {
    let total = bytes.len() as u64;
    let damaged = |stop| match stop {
        Stop::Damaged(why) => Fault::Damaged(why),
        Stop::NeedMore => Fault::Damaged("its data set ends too early".to_owned()),
    };
    let Start { syntax, at } = start(&bytes, total).map_err(damaged)?;
    if syntax.is_deflated {
        return read_deflated(&bytes[at..], syntax, ask);
    }
    ask_whole(bytes, at, syntax, ask)
}

fn read_deflated<T>(
    deflated: &[u8],
    syntax: Syntax,
    ask: impl FnOnce(&DataSet<'_>, Facts) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let most = (deflated.len() as u64).saturating_mul(crate::files::source::MOST_INFLATION).min(MOST_INFLATED);
    let mut bytes = Vec::new();
    let read = DeflateDecoder::new(deflated).take(most).read_to_end(&mut bytes);
    // What was inflated before the damage may be the whole of the elements.
    if let Err(error) = read
        && bytes.is_empty()
    {
        return Err(Fault::Damaged(format!("it cannot be inflated ({error})")));
    }
    ask_whole(bytes, 0, syntax, ask)
}

fn ask_whole<T>(
    bytes: Vec<u8>,
    at: usize,
    syntax: Syntax,
    ask: impl FnOnce(&DataSet<'_>, Facts) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let bytes = Arc::new(bytes);
    let total = bytes.len() as u64;
    match walk(&bytes, at, total, syntax.encoding) {
        Ok(walked) => {
            let facts = Facts { syntax, pixels: walked.pixels, inflated: Some(Arc::clone(&bytes)), total };
            ask(&walked.root, facts)
        }
        Err(Stop::Damaged(why)) => Err(Fault::Damaged(why)),
        Err(Stop::NeedMore) => Err(Fault::Damaged("its data set ends too early".to_owned())),
    }
}

/// Refuses a file that is no image, or whose pixels no decoder here can read, in one sentence.
pub(crate) fn check_compression(compression: &Compression) -> Result<(), Fault> {
    match compression {
        Compression::Undecodable(why) => Err(Fault::Unsupported(why.clone())),
        _ => Ok(()),
    }
}
