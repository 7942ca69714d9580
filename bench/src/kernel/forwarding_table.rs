//! The kernel's IPv4 routes: all of them, or the one used for a packet.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, bail};
use bgp_codec::{IpPrefix as _, Ipv4Prefix};

use super::netlink::{NetlinkSocket, attributes, push_attribute, push_message};

/// A view of the main table.
pub(crate) struct ForwardingTable {
    socket: NetlinkSocket,
}

/// A route that a daemon installed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct InstalledRoute {
    pub(crate) prefix: Ipv4Prefix,
    /// Its gateways.
    pub(crate) gateways: Vec<Ipv4Addr>,
}

impl ForwardingTable {
    /// # Errors
    ///
    /// No socket can be opened.
    pub(crate) fn open() -> Result<Self> {
        Ok(Self { socket: NetlinkSocket::open()? })
    }

    /// Whether there is a route to exactly this prefix.
    ///
    /// # Errors
    ///
    /// The kernel does not answer.
    pub(crate) fn has(&mut self, prefix: Ipv4Prefix) -> Result<bool> {
        let answer = self.ask(prefix.address(), RTM_F_FIB_MATCH)?;
        Ok(answer.is_some_and(|answer| answer.route.prefix == prefix))
    }

    /// The gateway for packets of this node to an address; `None` if they would be dropped.
    ///
    /// # Errors
    ///
    /// The kernel does not answer.
    pub(crate) fn gateway_to(&mut self, address: Ipv4Addr) -> Result<Option<Ipv4Addr>> {
        Ok(self.ask(address, 0)?.and_then(|answer| answer.route.gateways.first().copied()))
    }

    /// The interface for packets of this node to an address.
    ///
    /// # Errors
    ///
    /// The kernel does not answer.
    pub(crate) fn interface_to(&mut self, address: Ipv4Addr) -> Result<Option<u32>> {
        Ok(self.ask(address, 0)?.and_then(|answer| answer.interface))
    }

    /// All routes of routing daemons.
    ///
    /// # Errors
    ///
    /// The kernel does not answer.
    pub(crate) fn installed(&mut self) -> Result<Vec<InstalledRoute>> {
        let mut request = Vec::new();
        push_message(&mut request, RTM_GETROUTE, NLM_F_DUMP, |out| {
            out.extend([AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        });
        self.socket.send(&request)?;
        let (mut routes, mut ended) = (Vec::new(), false);
        while !ended {
            self.socket.receive(|message_type, payload| {
                match message_type {
                    NLMSG_DONE => ended = true,
                    NLMSG_ERROR => bail!("the kernel refuses to list its routes"),
                    _ => routes.extend(
                        decode(payload).filter(DecodedRoute::is_of_daemon).map(|decoded| decoded.route),
                    ),
                }
                Ok(())
            })?;
        }
        Ok(routes)
    }

    fn ask(&mut self, address: Ipv4Addr, flags: u32) -> Result<Option<DecodedRoute>> {
        let mut request = Vec::new();
        push_message(&mut request, RTM_GETROUTE, 0, |out| {
            out.extend([AF_INET, 32, 0, 0, 0, 0, 0, 0]);
            out.extend(flags.to_ne_bytes());
            push_attribute(out, RTA_DST, address.octets());
        });
        self.socket.send(&request)?;
        let mut answer = None;
        self.socket.receive(|message_type, payload| {
            // An error means that there is no route, or one that drops packets.
            if message_type == RTM_NEWROUTE {
                answer = Some(decode(payload).context("a route that cannot be read")?);
            }
            Ok(())
        })?;
        Ok(answer)
    }
}

/// Contents of an RTM_NEWROUTE.
struct DecodedRoute {
    route: InstalledRoute,
    table: u32,
    protocol: u8,
    interface: Option<u32>,
}

impl DecodedRoute {
    fn is_of_daemon(&self) -> bool {
        self.table == RT_TABLE_MAIN && self.protocol > RTPROT_STATIC
    }
}

fn decode(payload: &[u8]) -> Option<DecodedRoute> {
    let (header, rest) = payload.split_first_chunk::<RTMSG_OCTETS>()?;
    let [_family, length, _, _, table, protocol, ..] = *header;
    let mut destination = Ipv4Addr::UNSPECIFIED;
    let (mut table, mut gateways, mut interface) = (u32::from(table), Vec::new(), None);
    for (kind, value) in attributes(rest) {
        match kind {
            RTA_DST => destination = address(value)?,
            RTA_GATEWAY => gateways.push(address(value)?),
            RTA_OIF => interface = Some(number(value)?),
            RTA_TABLE => table = number(value)?,
            RTA_MULTIPATH => gateways.extend(multipath(value)),
            _ => {}
        }
    }
    gateways.sort_unstable();
    gateways.dedup();
    let route = InstalledRoute { prefix: Ipv4Prefix::truncating(destination, length), gateways };
    Some(DecodedRoute { route, table, protocol, interface })
}

fn multipath(mut rest: &[u8]) -> Vec<Ipv4Addr> {
    let mut gateways = Vec::new();
    while let Some([length_low, length_high, ..]) = rest.first_chunk::<RTNEXTHOP_OCTETS>() {
        let length = usize::from(u16::from_ne_bytes([*length_low, *length_high]));
        let Some(nested) = rest.get(RTNEXTHOP_OCTETS..length) else { break };
        let found = attributes(nested).filter(|&(kind, _)| kind == RTA_GATEWAY);
        gateways.extend(found.filter_map(|(_, value)| address(value)));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    gateways
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP: u16 = 0x300;
const RTM_F_FIB_MATCH: u32 = 0x2000;
pub(super) const AF_INET: u8 = 2;
const RT_TABLE_MAIN: u32 = 254;
/// Numbers up to this one belong to the kernel, `ip` at boot and operators.
const RTPROT_STATIC: u8 = 4;
const RTMSG_OCTETS: usize = 12;
const RTNEXTHOP_OCTETS: usize = 8;
pub(super) const RTA_DST: u16 = 1;
pub(super) const RTA_OIF: u16 = 4;
pub(super) const RTA_GATEWAY: u16 = 5;
pub(super) const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
