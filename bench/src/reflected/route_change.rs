//! What one UPDATE does to an Adj-RIB-In.

use bgp_codec::Ipv4Prefix;

/// The routes that an UPDATE takes away and brings, by their places among all that there are.
#[derive(Debug, Default)]
pub(super) struct RouteChange {
    pub(super) withdrawn: Vec<Mask>,
    /// Routes as they must be.
    pub(super) right: Vec<Mask>,
    /// Routes with another next hop or other attributes than they must have.
    pub(super) wrong: Vec<Mask>,
    /// The first of the wrong ones, for people.
    pub(super) wrong_example: Option<String>,
    /// Prefixes that nobody announced.
    pub(super) foreign: Vec<Ipv4Prefix>,
    pub(super) foreign_withdrawn: Vec<Ipv4Prefix>,
    /// How many routes it brings and takes away.
    pub(super) routes: u64,
}

/// Some of 64 neighbouring routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mask {
    /// The first route's place divided by 64.
    pub(super) word: usize,
    pub(super) bits: u64,
}
