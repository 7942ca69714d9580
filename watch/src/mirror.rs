//! A copy of a range of keys, and what is different from it.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::{KeyRange, Revision};

/// A value, and the revision that wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The octets.
    pub value: Bytes,
    /// The revision of the last write of the key, also of one that wrote the same octets.
    pub revision: Revision,
}

/// A key with its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// What stands there.
    pub entry: Entry,
}

/// A difference: a key has another value now, or none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The key.
    pub key: Bytes,
    /// What stands there now; `None` when the key is gone.
    pub entry: Option<Entry>,
}

/// A copy of a range of keys.
///
/// Octets are copied in, so that no message of the network lives longer than it is looked at.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    entries: BTreeMap<Bytes, Entry>,
}

impl Mirror {
    /// What stands at a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All keys in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Entry)> {
        self.entries.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes over a write. Returns the difference, if the octets are others than before.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8], revision: Revision) -> Option<Change> {
        if let Some(known) = self.entries.get_mut(key).filter(|known| known.value == value) {
            known.revision = revision;
            return None;
        }
        let change = put_of(key, value, revision);
        self.apply(&change);
        Some(change)
    }

    /// Takes over a deletion. Returns the difference, if there was something to delete.
    pub(crate) fn delete(&mut self, key: &[u8]) -> Option<Change> {
        let (key, _) = self.entries.remove_entry(key)?;
        Some(Change { key, entry: None })
    }

    /// Takes over a difference.
    pub(crate) fn apply(&mut self, change: &Change) {
        match &change.entry {
            Some(entry) => drop(self.entries.insert(change.key.clone(), entry.clone())),
            None => drop(self.entries.remove(&change.key)),
        }
    }

    /// Appends to `staged` how a part of a list differs from this copy. `listed` holds everything that the store has in the
    /// range, in the order of the keys. Keys whose octets are the same get their new revision at once.
    pub(crate) fn compare(&mut self, range: &KeyRange, listed: &[KeyValue], staged: &mut Vec<Change>) {
        let end = range.to().map_or(Bound::Unbounded, Bound::Excluded);
        let mut known = self.entries.range_mut::<Bytes, _>((Bound::Included(range.from()), end)).peekable();
        for KeyValue { key, entry } in listed {
            while let Some((gone, _)) = known.next_if(|(known, _)| *known < key) {
                staged.push(Change { key: gone.clone(), entry: None });
            }
            match known.next_if(|(known, _)| *known == key) {
                Some((_, same)) if same.value == entry.value => same.revision = entry.revision,
                Some(_) | None => staged.push(put_of(key, &entry.value, entry.revision)),
            }
        }
        staged.extend(known.map(|(gone, _)| Change { key: gone.clone(), entry: None }));
    }
}

fn put_of(key: &[u8], value: &[u8], revision: Revision) -> Change {
    let entry = Entry { value: Bytes::copy_from_slice(value), revision };
    Change { key: Bytes::copy_from_slice(key), entry: Some(entry) }
}

#[cfg(test)]
mod tests {
    use super::{Change, Entry, KeyValue, Mirror};
    use crate::{KeyRange, Revision};

    fn key_value(key: &'static str, value: &'static str, revision: u64) -> KeyValue {
        KeyValue { key: key.into(), entry: Entry { value: value.into(), revision: Revision(revision) } }
    }

    fn described(changes: &[Change]) -> Vec<String> {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let one = |change: &Change| match &change.entry {
            Some(entry) => format!("{}={}@{}", text(&change.key), text(&entry.value), entry.revision.0),
            None => format!("{} gone", text(&change.key)),
        };
        changes.iter().map(one).collect()
    }

    #[test]
    fn a_write_of_the_same_octets_is_no_difference() {
        let mut mirror = Mirror::default();
        assert!(mirror.put(b"a", b"1", Revision(1)).is_some());
        assert_eq!(mirror.put(b"a", b"1", Revision(7)), None);
        assert_eq!(mirror.get(b"a").map(|entry| entry.revision), Some(Revision(7)));
        assert!(mirror.delete(b"a").is_some());
        assert_eq!(mirror.delete(b"a"), None);
    }

    #[test]
    fn a_list_differs_by_what_is_new_other_or_gone() {
        let mut mirror = Mirror::default();
        for (key, value) in [("a", "1"), ("b", "1"), ("c", "1"), ("e", "1"), ("x", "1")] {
            mirror.put(key.as_bytes(), value.as_bytes(), Revision(1));
        }
        let mut staged = Vec::new();
        let range = KeyRange::of_prefix("");
        let listed = [key_value("b", "1", 1), key_value("c", "2", 5), key_value("d", "1", 6)];
        mirror.compare(&range, &listed, &mut staged);
        assert_eq!(described(&staged), ["a gone", "c=2@5", "d=1@6", "e gone", "x gone"]);
    }
}
