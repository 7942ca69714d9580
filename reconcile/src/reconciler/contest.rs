//! Things that another program changes again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use margay_timestamp::Timestamp;

use crate::Key;

/// Writes within a window.
const WINDOW: Duration = Duration::from_secs(10);
/// The most writes of one thing within a window.
const MOST: u32 = 100;

/// Counts how many times each thing was written of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Contest(BTreeMap<Key, (Timestamp, u32)>);

impl Contest {
    /// Counts a write. Returns true when the thing was written so many times that it must rest.
    pub(super) fn on_write(&mut self, key: &Key, now: Timestamp) -> bool {
        if self.0.len() > LARGEST {
            self.0.retain(|_, (since, _)| now.since(*since) < WINDOW);
        }
        let (since, writes) = self.0.entry(key.clone()).or_insert((now, 0));
        if now.since(*since) >= WINDOW {
            (*since, *writes) = (now, 0);
        }
        *writes += 1;
        *writes > MOST
    }
}

/// Things that are remembered before old ones are forgotten.
const LARGEST: usize = 10_000;
