//! A watch: its events, and its signs of life.

use margay_timestamp::Timestamp;

use super::message::{WatchEvent, WatchMessage};
use super::options::FollowerOptions;
use crate::{Change, Mirror, Revision};

/// A watch that was asked for, or runs.
#[derive(Debug)]
pub(super) struct Watching {
    /// The revision of the next event; what is older was seen before.
    pub(super) next: Revision,
    /// Events of a batch whose last fragment has not come yet.
    fragments: Vec<WatchEvent>,
    life: Life,
    pub(super) deadline: Timestamp,
}

#[derive(Debug)]
enum Life {
    /// The watch was asked for and not confirmed yet.
    Opening,
    /// There was a message, and nothing is asked.
    Heard,
    /// It was asked for a sign of life.
    Asked,
}

impl Watching {
    pub(super) fn new(from: Revision, deadline: Timestamp) -> Self {
        Self { next: from, fragments: Vec::new(), life: Life::Opening, deadline }
    }

    /// At the deadline: true when a sign of life is to be asked for, false when one was missed.
    pub(super) fn ask_for_life(&mut self, now: Timestamp, options: &FollowerOptions) -> bool {
        let heard = matches!(self.life, Life::Heard);
        if heard {
            self.life = Life::Asked;
            self.deadline = now + options.answer_within;
        }
        heard
    }

    /// Notes that there was a message. Only its confirmation opens a watch.
    pub(super) fn hear(&mut self, now: Timestamp, options: &FollowerOptions, message: &WatchMessage) {
        if message.created || !matches!(self.life, Life::Opening) {
            self.life = Life::Heard;
            self.deadline = now + options.quiet_for;
        }
    }

    /// Takes the events of a message over, and returns what they change.
    ///
    /// A batch comes into force with its last fragment, since fragments are cut inside of transactions. A message of the watch
    /// without events says that there is nothing up to its revision; with events its revision says nothing, because the store
    /// may be ahead of them.
    pub(super) fn take_events(&mut self, mirror: &mut Mirror, message: WatchMessage) -> Vec<Change> {
        if !message.of_watch {
            return Vec::new();
        }
        if message.events.is_empty() && self.fragments.is_empty() && !message.fragment {
            self.next = self.next.max(message.revision.next());
            return Vec::new();
        }
        // A member that lags may begin with events from before the start.
        let unseen = message.events.into_iter().filter(|event| event.revision >= self.next);
        self.fragments.extend(unseen);
        if message.fragment {
            return Vec::new();
        }
        let events = std::mem::take(&mut self.fragments);
        if let Some(last) = events.last() {
            self.next = self.next.max(last.revision.next());
        }
        events.iter().filter_map(|event| take(mirror, event)).collect()
    }
}

fn take(mirror: &mut Mirror, event: &WatchEvent) -> Option<Change> {
    match &event.value {
        Some(value) => mirror.put(&event.key, value, event.revision),
        None => mirror.delete(&event.key),
    }
}
