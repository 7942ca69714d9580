//! The client as the store of algorithms that are written over [`Store`].

use std::time::Duration;

use bytes::Bytes;
use margay_watch::{Backoff, Current, Expected, KeyRange, KeyValue, Store, StoreError, SwapOutcome};

use crate::jitter::jitter;
use crate::{Client, DatastoreError};

impl Store for Client {
    async fn get(&self, key: &str) -> Result<Option<Current>, StoreError> {
        Self::get(self, key.as_bytes()).await.map_err(store_error)
    }

    async fn list(&self, range: &KeyRange) -> Result<Vec<KeyValue>, StoreError> {
        Self::list(self, range).await.map(|listed| listed.key_values).map_err(store_error)
    }

    async fn swap(&self, key: &str, expected: Expected, value: Option<Bytes>) -> SwapOutcome {
        Self::swap(self, key.as_bytes(), expected, value).await
    }

    async fn pause(&self, attempt: u32) {
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        let interval = (0..attempt.min(16)).map(|_| backoff.next_interval(jitter())).last();
        tokio::time::sleep(interval.unwrap_or_default()).await;
    }
}

fn store_error(error: DatastoreError) -> StoreError {
    StoreError(error.to_string())
}

/// About the time that a write takes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(4);

const LONGEST_PAUSE: Duration = Duration::from_millis(250);
