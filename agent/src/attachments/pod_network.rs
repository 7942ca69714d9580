//! The interface of a container, and what is inside its network namespace.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use margay_netlink::netlink_packet_route::RouteNetlinkMessage;
use margay_netlink::netlink_packet_route::address::AddressMessage;
use margay_netlink::netlink_packet_route::link::{LinkAttribute, LinkMessage};
use margay_netlink::netlink_packet_route::neighbour::NeighbourMessage;
use margay_netlink::netlink_packet_route::route::RouteMessage;
use margay_netlink::{
    Decoder, NetworkNamespace, Request, RequestSocket, VethEnd, request_of, veth_request, write_sysctl,
};
use margay_reconcile::{
    Action, HardwareAddress, Key, Link, LinkKind, LinkName, MAIN_TABLE, Notice, Operation, RefusalKind,
    Route, RouteKey, RouteScope, RouteTarget, Seen, Value,
};

/// The gateway of all containers, for which the node answers by proxy ARP. Calico's.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The hardware address of the node's end of each pair. Calico's.
const HOST_ADDRESS: HardwareAddress = HardwareAddress([0xee; 6]);
/// The link-local address that follows from it (RFC 4291, appendix A).
const HOST_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xecee, 0xeeff, 0xfeee, 0xeeee);
/// The protocol number of routes inside: `boot`, as of those that people make.
const PROTOCOL: u8 = 3;

/// The interface of a container.
#[derive(Clone, Debug)]
pub(super) struct PodNetwork {
    /// The path of the container's network namespace.
    pub(super) namespace: PathBuf,
    pub(super) interface: LinkName,
    pub(super) host_interface: LinkName,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) hardware_address: Option<HardwareAddress>,
    pub(super) mtu_octets: Option<u32>,
    pub(super) forwards: bool,
}

/// What was made, or found.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodInterface {
    pub(super) hardware_address: HardwareAddress,
    pub(super) mtu_octets: Option<u32>,
}

impl PodNetwork {
    /// Makes the pair and everything inside. A host interface of the name goes first. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses something, as when the container has an interface of the name already. The pair is gone then.
    pub(super) fn make(&self) -> io::Result<PodInterface> {
        remove_link(&self.host_interface)?;
        let namespace = NetworkNamespace::open(&self.namespace)?;
        let here = VethEnd {
            name: self.host_interface.clone(),
            hardware_address: Some(HOST_ADDRESS),
            mtu_octets: self.mtu_octets,
        };
        let there = VethEnd {
            name: self.interface.clone(),
            hardware_address: self.hardware_address,
            mtu_octets: self.mtu_octets,
        };
        RequestSocket::open()?.request(&veth_request(&here, &there, &namespace)).map_err(|error| {
            io::Error::other(format!("the interface {} cannot be made: {error}", self.interface))
        })?;
        let made = self.furnish_host().and_then(|()| namespace.inside(|| self.furnish_inside())?);
        if made.is_err()
            && let Err(error) = remove_link(&self.host_interface)
        {
            tracing::warn!(interface = %self.host_interface, %error, "not removed");
        }
        made
    }

    /// Removes the pair. It need not be there. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(super) fn remove(
        namespace: Option<&PathBuf>,
        interface: &LinkName,
        host_interface: Option<&LinkName>,
    ) -> io::Result<()> {
        if let Some(host_interface) = host_interface {
            return remove_link(host_interface);
        }
        let Some(namespace) = namespace else { return Ok(()) };
        match NetworkNamespace::open(namespace) {
            Ok(namespace) => namespace.inside(|| remove_link(interface))?,
            // The pair went with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says what is missing inside, or nothing. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be read.
    pub(super) fn missing(&self) -> io::Result<Option<String>> {
        let namespace = match NetworkNamespace::open(&self.namespace) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(format!("the network namespace {}", self.namespace.display())));
            }
            namespace => namespace?,
        };
        namespace.inside(|| {
            let (_, things) = read()?;
            let is_there = |key: &Key, value: &Value| {
                things.iter().any(|seen| &seen.key == key && value.is_met_by(&seen.value))
            };
            let is_up = things.iter().any(|seen| {
                seen.key == Key::Link(self.interface.clone())
                    && matches!(&seen.value, Value::Link(link) if link.is_up)
            });
            if !is_up {
                return Ok(Some(format!("the interface {}, switched on", self.interface)));
            }
            let missing = self.things_inside().into_iter().find(|(key, value)| !is_there(key, value));
            Ok(missing.map(|(key, _)| key.to_string()))
        })?
    }

    /// The node's end needs the link-local address that the container's routes name, at once.
    fn furnish_host(&self) -> io::Result<()> {
        if !self.addresses.iter().any(IpAddr::is_ipv6) {
            return Ok(());
        }
        write_sysctl(&format!("net/ipv6/conf/{}/disable_ipv6", self.host_interface), "0")?;
        write_sysctl(&format!("net/ipv6/conf/{}/accept_dad", self.host_interface), "0")?;
        let address = IpNet::new(HOST_LINK_LOCAL.into(), 64).map_err(io::Error::other)?;
        put(&[(Key::Address(self.host_interface.clone(), address), Value::Address)])
    }

    fn furnish_inside(&self) -> io::Result<PodInterface> {
        write_sysctl("net/ipv4/ip_forward", if self.forwards { "1" } else { "0" })?;
        if self.addresses.iter().any(IpAddr::is_ipv6) {
            for scope in ["all", "default", "lo", self.interface.as_str()] {
                write_sysctl(&format!("net/ipv6/conf/{scope}/disable_ipv6"), "0")?;
            }
            write_sysctl(&format!("net/ipv6/conf/{}/accept_dad", self.interface), "0")?;
            write_sysctl("net/ipv6/conf/all/forwarding", if self.forwards { "1" } else { "0" })?;
        }
        let link = Link { kind: LinkKind::Veth, hardware_address: None, mtu_octets: None, is_up: true };
        put(&[(Key::Link(self.interface.clone()), Value::Link(link))])?;
        put(&self.things_inside())?;
        self.find()
    }

    /// The addresses and routes inside.
    fn things_inside(&self) -> Vec<(Key, Value)> {
        let mut things: Vec<(Key, Value)> = self
            .addresses
            .iter()
            .map(|address| (Key::Address(self.interface.clone(), IpNet::from(*address)), Value::Address))
            .collect();
        if self.addresses.iter().any(IpAddr::is_ipv4) {
            things.push(self.gateway(GATEWAY.into()));
            let gateway = IpNet::from(IpAddr::V4(GATEWAY));
            things.push(self.route(gateway, 0, None, RouteScope::Link));
            let everywhere = IpNet::V4(Ipv4Net::default());
            things.push(self.route(everywhere, 0, Some(GATEWAY.into()), RouteScope::Universe));
        }
        if self.addresses.iter().any(IpAddr::is_ipv6) {
            things.push(self.gateway(HOST_LINK_LOCAL.into()));
            let everywhere = IpNet::V6(Ipv6Net::default());
            things.push(self.route(
                everywhere,
                IPV6_METRIC,
                Some(HOST_LINK_LOCAL.into()),
                RouteScope::Universe,
            ));
        }
        things
    }

    /// The gateway as a permanent neighbour. The node also answers for it, but only while it has a default route itself.
    fn gateway(&self, address: IpAddr) -> (Key, Value) {
        (Key::Neighbour(self.interface.clone(), address), Value::Neighbour(HOST_ADDRESS))
    }

    fn route(
        &self,
        destination: IpNet,
        metric: u32,
        gateway: Option<IpAddr>,
        scope: RouteScope,
    ) -> (Key, Value) {
        let link = self.interface.clone();
        let target = match gateway {
            Some(gateway) => RouteTarget::Gateway { gateway, link, is_onlink: false },
            None => RouteTarget::Link(link),
        };
        let key = RouteKey { table: MAIN_TABLE, destination, metric };
        (Key::Route(key), Value::Route(Route { target, source: None, scope }))
    }

    fn find(&self) -> io::Result<PodInterface> {
        let (_, things) = read()?;
        let link = things.into_iter().find(|seen| seen.key == Key::Link(self.interface.clone()));
        match link.map(|seen| seen.value) {
            Some(Value::Link(link)) => {
                let hardware_address =
                    link.hardware_address.ok_or_else(|| io::Error::other("no hardware address"))?;
                Ok(PodInterface { hardware_address, mtu_octets: link.mtu_octets })
            }
            _ => Err(io::Error::other(format!("the interface {} has gone", self.interface))),
        }
    }
}

/// Writes things in the namespace of this thread.
fn put(things: &[(Key, Value)]) -> io::Result<()> {
    let (decoder, _) = read()?;
    let mut socket = RequestSocket::open()?;
    for (key, value) in things {
        let operation = Operation { key: key.clone(), action: Action::Put(value.clone()) };
        let request = request_of(&operation, &decoder.links, PROTOCOL)
            .ok_or_else(|| io::Error::other(format!("{key} cannot be written")))?;
        let written = request.map_err(io::Error::other).and_then(|request| socket.request(&request));
        written.map_err(|error| io::Error::other(format!("{key}: {error}")))?;
    }
    Ok(())
}

/// Reads links, addresses, neighbours and routes of the namespace of this thread.
fn read() -> io::Result<(Decoder, Vec<Seen>)> {
    let mut socket = RequestSocket::open()?;
    let mut decoder = Decoder::default();
    let mut things = Vec::new();
    for request in [
        RouteNetlinkMessage::GetLink(LinkMessage::default()),
        RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()),
        RouteNetlinkMessage::GetRoute(RouteMessage::default()),
    ] {
        for notice in socket.dump(request)?.messages.iter().flat_map(|message| decoder.decode(message)) {
            if let Notice::There(seen) = notice {
                things.push(seen);
            }
        }
    }
    Ok((decoder, things))
}

/// Removes a link of the namespace of this thread. It need not be there.
fn remove_link(name: &LinkName) -> io::Result<()> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.as_str().to_owned()));
    let request = Request::change(RouteNetlinkMessage::DelLink(message));
    let answers = RequestSocket::open()?.request_all(std::slice::from_ref(&request))?;
    match answers.into_iter().next() {
        Some(Err(refusal)) if refusal.kind != RefusalKind::Gone => Err(io::Error::other(refusal.reason)),
        _ => Ok(()),
    }
}

/// The kernel's metric of IPv6 routes without one.
const IPV6_METRIC: u32 = 1024;
