//! Keys that vanish when their writer does.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use margay_watch::{Backoff, Expected, SwapOutcome};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::jitter::jitter;
use crate::{Client, DatastoreError, api};

/// Keys that stand in the store for as long as this value lives and the store is reached; after that, for the lease's time.
///
/// The lease is renewed at a third of its time. When it was lost, as after a long separation from the store, there is a new one
/// and all keys are written again.
#[derive(Debug)]
pub struct LeasedKeys {
    writes: mpsc::Sender<(Bytes, Option<Bytes>)>,
    task: AbortHandle,
}

impl LeasedKeys {
    /// Keys with leases of this time, in whole seconds.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(client: Client, time: Duration) -> Self {
        // A writer that is faster than the store waits in `set`.
        let (writes, receiver) = mpsc::channel(64);
        let keeper = Keeper { client, time, lease: None, keys: BTreeMap::new(), unwritten: Vec::new() };
        let task = tokio::spawn(keeper.run(receiver)).abort_handle();
        Self { writes, task }
    }

    /// Sets a key, or removes it. Waits while the store is not reached and too many writes wait.
    pub async fn set(&self, key: Bytes, value: Option<Bytes>) {
        if self.writes.send((key, value)).await.is_err() {
            tracing::error!("the task that renews leases has ended");
        }
    }
}

impl Drop for LeasedKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    client: Client,
    time: Duration,
    lease: Option<Granted>,
    /// What is to stand in the store.
    keys: BTreeMap<Bytes, Bytes>,
    /// Keys whose last write has not been carried out.
    unwritten: Vec<Bytes>,
}

#[derive(Clone, Copy)]
struct Granted {
    id: i64,
    /// When it is to be renewed, and when it has ended unless that succeeds.
    renew_at: Instant,
    ends_at: Instant,
}

impl Keeper {
    async fn run(mut self, mut writes: mpsc::Receiver<(Bytes, Option<Bytes>)>) {
        let mut backoff = Backoff::new(Duration::from_millis(200), self.time / 6);
        loop {
            let due = match self.keep().await {
                Ok(due) => {
                    backoff.reset();
                    due
                }
                Err(error) => {
                    tracing::warn!(%error, "keys with a lease cannot be kept in the store");
                    Instant::now() + backoff.next_interval(jitter())
                }
            };
            tokio::select! {
                write = writes.recv() => match write {
                    Some((key, value)) => self.note(key, value),
                    None => return,
                },
                () = tokio::time::sleep_until(due) => (),
            }
        }
    }

    fn note(&mut self, key: Bytes, value: Option<Bytes>) {
        match value {
            Some(value) => drop(self.keys.insert(key.clone(), value)),
            None => drop(self.keys.remove(&key)),
        }
        if !self.unwritten.contains(&key) {
            self.unwritten.push(key);
        }
    }

    /// Does what is due, and returns when the next thing is.
    async fn keep(&mut self) -> Result<Instant, DatastoreError> {
        let lease = match self.lease {
            Some(lease) if Instant::now() < lease.renew_at => lease,
            Some(lease) => self.renew(lease).await?,
            None => self.grant().await?,
        };
        while let Some(key) = self.unwritten.last().cloned() {
            self.write(&key, lease.id).await?;
            self.unwritten.pop();
        }
        Ok(lease.renew_at)
    }

    async fn grant(&mut self) -> Result<Granted, DatastoreError> {
        let seconds = i64::try_from(self.time.as_secs()).unwrap_or(i64::MAX).max(1);
        let request = api::LeaseGrantRequest { ttl: seconds, id: 0 };
        let asked = Instant::now();
        let answer = self.client.call(&request, Connection::grant_lease).await?;
        let lease = self.granted(answer.id, asked);
        self.unwritten = self.keys.keys().chain(&self.unwritten).cloned().collect();
        Ok(lease)
    }

    async fn renew(&mut self, lease: Granted) -> Result<Granted, DatastoreError> {
        let request = api::LeaseKeepAliveRequest { id: lease.id };
        let asked = Instant::now();
        let answer = self.client.call(&request, Connection::renew_lease).await;
        match answer {
            Ok(Some(answer)) if answer.ttl > 0 => Ok(self.granted(lease.id, asked)),
            Ok(_) => {
                self.lease = None;
                self.grant().await
            }
            Err(error) => {
                if Instant::now() >= lease.ends_at {
                    self.lease = None;
                }
                Err(error)
            }
        }
    }

    fn granted(&mut self, id: i64, asked: Instant) -> Granted {
        let lease = Granted { id, renew_at: asked + self.time / 3, ends_at: asked + self.time };
        self.lease = Some(lease);
        lease
    }

    /// Makes the store have what is to stand at a key. The key is this process' own: what others wrote there is replaced.
    async fn write(&self, key: &Bytes, lease: i64) -> Result<(), DatastoreError> {
        let value = self.keys.get(key).cloned();
        for _ in 0..WRITE_ATTEMPTS {
            let current = self.client.get(key).await?;
            let expected = match &current {
                None if value.is_none() => return Ok(()),
                None => Expected::Absent,
                Some(current) => Expected::At(current.stamp),
            };
            match self.client.swap_with_lease(key, expected, value.clone(), lease).await {
                SwapOutcome::Written(_) => return Ok(()),
                SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => (),
                SwapOutcome::Refused(why) => return Err(DatastoreError::Refused(why)),
                SwapOutcome::Unknown(why) => return Err(DatastoreError::Unanswered(why)),
            }
        }
        Err(DatastoreError::Refused("another process keeps writing the same key".to_owned()))
    }
}

const WRITE_ATTEMPTS: u32 = 5;
