//! Links.

use std::net::IpAddr;

use crate::{HardwareAddress, LinkName};

/// A link, as wanted or as seen.
///
/// A property that is `None` in a wanted link may have any value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// What it is. Another kind needs another link.
    pub kind: LinkKind,
    /// Its hardware address.
    pub hardware_address: Option<HardwareAddress>,
    /// The largest packet that it carries, in octets.
    pub mtu_octets: Option<u32>,
    /// Whether it is switched on.
    pub is_up: bool,
}

/// What a link is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkKind {
    /// A VXLAN device.
    Vxlan(Vxlan),
    /// The IPIP device of the namespace, which comes with the kernel's module and cannot be removed.
    Ipip,
    /// A bridge.
    Bridge,
    /// An end of a veth pair. Both ends are created together, which is not done here.
    Veth,
    /// Another kind, by the kernel's name; empty for a physical device.
    Other(String),
}

/// A VXLAN device. None of this can be changed while it exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Vxlan {
    /// The VXLAN network identifier (VNI).
    pub id: u32,
    /// The UDP port.
    pub port: u16,
    /// Source address of outer packets.
    pub local: IpAddr,
    /// The link that outer packets leave by.
    pub parent: Option<LinkName>,
}

impl Link {
    /// Whether a seen link has everything that is wanted.
    #[must_use]
    pub fn is_met_by(&self, seen: &Self) -> bool {
        self.kind == seen.kind
            && self.is_up == seen.is_up
            && self.mtu_octets.is_none_or(|mtu| seen.mtu_octets == Some(mtu))
            && self.hardware_address.is_none_or(|address| seen.hardware_address == Some(address))
    }

    /// Whether it can be created and removed by itself.
    #[must_use]
    pub const fn can_be_created(&self) -> bool {
        match self.kind {
            LinkKind::Vxlan(_) | LinkKind::Bridge => true,
            LinkKind::Ipip | LinkKind::Veth | LinkKind::Other(_) => false,
        }
    }
}
