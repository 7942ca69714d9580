//! The state of a [`Fib`](crate::Fib), for looks that change nothing.

use bgp_codec::Prefix;
use margay_forwarding::Hop;

use crate::{
    mirror::{FibStatus, ForeignRoute, Mirror, NamedHop, PrefixState},
    options::FibOptions,
    reading::Reading,
};

/// See [`Fib::view`](crate::Fib::view).
#[derive(Clone, Copy)]
pub struct FibView<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) reading: Option<&'a Reading>,
}

impl<'a> FibView<'a> {
    /// Whether there is anything to plan.
    #[must_use]
    pub fn can_plan(&self) -> bool {
        let has_routes = !self.reads_routes() && self.mirror.entries.unsettled().len() > 0;
        !self.mirror.objects.due.is_empty() || has_routes
    }

    /// Whether there is a question to ask at once.
    #[must_use]
    pub fn has_ask(&self) -> bool {
        self.can_plan() || self.reading.is_some_and(Reading::has_dump)
    }

    /// Whether everything is being read. The foreign routes are unknown until that has ended.
    #[must_use]
    pub fn reads_routes(&self) -> bool {
        self.reading.is_some_and(Reading::is_of_everything)
    }

    /// How far the kernel follows what is wanted. It costs the answer, however many routes there are.
    #[must_use]
    pub fn status(&self) -> FibStatus {
        self.mirror.view().status()
    }

    /// The numbers of [`status`](Self::status), found by a look at every prefix: for tests.
    #[must_use]
    pub fn recount(&self) -> FibStatus {
        self.mirror.view().recount()
    }

    /// What is wanted at a prefix and what the kernel holds there, table by table.
    #[must_use]
    pub fn describe(&self, prefix: Prefix) -> Vec<PrefixState> {
        self.mirror.view().describe(prefix)
    }

    /// Where packets to a next hop are sent; empty while it is not reachable.
    #[must_use]
    pub fn hops(&self, hop: Hop) -> Vec<NamedHop> {
        self.mirror.view().named_hops(hop)
    }

    /// The route of another program to exactly this prefix; that with the lowest metric, of several.
    #[must_use]
    pub fn foreign_route(&self, prefix: Prefix) -> Option<ForeignRoute> {
        self.mirror.view().foreign_route(prefix)
    }

    /// Whether the kernel refused what is wanted at a prefix, or something is in the way.
    #[must_use]
    pub fn has_failed(&self, prefix: Prefix) -> bool {
        self.mirror.view().has_failed(prefix)
    }

    /// Number of prefixes with a wanted route that wait to be compared.
    #[must_use]
    pub fn waiting_wishes(&self) -> usize {
        self.mirror.entries.unsettled().wishes_len()
    }

    /// Number of prefixes that wait to be compared.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mirror.entries.unsettled().len()
    }

    /// Whether there are unreported changes of foreign routes.
    #[must_use]
    pub fn has_route_changes(&self) -> bool {
        !self.reads_routes() && self.mirror.announcements.is_outdated()
    }

    /// Whether there is an unreported failure.
    #[must_use]
    pub fn has_failure(&self) -> bool {
        self.mirror.failures.has_unreported()
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &'a FibOptions {
        &self.mirror.options
    }
}
