//! The floor for kernel scenarios: writes routes to the kernel as fast as it accepts them, and does nothing
//! else.

use std::net::Ipv4Addr;

use anyhow::Result;
use bgp_codec::{IpPrefix as _, Ipv4Prefix};

use super::forwarding_table::{
    AF_INET, RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY, RTM_DELROUTE, RTM_NEWROUTE,
};
use super::netlink::{NetlinkSocket, push_attribute, push_message};

/// Installs routes over one gateway in the main table and removes them, 256 messages per send, without
/// acknowledgements: refusals are not detected.
pub(crate) struct Blaster {
    socket: NetlinkSocket,
    gateway: Ipv4Addr,
    interface: u32,
}

impl Blaster {
    /// # Errors
    ///
    /// No socket can be opened.
    pub(crate) fn new(gateway: Ipv4Addr, interface: u32) -> Result<Self> {
        Ok(Self { socket: NetlinkSocket::open()?, gateway, interface })
    }

    /// # Errors
    ///
    /// The kernel does not accept messages.
    pub(crate) fn install(&self, prefixes: &[Ipv4Prefix]) -> Result<()> {
        self.send(prefixes, |out, prefix| {
            push_message(out, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, |out| {
                push_route(out, prefix, RT_SCOPE_UNIVERSE, RTN_UNICAST);
                push_attribute(out, RTA_GATEWAY, self.gateway.octets());
                push_attribute(out, RTA_OIF, self.interface.to_ne_bytes());
            });
        })
    }

    /// # Errors
    ///
    /// The kernel does not accept messages.
    pub(crate) fn remove(&self, prefixes: &[Ipv4Prefix]) -> Result<()> {
        self.send(prefixes, |out, prefix| {
            push_message(out, RTM_DELROUTE, 0, |out| push_route(out, prefix, RT_SCOPE_NOWHERE, 0));
        })
    }

    fn send(&self, prefixes: &[Ipv4Prefix], push: impl Fn(&mut Vec<u8>, Ipv4Prefix)) -> Result<()> {
        let mut messages = Vec::new();
        for chunk in prefixes.chunks(MESSAGES) {
            messages.clear();
            chunk.iter().for_each(|&prefix| push(&mut messages, prefix));
            self.socket.send(&messages)?;
        }
        Ok(())
    }
}

fn push_route(out: &mut Vec<u8>, prefix: Ipv4Prefix, scope: u8, kind: u8) {
    out.extend([AF_INET, prefix.length(), 0, 0, RT_TABLE_MAIN, RTPROT_BGP, scope, kind, 0, 0, 0, 0]);
    push_attribute(out, RTA_DST, prefix.address().octets());
    push_attribute(out, RTA_PRIORITY, METRIC.to_ne_bytes());
}

const MESSAGES: usize = 256;
const METRIC: u32 = 1024;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_EXCL: u16 = 0x200;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BGP: u8 = 186;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_NOWHERE: u8 = 255;
const RTN_UNICAST: u8 = 1;
