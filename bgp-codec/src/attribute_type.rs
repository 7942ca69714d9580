//! The type codes of path attributes.

use std::fmt;

use crate::attribute_flags::AttributeFlags;

/// The type code of a path attribute, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttributeType(pub u8);

impl AttributeType {
    /// How the first speaker learned the route (RFC 4271 §5.1.1).
    pub const ORIGIN: Self = Self(1);
    /// The autonomous systems that the route passed (RFC 4271 §5.1.2).
    pub const AS_PATH: Self = Self(2);
    /// Where packets are sent (RFC 4271 §5.1.3).
    pub const NEXT_HOP: Self = Self(3);
    /// The preference among entry points, lower is better (RFC 4271 §5.1.4).
    pub const MULTI_EXIT_DISC: Self = Self(4);
    /// The preference inside the autonomous system, higher is better (RFC 4271 §5.1.5).
    pub const LOCAL_PREF: Self = Self(5);
    /// Aggregation lost a part of the path (RFC 4271 §5.1.6).
    pub const ATOMIC_AGGREGATE: Self = Self(6);
    /// The speaker that formed an aggregate (RFC 4271 §5.1.7).
    pub const AGGREGATOR: Self = Self(7);
    /// RFC 1997.
    pub const COMMUNITIES: Self = Self(8);
    /// The router that brought the route into the autonomous system (RFC 4456 §8).
    pub const ORIGINATOR_ID: Self = Self(9);
    /// The reflection clusters that the route passed (RFC 4456 §8).
    pub const CLUSTER_LIST: Self = Self(10);
    /// Reachable destinations of any family (RFC 4760 §3).
    pub const MP_REACH_NLRI: Self = Self(14);
    /// Withdrawn destinations of any family (RFC 4760 §4).
    pub const MP_UNREACH_NLRI: Self = Self(15);
    /// RFC 4360.
    pub const EXTENDED_COMMUNITIES: Self = Self(16);
    /// The four-octet AS_PATH, as carried through two-octet speakers (RFC 6793 §3).
    pub const AS4_PATH: Self = Self(17);
    /// The four-octet AGGREGATOR, as carried through two-octet speakers (RFC 6793 §3).
    pub const AS4_AGGREGATOR: Self = Self(18);
    /// RFC 6514.
    pub const PMSI_TUNNEL: Self = Self(22);
    /// RFC 9012.
    pub const TUNNEL_ENCAPSULATION: Self = Self(23);
    /// RFC 5701.
    pub const IPV6_EXTENDED_COMMUNITIES: Self = Self(25);
    /// The accumulated metric of an IGP (RFC 7311).
    pub const AIGP: Self = Self(26);
    /// RFC 9552.
    pub const LINK_STATE: Self = Self(29);
    /// RFC 8092.
    pub const LARGE_COMMUNITIES: Self = Self(32);
    /// RFC 9234.
    pub const ONLY_TO_CUSTOMER: Self = Self(35);
    /// RFC 8669.
    pub const PREFIX_SID: Self = Self(40);
    /// RFC 6368.
    pub const ATTR_SET: Self = Self(128);

    /// The Optional and Transitive flags that the attribute's RFC specifies; `None` for a type that is not recognised
    /// here.
    #[inline]
    pub(crate) fn specified_flags(self) -> Option<AttributeFlags> {
        match self {
            Self::ORIGIN | Self::AS_PATH | Self::NEXT_HOP | Self::LOCAL_PREF | Self::ATOMIC_AGGREGATE => {
                Some(AttributeFlags::WELL_KNOWN)
            }
            Self::AGGREGATOR
            | Self::COMMUNITIES
            | Self::EXTENDED_COMMUNITIES
            | Self::AS4_PATH
            | Self::AS4_AGGREGATOR
            | Self::LARGE_COMMUNITIES
            | Self::PMSI_TUNNEL
            | Self::TUNNEL_ENCAPSULATION
            | Self::IPV6_EXTENDED_COMMUNITIES
            | Self::ONLY_TO_CUSTOMER
            | Self::PREFIX_SID
            | Self::ATTR_SET => Some(AttributeFlags::OPTIONAL_TRANSITIVE),
            Self::MULTI_EXIT_DISC
            | Self::ORIGINATOR_ID
            | Self::CLUSTER_LIST
            | Self::MP_REACH_NLRI
            | Self::MP_UNREACH_NLRI
            | Self::AIGP
            | Self::LINK_STATE => Some(AttributeFlags::OPTIONAL_NON_TRANSITIVE),
            _ => None,
        }
    }

    /// Whether the attribute is passed on as the octets received: not recognised, or only checked.
    pub(crate) fn is_carried_as_octets(self) -> bool {
        let is_checked = matches!(
            self,
            Self::PMSI_TUNNEL
                | Self::TUNNEL_ENCAPSULATION
                | Self::IPV6_EXTENDED_COMMUNITIES
                | Self::ONLY_TO_CUSTOMER
                | Self::PREFIX_SID
                | Self::ATTR_SET
        );
        is_checked || self.specified_flags().is_none()
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::ORIGIN => "ORIGIN",
            Self::AS_PATH => "AS_PATH",
            Self::NEXT_HOP => "NEXT_HOP",
            Self::MULTI_EXIT_DISC => "MULTI_EXIT_DISC",
            Self::LOCAL_PREF => "LOCAL_PREF",
            Self::ATOMIC_AGGREGATE => "ATOMIC_AGGREGATE",
            Self::AGGREGATOR => "AGGREGATOR",
            Self::COMMUNITIES => "COMMUNITIES",
            Self::ORIGINATOR_ID => "ORIGINATOR_ID",
            Self::CLUSTER_LIST => "CLUSTER_LIST",
            Self::MP_REACH_NLRI => "MP_REACH_NLRI",
            Self::MP_UNREACH_NLRI => "MP_UNREACH_NLRI",
            Self::EXTENDED_COMMUNITIES => "EXTENDED_COMMUNITIES",
            Self::AS4_PATH => "AS4_PATH",
            Self::AS4_AGGREGATOR => "AS4_AGGREGATOR",
            Self::PMSI_TUNNEL => "PMSI_TUNNEL",
            Self::TUNNEL_ENCAPSULATION => "TUNNEL_ENCAPSULATION",
            Self::IPV6_EXTENDED_COMMUNITIES => "IPV6_EXTENDED_COMMUNITIES",
            Self::AIGP => "AIGP",
            Self::LINK_STATE => "LINK_STATE",
            Self::LARGE_COMMUNITIES => "LARGE_COMMUNITIES",
            Self::ONLY_TO_CUSTOMER => "ONLY_TO_CUSTOMER",
            Self::PREFIX_SID => "PREFIX_SID",
            Self::ATTR_SET => "ATTR_SET",
            _ => return None,
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "attribute type {}", self.0),
        }
    }
}
