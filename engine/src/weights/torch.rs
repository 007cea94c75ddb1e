//! What `torch.save` writes: a zip archive (since 1.6) or a stream of pickles and numbers, and in it a net's state under
//! one of the names by which training programs keep it. Knows the handful of calls by which PyTorch rebuilds a
//! tensor; every other call in the file is left unmade.

use super::pickle::{Id, Node, Pickle};
use super::state::{Kind, State, Stored};
use super::zip;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// A pickle of this length describes a million tensors; the numbers lie outside of it.
const MOST_PICKLE: u64 = 64 << 20;
/// The first number of an older stream, lowest byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// Where training programs keep the state of the net, in the order looked for.
const HOLDERS: [&str; 4] = ["state_dict", "model", "model_state_dict", "network_weights"];
/// Modules within modules; deeper is no net.
const MOST_DEPTH: usize = 64;

/// A storage as a pickle names it.
struct Storage<'a> {
    kind: Kind,
    key: &'a str,
    len: usize,
}

/// Where each storage begins, by its key.
type Starts = HashMap<String, u64>;

pub(super) fn open_zip(path: &Path, file: &mut File, len: u64) -> Result<State, String> {
    let entries = zip::entries(file, len)?;
    let named = |ending: &str| entries.iter().find(|entry| entry.name.split_once('/').is_some_and(|(_, rest)| rest == ending));
    let pickle = named("data.pkl").ok_or("the archive holds no weights (there is no data.pkl in it)")?.read(file, MOST_PICKLE)?;
    if let Some(order) = named("byteorder")
        && order.read(file, 16)? != b"little"
    {
        return Err("its numbers were written highest byte first, which is not read here".to_owned());
    }
    let pickle = Pickle::read(&pickle)?;
    let mut starts = Starts::new();
    let found = tensors(&pickle)?;
    for (_, tensor) in &found {
        let key = tensor.storage.key;
        if !starts.contains_key(key) {
            let place = format!("data/{key}");
            let entry = named(&place).ok_or_else(|| format!("the archive lacks {place}"))?;
            starts.insert(key.to_owned(), entry.start(file)?);
        }
    }
    state(path, len, found, &starts)
}

pub(super) fn open_stream(path: &Path, file: &mut File, len: u64) -> Result<State, String> {
    let unreadable = |error: std::io::Error| error.to_string();
    let mut head = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take(MOST_PICKLE).read_to_end(&mut head).map_err(unreadable)?;
    let mut at = 0;
    let mut next = || {
        let pickle = Pickle::read(&head[at..])?;
        at += pickle.len;
        Ok::<_, String>(pickle)
    };
    let magic = next()?;
    if magic.node(magic.root) != &Node::Long(MAGIC.to_vec()) {
        return Err("it is a pickle, but none that PyTorch has written".to_owned());
    }
    let [_version, _system, object, keys] = [next()?, next()?, next()?, next()?];
    let keys: Vec<&str> = keys.sequence(keys.root).unwrap_or_default().iter().filter_map(|&id| keys.text(id)).collect();
    let starts = stream_starts(file, at as u64, len, &keys, &storage_kinds(&object))?;
    state(path, len, tensors(&object)?, &starts)
}

/// The kind of each storage that a pickle speaks of.
fn storage_kinds(pickle: &Pickle) -> HashMap<&str, Kind> {
    (0..pickle.count()).filter_map(|id| storage(pickle, id)).map(|storage| (storage.key, storage.kind)).collect()
}

/// After the pickles stand the storages in the order of `keys`: their length in numbers, then these.
fn stream_starts(file: &mut File, mut at: u64, len: u64, keys: &[&str], kinds: &HashMap<&str, Kind>) -> Result<Starts, String> {
    let mut starts = Starts::new();
    for &key in keys {
        let size = kinds.get(key).ok_or("it holds numbers of an unknown kind")?.size() as u64;
        let mut count = [0; 8];
        file.seek(std::io::SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut count)).map_err(|_| "the file is cut short")?;
        starts.insert(key.to_owned(), at + 8);
        let end = u64::from_le_bytes(count).checked_mul(size).and_then(|bytes| bytes.checked_add(at + 8));
        at = end.filter(|&end| end <= len).ok_or("the file is cut short")?;
    }
    Ok(starts)
}

/// A tensor as a pickle rebuilds it.
struct Rebuilt<'a> {
    storage: Storage<'a>,
    first: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

fn state(path: &Path, len: u64, found: Vec<(String, Rebuilt<'_>)>, starts: &Starts) -> Result<State, String> {
    let mut tensors = Vec::new();
    for (name, Rebuilt { storage, first, shape, strides }) in found {
        let &start = starts.get(storage.key).ok_or_else(|| format!("the numbers of {name} are not in the file"))?;
        tensors.push((name, Stored { shape, kind: storage.kind, file: 0, start, storage_len: storage.len, first, strides }));
    }
    State::new(vec![(path.to_owned(), len)], tensors)
}

/// The tensors of the net, by name: where the file is a net's state itself, or holds it under a known name.
fn tensors(pickle: &Pickle) -> Result<Vec<(String, Rebuilt<'_>)>, String> {
    let held = HOLDERS.iter().filter_map(|holder| pickle.get(pickle.root, holder));
    for place in held.chain([pickle.root]) {
        // One module may be referred to many times over: no more visits than the file has things.
        let mut search = Search { pickle, found: Vec::new(), visits: pickle.count() };
        search.collect(place, "", MOST_DEPTH);
        if !search.found.is_empty() {
            return Ok(search.found);
        }
    }
    Err("it holds no net's state".to_owned())
}

struct Search<'a> {
    pickle: &'a Pickle,
    found: Vec<(String, Rebuilt<'a>)>,
    visits: usize,
}

impl Search<'_> {
    /// Gathers tensors of a state (names to tensors), or of a whole module that was saved (parameters and modules).
    fn collect(&mut self, place: Id, prefix: &str, depth: usize) {
        let pickle = self.pickle;
        for &(name, value) in pickle.pairs(place).unwrap_or_default() {
            if depth == 0 || self.visits == 0 {
                return;
            }
            self.visits -= 1;
            match pickle.text(name) {
                Some("_parameters" | "_buffers") => self.collect(value, prefix, depth - 1),
                Some("_modules") => {
                    for &(child, module) in pickle.pairs(value).unwrap_or_default() {
                        let Some(child) = pickle.text(child) else { continue };
                        self.collect(module, &format!("{prefix}{child}."), depth - 1);
                    }
                }
                Some(name) => self.found.extend(rebuilt(pickle, value).map(|tensor| (format!("{prefix}{name}"), tensor))),
                None => {}
            }
        }
    }
}

/// What a call rebuilds, if it is a tensor.
fn rebuilt(pickle: &Pickle, id: Id) -> Option<Rebuilt<'_>> {
    let Node::Call { name, arguments, .. } = pickle.node(id) else { return None };
    let arguments = pickle.sequence(*arguments)?;
    match pickle.name(*name)? {
        // Not called again for what it wraps but once: a parameter of a parameter is none.
        "torch._utils _rebuild_parameter" => tensor(pickle, *arguments.first()?),
        _ => tensor(pickle, id),
    }
}

fn tensor(pickle: &Pickle, id: Id) -> Option<Rebuilt<'_>> {
    let Node::Call { name, arguments, .. } = pickle.node(id) else { return None };
    let (name, arguments) = (pickle.name(*name)?, pickle.sequence(*arguments)?);
    let known = ["torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3"];
    if !known.contains(&name) {
        return None;
    }
    let [outside, first, shape, strides, rest @ ..] = arguments else { return None };
    let mut storage = storage(pickle, *outside)?;
    if let (true, Some(dtype)) = (name.ends_with("v3"), rest.get(2)) {
        storage = retyped(&storage, pickle.name(*dtype)?)?;
    }
    let lengths = |id: Id| -> Option<Vec<usize>> {
        pickle.sequence(id)?.iter().map(|&id| usize::try_from(pickle.integer(id)?).ok()).collect()
    };
    let (shape, strides) = (lengths(*shape)?, lengths(*strides)?);
    let first = usize::try_from(pickle.integer(*first)?).ok()?;
    (shape.len() == strides.len()).then_some(Rebuilt { storage, first, shape, strides })
}

/// `("storage", class, key, place, length)`.
fn storage(pickle: &Pickle, id: Id) -> Option<Storage<'_>> {
    let Node::Outside(key) = pickle.node(id) else { return None };
    let [tag, class, key, _, len, ..] = pickle.sequence(*key)? else { return None };
    let is_storage = pickle.text(*tag) == Some("storage");
    let len = usize::try_from(pickle.integer(*len)?).ok()?;
    let kind = storage_kind(pickle.name(*class)?)?;
    is_storage.then_some(Storage { kind, key: pickle.text(*key)?, len })
}

fn storage_kind(class: &str) -> Option<Kind> {
    Some(match class.rsplit(' ').next()? {
        "DoubleStorage" => Kind::F64,
        "FloatStorage" => Kind::F32,
        "HalfStorage" => Kind::F16,
        "BFloat16Storage" => Kind::Bf16,
        "LongStorage" => Kind::Int(8),
        "IntStorage" => Kind::Int(4),
        "ShortStorage" => Kind::Int(2),
        "CharStorage" => Kind::Int(1),
        "ByteStorage" | "BoolStorage" | "UntypedStorage" => Kind::U8,
        _ => return None,
    })
}

/// A storage of bytes, as numbers of a type that stands beside it.
fn retyped<'a>(storage: &Storage<'a>, dtype: &str) -> Option<Storage<'a>> {
    let kind = match dtype {
        "torch float64" => Kind::F64,
        "torch float32" => Kind::F32,
        "torch float16" => Kind::F16,
        "torch bfloat16" => Kind::Bf16,
        "torch int64" => Kind::Int(8),
        "torch int32" => Kind::Int(4),
        _ => return None,
    };
    Some(Storage { kind, len: storage.len * storage.kind.size() / kind.size(), key: storage.key })
}

#[cfg(test)]
mod tests;
