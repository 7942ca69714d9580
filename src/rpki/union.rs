//! The task that joins the payloads of all caches, and hands their changes to the speaker.

use std::collections::BTreeSet;

use margay_rib::PayloadUpdate;
use margay_rpki::{CacheIndex, CacheUnion, PayloadChange};
use tokio::sync::mpsc;

use crate::speaker::{SpeakerHandle, SpeakerRequest};

/// News of one cache.
#[derive(Debug)]
pub(super) enum News {
    /// Its payloads have changed; whether it has any that are not expired.
    Changed(CacheIndex, PayloadChange, bool),
    /// It is not configured any more. What it still sends counts no more.
    Gone(CacheIndex),
}

pub(super) async fn run(mut news: mpsc::Receiver<News>, speaker: SpeakerHandle) {
    let mut union = CacheUnion::default();
    let mut with_data = BTreeSet::new();
    let mut gone = BTreeSet::new();
    while let Some(news) = news.recv().await {
        let had_data = !with_data.is_empty();
        let change = match news {
            News::Changed(cache, ..) if gone.contains(&cache) => continue,
            News::Changed(cache, change, has_data) => {
                if has_data {
                    with_data.insert(cache);
                } else {
                    with_data.remove(&cache);
                }
                union.apply(cache, &change)
            }
            News::Gone(cache) => {
                gone.insert(cache);
                with_data.remove(&cache);
                union.remove(cache)
            }
        };
        let has_data = !with_data.is_empty();
        if has_data != had_data || !change.is_empty() {
            speaker.ask(SpeakerRequest::UpdatePayloads(PayloadUpdate { has_data, change })).await;
        }
    }
}
