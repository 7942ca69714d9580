//! A store as a value: revisions, stamps, compare-and-swap, and faults that a test asks for.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use margay_watch::{
    Current, Entry, Expected, KeyRange, KeyValue, Revision, Stamp, Store, StoreError, SwapOutcome,
};

/// What happens instead of a write, or before it: the outcome, or `None` for the write as usual.
pub(crate) type Fault =
    Box<dyn FnMut(&ModelStore, &str, Expected, Option<&Bytes>) -> Option<SwapOutcome> + Send>;

#[derive(Default)]
pub(crate) struct ModelStore {
    contents: Mutex<Contents>,
    fault: Mutex<Option<Fault>>,
}

#[derive(Default)]
struct Contents {
    keys: BTreeMap<String, Current>,
    revision: u64,
}

impl ModelStore {
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Writes or deletes a key, whatever stands there.
    pub(crate) fn put(&self, key: &str, value: Option<&str>) {
        let current = self.read(key);
        let expected = current.map_or(Expected::Absent, |current| Expected::At(current.stamp));
        self.apply(key, expected, value.map(|value| Bytes::copy_from_slice(value.as_bytes())));
    }

    pub(crate) fn read(&self, key: &str) -> Option<Current> {
        self.contents().keys.get(key).cloned()
    }

    #[allow(dead_code, reason = "not every test asks for it")]
    pub(crate) fn revision(&self) -> u64 {
        self.contents().revision
    }

    pub(crate) fn entries(&self, prefix: &str) -> Vec<(String, String)> {
        let contents = self.contents();
        let found = contents.keys.iter().filter(|(key, _)| key.starts_with(prefix));
        found
            .map(|(key, current)| (key.clone(), String::from_utf8_lossy(&current.value).into_owned()))
            .collect()
    }

    pub(crate) fn apply(&self, key: &str, expected: Expected, value: Option<Bytes>) -> SwapOutcome {
        let mut contents = self.contents();
        let current = contents.keys.get(key).cloned();
        let holds = match expected {
            Expected::Absent => current.is_none(),
            Expected::At(stamp) => {
                current.as_ref().is_some_and(|current| current.stamp.revision == stamp.revision)
            }
        };
        if !holds {
            return SwapOutcome::Conflict(current);
        }
        contents.revision += 1;
        let revision = Revision(contents.revision);
        match value {
            Some(value) => {
                let before = current.map(|current| current.stamp);
                let created = before.map_or(revision, |stamp| stamp.created);
                let version = before.map_or(1, |stamp| stamp.version + 1);
                let stamp = Stamp { revision, created, version };
                contents.keys.insert(key.to_owned(), Current { value, stamp });
            }
            None => drop(contents.keys.remove(key)),
        }
        SwapOutcome::Written(revision)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others have their turn.
async fn turn() {
    let mut has_waited = false;
    poll_fn(|_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Store for ModelStore {
    async fn get(&self, key: &str) -> Result<Option<Current>, StoreError> {
        turn().await;
        Ok(self.read(key))
    }

    async fn list(&self, range: &KeyRange) -> Result<Vec<KeyValue>, StoreError> {
        turn().await;
        let contents = self.contents();
        let found = contents.keys.iter().filter(|(key, _)| range.contains(key.as_bytes()));
        Ok(found
            .map(|(key, current)| KeyValue {
                key: key.clone().into_bytes().into(),
                entry: Entry { value: current.value.clone(), revision: current.stamp.revision },
            })
            .collect())
    }

    async fn swap(&self, key: &str, expected: Expected, value: Option<Bytes>) -> SwapOutcome {
        turn().await;
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut fault) = fault {
            let outcome = fault(self, key, expected, value.as_ref());
            let mut slot = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.is_none() {
                *slot = Some(fault);
            }
            drop(slot);
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
        self.apply(key, expected, value)
    }

    async fn pause(&self, _: u32) {
        turn().await;
    }
}
