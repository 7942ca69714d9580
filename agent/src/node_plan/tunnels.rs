//! What the overlay wants, in the kernel's terms.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::value::MacAddress;
use margay_overlay::{Change, Hop, NodeAddresses, Tunnel, TunnelDevice, Wanted};
use margay_reconcile::{
    HardwareAddress, Key, Link, LinkKind, LinkName, MAIN_TABLE, Route, RouteKey, RouteScope, RouteTarget,
    Value, Vxlan,
};

use super::endpoint::ROUTE_METRIC;
use crate::uplinks::{Uplink, Uplinks};

/// What all tunnels and routes rest on besides what the overlay calculates.
#[derive(Clone, Debug, Default)]
pub(super) struct TunnelSettings {
    settings: Settings,
    v4: Option<IpNet>,
    v6: Option<IpNet>,
    uplink_v4: Option<Uplink>,
    uplink_v6: Option<Uplink>,
    has_changed: bool,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Settings {
    id: Option<u32>,
    port: Option<u16>,
    vxlan_mtu: Option<u32>,
    ipip_mtu: Option<u32>,
}

impl TunnelSettings {
    /// Sets the addresses of the node.
    pub(super) fn set_addresses(&mut self, addresses: Option<&NodeAddresses>, uplinks: &Uplinks) {
        self.v4 = addresses.and_then(|addresses| addresses.v4);
        self.v6 = addresses.and_then(|addresses| addresses.v6);
        self.find_uplinks(uplinks);
    }

    /// Finds the links that have the node's addresses.
    pub(super) fn find_uplinks(&mut self, uplinks: &Uplinks) {
        let find = |address: Option<IpNet>| address.and_then(|address| uplinks.of(address.addr()));
        let found = (find(self.v4), find(self.v6));
        if found != (self.uplink_v4.clone(), self.uplink_v6.clone()) {
            (self.uplink_v4, self.uplink_v6) = found;
            self.has_changed = true;
        }
    }

    /// Sets what `FelixConfiguration` says; 0 as MTU stands for the default.
    pub(super) fn set_configuration(
        &mut self,
        id: Option<u32>,
        port: Option<u16>,
        vxlan_mtu: Option<u32>,
        ipip_mtu: Option<u32>,
    ) {
        let given = |mtu: Option<u32>| mtu.filter(|mtu| *mtu != 0);
        let settings = Settings { id, port, vxlan_mtu: given(vxlan_mtu), ipip_mtu: given(ipip_mtu) };
        self.has_changed |= settings != self.settings;
        self.settings = settings;
    }

    /// Whether something has changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Everything that the overlay wants.
    pub(super) fn translate_whole(&self, wanted: &Wanted) -> Vec<(Key, Value)> {
        let devices = wanted.devices.iter().flat_map(|(tunnel, device)| self.device(*tunnel, device));
        let neighbours =
            wanted.neighbours.iter().map(|(key, mac)| Change::Neighbour(key.0, key.1, Some(*mac)));
        let forwarding =
            wanted.forwarding.iter().map(|(key, node)| Change::Forwarding(key.0, key.1, Some(*node)));
        let routes = wanted.routes.iter().map(|(prefix, hop)| Change::Route(*prefix, Some(*hop)));
        let changes = neighbours.chain(forwarding).chain(routes);
        let things = changes.filter_map(|change| self.translate(&change));
        devices.chain(things.filter_map(|(key, value)| Some((key, value?)))).collect()
    }

    /// What one change of the overlay changes; `None` for devices, with which everything changes.
    pub(super) fn translate(&self, change: &Change) -> Option<(Key, Option<Value>)> {
        match change {
            Change::Device(..) => None,
            Change::Neighbour(tunnel, address, mac) => {
                let value = mac.map(|mac| Value::Neighbour(hardware(mac)));
                Some((Key::Neighbour(device_name(*tunnel)?, *address), value))
            }
            Change::Forwarding(tunnel, mac, node) => {
                Some((Key::Forwarding(device_name(*tunnel)?, hardware(*mac)), node.map(Value::Forwarding)))
            }
            Change::Route(prefix, hop) => {
                let key = RouteKey { table: MAIN_TABLE, destination: *prefix, metric: ROUTE_METRIC };
                Some((Key::Route(key), hop.and_then(|hop| self.route(hop)).map(Value::Route)))
            }
        }
    }

    /// A device and its address. Without the link below there is none: outer packets would have nowhere to go.
    fn device(&self, tunnel: Tunnel, device: &TunnelDevice) -> Vec<(Key, Value)> {
        let Some((name, link)) = device_name(tunnel).zip(self.link(tunnel, device)) else {
            return Vec::new();
        };
        let address = (Key::Address(name.clone(), IpNet::from(device.address)), Value::Address);
        vec![(Key::Link(name), Value::Link(link)), address]
    }

    /// The smallest MTU of tunnels and uplinks.
    pub(super) fn workload_mtu(&self, wanted: &Wanted) -> Option<u32> {
        let tunnels =
            wanted.devices.iter().filter_map(|(tunnel, device)| self.link(*tunnel, device)?.mtu_octets);
        let uplinks = self.uplink_v4.iter().chain(&self.uplink_v6).map(|uplink| uplink.mtu_octets);
        tunnels.chain(uplinks).min()
    }

    fn link(&self, tunnel: Tunnel, device: &TunnelDevice) -> Option<Link> {
        let uplink = self.uplink(device.local)?;
        let by_uplink = uplink.mtu_octets.saturating_sub(tunnel.overhead_octets());
        let (kind, mtu) = match tunnel {
            Tunnel::Ipip => (LinkKind::Ipip, self.settings.ipip_mtu),
            Tunnel::VxlanV4 | Tunnel::VxlanV6 => {
                let vxlan = Vxlan {
                    id: self.settings.id.unwrap_or(VXLAN_ID),
                    port: self.settings.port.unwrap_or(VXLAN_PORT),
                    local: device.local,
                    parent: Some(uplink.link.clone()),
                };
                (LinkKind::Vxlan(vxlan), self.settings.vxlan_mtu)
            }
        };
        Some(Link {
            kind,
            hardware_address: device.mac.map(hardware),
            mtu_octets: Some(mtu.unwrap_or(by_uplink)),
            is_up: true,
        })
    }

    fn route(&self, hop: Hop) -> Option<Route> {
        let target = match hop {
            Hop::Vxlan { tunnel, via } => {
                RouteTarget::Gateway { gateway: via, link: device_name(tunnel)?, is_onlink: true }
            }
            Hop::Ipip { via } => {
                RouteTarget::Gateway { gateway: via, link: device_name(Tunnel::Ipip)?, is_onlink: true }
            }
            Hop::Direct { via } => {
                let link = self.uplink(via)?.link.clone();
                RouteTarget::Gateway { gateway: via, link, is_onlink: true }
            }
            Hop::Blackhole => RouteTarget::Blackhole,
        };
        Some(Route { target, source: None, scope: RouteScope::Universe })
    }

    /// The link by which outer packets of a family leave.
    const fn uplink(&self, address: IpAddr) -> Option<&Uplink> {
        if address.is_ipv4() { self.uplink_v4.as_ref() } else { self.uplink_v6.as_ref() }
    }
}

fn device_name(tunnel: Tunnel) -> Option<LinkName> {
    tunnel.device_name().parse().ok()
}

const fn hardware(mac: MacAddress) -> HardwareAddress {
    HardwareAddress(mac.0)
}

/// The VXLAN network identifier. Calico's.
const VXLAN_ID: u32 = 4096;
const VXLAN_PORT: u16 = 4789;
