//! A long row of bits in chunks that copies share until one of them writes: a mask can be kept before and after
//! each stroke, and two of them compared, for the price of what differs. What a bit means is `labels`' business.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// Words of a chunk: 4 KiB, eight chunks for a slice of 512 x 512.
const CHUNK: usize = 512;
const WORD: usize = 64;

/// Chunks of a group: a copy of a mask of 512 x 512 x 300 voxels takes hold of 38 groups, and not of 2,400 chunks.
const GROUP: usize = 64;

type Chunk = [u64; CHUNK];
type Group = Vec<Arc<Chunk>>;

/// The chunk without a set bit, shared by every row: an empty mask costs a pointer for each 32,768 voxels.
static CLEAR: LazyLock<Arc<Chunk>> = LazyLock::new(|| Arc::new([0; CHUNK]));

/// Bits, all clear at first. Clones are cheap; bits past `len` stay clear.
#[derive(Clone)]
pub(crate) struct Bits {
    len: usize,
    groups: Vec<Arc<Group>>,
}

impl Bits {
    pub fn clear(len: usize) -> Self {
        let chunks = len.div_ceil(CHUNK * WORD);
        let full = Arc::new(vec![CLEAR.clone(); GROUP]);
        let last = (!chunks.is_multiple_of(GROUP)).then(|| Arc::new(vec![CLEAR.clone(); chunks % GROUP]));
        Self { len, groups: vec![full; chunks / GROUP].into_iter().chain(last).collect() }
    }

    fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    fn chunk(&self, at: usize) -> &Arc<Chunk> {
        &self.groups[at / GROUP][at % GROUP]
    }

    /// A chunk to put another one in its place; its group parts from its copies.
    fn chunk_mut(&mut self, at: usize) -> &mut Arc<Chunk> {
        &mut Arc::make_mut(&mut self.groups[at / GROUP])[at % GROUP]
    }

    /// Bits asked for in order; a chunk that stays clear is the shared one.
    pub fn from_fn(len: usize, mut bit: impl FnMut(usize) -> bool) -> Self {
        let mut chunk = [0; CHUNK];
        let chunks = (0..len).step_by(CHUNK * WORD).map(|start| {
            for (word, first) in chunk.iter_mut().zip((start..).step_by(WORD)) {
                let bits = first..(first + WORD).min(len).max(first);
                *word = bits.enumerate().fold(0, |word, (at, index)| word | u64::from(bit(index)) << at);
            }
            if chunk == [0; CHUNK] { CLEAR.clone() } else { Arc::new(chunk) }
        });
        let chunks: Group = chunks.collect();
        Self { len, groups: chunks.chunks(GROUP).map(|group| Arc::new(group.to_vec())).collect() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_clear(&self) -> bool {
        self.chunks().all(|chunk| is_clear(chunk) || chunk.iter().all(|&word| word == 0))
    }

    pub fn count(&self) -> usize {
        let chunks = self.chunks().filter(|chunk| !is_clear(chunk));
        chunks.flat_map(|chunk| chunk.iter()).map(|word| word.count_ones() as usize).sum()
    }

    pub fn get(&self, index: usize) -> bool {
        let word = index / WORD;
        self.chunk(word / CHUNK)[word % CHUNK] >> (index % WORD) & 1 == 1
    }

    pub fn set(&mut self, index: usize, to: bool) {
        // Asked first: a bit that stands as wanted must not part the chunk from its copies.
        if self.get(index) != to {
            let word = index / WORD;
            Arc::make_mut(self.chunk_mut(word / CHUNK))[word % CHUNK] ^= 1 << (index % WORD);
        }
    }

    /// Sets or clears the bits `from..to`.
    pub fn set_run(&mut self, from: usize, to: usize, inside: bool) {
        self.on_words(from, to, |word, bits| if inside { word | bits } else { word & !bits });
    }

    /// Turns the bits `from..to` over.
    pub fn flip_run(&mut self, from: usize, to: usize) {
        self.on_words(from, to, |word, bits| word ^ bits);
    }

    fn on_words(&mut self, from: usize, to: usize, new: impl Fn(u64, u64) -> u64) {
        let to = to.min(self.len);
        let mut at = from;
        while at < to {
            let word = at / WORD;
            let end = ((word + 1) * WORD).min(to);
            let bits = (u64::MAX >> (WORD - (end - at))) << (at % WORD);
            let old = self.chunk(word / CHUNK)[word % CHUNK];
            if new(old, bits) != old {
                Arc::make_mut(self.chunk_mut(word / CHUNK))[word % CHUNK] = new(old, bits);
            }
            at = end;
        }
    }

    /// Combines word by word with bits of the same length; `keeps_on_clear` tells that `new(a, 0) == a`.
    pub fn combine(&mut self, other: &Self, keeps_on_clear: bool, new: impl Fn(u64, u64) -> u64) {
        for (at, theirs) in other.chunks().enumerate() {
            if keeps_on_clear && is_clear(theirs) {
                continue;
            }
            let ours = self.chunk(at);
            let combined: Chunk = std::array::from_fn(|at| new(ours[at], theirs[at]));
            if combined != **ours {
                *self.chunk_mut(at) = if combined == [0; CHUNK] { CLEAR.clone() } else { Arc::new(combined) };
            }
        }
    }

    /// The sum over the words that both have, pair by pair.
    pub fn sum_of_pairs(&self, other: &Self, of: impl Fn(u64, u64) -> u32) -> usize {
        self.chunks().zip(other.chunks()).flat_map(|(a, b)| a.iter().zip(b.iter())).map(|(&a, &b)| of(a, b) as usize).sum()
    }

    /// The words with a set bit, each with the position of its first bit.
    pub fn words(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let chunks = self.chunks().enumerate().filter(|(_, chunk)| !is_clear(chunk));
        let words = chunks.flat_map(|(at, chunk)| (at * CHUNK..).zip(chunk.iter()));
        words.filter(|(_, word)| **word != 0).map(|(at, &word)| (at * WORD, word))
    }

    /// The words that differ from those of another row of the same length, as the bits that do. Shared groups and
    /// chunks are passed over unread.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (usize, u64)> + 'a {
        let groups = self.groups.iter().zip(&other.groups).enumerate().filter(|(_, (a, b))| !Arc::ptr_eq(a, b));
        let chunks = groups.flat_map(|(at, (a, b))| (at * GROUP..).zip(a.iter().zip(b.iter())));
        let chunks = chunks.filter(|(_, (a, b))| !Arc::ptr_eq(a, b));
        let words = chunks.flat_map(|(at, (a, b))| (at * CHUNK..).zip(a.iter().zip(b.iter()).map(|(a, b)| a ^ b)));
        words.filter(|(_, word)| *word != 0).map(|(at, word)| (at * WORD, word))
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differing(other).next().is_none()
    }
}

impl Eq for Bits {}

/// Told by their number: a mask has millions.
impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bits set", self.count(), self.len)
    }
}

fn is_clear(chunk: &Arc<Chunk>) -> bool {
    Arc::ptr_eq(chunk, &CLEAR)
}

/// The runs `[start, length]` of set bits in words that come in order.
pub(crate) fn runs(words: impl Iterator<Item = (usize, u64)>) -> Vec<[usize; 2]> {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for (first, mut word) in words {
        while word != 0 {
            let skipped = word.trailing_zeros() as usize;
            let length = (word >> skipped).trailing_ones() as usize;
            match runs.last_mut() {
                Some([start, so_far]) if *start + *so_far == first + skipped => *so_far += length,
                _ => runs.push([first + skipped, length]),
            }
            word &= u64::MAX.checked_shl((skipped + length) as u32).unwrap_or(0);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Longer than a group, and no whole number of chunks or words.
    const LEN: usize = (GROUP + 2) * CHUNK * WORD + 77;

    proptest! {
        #[test]
        fn runs_set_and_flip_what_single_bits_would(runs in prop::collection::vec((LEN - 120_000..LEN, 0..5000_usize, any::<bool>()), 1..6)) {
            let (mut fast, mut slow) = (Bits::clear(LEN), Bits::clear(LEN));
            for (from, length, inside) in runs {
                fast.set_run(from, from + length, inside);
                (from..(from + length).min(LEN)).for_each(|index| slow.set(index, inside));
                fast.flip_run(from - 50_000, from);
                (from - 50_000..from).for_each(|index| slow.set(index, !slow.get(index)));
            }
            prop_assert_eq!(&fast, &slow);
            prop_assert_eq!(&Bits::from_fn(LEN, |index| slow.get(index)), &slow);
            prop_assert_eq!(super::runs(fast.words()).iter().map(|[_, length]| length).sum::<usize>(), slow.count());
        }
    }

    #[test]
    fn a_copy_shares_what_is_not_written() {
        let before = Bits::from_fn(LEN, |index| index % 3 == 0);
        let mut after = before.clone();
        after.set(5, true);
        after.set(6, true);
        let shared = before.chunks().zip(after.chunks()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, before.chunks().count() - 1);
        assert_eq!(before.differing(&after).collect::<Vec<_>>(), [(0, 1 << 5)], "bit 6 was set already");
        assert!(!before.get(5));
    }

    #[test]
    fn runs_join_across_words_and_chunks() {
        let mut bits = Bits::clear(LEN);
        bits.set_run(100, CHUNK * WORD + 9, true);
        assert_eq!(runs(bits.words()), [[100, CHUNK * WORD + 9 - 100]]);
        bits.set_run(LEN - 1, LEN + 50, true);
        assert_eq!(bits.count(), CHUNK * WORD + 9 - 100 + 1);
    }
}
