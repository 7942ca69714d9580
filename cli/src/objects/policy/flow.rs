//! What is sent: protocol, ports, ICMP type, HTTP request.

use std::fmt;

use margay_cluster::value::Protocol;
use margay_policy::{Judgement, Packet, Request, Transport};

use super::cluster::Cluster;
use super::party::Parties;
use crate::arguments::objects::ExplainConnection;

/// The first packet of a connection, without its addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Flow {
    protocol: Protocol,
    transport: Transport,
    request: Option<Request>,
}

/// What is typed of a flow.
pub(super) struct FlowText<'t> {
    pub(super) protocol: &'t str,
    pub(super) port: Option<u16>,
    pub(super) source_port: Option<u16>,
    pub(super) icmp: Option<&'t str>,
    pub(super) http: Option<&'t str>,
}

/// The sender's port when none is given: one that senders are given, and that rules do not name.
const SOURCE_PORT: u16 = 49_152;

impl Flow {
    pub(super) fn of_arguments(explain: &ExplainConnection) -> Result<Self, String> {
        Self::new(&FlowText {
            protocol: &explain.protocol,
            port: explain.port,
            source_port: explain.source_port,
            icmp: explain.icmp.as_deref(),
            http: explain.http.as_deref(),
        })
    }

    pub(super) fn new(text: &FlowText<'_>) -> Result<Self, String> {
        let protocol = parse_protocol(text.protocol)?;
        let is_icmp = protocol.is(Protocol::Icmp) || protocol.is(Protocol::IcmpV6);
        let transport = match (text.port, text.icmp) {
            (Some(_), _) if !protocol.has_ports() => return Err(format!("{protocol} has no ports")),
            (None, _) if protocol.has_ports() => {
                return Err(format!("the port is missing: {protocol} has ports"));
            }
            (_, Some(_)) if !is_icmp => return Err(format!("{protocol} has no ICMP type")),
            (Some(destination), _) => {
                Transport::Ports { source: text.source_port.unwrap_or(SOURCE_PORT), destination }
            }
            (None, Some(icmp)) => parse_icmp(icmp)?,
            (None, None) if is_icmp => echo_request(protocol),
            (None, None) => Transport::Other,
        };
        if text.http.is_some() && !protocol.is(Protocol::Tcp) {
            return Err(format!("HTTP needs tcp, not {protocol}"));
        }
        Ok(Self { protocol, transport, request: text.http.map(parse_request).transpose()? })
    }

    /// What the endpoints' policies make of it.
    pub(super) fn judge(&self, cluster: &Cluster, parties: &Parties) -> Vec<Judgement> {
        let packet = Packet {
            source: parties.from.address,
            destination: parties.to.address,
            protocol: self.protocol.number(),
            transport: self.transport,
            request: self.request.clone(),
        };
        cluster.wanted().judge_connection(&parties.from, &parties.to, &packet)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.protocol)?;
        match self.transport {
            Transport::Ports { destination, .. } => write!(f, " port {destination}")?,
            Transport::Icmp { icmp_type, code } => write!(f, " type {icmp_type} code {code}")?,
            Transport::Other => {}
        }
        match &self.request {
            Some(Request { method, target }) => write!(f, ", {method} {target}"),
            None => Ok(()),
        }
    }
}

fn parse_protocol(text: &str) -> Result<Protocol, String> {
    let named =
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::UdpLite, Protocol::Icmp, Protocol::IcmpV6];
    let is_it = |protocol: &Protocol| {
        protocol.to_string().eq_ignore_ascii_case(text) || text == protocol.number().to_string()
    };
    let number = || text.parse::<u8>().ok().filter(|&number| number != 0).map(Protocol::Number);
    named.into_iter().find(is_it).or_else(number).ok_or_else(|| {
        format!("the protocol {text} is not tcp, udp, sctp, udplite, icmp, icmpv6 or a number from 1 to 255")
    })
}

fn parse_icmp(text: &str) -> Result<Transport, String> {
    let (icmp_type, code) = text.split_once(':').unwrap_or((text, "0"));
    match (icmp_type.parse(), code.parse()) {
        (Ok(icmp_type), Ok(code)) => Ok(Transport::Icmp { icmp_type, code }),
        _ => Err(format!("{text} is not an ICMP type, such as 8, or type and code, such as 3:1")),
    }
}

/// What ping sends.
fn echo_request(protocol: Protocol) -> Transport {
    let icmp_type = if protocol.is(Protocol::Icmp) { 8 } else { 128 };
    Transport::Icmp { icmp_type, code: 0 }
}

fn parse_request(text: &str) -> Result<Request, String> {
    match text.split_once(':') {
        Some((method, target)) if !method.is_empty() && target.starts_with('/') => {
            Ok(Request { method: method.to_owned(), target: target.to_owned() })
        }
        _ => Err(format!("{text} is not an HTTP request, such as GET:/a")),
    }
}
