//! Ordered maps and sets that are small as code.
//!
//! Rules. Same meaning and same names as `BTreeMap` and `BTreeSet`, so only a `use` tells them
//! apart. Entries lie in key order in one vector of boxes: whatever the types, code that moves
//! entries moves pointers, and the compiler folds it into one function. A B-tree comes to about
//! 6 KB for each pair of types, of which a page would load forty.
//!
//! A look-up halves the vector; an insertion or removal moves pointers, at most 32 KB of them at
//! this program's largest limit (4096 entries), which takes about a microsecond. What it does not
//! do: hold more than thousands, or promise addresses across changes.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    ops::{Bound, Index, RangeBounds},
    slice, vec,
};

/// Key first at a fixed offset, so that searches by one type of key are one function.
#[derive(Clone, PartialEq, Eq)]
#[repr(C)]
struct Entry<K, V> {
    key: K,
    value: V,
}

/// Values by key, in key order.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    entries: Vec<Box<Entry<K, V>>>,
}

impl<K, V> SortedMap<K, V> {
    pub const fn new() -> SortedMap<K, V> {
        SortedMap { entries: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut(self.entries.iter_mut())
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.entries.iter().map(|entry| &entry.key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.entries.iter().map(|entry| &entry.value)
    }

    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator {
        self.entries.into_iter().map(|entry| entry.value)
    }

    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.entries.is_empty() {
            return None;
        }
        let Entry { key, value } = *self.entries.remove(0);
        Some((key, value))
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|entry| keep(&entry.key, &mut entry.value));
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&self.entries[place].value)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&mut self.entries[place].value)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of `key` and gives the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].value, value)),
            Err(place) => {
                self.entries.insert(place, Box::new(Entry { key, value }));
                None
            }
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.entries.remove(place).value)
    }

    /// The value of `key`, made by `make` if there was none.
    pub fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, Box::new(Entry { key, value: make() }));
                place
            }
        };
        &mut self.entries[place].value
    }

    /// The value of `key`, the default one if there was none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.or_insert_with(key, V::default)
    }

    /// The entries within `keys`, in order; none when its ends are the wrong way round.
    pub fn range(&self, keys: impl RangeBounds<K>) -> Iter<'_, K, V> {
        let start = match keys.start_bound() {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.find(key).unwrap_or_else(|place| place),
            Bound::Excluded(key) => self.after(key),
        };
        let end = match keys.end_bound() {
            Bound::Unbounded => self.entries.len(),
            Bound::Included(key) => self.after(key),
            Bound::Excluded(key) => self.find(key).unwrap_or_else(|place| place),
        };
        Iter(self.entries.get(start..end).unwrap_or_default().iter())
    }

    fn after(&self, key: &K) -> usize {
        self.find(key).map_or_else(|place| place, |place| place + 1)
    }

    /// Where `key` is, or where it would have to be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entries[middle].key.borrow().cmp(key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

/// Entries in key order.
pub struct Iter<'a, K, V>(slice::Iter<'a, Box<Entry<K, V>>>);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter(self.0.clone())
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| (&entry.key, &entry.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|entry| (&entry.key, &entry.value))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

/// Entries in key order, by value.
pub struct IntoIter<K, V>(vec::IntoIter<Box<Entry<K, V>>>);

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.0.next().map(|entry| (entry.key, entry.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Entries in key order, values open to change.
pub struct IterMut<'a, K, V>(slice::IterMut<'a, Box<Entry<K, V>>>);

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| {
            let Entry { key, value } = &mut **entry;
            (&*key, value)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        self.0.next_back().map(|entry| (entry.key, entry.value))
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter(self.entries.into_iter())
    }
}

/// Panics when there is no such key.
impl<K: Ord, V> Index<&K> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("no entry of this key")
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> SortedMap<K, V> {
        SortedMap::new()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// The last of equal keys stays.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> SortedMap<K, V> {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Keys in order.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedSet<K>(SortedMap<K, ()>);

impl<K> SortedSet<K> {
    pub const fn new() -> SortedSet<K> {
        SortedSet(SortedMap::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.0.keys()
    }

    pub fn first(&self) -> Option<&K> {
        self.0.first_key_value().map(|(key, ())| key)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Ord> SortedSet<K> {
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Whether `key` is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// Whether `key` was there.
    pub fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }
}

impl<K> Default for SortedSet<K> {
    fn default() -> SortedSet<K> {
        SortedSet::new()
    }
}

impl<K: Ord> Extend<K> for SortedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        self.0.extend(keys.into_iter().map(|key| (key, ())));
    }
}

impl<K: Ord> FromIterator<K> for SortedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> SortedSet<K> {
        let mut set = SortedSet::new();
        set.extend(keys);
        set
    }
}

impl<K> IntoIterator for SortedSet<K> {
    type Item = K;
    type IntoIter = std::iter::Map<IntoIter<K, ()>, fn((K, ())) -> K>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(key, ())| key)
    }
}

impl<K: fmt::Debug> fmt::Debug for SortedSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use std::collections::{BTreeMap, BTreeSet};

    /// Any keys, few enough to meet again.
    fn keys(label: &str, count: usize) -> Vec<u16> {
        let mut rng = Seed::from_bytes([7; 32]).fork(label).rng();
        (0..count).map(|_| (rng.next_u64() % 64) as u16).collect()
    }

    #[test]
    fn a_map_answers_as_a_b_tree_does_after_any_changes() {
        let (mut ours, mut theirs) = (SortedMap::new(), BTreeMap::new());
        for (step, key) in keys("changes", 4000).into_iter().enumerate() {
            match step % 7 {
                0..=2 => assert_eq!(ours.insert(key, step), theirs.insert(key, step)),
                3 | 4 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                5 => *ours.or_default(key) += 1,
                _ => assert_eq!(ours.get_mut(&key), theirs.get_mut(&key)),
            }
            if step % 7 == 5 {
                *theirs.entry(key).or_default() += 1;
            }
            if step % 100 == 99 {
                assert_eq!(ours.pop_first(), theirs.pop_first());
                ours.retain(|key, value| (usize::from(*key) + *value) % 5 != 0);
                theirs.retain(|key, value| (usize::from(*key) + *value) % 5 != 0);
            }
            assert!(ours.iter().eq(&theirs) && ours.iter().rev().eq(theirs.iter().rev()));
            assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
            assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
            assert_eq!(ours.first_key_value(), theirs.first_key_value());
        }
    }

    #[test]
    fn a_range_holds_what_a_b_trees_range_holds() {
        let ours: SortedMap<u16, usize> = keys("range", 40).into_iter().zip(0..).collect();
        let theirs: BTreeMap<u16, usize> = keys("range", 40).into_iter().zip(0..).collect();
        for low in 0..66 {
            assert!(ours.range(low..).eq(theirs.range(low..)));
            assert!(ours.range(..low).eq(theirs.range(..low)));
            for high in low..66 {
                assert!(ours.range(low..high).eq(theirs.range(low..high)));
                assert!(ours.range(low..=high).eq(theirs.range(low..=high)));
            }
        }
        assert_eq!(ours.range((Bound::Included(9), Bound::Excluded(3))).count(), 0);
    }

    #[test]
    fn a_set_keeps_each_key_once_and_in_order() {
        let (mut ours, mut theirs) = (SortedSet::new(), BTreeSet::new());
        for key in keys("set", 300) {
            assert_eq!(ours.insert(key), theirs.insert(key));
        }
        for key in keys("gone", 30) {
            assert_eq!(ours.remove(&key), theirs.remove(&key));
        }
        assert_eq!(ours.first(), theirs.first());
        assert!(ours.into_iter().eq(theirs));
    }
}
