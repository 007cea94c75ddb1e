//! A line with one flipped bit, put right: its checksum says which bit. More damage than that it cannot mend.

use super::line;

/// The reversed polynomial of CRC-32, as zip and PNG use it.
const POLYNOMIAL: u32 = 0xedb8_8320;
const SUM: usize = 8;

/// The line at the head of `bytes` put right, and how many of `bytes` it takes; nothing where no single bit would do.
///
/// `bytes` reach at least to the second line feed from their start, or to the journal's end: a flipped bit can make
/// a line feed, or take one away.
pub(super) fn mend(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let within = end.and_then(|end| within(&bytes[..end]).filter(|line| line::read(line).is_ok()).map(|line| (line, end + 1)));
    // No line holds a line feed of its own, so a lost one was before the next: to look further, from every damaged line
    // of a long journal, would take hours.
    within.or_else(|| without_end(&bytes[..end.unwrap_or(bytes.len())])).or_else(|| torn_apart(bytes, end?))
}

/// A line without its line feed, put right where one bit of its checksum, its space or its JSON was flipped.
pub(super) fn within(line: &[u8]) -> Option<Vec<u8>> {
    let (sum, rest) = line.split_at_checked(SUM)?;
    let (&space, json) = rest.split_first()?;
    let actual = crc32fast::hash(json);
    let mut fixed = line.to_vec();
    let stored = std::str::from_utf8(sum).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok());
    let right = format!("{actual:08x}").into_bytes();
    let wrong: u32 = sum.iter().zip(&right).chain([(&space, &b' ')]).map(|(a, b)| (a ^ b).count_ones()).sum();
    if wrong == 1 {
        fixed[..SUM].copy_from_slice(&right);
        fixed[SUM] = b' ';
    } else {
        let at = flipped(json.len(), actual ^ stored.filter(|_| space == b' ')?)?;
        fixed[SUM + 1 + at / 8] ^= 1 << (at % 8);
    }
    fixed.push(b'\n');
    line::json(&fixed).is_some().then_some(fixed)
}

/// The bit whose flip changes the checksum of `length` bytes by `difference`.
fn flipped(length: usize, difference: u32) -> Option<usize> {
    let after_zero_bits =
        |sum: u32, bits: usize| (0..bits).fold(sum, |sum, _| (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 });
    // What each bit of the last byte does; a byte before it does the same, followed by eight zero bits.
    let mut sums: [u32; 8] = std::array::from_fn(|bit| after_zero_bits(1 << bit, 8));
    for byte in (0..length).rev() {
        if let Some(bit) = sums.iter().position(|&sum| sum == difference) {
            return Some(8 * byte + bit);
        }
        sums = sums.map(|sum| after_zero_bits(sum, 8));
    }
    None
}

/// The line's own line feed was flipped, so that the next line hangs on to it.
fn without_end(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let stored = u32::from_str_radix(std::str::from_utf8(bytes.get(..SUM)?).ok()?, 16).ok()?;
    let mut sum = crc32fast::Hasher::new();
    let mut hashed = SUM + 1;
    let end = (SUM + 1..bytes.len()).filter(|&at| (bytes[at] ^ b'\n').count_ones() == 1).find(|&at| {
        sum.update(&bytes[hashed..at]);
        hashed = at;
        sum.clone().finalize() == stored
    })?;
    Some((whole(bytes[..end].to_vec())?, end + 1))
}

/// A byte of the line became a line feed, so that it looks like two.
fn torn_apart(bytes: &[u8], seam: usize) -> Option<(Vec<u8>, usize)> {
    let end = seam + 1 + bytes[seam + 1..].iter().position(|&byte| byte == b'\n')?;
    let fixed = (0..8).find_map(|bit| {
        let mut fixed = bytes[..end].to_vec();
        fixed[seam] ^= 1 << bit;
        whole(fixed)
    });
    Some((fixed?, end + 1))
}

fn whole(mut line: Vec<u8>) -> Option<Vec<u8>> {
    line.push(b'\n');
    line::read(&line).is_ok().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;
    use crate::history::{Entry, Step};

    #[test]
    fn any_one_flipped_bit_is_put_right() {
        let step = |name: &str| Entry::Do(Step { name: name.into(), edit: Edit::Several(Vec::new()) });
        let lines = [step("first"), step("second"), Entry::Undo].map(|entry| line::write(&entry).expect("it can be written"));
        let journal = lines.concat();
        for bit in 0..8 * (lines[0].len() + lines[1].len()) {
            let mut damaged = journal.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (mut rest, mut mended) = (&damaged[..], Vec::new());
            while !rest.is_empty() {
                let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
                let (line, taken) =
                    line::read(&rest[..end]).ok().map(|_| (rest[..end].to_vec(), end)).or_else(|| mend(rest)).expect("one bit");
                mended.extend(line);
                rest = &rest[taken..];
            }
            assert_eq!(mended, journal, "bit {bit}");
        }
    }

    #[test]
    fn two_flipped_bits_are_beyond_it() {
        let mut line = line::write(&Entry::Redo).expect("it can be written");
        line[10] ^= 1;
        line[12] ^= 4;
        assert_eq!(mend(&line), None);
    }
}
