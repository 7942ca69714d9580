//! A kernel's links, routes and next hop objects as a value, which refuses, forgets and flushes as Linux
//! does.
//!
//! The daemon's requests are decoded from their octets, and its own changes are not echoed. Changes by others
//! cause notices as in Linux: IPv4 routes that are removed with their links, addresses or objects do not
//! cause any.

mod exchange;
mod held_route;
mod link;
mod links;
mod object;
mod objects;
mod requests;
mod routes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_fib::{Dump, Notice};

pub use exchange::{Exchange, Mishaps};
use held_route::Held;
use link::Link;
use object::Object;
pub use routes::UsedHops;

/// See the [crate].
#[derive(Clone, Debug, Default)]
pub struct KernelModel {
    links: BTreeMap<u32, Link>,
    routes: BTreeMap<(u32, Prefix), Vec<Held>>,
    objects: BTreeMap<u32, Object>,
    notices: VecDeque<Notice>,
    /// Whether notices were lost since they were taken last.
    overrun: bool,
    /// Gateways that are refused, whatever the routes say.
    refused: BTreeSet<IpAddr>,
    /// Whether IPv6 routes that are removed with their link cause no message either.
    silent_ipv6: bool,
    /// Whether the kernel is older than next hop objects.
    without_objects: bool,
}

/// Originator of a change: the daemon is not notified of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    Daemon,
    Others,
}

impl KernelModel {
    /// A kernel with a loopback interface.
    #[must_use]
    pub fn new() -> Self {
        let mut kernel = Self::default();
        kernel.links.insert(1, Link::loopback());
        kernel
    }

    /// Sets whether IPv6 routes that are removed with their link cause no message
    /// (`skip_notify_on_dev_down`).
    pub fn set_silent_ipv6(&mut self, silent: bool) {
        self.silent_ipv6 = silent;
    }

    /// Makes the kernel one without next hop objects.
    pub fn set_without_objects(&mut self) {
        self.without_objects = true;
    }

    /// Sets whether a gateway is refused from now on. Routes over it stay.
    pub fn set_refused(&mut self, gateway: IpAddr, refused: bool) {
        if refused {
            self.refused.insert(gateway);
        } else {
            self.refused.remove(&gateway);
        }
    }

    /// Whether a gateway is refused whatever the routes say.
    #[must_use]
    pub fn is_refused(&self, gateway: IpAddr) -> bool {
        self.refused.contains(&gateway)
    }

    /// Whether there are notices.
    #[must_use]
    pub fn has_notices(&self) -> bool {
        self.overrun || !self.notices.is_empty()
    }

    /// Changes by others since the last call, and whether some notices were lost.
    pub fn take_notices(&mut self) -> (Vec<Notice>, bool) {
        (self.notices.drain(..).collect(), std::mem::take(&mut self.overrun))
    }

    /// Loses all notices that have not been taken.
    pub fn lose_notices(&mut self) {
        self.overrun |= !self.notices.is_empty();
        self.notices.clear();
    }

    /// Everything of a kind; `None` if the kernel does not know the kind.
    #[must_use]
    pub fn dump(&self, dump: Dump) -> Option<Vec<Notice>> {
        Some(match dump {
            Dump::Links => self.dump_links(),
            Dump::Addresses => self.dump_addresses(),
            Dump::Objects if self.without_objects => return None,
            Dump::Objects => self.dump_objects(),
            Dump::Ipv4Routes => self.dump_routes(true),
            Dump::Ipv6Routes => self.dump_routes(false),
        })
    }

    fn tell(&mut self, cause: Cause, notice: Notice) {
        if cause == Cause::Others {
            self.notices.push_back(notice);
        }
    }
}

/// Why a request is refused: the error number, and the kernel's words.
pub type Refused = (i32, &'static str);
