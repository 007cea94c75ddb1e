//! Many thousands of broken files of each format: real ones, changed byte by byte with seeds that repeat. Reading one
//! ends in an image or in a sentence, soon; a reader that panics is a fault, though it would cost one file only.
//!
//! `EXEMPLAR_MUTATIONS` sets how many a file (100 if unset).

use crate::make::folder;
use imaging::files;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Numbers that repeat (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Real files of every format, the smallest of each ending first.
fn seeds() -> Vec<PathBuf> {
    let data = std::env::var_os("EXEMPLAR_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join("odd_io");
    if !data.is_dir() {
        eprintln!("NOT TESTED: there are no real files in {} (EXEMPLAR_DATA)", data.display());
        return Vec::new();
    }
    let mut found: Vec<(String, u64, PathBuf)> = Vec::new();
    for folder in std::fs::read_dir(&data).expect("the data can be listed") {
        for entry in std::fs::read_dir(folder.expect("an entry").path()).expect("the data can be listed") {
            let path = entry.expect("an entry").path();
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            let length = path.metadata().map_or(u64::MAX, |about| about.len());
            if files::is_supported(&path) && length < 400_000 {
                found.push((ending, length, path));
            }
        }
    }
    found.sort();
    let mut seeds: Vec<PathBuf> = Vec::new();
    for ending in ["nii", "hdr", "gz", "mha", "nrrd"] {
        seeds.extend(found.iter().filter(|(of, ..)| of == ending).take(5).map(|(.., path)| path.clone()));
    }
    seeds.extend(found.iter().filter(|(.., path)| path.to_string_lossy().ends_with(".gipl.gz")).map(|(.., path)| path.clone()));
    seeds
}

/// The bytes of a file, inflated, for in a packed file nearly every change is a wrong check sum.
fn bytes_of(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("the data can be read");
    let mut inflated = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b])
        && flate2::read::MultiGzDecoder::new(&bytes[..]).take(1 << 19).read_to_end(&mut inflated).is_ok()
    {
        return inflated;
    }
    bytes
}

/// Changes, doubles, cuts out or cuts off; mostly in the header.
fn mutated(seed: &[u8], dice: &mut Dice) -> Vec<u8> {
    const ODD: [&[u8]; 10] =
        [&[0], &[255; 8], &[127, 255, 255, 255], &[0, 0, 0, 128], b"-1", b"nan", b"99999999999999999999", b"\n", b" = ", b": "];
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(6) {
        let range = if dice.roll(8) > 0 { bytes.len().min(700) } else { bytes.len() };
        let at = dice.roll(range.max(1)).min(bytes.len());
        let word = ODD[dice.roll(ODD.len())];
        match dice.roll(5) {
            0 | 1 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
            2 => {
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            3 => drop(bytes.splice(at..at, word.iter().copied())),
            _ if dice.roll(4) == 0 => bytes.truncate(at),
            _ => drop(bytes.drain(at..(at + dice.roll(40)).min(bytes.len()))),
        }
    }
    bytes
}

fn read_in_every_way(path: &Path, seed: &Path, number: usize) {
    let mut said = Vec::new();
    let started = Instant::now();
    said.extend(files::items(path).err().map(|error| error.to_string()));
    said.extend(files::open(path).err().map(|error| error.to_string()));
    said.extend(files::open_structures(&path.into()).err().map(|error| error.to_string()));
    said.extend(files::info(&path.into()).err().map(|error| error.to_string()));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{number} of {} took {took:?}", seed.display());
    for sentence in said {
        assert!(!sentence.contains("its reader failed"), "{number} of {} panics", seed.display());
    }
}

#[test]
fn broken_files_of_every_format_end_in_an_image_or_a_sentence() {
    let count = std::env::var("EXEMPLAR_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let folder = folder();
    let mut executions = 0;
    for seed in seeds() {
        let bytes = bytes_of(&seed);
        let name = seed.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let path = folder.path().join(name.trim_end_matches(".gz"));
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for number in 0..count {
            std::fs::write(&path, mutated(&bytes, &mut dice)).expect("a test's folder can be written");
            read_in_every_way(&path, &seed, number);
            executions += 1;
        }
        let _ = std::fs::remove_file(&path);
    }
    println!("{executions} broken files were read in four ways each");
}

#[test]
fn broken_files_of_names_end_in_names_or_a_sentence() {
    let mut dice = Dice(77);
    let itksnap = b"# remark\n  0 0 0 0 0.0 0 0 \"Clear\"\n  1 0 30 255 1.00 1 1 \"vent-lat\"\n".as_slice();
    for seed in [itksnap, br#"{"labels": {"background": 0, "liver": 1, "both": [1, 2]}, "numTraining": 4}"#] {
        for _ in 0..20_000 {
            let _ = files::names(&mutated(seed, &mut dice));
        }
    }
}
