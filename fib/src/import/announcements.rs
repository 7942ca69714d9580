//! What the daemon has been notified of about the kernel's own routes: the ways that they lead, and which are
//! to be announced.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bgp_codec::Prefix;
use margay_forwarding::{KernelRouteView, LinkName, LinkUsability, Way, WayChange};

/// What was reported so far, and the prefixes at which that may be outdated.
#[derive(Default)]
pub(crate) struct Announcements {
    ways: HashMap<Prefix, Way>,
    routes: HashMap<Prefix, KernelRouteView>,
    outdated: BTreeSet<Prefix>,
    /// Prefixes that networks require a route to.
    required: BTreeSet<Prefix>,
    /// The links whose usability is reported, and what was reported last.
    links: BTreeMap<LinkName, Option<bool>>,
    links_outdated: bool,
}

/// A change of a kernel route that is to be announced or that a network requires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelRouteChange {
    /// The prefix.
    pub prefix: Prefix,
    /// The route with the lowest metric; `None` if there is no route any more.
    pub route: Option<KernelRouteView>,
}

impl Announcements {
    /// Notes a change of the foreign routes at the prefix, or of the links that they lead over.
    pub(crate) fn on_changed(&mut self, prefix: Prefix) {
        self.outdated.insert(prefix);
    }

    pub(crate) fn is_required(&self, prefix: Prefix) -> bool {
        self.required.contains(&prefix)
    }

    /// Sets the required prefixes. Returns the newly required ones.
    pub(crate) fn set_required(&mut self, required: BTreeSet<Prefix>) -> Vec<Prefix> {
        let new = required.difference(&self.required).copied().collect();
        self.outdated.extend(self.required.symmetric_difference(&required));
        self.required = required;
        new
    }

    /// Sets the links whose usability is reported.
    pub(crate) fn watch_links(&mut self, links: &BTreeSet<LinkName>) {
        self.links.retain(|link, _| links.contains(link));
        links.iter().for_each(|&link| {
            self.links.entry(link).or_default();
        });
        self.links_outdated = true;
    }

    /// Handles a change of some link.
    pub(crate) fn on_links_changed(&mut self) {
        self.links_outdated |= !self.links.is_empty();
    }

    /// The watched links whose usability is not as reported. `is_usable` has the present state.
    pub(crate) fn poll_links(&mut self, is_usable: impl Fn(LinkName) -> bool) -> Vec<LinkUsability> {
        if !std::mem::take(&mut self.links_outdated) {
            return Vec::new();
        }
        let changed = |(&link, reported): (&LinkName, &mut Option<bool>)| {
            let is_usable = is_usable(link);
            (reported.replace(is_usable) != Some(is_usable)).then_some(LinkUsability { link, is_usable })
        };
        self.links.iter_mut().filter_map(changed).collect()
    }

    /// Whether there may be something to report.
    pub(crate) fn is_outdated(&self) -> bool {
        !self.outdated.is_empty() || self.links_outdated
    }

    /// The changes at up to `limit` prefixes. `look` returns the present state.
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
            if replace(&mut self.routes, prefix, route.clone()) {
                routes.push(KernelRouteChange { prefix, route });
            }
        }
        (ways, routes)
    }
}

/// Sets what has been reported about a prefix. Returns whether it changed.
fn replace<T: Clone + PartialEq>(reported: &mut HashMap<Prefix, T>, prefix: Prefix, now: Option<T>) -> bool {
    let before = match now.clone() {
        Some(now) => reported.insert(prefix, now),
        None => reported.remove(&prefix),
    };
    before != now
}
