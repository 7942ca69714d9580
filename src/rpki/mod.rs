//! Sessions with RPKI caches: their payloads go to the speaker as one set (RFC 8210).

mod session;
mod union;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use margay_config::RpkiCache;
use margay_rpki::CacheIndex;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tracing::error;

pub use self::session::CacheStatus;
use self::union::News;
use crate::speaker::SpeakerHandle;

/// Capacity of the queue of changes. Sessions wait while it is full.
const NEWS_QUEUE: usize = 16;

/// The sessions with all caches.
#[derive(Debug)]
pub(crate) struct RpkiCaches {
    sessions: BTreeMap<RpkiCache, Running>,
    next: CacheIndex,
    news: mpsc::Sender<News>,
}

#[derive(Debug)]
struct Running {
    index: CacheIndex,
    task: AbortHandle,
    status: watch::Receiver<CacheStatus>,
}

impl RpkiCaches {
    /// Without caches.
    pub(crate) fn start(speaker: &SpeakerHandle) -> Self {
        let (news, receiver) = mpsc::channel(NEWS_QUEUE);
        tokio::spawn(union::run(receiver, speaker.clone()));
        Self { sessions: BTreeMap::new(), next: 0, news }
    }

    /// Starts sessions with caches that are new or have other settings, and ends those with others.
    pub(crate) async fn set(&mut self, caches: &[RpkiCache]) {
        let gone: Vec<RpkiCache> =
            self.sessions.keys().filter(|cache| !caches.contains(cache)).copied().collect();
        for &cache in caches {
            if !self.sessions.contains_key(&cache) {
                let (sender, status) = watch::channel(CacheStatus::default());
                let index = self.next;
                self.next += 1;
                let task = tokio::spawn(session::run(cache, index, self.news.clone(), sender));
                self.sessions.insert(cache, Running { index, task: task.abort_handle(), status });
            }
        }
        for cache in gone {
            let Some(running) = self.sessions.remove(&cache) else { continue };
            running.task.abort();
            if self.news.send(News::Gone(running.index)).await.is_err() {
                error!("bug: the union of the caches has ended");
            }
        }
    }

    /// The caches in the order of their addresses.
    pub(crate) fn statuses(&self) -> Vec<(SocketAddr, CacheStatus)> {
        let status =
            |(cache, running): (&RpkiCache, &Running)| (cache.address, running.status.borrow().clone());
        self.sessions.iter().map(status).collect()
    }
}

impl Drop for RpkiCaches {
    fn drop(&mut self) {
        self.sessions.values().for_each(|running| running.task.abort());
    }
}
