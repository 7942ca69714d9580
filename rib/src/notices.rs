//! Events for the operator's log: routes refused for what they are, and routes that filters log.

use bgp_codec::Prefix;
use margay_filter::{FilterChain, Verdict};

use crate::index::PeerIndex;
use crate::paths::ImportRefusal;

/// A route that did not have the effect that its peer may have intended, reported when this begins, and not
/// repeated while it lasts; or a route that a filter logs, reported at each evaluation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// The peer that announced the route; for a route logged by an export filter, a peer of the filter.
    pub peer: PeerIndex,
    /// The destination.
    pub prefix: Prefix,
    /// The kind of event.
    pub kind: NoticeKind,
}

impl Notice {
    /// A route of a peer that an import filter logs.
    pub(crate) fn logged_on_import(
        peer: PeerIndex,
        prefix: Prefix,
        import: &FilterChain,
        verdict: &Verdict,
    ) -> Self {
        let verdict = import.logged(verdict).unwrap_or_default();
        Self { peer, prefix, kind: NoticeKind::LoggedOnImport(verdict) }
    }
}

/// What happened to a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoticeKind {
    /// Import refused it, not by a filter: such a route should not have been announced.
    Refused(ImportRefusal),
    /// It is too long for the messages of a peer and this number of others, and withheld from them (RFC 4271
    /// §9.2).
    TooLong {
        /// One of the peers.
        peer: PeerIndex,
        /// Number of other peers.
        others: usize,
    },
    /// An import filter logs it. The text has the verdict, and names filter and rule.
    LoggedOnImport(String),
    /// An export filter logs it, which applies to further peers as well.
    LoggedOnExport {
        /// The verdict, with filter and rule.
        verdict: String,
        /// Number of further peers.
        others: usize,
    },
}

/// Notices that have not been polled yet.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    waiting: Vec<Notice>,
    dropped: u64,
}

/// Notices kept until the next poll: further ones are counted and dropped.
const MOST_WAITING: usize = 64;

impl Notices {
    pub(crate) fn add(&mut self, notice: Notice) {
        self.add_with(|| notice);
    }

    /// [`add`](Self::add) for a notice that is only made where there is room.
    pub(crate) fn add_with(&mut self, notice: impl FnOnce() -> Notice) {
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push(notice());
        } else {
            self.dropped += 1;
        }
    }

    /// Returns the notices since the last call, and the number of dropped ones.
    pub(crate) fn take(&mut self) -> (Vec<Notice>, u64) {
        (std::mem::take(&mut self.waiting), std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_are_counted() {
        let mut notices = Notices::default();
        let notice = Notice {
            peer: PeerIndex::LOCAL,
            prefix: "10.0.0.0/8".parse().expect("a prefix"),
            kind: NoticeKind::Refused(ImportRefusal::AsPathLoop),
        };
        (0..MOST_WAITING + 3).for_each(|_| notices.add(notice.clone()));
        let (taken, dropped) = notices.take();
        assert_eq!((taken.len(), dropped), (MOST_WAITING, 3));
        assert_eq!(notices.take(), (Vec::new(), 0));
    }
}
