//! A place on the segment: a namespace with an address of each family.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use margay_lab::{Attachment, Lab, Namespace, Segment};

use crate::node::Family;
use crate::probe::Identity;

/// A place for a daemon or a probe.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) number: u8,
    pub(crate) asn: u32,
    pub(crate) namespace: Namespace,
    pub(crate) attachment: Attachment,
}

/// The interface to the segment, in every namespace.
pub(crate) const INTERFACE: &str = "eth0";

impl Place {
    pub(super) fn new(lab: &Lab, link: &Segment, number: u8, asn: u32) -> Result<Self> {
        let namespace = lab.namespace(&format!("n{number}"))?;
        let (ipv4, ipv6) = (address(number, Family::Ipv4), address(number, Family::Ipv6));
        let addresses = [format!("{ipv4}/24"), format!("{ipv6}/64"), format!("{}/64", link_local(number))];
        // No other link-local address than ours.
        namespace.inside(|| std::fs::write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"))??;
        let attachment = link.attach(&namespace, INTERFACE, &addresses.each_ref().map(String::as_str))?;
        Ok(Self { number, asn, namespace, attachment })
    }

    /// Its name as a peer.
    pub(crate) fn name(&self) -> String {
        format!("n{}", self.number)
    }

    /// Its BGP identifier.
    pub(crate) fn router_id(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// What a probe there says of itself, with its own AS.
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(self.asn, self.router_id())
    }

    /// Its address of a family.
    pub(crate) fn address(&self, family: Family) -> IpAddr {
        address(self.number, family)
    }

    /// Its link-local address.
    pub(crate) fn link_local(&self) -> IpAddr {
        link_local(self.number)
    }

    /// Whether an address is one of its own.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        address == self.link_local() || Family::ALL.iter().any(|family| self.address(*family) == address)
    }
}

fn link_local(number: u8) -> IpAddr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number.into()).into()
}

/// The address of the place with a number.
fn address(number: u8, family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(172, 16, 0, number).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}
