//! The two versions of IP, where the kernel treats their routes differently.

use bgp_codec::Prefix;

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Version {
    Ipv4,
    Ipv6,
}

impl Version {
    pub(crate) const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    pub(crate) fn of(prefix: Prefix) -> Self {
        match prefix {
            Prefix::Ipv4(_) => Self::Ipv4,
            Prefix::Ipv6(_) => Self::Ipv6,
        }
    }

    /// Position in [`BOTH`](Self::BOTH).
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Ipv4 => 0,
            Self::Ipv6 => 1,
        }
    }

    /// The metric that a route gets when this one is requested: there are no IPv6 routes of metric 0.
    pub(crate) fn metric(self, metric: u32) -> u32 {
        match (self, metric) {
            (Self::Ipv6, 0) => IP6_RT_PRIO_USER,
            (_, metric) => metric,
        }
    }
}

const IP6_RT_PRIO_USER: u32 = 1024;
