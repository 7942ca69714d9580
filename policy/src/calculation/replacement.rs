//! Replacing a value that is there or not by one that is there or not.

use std::collections::BTreeMap;

/// Sets or removes the value of a key, and returns the one before.
pub(super) fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}
