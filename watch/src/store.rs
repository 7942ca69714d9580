//! A key/value store as the algorithms over it see it: read, list, compare-and-swap, and waiting for a while.

use std::future::Future;

use bytes::Bytes;

use crate::{Current, Expected, KeyRange, KeyValue, SwapOutcome};

/// A store that several clients write to at the same time.
///
/// Algorithms are written over this trait, so that they run against etcd in a program and against a model in a test, which
/// chooses the order of the requests of several clients and lets any of them fail.
pub trait Store {
    /// Reads one key; `None` when it is absent.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Current>, StoreError>> + Send;

    /// Reads all keys of a range at one revision, in their order.
    fn list(&self, range: &KeyRange) -> impl Future<Output = Result<Vec<KeyValue>, StoreError>> + Send;

    /// Writes a value if what is expected stands at the key, or deletes the key when there is no value.
    fn swap(
        &self,
        key: &str,
        expected: Expected,
        value: Option<Bytes>,
    ) -> impl Future<Output = SwapOutcome> + Send;

    /// Waits before a procedure that lost a race starts again. `attempt` counts from 1; the wait grows with it and varies
    /// randomly.
    fn pause(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

/// The store could not be reached, or refuses a request. Nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
