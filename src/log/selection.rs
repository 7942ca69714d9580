//! The selection of log lines, which can be changed while the daemon runs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Filter};

/// Selects lines: by a filter of levels, and lines of level debug about some peers.
#[derive(Debug)]
pub(super) struct Selection {
    text: String,
    levels: EnvFilter,
    /// The peers whose lines of level debug are logged as well.
    peers: BTreeSet<String>,
}

impl Selection {
    /// Selects by a filter in the syntax of [`EnvFilter`]; parts that are not valid are left out.
    pub(super) fn new(filter: &str) -> Self {
        Self { text: filter.to_owned(), levels: EnvFilter::new(filter), peers: BTreeSet::new() }
    }

    /// The filter.
    pub(super) fn filter(&self) -> &str {
        &self.text
    }

    /// The peers whose lines of level debug are logged as well.
    pub(super) fn peers(&self) -> impl Iterator<Item = &String> {
        self.peers.iter()
    }

    /// Selects by another filter.
    ///
    /// # Errors
    ///
    /// What is not valid in it; the present one stays.
    pub(super) fn set_filter(&mut self, filter: &str) -> Result<(), String> {
        self.levels = EnvFilter::try_new(filter).map_err(|error| {
            format!(
                "{filter:?} is neither a level (error, warn, info, debug, trace) nor a filter such as \
                 \"info,margay::peer=debug\": {error}"
            )
        })?;
        filter.clone_into(&mut self.text);
        Ok(())
    }

    /// Logs the lines of level debug about a peer, or no longer.
    pub(super) fn set_peer(&mut self, peer: &str, is_debugged: bool) {
        if is_debugged {
            self.peers.insert(peer.to_owned());
        } else {
            self.peers.remove(peer);
        }
    }

    fn may_be_of_a_peer(&self, metadata: &Metadata<'_>) -> bool {
        !self.peers.is_empty() && *metadata.level() <= Level::DEBUG && metadata.fields().field(PEER).is_some()
    }
}

/// A [`Selection`] that the log and operators share. (`reload::Layer` does not pass on the question about single lines.)
#[derive(Clone, Debug)]
pub(super) struct SharedSelection(Arc<RwLock<Selection>>);

impl SharedSelection {
    pub(super) fn new(selection: Selection) -> Self {
        Self(Arc::new(RwLock::new(selection)))
    }

    /// The selection, for a look.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Selection> {
        // A selection is valid after a panic as well.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the selection, and has all places in the program that log ask it again.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Selection) -> T) -> T {
        let result = change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
        tracing::callsite::rebuild_interest_cache();
        result
    }
}

impl<S: Subscriber> Filter<S> for SharedSelection {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        let selection = self.read();
        Filter::enabled(&selection.levels, metadata, context) || selection.may_be_of_a_peer(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let selection = self.read();
        if selection.may_be_of_a_peer(metadata) {
            Interest::sometimes()
        } else {
            Filter::<S>::callsite_enabled(&selection.levels, metadata)
        }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        let selection = self.read();
        if Filter::enabled(&selection.levels, event.metadata(), context) {
            return true;
        }
        let mut peer = PeerOf(None);
        event.record(&mut peer);
        peer.0.is_some_and(|peer| selection.peers.contains(&peer))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let selection = self.read();
        let levels = Filter::<S>::max_level_hint(&selection.levels)?;
        Some(if selection.peers.is_empty() { levels } else { levels.max(LevelFilter::DEBUG) })
    }
}

/// The peer that a line is about.
struct PeerOf(Option<String>);

impl Visit for PeerOf {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == PEER {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == PEER {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// The field that names a peer.
const PEER: &str = "peer";

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use tracing::{debug, info, trace};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Layer, fmt};

    use super::*;

    /// Lines that were logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn take(&self) -> Vec<String> {
            let octets = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(octets).unwrap().lines().map(|line| line.trim().to_owned()).collect()
        }
    }

    fn log_some(name: &str) {
        info!(peer = name, "one");
        debug!(peer = %name, "two");
        trace!(peer = name, "three");
        debug!("four");
    }

    #[test]
    fn a_peer_is_debugged_without_the_others() {
        let lines = Lines::default();
        let selection = SharedSelection::new(Selection::new("info"));
        let written = lines.clone();
        let layer = fmt::layer().with_ansi(false).without_time().with_target(false).with_level(false);
        let layer = layer.with_writer(move || written.clone()).with_filter(selection.clone());
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        log_some("tor1");
        assert_eq!(lines.take(), ["one peer=\"tor1\""]);
        selection.change(|selection| selection.set_peer("tor1", true));
        log_some("tor1");
        log_some("tor2");
        assert_eq!(lines.take(), ["one peer=\"tor1\"", "two peer=tor1", "one peer=\"tor2\""]);
        selection.change(|selection| selection.set_peer("tor1", false));
        selection.change(|selection| selection.set_filter("debug").unwrap());
        log_some("tor2");
        assert_eq!(lines.take(), ["one peer=\"tor2\"", "two peer=tor2", "four"]);
        let refused = selection.change(|selection| selection.set_filter("margay=loud"));
        assert!(refused.unwrap_err().contains("loud"));
        log_some("tor2");
        assert_eq!(lines.take().len(), 3, "the former filter stays");
    }
}
