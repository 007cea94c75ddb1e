//! Nets that the user has added: a folder each in the user's own data, with the files of weights as they were given and
//! a record of what they are, their SHA-256, and that the user agreed to their licence.

use super::catalogue::{Entry, Prompts};
use super::recognise::{Config, Net};
use super::state::State;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that could be added.
pub struct Candidate {
    state: State,
    config: Config,
    /// The file that was chosen.
    pub path: PathBuf,
}

impl Candidate {
    /// Looks what a file is; reads none of its numbers.
    ///
    /// # Errors
    /// In a few words, why it cannot be added.
    pub fn new(path: &Path) -> Result<Self, String> {
        let state = State::open(path)?;
        let config = Config::recognise(&state)?;
        config.check(&state)?;
        Ok(Self { state, config, path: path.to_owned() })
    }

    /// What is known of it.
    #[must_use]
    pub fn entry(&self, prompts: Prompts) -> Entry {
        self.config.entry(prompts)
    }

    /// What the net's prompts are, as far as the file's name tells; none where its tensors tell that.
    #[must_use]
    pub fn prompts(&self) -> Option<Prompts> {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.config.needs_prompts().then(|| Prompts::from_file_name(&name))
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state.files().filter_map(|file| std::fs::metadata(file).ok()).map(|about| about.len()).sum()
    }

    /// What its authors call it: the file's name, or its folder's where the file is called as all of its kind are.
    fn called(&self) -> Option<String> {
        let stem = self.path.file_stem()?;
        let named = if stem == "model" { self.path.parent()?.file_name()? } else { stem };
        Some(named.to_string_lossy().into_owned())
    }

    /// Copies it into the user's folder of nets, for the user has agreed to its licence. The same file is added once.
    ///
    /// # Errors
    /// In a few words, why it could not be.
    pub fn add(self, folder: &Path, prompts: Prompts) -> Result<Installed, String> {
        let entry = self.entry(prompts);
        let (mut files, mut hashes) = (Vec::new(), Vec::new());
        for file in self.state.files() {
            let name = file.file_name().ok_or("the file has no name")?.to_string_lossy().into_owned();
            files.push(name);
            hashes.push(hash(file)?);
        }
        let id = format!("{}-{}", entry.id, &together(&hashes)[..8]);
        let home = folder.join(&id);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let record = Record { schema: SCHEMA, called: self.called(), prompts, files, sha256: hashes, consented: since };
        let write = || -> std::io::Result<()> {
            // Made beside its place and moved there whole: a net is there or it is not.
            let made = workshop(folder)?;
            for (file, name) in self.state.files().zip(&record.files) {
                std::fs::copy(file, made.join(name))?;
            }
            std::fs::write(made.join(RECORD), serde_json::to_vec_pretty(&record)?)?;
            if home.exists() {
                std::fs::remove_dir_all(&home)?;
            }
            std::fs::rename(made, &home)
        };
        write().map_err(|error| error.to_string())?;
        Installed::open(&home)
    }
}

/// One hash for all files.
fn together(hashes: &[String]) -> String {
    if let [only] = hashes { only.clone() } else { super::hash(hashes.concat().as_bytes()) }
}

/// A new folder for a net that is being added.
fn workshop(folder: &Path) -> std::io::Result<PathBuf> {
    let made = folder.join(format!(".adding-{}", std::process::id()));
    if made.exists() {
        std::fs::remove_dir_all(&made)?;
    }
    std::fs::create_dir_all(&made)?;
    Ok(made)
}

const RECORD: &str = "record.json";
const SCHEMA: u64 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    schema: u64,
    /// What its authors call it, which tells nets of one kind apart.
    #[serde(default)]
    called: Option<String>,
    prompts: Prompts,
    /// The files' names, the one that is opened first.
    files: Vec<String>,
    /// SHA-256 of each.
    sha256: Vec<String>,
    /// When the user agreed to the licence, in seconds since 1970.
    consented: u64,
}

/// A net that was added.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its folder.
    pub folder: PathBuf,
    /// What is known of it.
    pub entry: Entry,
    /// What its prompts are.
    pub prompts: Prompts,
    /// The shape of the net.
    pub config: Config,
    /// SHA-256 of its files.
    pub sha256: Vec<String>,
    /// Bytes on disk.
    pub bytes: u64,
    record: Record,
}

impl Installed {
    /// Reads what a folder holds.
    ///
    /// # Errors
    /// In a few words, why it holds no net.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let text = std::fs::read(folder.join(RECORD)).map_err(|error| error.to_string())?;
        let record: Record = serde_json::from_slice(&text).map_err(|error| format!("its record cannot be read ({error})"))?;
        if record.schema != SCHEMA {
            return Err("its record was written by another version of this program".to_owned());
        }
        let first = record.files.first().ok_or("its record names no file")?;
        let Candidate { state, config, .. } = Candidate::new(&folder.join(first))?;
        let bytes = state.files().filter_map(|file| std::fs::metadata(file).ok()).map(|about| about.len()).sum();
        let (prompts, sha256) = (record.prompts, record.sha256.clone());
        Ok(Self { folder: folder.to_owned(), entry: config.entry(prompts), prompts, config, sha256, bytes, record })
    }

    /// What kind of net it is, and which of that kind.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.record.called {
            Some(called) if !called.eq_ignore_ascii_case(self.entry.title) => format!("{}, {called}", self.entry.title),
            _ => self.entry.title.to_owned(),
        }
    }

    /// The name of its folder, by which it is chosen and removed.
    #[must_use]
    pub fn id(&self) -> String {
        self.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The net with its weights, if they are still the ones that were added.
    ///
    /// # Errors
    /// In a few words, what is wrong with them.
    pub fn load(&self, device: &Device) -> Result<Net, String> {
        for (file, sha256) in self.record.files.iter().zip(&self.sha256) {
            if hash(&self.folder.join(file))? != *sha256 {
                return Err(format!("{file} is not the file that was added (the SHA-256 differs)"));
            }
        }
        let first = self.record.files.first().ok_or("its record names no file")?;
        self.config.load(&State::open(&self.folder.join(first))?, device)
    }

    /// Takes it away, files and all.
    ///
    /// # Errors
    /// Where the folder cannot be removed.
    pub fn remove(self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.folder)
    }
}

/// The nets in a folder, by name; one that cannot be read is told in the log and left out.
#[must_use]
pub fn list(folder: &Path) -> Vec<Installed> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut homes: Vec<PathBuf> = entries.filter(|path| path.join(RECORD).is_file()).collect();
    homes.sort();
    let open = |home: &PathBuf| {
        Installed::open(home).inspect_err(|error| tracing::warn!("a net was left out: {error}: {}", home.display())).ok()
    };
    homes.iter().filter_map(open).collect()
}

fn hash(path: &Path) -> Result<String, String> {
    let mut sha = Sha256::new();
    let mut read = || -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let mut part = vec![0; 1 << 20];
        loop {
            match file.read(&mut part)? {
                0 => return Ok(()),
                len => sha.update(&part[..len]),
            }
        }
    };
    read().map_err(|error| error.to_string())?;
    Ok(super::hex(&sha.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/published").join(name)
    }

    #[test]
    fn a_net_is_added_listed_loaded_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let candidate = Candidate::new(&published("multiverseg.safetensors")).unwrap();
        assert_eq!(candidate.entry(Prompts::Masks).title, "MultiverSeg");
        assert_eq!(candidate.prompts(), None);
        let added = candidate.add(folder.path(), Prompts::Masks).unwrap();
        assert_eq!(added.sha256, [super::hash(&published("multiverseg.safetensors")).unwrap()]);
        assert!(matches!(added.load(&Device::flex()).unwrap(), Net::UniverSeg(..)));
        Candidate::new(&published("multiverseg.safetensors")).unwrap().add(folder.path(), Prompts::Masks).unwrap();
        let all = list(folder.path());
        assert_eq!(all.len(), 1, "added twice, there once");
        assert_eq!(all[0].id(), added.id());
        assert_eq!(all[0].title(), "MultiverSeg", "the file is called as the net is");
        all.into_iter().next().unwrap().remove().unwrap();
        assert!(list(folder.path()).is_empty());
    }

    #[test]
    fn weights_that_were_changed_since_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let added = Candidate::new(&published("tyche.safetensors")).unwrap().add(folder.path(), Prompts::Masks).unwrap();
        let file = added.folder.join("tyche.safetensors");
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert!(added.load(&Device::flex()).unwrap_err().contains("SHA-256 differs"));
    }

    #[test]
    fn what_is_no_known_net_is_refused_in_words() {
        let parity = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity");
        let refusal = |path: &Path| Candidate::new(path).err().unwrap();
        assert!(refusal(&parity.join("torch/zip.pt")).contains("no net that is known here"));
        assert!(refusal(&parity.join("published.py")).contains("none of the formats"));
        assert!(refusal(&parity.join("torch/nothing.pt")).contains("No such file"));
    }

    #[test]
    fn a_file_that_lacks_tensors_says_which() {
        let bytes = std::fs::read(published("tyche.safetensors")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrong.safetensors");
        // The header is text: another name of the same length is another tensor.
        let at = bytes.windows(13).position(|part| part == b"out_conv.conv").unwrap();
        let mut wrong = bytes;
        wrong[at..at + 3].copy_from_slice(b"odd");
        std::fs::write(&path, wrong).unwrap();
        let message = Candidate::new(&path).err().unwrap();
        assert!(message.contains("missing (out_conv.conv") && message.contains("left over (odd_conv.conv"), "{message}");
    }

    #[test]
    fn the_files_of_ws_icl_differ_in_name_alone() {
        for (name, prompts) in [
            ("neuroverse3D.ckpt", Prompts::Masks),
            ("weak_ICL_bbox.ckpt", Prompts::Boxes),
            ("weak_ICL_point.ckpt", Prompts::Clicks),
        ] {
            assert_eq!(Prompts::from_file_name(name), prompts);
        }
    }
}
