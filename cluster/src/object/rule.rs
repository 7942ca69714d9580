//! Rules of policies and profiles: which packets, and what happens to them.

use std::collections::BTreeSet;

use crate::document::quote;
use crate::schema::{Report, choice, record};
use crate::selector::Selector;
use crate::value::{Annotations, Name, Network, Port, Protocol};

record! {
    /// A rule: all that is given must match.
    pub struct Rule checked {
        /// What happens to packets that match.
        "action" => action: Action,
        /// The family; both when it is not given.
        "ipVersion" => ip_version: Option<IpVersion>,
        /// The protocol.
        "protocol" => protocol: Option<Protocol>,
        /// Not this protocol.
        "notProtocol" => not_protocol: Option<Protocol>,
        /// The type and code of ICMP.
        "icmp" => icmp: Option<IcmpFields>,
        /// Not this type and code of ICMP.
        "notICMP" => not_icmp: Option<IcmpFields>,
        /// The sender.
        "source" => source: EntityRule,
        /// The receiver.
        "destination" => destination: EntityRule,
        /// The HTTP request.
        "http" => http: Option<HttpMatch>,
        /// Notes to the rule.
        "metadata" => metadata: Option<RuleMetadata>,
    }
}

choice! {
    /// What happens to a packet.
    pub enum Action {
        /// It passes.
        Allow = "Allow",
        /// It is dropped.
        Deny = "Deny",
        /// It is logged, and the next rule looks at it.
        Log = "Log",
        /// The next tier looks at it, or the profiles after the last tier.
        Pass = "Pass",
    }
}

record! {
    /// Notes to a rule.
    pub struct RuleMetadata {
        /// The notes.
        "annotations" => annotations: Annotations,
    }
}

record! {
    /// The type and code of an ICMP message.
    pub struct IcmpFields checked {
        /// The type, at most 254.
        "type" => icmp_type: Option<u8>,
        /// The code; only with a type.
        "code" => code: Option<u8>,
    }
}

record! {
    /// One end of a packet's way: all that is given must match.
    pub struct EntityRule checked {
        /// Networks, one of which its address is in.
        "nets" => nets: Vec<Network>,
        /// Networks that its address is not in.
        "notNets" => not_nets: Vec<Network>,
        /// Endpoints and network sets, one of which its address belongs to.
        "selector" => selector: Option<Selector>,
        /// Endpoints and network sets that its address does not belong to.
        "notSelector" => not_selector: Option<Selector>,
        /// The namespaces of what `selector` selects.
        "namespaceSelector" => namespace_selector: Option<Selector>,
        /// A service of Kubernetes, to whose endpoints its address belongs.
        "services" => services: Option<ServiceMatch>,
        /// Service accounts of what `selector` selects.
        "serviceAccounts" => service_accounts: Option<ServiceAccountMatch>,
        /// Ports, one of which it has.
        "ports" => ports: Vec<Port>,
        /// Ports that it does not have.
        "notPorts" => not_ports: Vec<Port>,
    }
}

record! {
    /// A service of Kubernetes.
    pub struct ServiceMatch {
        /// The name.
        "name" => name: Option<Name>,
        /// The namespace; that of the policy when it is not given.
        "namespace" => namespace: Option<Name>,
    }
}

record! {
    /// Service accounts: all that is given must match.
    pub struct ServiceAccountMatch {
        /// Names, one of which it has.
        "names" => names: Vec<String>,
        /// Its labels.
        "selector" => selector: Option<Selector>,
    }
}

record! {
    /// HTTP requests: a method and a path that match.
    pub struct HttpMatch checked {
        /// Methods, one of which it has; any when there are none.
        "methods" => methods: Vec<String>,
        /// Paths, one of which it has; any when there are none.
        "paths" => paths: Vec<HttpPath>,
    }
}

record! {
    /// The path of an HTTP request: exactly one field is given.
    pub struct HttpPath checked {
        /// The whole path.
        "exact" => exact: Option<String>,
        /// What the path begins with.
        "prefix" => prefix: Option<String>,
    }
}

/// A version of IP.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl crate::schema::Schema for IpVersion {
    fn decode(node: &crate::document::Node<'_>, decoder: &mut crate::schema::Decoder) -> Option<Self> {
        match crate::schema::integer(node) {
            Some(4) => Some(Self::V4),
            Some(6) => Some(Self::V6),
            _ => {
                decoder.report(node.position, format!("is {}; it must be 4 or 6", node.describe()));
                None
            }
        }
    }

    fn encode(&self) -> serde_json::Value {
        match self {
            Self::V4 => 4.into(),
            Self::V6 => 6.into(),
        }
    }
}

/// Longest lists of an end of a rule.
const MAX_NETS: usize = 256;
const MAX_PORTS: usize = 50;

/// Most methods or paths, and the longest path.
const MAX_HTTP_ITEMS: usize = 20;
const MAX_HTTP_PATH_CHARS: usize = 1024;

impl IcmpFields {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.icmp_type == Some(255) {
            report.problem("type", "is 255; it must be from 0 to 254");
        }
        if self.code.is_some() && self.icmp_type.is_none() {
            report.problem("code", "is given without type");
        }
    }
}

impl EntityRule {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        for (field, selector) in [("selector", &self.selector), ("notSelector", &self.not_selector)] {
            if selector.as_ref().is_some_and(Selector::has_global) {
                report.problem(field, "has global(), which only namespaceSelector may have");
            }
        }
        if self
            .namespace_selector
            .as_ref()
            .is_some_and(|selector| selector.has_global() && !selector.is_global())
        {
            report.problem("namespaceSelector", "has global() together with others; it must stand alone");
        }
        for (field, count, max) in [
            ("nets", self.nets.len(), MAX_NETS),
            ("notNets", self.not_nets.len(), MAX_NETS),
            ("ports", self.ports.len(), MAX_PORTS),
            ("notPorts", self.not_ports.len(), MAX_PORTS),
        ] {
            if count > max {
                report.problem(field, format!("has {count} items; it must have at most {max}"));
            }
        }
        if let Some(services) = &self.services {
            self.check_services(services, report);
        }
    }

    fn check_services(&self, services: &ServiceMatch, report: &mut Report<'_, '_, '_>) {
        if services.name.is_none() {
            report.problem("services.name", "is missing");
        }
        for (given, field) in [
            (self.namespace_selector.is_some(), "namespaceSelector"),
            (self.selector.is_some(), "selector"),
            (self.not_selector.is_some(), "notSelector"),
            (self.service_accounts.is_some(), "serviceAccounts"),
            (!self.nets.is_empty(), "nets"),
            (!self.not_nets.is_empty(), "notNets"),
        ] {
            if given {
                report.problem(field, "cannot be given together with services");
            }
        }
    }
}

impl HttpMatch {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let different: BTreeSet<&String> = self.methods.iter().collect();
        if different.len() != self.methods.len() {
            report.problem("methods", "has a method twice");
        }
        for (field, count) in [("methods", self.methods.len()), ("paths", self.paths.len())] {
            if count > MAX_HTTP_ITEMS {
                report.problem(field, format!("has {count} items; it must have at most {MAX_HTTP_ITEMS}"));
            }
        }
    }
}

impl HttpPath {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let (field, path) = match (&self.exact, &self.prefix) {
            (Some(path), None) => ("exact", path),
            (None, Some(path)) => ("prefix", path),
            _ => return report.problem("", "must have exactly one of exact and prefix"),
        };
        if !path.starts_with('/') || path.contains(['?', ' ', '#']) {
            let message = format!("is {}; it must begin with / and have no '?', '#' and space", quote(path));
            report.problem(field, message);
        }
        if path.chars().count() > MAX_HTTP_PATH_CHARS {
            report.problem(field, format!("is longer than {MAX_HTTP_PATH_CHARS} characters"));
        }
    }
}

impl Rule {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        self.check_ports(report);
        self.check_protocols(report);
        self.check_families(report);
        if self.http.is_some() {
            if self.action != Action::Allow {
                report.problem("http", format!("is given, but action is {}; it must be Allow", self.action));
            }
            if self.protocol.is_some_and(|protocol| !protocol.is(Protocol::Tcp)) {
                report.problem("protocol", "must be TCP, or not given, in a rule with http");
            }
        }
        if self.destination.services.is_some() {
            for (field, ports) in
                [("ports", &self.destination.ports), ("notPorts", &self.destination.not_ports)]
            {
                if !ports.is_empty() {
                    let message = "cannot be given together with services, which have ports of their own";
                    report.problem(&format!("destination.{field}"), message);
                }
            }
        }
    }

    /// Numbers of ports need a protocol that has ports; names bring theirs.
    fn check_ports(&self, report: &mut Report<'_, '_, '_>) {
        for (end, entity) in [("source", &self.source), ("destination", &self.destination)] {
            for (field, ports) in [("ports", &entity.ports), ("notPorts", &entity.not_ports)] {
                let is_wrong = match self.protocol {
                    Some(protocol) => !protocol.has_ports() && !ports.is_empty(),
                    None => ports.iter().any(|port| matches!(port, Port::Range(_))),
                };
                if is_wrong {
                    let message = "is given, but protocol is not TCP, UDP or SCTP";
                    report.problem(&format!("{end}.{field}"), message);
                }
            }
        }
    }

    fn check_protocols(&self, report: &mut Report<'_, '_, '_>) {
        let is = |protocol: Option<Protocol>, wanted: Protocol| {
            protocol.is_some_and(|protocol| protocol.is(wanted))
        };
        let is_icmp = |protocol| is(protocol, Protocol::Icmp) || is(protocol, Protocol::IcmpV6);
        if self.icmp.is_some() && !is_icmp(self.protocol) {
            report.problem("icmp", "is given, but protocol is not ICMP or ICMPv6");
        }
        if self.not_icmp.is_some() && self.protocol.is_some() && !is_icmp(self.protocol) {
            report.problem("notICMP", "is given, but protocol is not ICMP or ICMPv6");
        }
        for (wanted, version) in [(Protocol::Icmp, IpVersion::V4), (Protocol::IcmpV6, IpVersion::V6)] {
            let is_used = is(self.protocol, wanted) || is(self.not_protocol, wanted);
            if is_used && self.ip_version.is_some_and(|given| given != version) {
                let number = crate::schema::Schema::encode(&version);
                report.problem("ipVersion", format!("must be {number} with protocol {wanted}"));
            }
        }
    }

    /// Networks of a rule are of one family, and of that of the rule when it has one.
    fn check_families(&self, report: &mut Report<'_, '_, '_>) {
        let version_of = |net: &Network| if net.addr().is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
        let mut seen = None;
        for (field, nets) in [
            ("source.nets", &self.source.nets),
            ("source.notNets", &self.source.not_nets),
            ("destination.nets", &self.destination.nets),
            ("destination.notNets", &self.destination.not_nets),
        ] {
            for (index, net) in nets.iter().enumerate() {
                let version = version_of(net);
                if self.ip_version.is_some_and(|given| given != version) {
                    report.problem(
                        &format!("{field}[{index}]"),
                        format!("is {net}, which is not of ipVersion"),
                    );
                } else if *seen.get_or_insert(version) != version {
                    let message = format!("is {net}, but other networks of the rule are of the other family");
                    report.problem(&format!("{field}[{index}]"), message);
                }
            }
        }
    }
}
