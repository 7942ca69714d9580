//! Effect of one UPDATE on an Adj-RIB-In.

use bgp_codec::Ipv4Prefix;

/// The routes that an UPDATE removes and adds, by their places.
#[derive(Debug, Default)]
pub(super) struct RouteChange {
    pub(super) withdrawn: Vec<Mask>,
    /// Routes in the expected form.
    pub(super) right: Vec<Mask>,
    /// Routes with another next hop or other attributes.
    pub(super) wrong: Vec<Mask>,
    /// The first wrong route, for messages.
    pub(super) wrong_example: Option<String>,
    /// Prefixes that no client announced.
    pub(super) foreign: Vec<Ipv4Prefix>,
    pub(super) foreign_withdrawn: Vec<Ipv4Prefix>,
    /// Number of routes that it adds and removes.
    pub(super) routes: u64,
}

/// A subset of 64 adjacent routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mask {
    /// Place of the first route divided by 64.
    pub(super) word: usize,
    pub(super) bits: u64,
}
