//! A reading of the kernel's state: dumps of one kind after another, which replace the known state.

use crate::{
    mirror::{Mirror, RouteDump},
    netlink::{Dump, Notice, ObjectNotice},
};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Reading {
    /// The routes, in a reading of everything.
    routes: Option<RouteDump>,
    /// The remaining dumps, the present one first.
    left: &'static [Dump],
    /// Whether the present one has been asked for.
    is_asked: bool,
    links: Vec<u32>,
    objects: Vec<ObjectNotice>,
    interrupted: bool,
}

/// What is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    Everything,
    /// Next hop objects only.
    Objects,
}

impl Reading {
    pub(crate) fn begin(scope: Scope, mirror: &mut Mirror) -> Self {
        let (routes, left): (_, &[Dump]) = match scope {
            Scope::Everything => (
                Some(RouteDump::begin(mirror)),
                &[Dump::Links, Dump::Addresses, Dump::Objects, Dump::Ipv4Routes, Dump::Ipv6Routes],
            ),
            Scope::Objects => (None, &[Dump::Objects]),
        };
        Self { routes, left, is_asked: false, links: Vec::new(), objects: Vec::new(), interrupted: false }
    }

    pub(crate) fn is_of_everything(&self) -> bool {
        self.routes.is_some()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether there is a dump to ask for.
    pub(crate) fn has_dump(&self) -> bool {
        !self.is_asked && !self.left.is_empty()
    }

    /// The dump to ask for; returned once.
    pub(crate) fn poll_dump(&mut self) -> Option<Dump> {
        let dump = self.left.first().copied().filter(|_| !self.is_asked)?;
        self.is_asked = true;
        Some(dump)
    }

    /// Handles a message of the present dump.
    pub(crate) fn take(&mut self, notice: Notice, mirror: &mut Mirror) {
        match (self.left.first(), notice) {
            (Some(Dump::Links), Notice::Link(link)) => {
                self.links.push(link.interface);
                mirror.on_notice(Notice::Link(link));
            }
            (Some(Dump::Addresses), notice @ Notice::Address { .. }) => mirror.on_notice(notice),
            (Some(Dump::Objects), Notice::Object(object)) => self.objects.push(object),
            (Some(Dump::Ipv4Routes | Dump::Ipv6Routes), Notice::Route(route)) => {
                if let Some(routes) = &mut self.routes {
                    routes.add(route.route, mirror);
                }
            }
            _ => {}
        }
    }

    /// Handles the end of the present dump. Returns whether it was the last one.
    pub(crate) fn on_dump_end(&mut self, interrupted: bool, mirror: &mut Mirror) -> bool {
        self.interrupted |= interrupted;
        match self.left.first() {
            // Addresses come after links.
            Some(Dump::Links) => self.remove_other_links(mirror),
            // Objects that are missing from the dump may exist nevertheless, so it is repeated.
            Some(Dump::Objects) if interrupted => mirror.doubts.on_object_contradiction(),
            Some(Dump::Objects) => {
                mirror.doubts.take_objects_suspicion();
                mirror.take_object_dump(std::mem::take(&mut self.objects));
            }
            Some(Dump::Addresses | Dump::Ipv4Routes | Dump::Ipv6Routes) | None => {}
        }
        self.next(mirror)
    }

    /// Handles the refusal of the present dump. Returns whether it is dispensable.
    pub(crate) fn on_dump_refused(&mut self, mirror: &mut Mirror) -> bool {
        if self.left.first() != Some(&Dump::Objects) {
            return false;
        }
        // Routes name their gateways then.
        mirror.with_objects = false;
        self.next(mirror);
        true
    }

    fn next(&mut self, mirror: &mut Mirror) -> bool {
        self.left = self.left.get(1..).unwrap_or_default();
        self.is_asked = false;
        if matches!(self.left.first(), Some(Dump::Ipv4Routes)) {
            // The route dumps that follow resolve every earlier uncertainty.
            mirror.doubts.set_mirror_uncertain(false);
        }
        self.has_ended()
    }

    /// Removes the links that the dump did not contain.
    fn remove_other_links(&self, mirror: &mut Mirror) {
        let gone: Vec<u32> = mirror.links.indexes().filter(|index| !self.links.contains(index)).collect();
        for interface in gone {
            mirror.on_notice(Notice::LinkGone { interface });
        }
        mirror.links.forget_addresses();
    }

    /// Replaces the known routes by those that were read. Returns `false` if these cannot be trusted.
    pub(crate) fn end(self, mirror: &mut Mirror) -> bool {
        if self.interrupted || mirror.dump_log.len() > MESSAGES_DURING_DUMP {
            self.abandon(mirror);
            return false;
        }
        if let Some(routes) = self.routes {
            routes.replace_routes(mirror);
        }
        true
    }

    /// Discards the routes that were read.
    pub(crate) fn abandon(self, mirror: &mut Mirror) {
        if let Some(routes) = self.routes {
            routes.abandon(mirror);
        }
    }
}

/// A dump during which more messages arrive is repeated later.
const MESSAGES_DURING_DUMP: usize = 1 << 18;
