//! Chance that is the same on every machine and in every version: for samples, simulated users and tests.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A small generator (SplitMix64; Steele, Lea and Flood 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers follow from `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(GOLDEN) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A generator whose numbers follow from a seed and some words, in their order: the same marks for the same case,
    /// whatever was drawn before.
    #[must_use]
    pub fn named<'a>(seed: u64, words: impl IntoIterator<Item = &'a str>) -> Self {
        let step = |key: u64, byte: u8| (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        // A byte that no text holds keeps "ab", "c" and "a", "bc" apart.
        let bytes = words.into_iter().flat_map(|word| word.bytes().chain([0xff]));
        Self::new(mixed(bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, step)))
    }

    /// The next number of the whole range.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mixed(self.0)
    }

    /// Evenly in 0..1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Evenly between two numbers.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Evenly in `0..count`; 0 where that is empty.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// One of some things, each as likely; none of none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.below(things.len()))
    }

    /// Around 0 with deviation 1; the sum of four even numbers, so never beyond 3.5.
    pub fn normal(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732
    }

    /// Brings things into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

/// Scatters the bits of a number over all of it.
#[must_use]
pub fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |mut random: Random| [random.bits(), random.bits(), random.bits()];
        assert_eq!(numbers(Random::new(7)), numbers(Random::new(7)));
        assert_ne!(numbers(Random::new(7)), numbers(Random::new(8)));
        assert_eq!(numbers(Random::named(7, ["a", "b"])), numbers(Random::named(7, ["a", "b"])));
        for other in [Random::named(7, ["b", "a"]), Random::named(7, ["ab", ""]), Random::named(8, ["a", "b"])] {
            assert_ne!(numbers(Random::named(7, ["a", "b"])), numbers(other));
        }
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut random = Random::new(1);
        let mut seen = [0; 3];
        for _ in 0..3000 {
            let mut order = [0, 1, 2];
            random.shuffle(&mut order);
            seen[order[0]] += 1;
        }
        assert!(seen.iter().all(|count| (900..1100).contains(count)), "{seen:?}");
    }

    #[test]
    fn nothing_is_picked_from_nothing() {
        let mut random = Random::new(1);
        assert_eq!(random.pick::<u8>(&[]), None);
        assert_eq!(random.below(0), 0);
        assert!((0..1000).all(|_| random.below(3) < 3));
    }
}
