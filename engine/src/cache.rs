//! What was computed lately: up to a number of bytes, of which the longest unused goes first; or up to a number of things.

use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct Cache<K, V> {
    most_bytes: usize,
    /// Least lately used first.
    entries: VecDeque<(K, Arc<V>, usize)>,
}

impl<K: PartialEq, V> Cache<K, V> {
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, entries: VecDeque::new() }
    }

    pub fn get(&mut self, key: &K) -> Option<Arc<V>> {
        let at = self.entries.iter().position(|(other, ..)| other == key)?;
        let entry = self.entries.remove(at)?;
        let value = entry.1.clone();
        self.entries.push_back(entry);
        Some(value)
    }

    /// Keeps a value of about `bytes` bytes.
    pub fn put(&mut self, key: K, value: V, bytes: usize) -> Arc<V> {
        let value = Arc::new(value);
        self.entries.push_back((key, value.clone(), bytes));
        while self.bytes() > self.most_bytes {
            self.entries.pop_front();
        }
        value
    }

    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|(.., bytes)| bytes).sum()
    }

    /// Drops the entries of which `keep` does not hold.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|(key, ..)| keep(key));
    }
}

/// The newest of some things.
pub(crate) struct Newest<T> {
    most: usize,
    /// The newest first.
    things: VecDeque<T>,
}

impl<T> Newest<T> {
    pub fn new(most: usize) -> Self {
        Self { most, things: VecDeque::new() }
    }

    pub fn push(&mut self, thing: T) {
        self.things.push_front(thing);
        self.things.truncate(self.most);
    }

    /// From the newest to the oldest.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut newest = Newest::new(2);
        (1..=3).for_each(|thing| newest.push(thing));
        assert_eq!(newest.iter().copied().collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_was_used() {
        let mut cache = Cache::new(30);
        cache.put('a', 1, 10);
        cache.put('b', 2, 10);
        cache.put('c', 3, 10);
        assert_eq!(cache.get(&'a').as_deref(), Some(&1));
        cache.put('d', 4, 10);
        assert_eq!(cache.bytes(), 30);
        assert!(cache.get(&'b').is_none(), "the longest unused went");
        assert!(cache.get(&'a').is_some());
        assert_eq!(*cache.put('e', 5, 99), 5, "what is too large is given, not kept");
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn what_is_no_longer_wanted_goes() {
        let mut cache = Cache::new(30);
        cache.put(1, (), 10);
        cache.put(2, (), 10);
        cache.retain(|key| *key == 2);
        assert_eq!(cache.bytes(), 10);
    }
}
