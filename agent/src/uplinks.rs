//! The links of the node and their addresses.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use margay_netlink::netlink_packet_route::RouteNetlinkMessage;
use margay_netlink::netlink_packet_route::address::AddressMessage;
use margay_netlink::netlink_packet_route::link::LinkMessage;
use margay_netlink::{Decoder, Listener, RequestSocket};
use margay_reconcile::{Key, LinkName, Notice, Value};
use tokio::sync::watch;

/// The links of the node and their addresses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Uplinks(pub(crate) BTreeMap<LinkName, NodeLink>);

/// A link of the node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct NodeLink {
    pub(crate) is_up: bool,
    pub(crate) mtu_octets: u32,
    pub(crate) addresses: Vec<IpNet>,
}

/// The link by which the node reaches others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Uplink {
    pub(crate) link: LinkName,
    pub(crate) mtu_octets: u32,
}

impl Uplinks {
    /// The link that has an address.
    pub(crate) fn of(&self, address: IpAddr) -> Option<Uplink> {
        let has = |link: &NodeLink| link.addresses.iter().any(|network| network.addr() == address);
        let (name, link) = self.0.iter().find(|(_, link)| has(link))?;
        Some(Uplink { link: name.clone(), mtu_octets: link.mtu_octets })
    }

    /// Reads them.
    ///
    /// # Errors
    ///
    /// When the kernel cannot be read.
    pub(crate) fn read() -> io::Result<Self> {
        let mut socket = RequestSocket::open()?;
        let mut messages = socket.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?.messages;
        messages.extend(socket.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?.messages);
        let mut decoder = Decoder::default();
        let mut links = BTreeMap::new();
        for notice in messages.iter().flat_map(|message| decoder.decode(message)) {
            let Notice::There(seen) = notice else { continue };
            match (seen.key, seen.value) {
                // Workloads come and go, and nothing rests on their links.
                (Key::Link(name), Value::Link(link)) if !name.as_str().starts_with("cali") => {
                    let mtu_octets = link.mtu_octets.unwrap_or_default();
                    let link = NodeLink { is_up: link.is_up, mtu_octets, addresses: Vec::new() };
                    links.insert(name, link);
                }
                (Key::Address(name, address), _) => {
                    if let Some(link) = links.get_mut(&name) {
                        link.addresses.push(address);
                    }
                }
                _ => (),
            }
        }
        Ok(Self(links))
    }

    /// Reads them, and again whenever the kernel reports a change. The task ends with the last receiver.
    ///
    /// # Errors
    ///
    /// When the kernel cannot be read.
    pub(crate) fn follow() -> io::Result<watch::Receiver<Self>> {
        let mut listener =
            Listener::open(&[RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR], LISTENER_OCTETS)?;
        let (sender, receiver) = watch::channel(Self::read()?);
        tokio::spawn(async move {
            while !sender.is_closed() && listener.readable().await.is_ok() {
                if let Err(error) = listener.drain(|_| ()) {
                    tracing::error!(%error, "the links of the node are no longer followed");
                    return;
                }
                match Self::read() {
                    Ok(links) => drop(sender.send_if_modified(|known| {
                        let differs = *known != links;
                        *known = links;
                        differs
                    })),
                    Err(error) => tracing::warn!(%error, "the links of the node cannot be read"),
                }
                // Messages of a burst are read together.
                tokio::time::sleep(BURST).await;
            }
        });
        Ok(receiver)
    }
}

const BURST: Duration = Duration::from_millis(100);
const LISTENER_OCTETS: usize = 1024 * 1024;
const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV6_IFADDR: u32 = 9;
