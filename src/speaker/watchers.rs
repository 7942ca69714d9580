//! Readers of events who watch the best routes to some prefixes.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use bgp_codec::Prefix;
use margay_rib::RouteSelection;

use crate::events::{EventHub, EventKind};
use crate::recording::RecordedRib;

/// Prefixes that a reader watches: for as long as it keeps them.
pub type WatchedPrefixes = Arc<BTreeSet<Prefix>>;

/// All readers who watch.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    readers: Vec<Weak<BTreeSet<Prefix>>>,
}

impl Watchers {
    /// Watches for one more reader. Returns whether there was room for it.
    pub(super) fn add(&mut self, rib: &mut RecordedRib, prefixes: &WatchedPrefixes) -> bool {
        self.forget_gone(rib);
        let has_room = self.readers.len() < MOST_READERS;
        if has_room {
            self.readers.push(Arc::downgrade(prefixes));
            self.watch(rib);
        }
        has_room
    }

    /// Publishes the best routes of some prefixes where they have changed.
    pub(super) fn report(&mut self, rib: &mut RecordedRib, events: &EventHub) {
        if !rib.view().has_watched_changes() {
            return;
        }
        self.forget_gone(rib);
        let (changed, lost) = rib.poll_watched(REPORTED_AT_ONCE);
        for prefix in changed {
            let route = rib.view().routes_to(prefix, RouteSelection::Best).pop();
            events.publish(|| EventKind::BestRoute { prefix, route: route.map(Box::new) });
        }
        if lost > 0 {
            events.publish(|| EventKind::Lost(lost));
        }
    }

    fn forget_gone(&mut self, rib: &mut RecordedRib) {
        let readers = self.readers.len();
        self.readers.retain(|reader| reader.strong_count() > 0);
        if self.readers.len() < readers {
            self.watch(rib);
        }
    }

    fn watch(&self, rib: &mut RecordedRib) {
        let prefixes = self.readers.iter().filter_map(Weak::upgrade);
        rib.watch(&prefixes.flat_map(|prefixes| prefixes.iter().copied().collect::<Vec<_>>()).collect());
    }
}

/// Readers at a time.
const MOST_READERS: usize = 64;

/// Prefixes whose routes are looked up in one turn: a fraction of a millisecond.
const REPORTED_AT_ONCE: usize = 128;

#[cfg(test)]
mod tests {
    use margay_rib::NetworkOptions;

    use super::*;
    use crate::events::Next;
    use crate::speaker::fixtures;

    fn watched(prefix: &str) -> WatchedPrefixes {
        Arc::new(BTreeSet::from([prefix.parse().unwrap()]))
    }

    #[tokio::test]
    async fn changes_are_published_while_a_reader_watches() {
        let (mut rib, events, mut watchers) = (fixtures::rib(), EventHub::default(), Watchers::default());
        let mut reader = events.reader();
        let prefix: Prefix = "10.65.1.0/24".parse().unwrap();
        let prefixes = watched("10.65.0.0/16");
        assert!(watchers.add(&mut rib, &prefixes));
        rib.originate(prefix, NetworkOptions::default());
        rib.originate("10.66.0.0/24".parse().unwrap(), NetworkOptions::default());
        watchers.report(&mut rib, &events);
        rib.stop_originating(prefix);
        watchers.report(&mut rib, &events);
        for is_there in [true, false] {
            let Next::Event(event) = reader.next().await else { panic!("an event") };
            let EventKind::BestRoute { prefix: changed, route } = &event.kind else { panic!("{event:?}") };
            assert_eq!((*changed, route.is_some()), (prefix, is_there));
        }
        rib.originate(prefix, NetworkOptions::default());
        drop(prefixes);
        watchers.report(&mut rib, &events);
        rib.stop_originating(prefix);
        assert!(!rib.view().has_watched_changes(), "nobody watches any more");
    }

    #[test]
    fn there_is_room_for_a_number_of_readers_and_for_others_once_they_leave() {
        let (mut rib, mut watchers) = (fixtures::rib(), Watchers::default());
        let readers: Vec<_> = (0..MOST_READERS).map(|_| watched("10.0.0.0/8")).collect();
        assert!(readers.iter().all(|reader| watchers.add(&mut rib, reader)));
        let late = watched("10.0.0.0/8");
        assert!(!watchers.add(&mut rib, &late));
        drop(readers);
        assert!(watchers.add(&mut rib, &late));
    }
}
