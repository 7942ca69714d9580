//! Sets, chains, rules and maps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use margay_cluster::object::IpVersion;

use crate::evaluator::Stage;
use crate::packet::{Direction, End};
use crate::set::PortMember;

/// A table of rules.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Program {
    /// The named sets.
    pub sets: BTreeMap<String, ProgramSet>,
    /// The chains.
    pub chains: BTreeMap<String, Chain>,
    /// Interfaces and their chains. A packet of an interface that is not in the map is not for the program to allow.
    pub dispatch: BTreeMap<DispatchMap, BTreeMap<String, String>>,
}

/// A named set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProgramSet {
    /// The selector that it stands for.
    pub comment: String,
    /// The members.
    pub elements: SetElements,
}

/// The members of a named set, by what they are: each kind is looked up in another way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SetElements {
    /// Single addresses of a family, in a hash set.
    Addresses(BTreeSet<IpAddr>),
    /// Networks of a family that do not overlap, in an interval set.
    Networks(BTreeSet<IpNet>),
    /// Concatenations of address, protocol and port, in a hash set.
    Ports(BTreeSet<PortMember>),
}

/// A chain without a hook.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// The rules, in order.
    pub rules: Vec<ProgramRule>,
}

/// A rule: what must match, and what happens then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProgramRule {
    /// Matches, in the order in which they are tried. One that reads a field that the packet does not have fails, whether
    /// it is negated or not.
    pub matches: Vec<Match>,
    /// What happens, in order.
    pub statements: Vec<Statement>,
    /// The object and rule that it comes from.
    pub comment: String,
}

/// Something that must be so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// The version of IP.
    Version(IpVersion),
    /// The protocol is one of these, or is not.
    Protocol {
        /// Numbers.
        numbers: Vec<u8>,
        /// Whether it must be none of them.
        is_negated: bool,
    },
    /// An address is in one of these networks, which do not overlap, or is not.
    Networks {
        /// Whose address.
        end: End,
        /// Networks of one family.
        networks: Vec<IpNet>,
        /// Whether it must be in none of them.
        is_negated: bool,
    },
    /// An address is in a named set of addresses or networks, or is not.
    AddressSet {
        /// Whose address.
        end: End,
        /// The set.
        set: String,
        /// Whether it must not be in the set.
        is_negated: bool,
    },
    /// Address, protocol and port are in a named set, or are not. Comes after a match of protocols that have ports.
    PortSet {
        /// Whose address and port.
        end: End,
        /// The set.
        set: String,
        /// Whether they must not be in the set.
        is_negated: bool,
    },
    /// A port is one of these, or is not. Comes after a match of protocols that have ports.
    Port {
        /// Whose port.
        end: End,
        /// The ports.
        ports: Ports,
        /// Whether it must be none of them.
        is_negated: bool,
    },
    /// Type and code of ICMP. Comes after a match of the protocol.
    Icmp {
        /// The type.
        icmp_type: u8,
        /// The code; any when there is none.
        code: Option<u8>,
        /// Whether the type, or the pair of type and code, must be another one.
        is_negated: bool,
    },
    /// Bits of the packet's mark: all of them are set, or none is.
    Mark {
        /// The bits.
        bits: u32,
        /// Whether they are set.
        is_set: bool,
    },
}

/// Ranges of ports that do not overlap, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ports(Vec<RangeInclusive<u16>>);

/// What a rule does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Statement {
    /// Counts packets and octets.
    Count,
    /// Logs the packet.
    Log {
        /// What stands before the packet in the log.
        prefix: String,
    },
    /// Changes bits of the packet's mark.
    Mark {
        /// Bits that are cleared.
        clear: u32,
        /// Bits that are set.
        set: u32,
    },
    /// Goes on in another chain, and comes back.
    Jump(String),
    /// Goes back to the chain that jumped here.
    Return,
    /// Drops the packet.
    Drop,
}

/// Bits of the packet's mark that the program may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Marks {
    /// Set where a rule allows a packet.
    pub accept: u32,
    /// Set where a rule passes a packet to the next tier.
    pub pass: u32,
}

/// Where packets enter.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DispatchMap {
    /// Whether the interfaces are those of host endpoints, and not of workloads.
    pub is_host: bool,
    /// When the packet is judged.
    pub stage: Stage,
    /// The direction, seen from the endpoint.
    pub direction: Direction,
}

impl Ports {
    /// Ranges, merged where they overlap or touch.
    #[must_use]
    pub fn new(ranges: &[RangeInclusive<u16>]) -> Self {
        let mut sorted: Vec<RangeInclusive<u16>> = ranges.to_vec();
        sorted.sort_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u16>> = Vec::new();
        for range in sorted {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Every port.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![0..=u16::MAX])
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.0
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self { accept: 0x0001_0000, pass: 0x0002_0000 }
    }
}
