//! Host endpoints: interfaces of nodes that policy applies to.

use std::net::IpAddr;

use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, record};
use crate::value::{InterfaceMatch, Name, NamedPort, Protocol};

object! {
    /// An interface of a node itself.
    pub struct HostEndpoint { spec: HostEndpointSpec, status: Value }
}

record! {
    /// Which interface, and what is known of it.
    pub struct HostEndpointSpec checked {
        /// The node.
        "node" => node: Option<Name>,
        /// The interface; `*` for the node as a whole.
        "interfaceName" => interface_name: Option<InterfaceMatch>,
        /// Its addresses: the interface is found by them when it has no name here.
        "expectedIPs" => expected_ips: Vec<IpAddr>,
        /// Names of profiles, in order.
        "profiles" => profiles: Vec<Name>,
        /// Names for ports.
        "ports" => ports: Vec<EndpointPort>,
    }
}

record! {
    /// A name for a port.
    pub struct EndpointPort checked {
        /// The name.
        "name" => name: NamedPort,
        /// The protocol: TCP, UDP or SCTP.
        "protocol" => protocol: Protocol,
        /// The number.
        "port" => port: u16,
    }
}

impl HostEndpointSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.node.is_none() {
            report.problem("node", "is missing");
        }
        if self.interface_name.is_none() && self.expected_ips.is_empty() {
            report.problem("interfaceName", "is missing; give it, or expectedIPs");
        }
    }
}

impl EndpointPort {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        check_port(self.protocol, self.port, report);
    }
}

/// Checks what all named ports of endpoints have in common.
pub(super) fn check_port(protocol: Protocol, port: u16, report: &mut Report<'_, '_, '_>) {
    if !protocol.has_ports() {
        report.problem("protocol", format!("is {protocol}, which has no ports; it must be TCP, UDP or SCTP"));
    }
    if port == 0 {
        report.problem("port", "is 0; it must be from 1 to 65535");
    }
}
