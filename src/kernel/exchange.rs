//! What the daemon and the kernel thread say to each other.

use std::collections::{BTreeMap, BTreeSet};

use bgp_codec::Prefix;
use margay_fib::{
    FibOptions, FibStatus, FibView, ForeignRoute, KernelRouteChange, NamedHop, PrefixState, StaticWay,
};
use margay_forwarding::{ForwardingChange, Hop, LinkName, LinkUsability, NextHopLoss, WayChange};
use tokio::sync::oneshot;

/// What the kernel thread is started with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelOptions {
    /// Where routes are put, and how.
    pub fib: FibOptions,
    /// How much the kernel may tell before it is read, in octets.
    pub multicast_buffer_octets: usize,
}

impl KernelOptions {
    /// Holds some 30,000 events that arrive while a dump is read. Memory is used only as far as messages wait.
    pub const MULTICAST_BUFFER_OCTETS: usize = 32 * 1024 * 1024;
}

impl From<FibOptions> for KernelOptions {
    fn from(fib: FibOptions) -> Self {
        Self { fib, multicast_buffer_octets: Self::MULTICAST_BUFFER_OCTETS }
    }
}

/// What the daemon asks of the kernel thread.
#[derive(Debug)]
pub enum KernelRequest {
    /// Changes of the wanted state.
    Apply(Vec<ForwardingChange>),
    /// Next hops all of whose routes are about to change, or are not any more.
    NextHops(Vec<NextHopLoss>),
    /// The restart window is over: routes of an earlier run that are not wanted are removed, now and later.
    RemoveStale,
    /// Networks require a route to these prefixes, and to no others.
    Require(BTreeSet<Prefix>),
    /// Static routes lead over these links, and over no others.
    WatchLinks(BTreeSet<LinkName>),
    /// Next hops are resolved by these static routes as well.
    SetStaticWays(BTreeMap<Prefix, StaticWay>),
    /// Asks how far the kernel follows.
    Status(oneshot::Sender<FibStatus>),
    /// Asks what is wanted and held at a prefix.
    Describe(Prefix, oneshot::Sender<Vec<PrefixState>>),
    /// Asks what the kernel's side knows about the routes of a page.
    Look(PageQuestion, oneshot::Sender<PageKnowledge>),
}

/// A question about the routes of a page.
#[derive(Clone, Debug, Default)]
pub struct PageQuestion {
    /// Their next hops, each once.
    pub hops: Vec<Hop>,
    /// Their prefixes.
    pub prefixes: Vec<Prefix>,
}

impl PageQuestion {
    /// The answer of this state.
    #[must_use]
    pub fn answer(&self, fib: FibView<'_>) -> PageKnowledge {
        let knowledge = |&prefix| PrefixKnowledge {
            has_failed: fib.has_failed(prefix),
            foreign: fib.foreign_route(prefix),
        };
        PageKnowledge {
            hops: self.hops.iter().map(|&hop| fib.hops(hop)).collect(),
            prefixes: self.prefixes.iter().map(knowledge).collect(),
        }
    }
}

/// The answer to a [`PageQuestion`], in its order.
#[derive(Clone, Debug, Default)]
pub struct PageKnowledge {
    /// Where packets to each next hop are sent; empty if it is not reachable.
    pub hops: Vec<Vec<NamedHop>>,
    /// What the kernel has at each prefix.
    pub prefixes: Vec<PrefixKnowledge>,
}

/// What the kernel has at a prefix.
#[derive(Clone, Debug)]
pub struct PrefixKnowledge {
    /// Whether it does not hold what is wanted.
    pub has_failed: bool,
    /// The route of another program.
    pub foreign: Option<ForeignRoute>,
}

/// Events that the kernel thread sends to the daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KernelEvent {
    /// Changes of others' routes, from none at the start.
    Routes {
        /// Where they lead.
        ways: Vec<WayChange>,
        /// Those that are to be announced, or that networks require.
        routes: Vec<KernelRouteChange>,
        /// Links that static routes lead over.
        links: Vec<LinkUsability>,
    },
    /// The kernel does not hold what is wanted at a prefix. It is retried without a request; each reason is reported once.
    Failed {
        /// The destination of the route.
        prefix: Prefix,
        /// The kernel's error and its explanation, or what stands in the way.
        reason: String,
    },
}
