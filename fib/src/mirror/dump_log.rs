//! Events of routes while a dump is read, to be repeated after it.

use super::dropped::Flush;
use crate::netlink::RouteNotice;

/// Something that happened to routes.
#[derive(Clone, Debug)]
pub(crate) enum RouteEvent {
    Reported(RouteNotice),
    Flushed(Flush),
}

/// The events since a dump began; none are kept without a dump.
#[derive(Debug, Default)]
pub(crate) struct DumpLog {
    events: Option<Vec<RouteEvent>>,
}

impl DumpLog {
    pub(crate) fn begin(&mut self) {
        self.events = Some(Vec::new());
    }

    /// Whether a dump is being read.
    pub(crate) fn is_open(&self) -> bool {
        self.events.is_some()
    }

    /// Number of events since the dump began.
    pub(crate) fn len(&self) -> usize {
        self.events.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn note(&mut self, event: impl FnOnce() -> RouteEvent) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    /// Ends the dump. Returns the events since it began.
    pub(crate) fn end(&mut self) -> Vec<RouteEvent> {
        self.events.take().unwrap_or_default()
    }
}
