//! Workload endpoints: interfaces of pods and virtual machines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::object::host_endpoint::check_port;
use crate::object::object;
use crate::schema::{Report, record, text};
use crate::value::{Dscp, InterfaceMatch, LooseNetwork, MacAddress, Name, NamedPort, Network, Protocol};

mod name;

pub use self::name::{EndpointName, EndpointNameError};

object! {
    /// An interface of a workload.
    pub struct WorkloadEndpoint { spec: WorkloadEndpointSpec, status: Value }
}

record! {
    /// Whose interface, where, and with which addresses.
    pub struct WorkloadEndpointSpec checked {
        /// The orchestrator, such as `k8s`, `cni` or `openstack`.
        "orchestrator" => orchestrator: Option<Name>,
        /// The workload, for orchestrators other than `k8s` and `cni`.
        "workload" => workload: Option<Name>,
        /// The node.
        "node" => node: Option<Name>,
        /// The container.
        "containerID" => container_id: Option<ContainerId>,
        /// The pod.
        "pod" => pod: Option<Name>,
        /// The interface inside of the workload.
        "endpoint" => endpoint: Option<Name>,
        /// The service account of the pod.
        "serviceAccountName" => service_account_name: Option<Name>,
        /// Its addresses, each with its full length.
        "ipNetworks" => ip_networks: Vec<Network>,
        /// Addresses outside that stand for its own.
        "ipNATs" => ip_nats: Vec<IpNat>,
        /// Its IPv4 gateway.
        "ipv4Gateway" => ipv4_gateway: Option<Ipv4Addr>,
        /// Its IPv6 gateway.
        "ipv6Gateway" => ipv6_gateway: Option<Ipv6Addr>,
        /// Names of profiles, in order.
        "profiles" => profiles: Vec<Name>,
        /// The interface on the node.
        "interfaceName" => interface_name: InterfaceMatch,
        /// The hardware address of the interface inside.
        "mac" => mac: Option<MacAddress>,
        /// Names for ports, and ports of the node that lead to them.
        "ports" => ports: Vec<WorkloadEndpointPort>,
        /// Networks that it may send from, its own addresses aside.
        "allowSpoofedSourcePrefixes" => allow_spoofed_source_prefixes: Vec<LooseNetwork>,
        /// Limits to its traffic.
        "qosControls" => qos_controls: Option<QosControls>,
    }
}

text! {
    /// The identity of a container.
    pub struct ContainerId,
    "the identity of a container: letters, digits and '-', beginning and ending with a letter or digit",
    |id| {
        let is_good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        !id.is_empty() && id.bytes().all(is_good) && !id.starts_with('-') && !id.ends_with('-')
    }
}

record! {
    /// An address outside that stands for one of a workload.
    pub struct IpNat checked {
        /// The workload's address.
        "internalIP" => internal_ip: IpAddr,
        /// The address outside.
        "externalIP" => external_ip: IpAddr,
    }
}

record! {
    /// A name for a port, or a port of the node that leads to it.
    pub struct WorkloadEndpointPort checked {
        /// The name; it may be missing when there is a port of the node.
        "name" => name: Option<NamedPort>,
        /// The protocol: TCP, UDP or SCTP.
        "protocol" => protocol: Protocol,
        /// The number.
        "port" => port: u16,
        /// The port of the node; 0 for none.
        "hostPort" => host_port: u16 = 0,
        /// The address of the node that has the port; all when it is not given.
        "hostIP" => host_ip: Option<Network>,
    }
}

record! {
    /// Limits to the traffic of a workload; 0 for none.
    pub struct QosControls checked {
        /// Bits a second to it.
        "ingressBandwidth" => ingress_bandwidth: i64 = 0,
        /// Bits at once to it.
        "ingressBurst" => ingress_burst: i64 = 0,
        /// Bits a second to it, at the peak.
        "ingressPeakrate" => ingress_peakrate: i64 = 0,
        /// Octets at once to it, at the peak.
        "ingressMinburst" => ingress_minburst: i64 = 0,
        /// Bits a second from it.
        "egressBandwidth" => egress_bandwidth: i64 = 0,
        /// Bits at once from it.
        "egressBurst" => egress_burst: i64 = 0,
        /// Bits a second from it, at the peak.
        "egressPeakrate" => egress_peakrate: i64 = 0,
        /// Octets at once from it, at the peak.
        "egressMinburst" => egress_minburst: i64 = 0,
        /// Packets a second to it.
        "ingressPacketRate" => ingress_packet_rate: i64 = 0,
        /// Packets at once to it.
        "ingressPacketBurst" => ingress_packet_burst: i64 = 0,
        /// Packets a second from it.
        "egressPacketRate" => egress_packet_rate: i64 = 0,
        /// Packets at once from it.
        "egressPacketBurst" => egress_packet_burst: i64 = 0,
        /// Connections to it.
        "ingressMaxConnections" => ingress_max_connections: i64 = 0,
        /// Connections from it.
        "egressMaxConnections" => egress_max_connections: i64 = 0,
        /// The code point of its packets.
        "dscp" => dscp: Option<Dscp>,
    }
}

impl IpNat {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.internal_ip.is_ipv4() != self.external_ip.is_ipv4() {
            report.problem("externalIP", "is not of the family of internalIP");
        }
    }
}

impl WorkloadEndpointPort {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        check_port(self.protocol, self.port, report);
        if self.name.is_none() && self.host_port == 0 {
            report.problem("name", "is missing; without it there must be a hostPort");
        }
    }
}

impl QosControls {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        const KILO: i64 = 1_000;
        const PETA: i64 = 1_000_000_000_000_000;
        let ranges = [
            ("ingressBandwidth", self.ingress_bandwidth, KILO, PETA),
            ("ingressBurst", self.ingress_burst, KILO, 34_359_738_360),
            ("ingressPeakrate", self.ingress_peakrate, 1_010, PETA / 100 * 101),
            ("ingressMinburst", self.ingress_minburst, KILO, 100_000_000),
            ("egressBandwidth", self.egress_bandwidth, KILO, PETA),
            ("egressBurst", self.egress_burst, KILO, 34_359_738_360),
            ("egressPeakrate", self.egress_peakrate, 1_010, PETA / 100 * 101),
            ("egressMinburst", self.egress_minburst, KILO, 100_000_000),
            ("ingressPacketRate", self.ingress_packet_rate, 1, 10_000),
            ("ingressPacketBurst", self.ingress_packet_burst, 1, 10_000),
            ("egressPacketRate", self.egress_packet_rate, 1, 10_000),
            ("egressPacketBurst", self.egress_packet_burst, 1, 10_000),
            ("ingressMaxConnections", self.ingress_max_connections, 1, i64::from(u32::MAX)),
            ("egressMaxConnections", self.egress_max_connections, 1, i64::from(u32::MAX)),
        ];
        for (field, value, min, max) in ranges {
            if value != 0 && !(min..=max).contains(&value) {
                report
                    .problem(field, format!("is {value}; it must be 0 for no limit, or from {min} to {max}"));
            }
        }
    }
}

impl WorkloadEndpointSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        for (index, network) in self.ip_networks.iter().enumerate() {
            if network.prefix_len() != network.max_prefix_len() {
                let message = format!("is {network}; it must be a single address (/32 or /128)");
                report.problem(&format!("ipNetworks[{index}]"), message);
            }
        }
        for (index, nat) in self.ip_nats.iter().enumerate() {
            if !self.ip_networks.iter().any(|network| network.contains(&nat.internal_ip)) {
                let message = format!("is {}, which is not in ipNetworks", nat.internal_ip);
                report.problem(&format!("ipNATs[{index}].internalIP"), message);
            }
        }
    }
}
