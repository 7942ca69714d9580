//! A store in memory, for tests.

use std::collections::BTreeMap;

use margay_datastore::{Current, Entry, Expected, KeyValue, Revision, Stamp, SwapOutcome};
use serde_json::Value;

use super::store::Store;
use crate::object_error::ObjectError;

/// A concurrent write: its key and what it changes.
type Overtaking = (String, fn(&mut Value));

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryStore {
    values: BTreeMap<String, Current>,
    revision: u64,
    /// How many times something was written by a swap.
    pub(crate) writes: usize,
    overtaking: Option<Overtaking>,
}

impl MemoryStore {
    /// Stores a value as another client would.
    pub(crate) fn put(&mut self, key: &str, value: &Value) {
        self.put_octets(key, value.to_string().into_bytes());
    }

    pub(crate) fn put_octets(&mut self, key: &str, value: Vec<u8>) {
        self.revision += 1;
        let revision = Revision(self.revision);
        let before = self.values.get(key).map(|current| current.stamp);
        let created = before.map_or(revision, |stamp| stamp.created);
        let version = before.map_or(1, |stamp| stamp.version + 1);
        let stamp = Stamp { revision, created, version };
        self.values.insert(key.to_owned(), Current { value: value.into(), stamp });
    }

    pub(crate) fn json(&self, key: &str) -> Value {
        serde_json::from_slice(&self.values[key].value).unwrap()
    }

    pub(crate) fn revision(&self, key: &str) -> u64 {
        self.values[key].stamp.revision.0
    }

    /// Lets another client change the value of a key just before the next swap.
    pub(crate) fn overtake_once(&mut self, key: &str, change: fn(&mut Value)) {
        self.overtaking = Some((key.to_owned(), change));
    }
}

impl Store for MemoryStore {
    fn get(&mut self, key: &str) -> Result<Option<Current>, ObjectError> {
        Ok(self.values.get(key).cloned())
    }

    fn list(&mut self, prefix: &str) -> Result<Vec<KeyValue>, ObjectError> {
        let below = self.values.iter().filter(|(key, _)| key.starts_with(prefix));
        let key_value = |(key, current): (&String, &Current)| KeyValue {
            key: key.clone().into(),
            entry: Entry { value: current.value.clone(), revision: current.stamp.revision },
        };
        Ok(below.map(key_value).collect())
    }

    fn swap(&mut self, key: &str, expected: Expected, value: Option<Vec<u8>>) -> SwapOutcome {
        if let Some((_, change)) = self.overtaking.take_if(|(overtaken, _)| overtaken == key) {
            let mut json = self.json(key);
            change(&mut json);
            self.put(key, &json);
        }
        let current = self.values.get(key).cloned();
        let is_expected = match expected {
            Expected::Absent => current.is_none(),
            Expected::At(stamp) => current.as_ref().is_some_and(|current| current.stamp == stamp),
        };
        if !is_expected {
            return SwapOutcome::Conflict(current);
        }
        self.writes += 1;
        match value {
            Some(value) => self.put_octets(key, value),
            None => drop(self.values.remove(key)),
        }
        SwapOutcome::Written(Revision(self.revision))
    }
}
