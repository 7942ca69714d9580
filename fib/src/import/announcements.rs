//! What the daemon is told of the kernel's own routes: where they lead, and which are to be announced.

use std::collections::{BTreeSet, HashMap};

use bgp_codec::Prefix;
use margay_forwarding::{KernelRouteView, Way, WayChange};

/// What was told so far, and the prefixes at which that may be outdated.
#[derive(Default)]
pub(crate) struct Announcements {
    ways: HashMap<Prefix, Way>,
    routes: HashMap<Prefix, KernelRouteView>,
    outdated: BTreeSet<Prefix>,
    /// Prefixes whose routes are asked for by networks that require one.
    required: BTreeSet<Prefix>,
}

/// A change of a route that the daemon is to announce, or that a network requires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KernelRouteChange {
    /// The prefix.
    pub prefix: Prefix,
    /// The route with the lowest metric; `None` when there is none any more.
    pub route: Option<KernelRouteView>,
}

impl Announcements {
    /// Others' routes at the prefix, or the links that they lead over, are not what they were.
    pub(crate) fn on_changed(&mut self, prefix: Prefix) {
        self.outdated.insert(prefix);
    }

    pub(crate) fn is_required(&self, prefix: Prefix) -> bool {
        self.required.contains(&prefix)
    }

    /// Sets which prefixes are required. Answers with those that were not before.
    pub(crate) fn set_required(&mut self, required: BTreeSet<Prefix>) -> Vec<Prefix> {
        let new = required.difference(&self.required).copied().collect();
        self.outdated.extend(self.required.symmetric_difference(&required));
        self.required = required;
        new
    }

    /// Whether there may be something to tell.
    pub(crate) fn is_outdated(&self) -> bool {
        !self.outdated.is_empty()
    }

    /// The changes of up to `limit` prefixes. `look` says how things are now.
    pub(crate) fn poll(
        &mut self,
        limit: usize,
        look: impl Fn(&Self, Prefix) -> (Option<Way>, Option<KernelRouteView>),
    ) -> (Vec<WayChange>, Vec<KernelRouteChange>) {
        let (mut ways, mut routes) = (Vec::new(), Vec::new());
        for _ in 0..limit {
            let Some(prefix) = self.outdated.pop_first() else { break };
            let (way, route) = look(self, prefix);
            if replace(&mut self.ways, prefix, way) {
                ways.push(WayChange { prefix, way });
            }
            if replace(&mut self.routes, prefix, route) {
                routes.push(KernelRouteChange { prefix, route });
            }
        }
        (ways, routes)
    }
}

/// Sets what is told of a prefix. Answers whether that is something else than before.
fn replace<T: Copy + PartialEq>(told: &mut HashMap<Prefix, T>, prefix: Prefix, now: Option<T>) -> bool {
    let before = match now {
        Some(now) => told.insert(prefix, now),
        None => told.remove(&prefix),
    };
    before != now
}
