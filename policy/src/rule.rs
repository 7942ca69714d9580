//! Rules as they are enforced: selectors and named ports replaced by sets, the policy's namespace applied.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use margay_cluster::object::{Action, EntityRule, HttpMatch, IcmpFields, IpVersion, Rule, entity_scope};
use margay_cluster::selector::{Expression, Selector};
use margay_cluster::value::{Port, Protocol};

use crate::packet::End;
use crate::set::{SelectorText, SetKey};

/// A rule: all that is given must match.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveRule {
    /// What happens to packets that match.
    pub action: Action,
    /// The family; both when it is not given.
    pub version: Option<IpVersion>,
    /// The protocol number.
    pub protocol: Option<u8>,
    /// Not this protocol number.
    pub not_protocol: Option<u8>,
    /// The type and code of the family's ICMP.
    pub icmp: Option<IcmpFields>,
    /// Not this type, or not this type and code, of the family's ICMP.
    pub not_icmp: Option<IcmpFields>,
    /// The sender.
    pub source: EndMatch,
    /// The receiver.
    pub destination: EndMatch,
    /// The HTTP request.
    pub http: Option<HttpMatch>,
}

/// One end of a packet's way: all that is given must match.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EndMatch {
    /// Networks, one of which the address is in.
    pub nets: Vec<IpNet>,
    /// Networks that the address is not in.
    pub not_nets: Vec<IpNet>,
    /// Sets, each of which has the address.
    pub sets: Vec<SetKey>,
    /// Sets, none of which has the address.
    pub not_sets: Vec<SetKey>,
    /// Ports, one of which it has.
    pub ports: PortMatch,
    /// Ports that it does not have.
    pub not_ports: PortMatch,
}

/// Ports by number and by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PortMatch {
    /// Numbers.
    pub ranges: Vec<RangeInclusive<u16>>,
    /// Sets of named ports.
    pub named: Vec<SetKey>,
}

impl PortMatch {
    /// Whether no port is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.named.is_empty()
    }
}

impl EndMatch {
    /// Every set that it refers to.
    pub fn set_keys(&self) -> impl Iterator<Item = &SetKey> {
        let named = self.ports.named.iter().chain(&self.not_ports.named);
        self.sets.iter().chain(&self.not_sets).chain(named)
    }

    fn compile(entity: &EntityRule, namespace: Option<&str>, protocol: Option<u8>) -> Self {
        // With both selectors, one endpoint or network set must satisfy both: an address that two of them have is
        // judged by each. Without a positive one, no owner of the address may be selected.
        let (scope, not_selector) = match (entity_scope(entity, namespace), &entity.not_selector) {
            (Some(scope), Some(excluded)) => (Some(except(&scope, excluded)), None),
            (scope, excluded) => (scope, excluded.clone()),
        };
        let scope = scope.map(|selector| SelectorText::of(&selector));
        let named_scope = scope.clone().unwrap_or_else(all);
        let ports = compile_ports(&entity.ports, &named_scope, protocol);
        // Sets of named ports already hold the addresses of the scope only.
        let is_covered = ports.ranges.is_empty() && !ports.named.is_empty();
        let mut sets: Vec<SetKey> =
            scope.filter(|_| !is_covered).map(SetKey::Addresses).into_iter().collect();
        sets.extend(entity.services.as_ref().map(|service| SetKey::Service {
            namespace: service.namespace.as_deref().or(namespace).unwrap_or_default().to_owned(),
            name: service.name.as_deref().unwrap_or_default().to_owned(),
        }));
        let not_selector = not_selector.map(|selector| SelectorText::of(&selector));
        Self {
            nets: entity.nets.iter().map(|network| network.0).collect(),
            not_nets: entity.not_nets.iter().map(|network| network.0).collect(),
            sets,
            not_sets: not_selector.map(SetKey::Addresses).into_iter().collect(),
            ports,
            not_ports: compile_ports(&entity.not_ports, &named_scope, protocol),
        }
    }
}

fn except(scope: &Selector, excluded: &Selector) -> Selector {
    let excluded = Expression::Not(Box::new(excluded.expression().clone()));
    Selector::new(Expression::And(vec![scope.expression().clone(), excluded]))
}

fn all() -> SelectorText {
    SelectorText::of(&Selector::new(Expression::All))
}

fn compile_ports(ports: &[Port], scope: &SelectorText, protocol: Option<u8>) -> PortMatch {
    let mut compiled = PortMatch::default();
    for port in ports {
        match port {
            Port::Range(range) => compiled.ranges.push(range.clone()),
            Port::Named(name) => compiled.named.push(SetKey::NamedPort {
                selector: scope.clone(),
                protocol,
                name: name.clone(),
            }),
        }
    }
    compiled
}

impl ActiveRule {
    /// A rule of a policy of `namespace`, or of one of the cluster or of a profile.
    #[must_use]
    pub fn compile(rule: &Rule, namespace: Option<&str>) -> Self {
        let protocol = rule.protocol.map(Protocol::number);
        Self {
            action: rule.action,
            version: rule.ip_version.or_else(|| family_of(rule.protocol)),
            protocol,
            not_protocol: rule.not_protocol.map(Protocol::number),
            icmp: rule.icmp.clone(),
            not_icmp: rule.not_icmp.clone(),
            source: EndMatch::compile(&rule.source, namespace, protocol),
            destination: EndMatch::compile(&rule.destination, namespace, protocol),
            http: rule.http.clone(),
        }
    }

    /// One end.
    #[must_use]
    pub const fn end(&self, end: End) -> &EndMatch {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }

    /// Every set that the rule refers to.
    #[must_use]
    pub fn set_keys(&self) -> BTreeSet<&SetKey> {
        self.source.set_keys().chain(self.destination.set_keys()).collect()
    }

    /// Whether packets of a family can match, by what the rule says of families: its version, the names ICMP and ICMPv6,
    /// and networks, which exclude the other family even where they are negated.
    #[must_use]
    pub fn is_for(&self, version: IpVersion) -> bool {
        let is_of_family = |network: &IpNet| is_version(network.addr(), version);
        let has_family = |networks: &[IpNet]| networks.is_empty() || networks.iter().any(is_of_family);
        let is_everything = |network: &IpNet| network.prefix_len() == 0 && is_of_family(network);
        let ends = [&self.source, &self.destination];
        self.version.is_none_or(|wanted| wanted == version)
            && ends.iter().all(|end| has_family(&end.nets) && has_family(&end.not_nets))
            && !ends.iter().any(|end| end.not_nets.iter().any(is_everything))
    }
}

/// The family that a protocol's name implies. Its number implies none: 1 can stand in an IPv6 header.
fn family_of(protocol: Option<Protocol>) -> Option<IpVersion> {
    match protocol {
        Some(Protocol::Icmp) => Some(IpVersion::V4),
        Some(Protocol::IcmpV6) => Some(IpVersion::V6),
        _ => None,
    }
}

/// Whether an address is of a family.
pub(crate) const fn is_version(address: IpAddr, version: IpVersion) -> bool {
    matches!((address, version), (IpAddr::V4(_), IpVersion::V4) | (IpAddr::V6(_), IpVersion::V6))
}
