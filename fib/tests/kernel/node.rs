//! A node with three links whose kernel is a model.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use bgp_codec::{NextHop, Prefix};
use margay_fib::{Fib, FibOptions, RouteTarget};
use margay_forwarding::{Forwarding, ForwardingChange};
use margay_kernel_model::{Exchange, KernelModel, Mishaps};
use margay_timestamp::Timestamp;

/// Use of next hop objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Objects {
    Used,
    /// The operator does not want them.
    Disabled,
    /// The kernel does not support them.
    Unsupported,
}

impl Objects {
    pub(crate) const ALL: [Self; 3] = [Self::Used, Self::Disabled, Self::Unsupported];
}

pub(crate) struct Node {
    pub(crate) kernel: KernelModel,
    fib: Fib,
    exchange: Exchange,
    now: Timestamp,
}

/// Number of links. Link `n` has the addresses 10.0.n.1/24 and fd00:n::1/64.
pub(crate) const LINKS: usize = 3;

pub(crate) const PROTOCOL: u8 = 186;
const TABLE: u32 = 254;

impl Node {
    /// A node with all links up, whose routes of an earlier run have been removed.
    pub(crate) fn start(objects: Objects) -> Self {
        let mut kernel = KernelModel::new();
        if objects == Objects::Unsupported {
            kernel.set_without_objects();
        }
        for link in 0..LINKS {
            kernel.add_link(&format!("link{link}"));
        }
        let mut fib = Fib::new(FibOptions {
            tables: vec![TABLE],
            protocol: PROTOCOL,
            metric: 1024,
            sources: [None, None],
            onlink: Vec::new(),
            imports: Vec::new(),
            nexthop_objects: objects != Objects::Disabled,
            resolve_via_default: false,
        });
        fib.sweep();
        let mut node = Self { kernel, fib, exchange: Exchange::default(), now: Timestamp::START };
        (0..LINKS).for_each(|link| node.add_addresses(link));
        node.settle();
        node
    }

    pub(crate) fn interface(&self, link: usize) -> u32 {
        self.kernel.interface(&format!("link{link}")).expect("links are not deleted")
    }

    /// Adds those addresses of a link that it has lost.
    pub(crate) fn add_addresses(&mut self, link: usize) {
        let interface = self.interface(link);
        for (address, length) in [(own_ipv4(link), 24), (own_ipv6(link), 64)] {
            self.kernel.add_address(interface, address, length);
        }
    }

    /// Wants a route, and does all that is due.
    pub(crate) fn install(&mut self, prefix: &str, gateways: &[&str]) {
        self.want(prefix, gateways);
        self.settle();
    }

    /// Wants a route.
    pub(crate) fn want(&mut self, prefix: &str, gateways: &[&str]) {
        let forwarding = Forwarding::via(gateways.iter().map(|gateway| next_hop(gateway)));
        self.fib.want(&[ForwardingChange { prefix: parsed(prefix), forwarding: Some(forwarding) }]);
    }

    /// Wants no route any more, and does all that is due.
    pub(crate) fn remove(&mut self, prefix: &str) {
        self.fib.want(&[ForwardingChange { prefix: parsed(prefix), forwarding: None }]);
        self.settle();
    }

    /// Handles the kernel's messages, without making requests.
    pub(crate) fn receive(&mut self) {
        Exchange::deliver(&mut self.fib, &mut self.kernel, self.now);
    }

    /// Makes the requests that are due before it handles messages.
    pub(crate) fn ask(&mut self) {
        self.exchange.ask(&mut self.fib, &mut self.kernel, self.now, &mut ());
    }

    /// As [`settle`](Self::settle), with events before each request.
    pub(crate) fn settle_with(&mut self, before_asking: impl FnMut(&mut KernelModel)) {
        let mut events = BeforeAsking(before_asking);
        self.exchange.settle(&mut self.fib, &mut self.kernel, self.now, &mut events);
    }

    /// Wants a route, and does all that is due. Returns whether the kernel has a route to the prefix before each
    /// request.
    pub(crate) fn install_watched(&mut self, prefix: &str, gateways: &[&str]) -> bool {
        self.want(prefix, gateways);
        let mut has_route = true;
        let place = parsed(prefix);
        self.settle_with(|kernel| has_route &= !kernel.routes(TABLE, place).is_empty());
        has_route
    }

    /// Handles messages and makes requests until nothing is left to do at this time.
    pub(crate) fn settle(&mut self) {
        self.exchange.settle(&mut self.fib, &mut self.kernel, self.now, &mut ());
    }

    /// Lets enough time pass for everything that was refused to be requested again.
    pub(crate) fn wait(&mut self) {
        self.pass(Duration::from_secs(150));
    }

    /// Does what is due, and what becomes due in this time.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.settle();
        let end = self.now + time;
        while let Some(at) = self.fib.next_timeout().filter(|at| *at < end) {
            self.now = self.now.max(at);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// The gateways that packets to a prefix are sent to.
    ///
    /// # Panics
    ///
    /// Panics if there are several routes.
    pub(crate) fn used(&self, prefix: &str) -> BTreeSet<IpAddr> {
        let routes = self.kernel.routes(TABLE, parsed(prefix));
        assert!(routes.len() < 2, "{prefix}: {routes:?}");
        routes.into_iter().flat_map(|(_, used)| used).filter_map(|(gateway, _)| gateway).collect()
    }

    /// Number of own routes that the kernel holds, and of those among them that refer to an object.
    pub(crate) fn held(&self) -> (usize, usize) {
        let prefixes = self.kernel.prefixes(TABLE, PROTOCOL);
        let routes = prefixes.iter().flat_map(|&prefix| self.kernel.routes(TABLE, prefix));
        routes.fold((0, 0), |(all, by_object), (shape, _)| {
            (all + 1, by_object + usize::from(matches!(shape.target, RouteTarget::Object(_))))
        })
    }

    /// The numbers of own objects.
    pub(crate) fn objects(&self) -> Vec<u32> {
        self.kernel.objects(PROTOCOL)
    }

    /// Number of routes that are shown as installed, pending and failed.
    pub(crate) fn shown(&self) -> (usize, usize, usize) {
        let status = self.fib.view().status();
        (status.installed, status.pending, status.failed)
    }

    /// The reason that is shown for the failure of a prefix.
    pub(crate) fn reason(&self, prefix: &str) -> Option<String> {
        self.fib.view().describe(parsed(prefix)).into_iter().find_map(|state| state.failure)
    }
}

/// Events before each request.
struct BeforeAsking<F>(F);

impl<F: FnMut(&mut KernelModel)> Mishaps for BeforeAsking<F> {
    fn loses_answers(&mut self) -> bool {
        false
    }

    fn interrupts_dump(&mut self) -> bool {
        false
    }

    fn before_asking(&mut self, kernel: &mut KernelModel) {
        (self.0)(kernel);
    }
}

/// The node's own address on a link.
pub(crate) fn own_ipv4(link: usize) -> IpAddr {
    format!("10.0.{link}.1").parse().expect("an address")
}

fn own_ipv6(link: usize) -> IpAddr {
    format!("fd00:{link}::1").parse().expect("an address")
}

pub(crate) fn addresses<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<IpAddr> {
    texts.into_iter().map(|text| text.parse().expect("an address")).collect()
}

fn next_hop(text: &str) -> NextHop {
    match text.parse().expect("an address") {
        IpAddr::V4(address) => NextHop::Ipv4(address),
        IpAddr::V6(address) => NextHop::Ipv6(address),
    }
}

fn parsed(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}
