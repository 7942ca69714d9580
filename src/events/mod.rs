//! Events for operators, which any number of readers follow at their own pace.
//!
//! The tasks publish into a bounded ring, and never wait. A reader that falls behind by more than the ring holds
//! loses its own oldest events, and learns how many.

mod event;

use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

pub use event::{Event, EventKind};

/// Where events are published.
#[derive(Clone, Debug)]
pub struct EventHub {
    ring: broadcast::Sender<Arc<Event>>,
}

/// A reader of events.
#[derive(Debug)]
pub struct EventReader {
    ring: broadcast::Receiver<Arc<Event>>,
}

/// The next thing that a reader learns.
#[derive(Clone, Debug)]
pub enum Next {
    /// An event.
    Event(Arc<Event>),
    /// This many events are lost to this reader.
    Lost(u64),
    /// The daemon is stopping.
    End,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { ring: broadcast::Sender::new(RING_EVENTS) }
    }
}

impl EventHub {
    /// Publishes an event. Without readers it is not even made.
    pub fn publish(&self, kind: impl FnOnce() -> EventKind) {
        if self.has_readers() {
            let event = Event { at: Instant::now(), kind: kind() };
            // The last reader may have left meanwhile.
            drop(self.ring.send(Arc::new(event)));
        }
    }

    /// Whether anyone reads.
    #[must_use]
    pub fn has_readers(&self) -> bool {
        self.ring.receiver_count() > 0
    }

    /// A reader of the events from now on.
    #[must_use]
    pub fn reader(&self) -> EventReader {
        EventReader { ring: self.ring.subscribe() }
    }
}

impl EventReader {
    /// Waits for the next event, or for the news that some are lost.
    pub async fn next(&mut self) -> Next {
        match self.ring.recv().await {
            Ok(event) => Next::Event(event),
            Err(RecvError::Lagged(events)) => Next::Lost(events),
            Err(RecvError::Closed) => Next::End,
        }
    }
}

/// Events that a reader may be behind.
const RING_EVENTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(number: u64) -> impl FnOnce() -> EventKind {
        move || EventKind::Lost(number)
    }

    fn number(next: &Next) -> u64 {
        match next {
            Next::Event(event) => match event.kind {
                EventKind::Lost(number) => number,
                _ => panic!("{event:?}"),
            },
            _ => panic!("{next:?}"),
        }
    }

    #[tokio::test]
    async fn a_slow_reader_loses_its_own_oldest_events_and_learns_how_many() {
        let hub = EventHub::default();
        hub.publish(|| unreachable!("nobody reads"));
        let (mut slow, mut fast) = (hub.reader(), hub.reader());
        let events = RING_EVENTS as u64 + 10;
        for event in 0..events {
            hub.publish(lost(event));
            assert_eq!(number(&fast.next().await), event);
        }
        assert!(matches!(slow.next().await, Next::Lost(10)));
        assert_eq!(number(&slow.next().await), 10);
        drop(hub);
        for event in 11..events {
            assert_eq!(number(&slow.next().await), event);
        }
        assert!(matches!(slow.next().await, Next::End));
    }
}
