//! Policy as the objects' documentation words it: every question is answered by looking at all objects.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{
    Action, AnyObject, EntityRule, IcmpFields, IpVersion, PolicyType, Rule, TierAction, default_types,
};
use margay_cluster::selector::{Expression, Selector};
use margay_cluster::value::{Name, Port, Protocol};
use margay_policy::{Direction, Outcome, Packet, Stage, Transport};

use crate::world::Objects;

/// The verdict on a packet from or to an endpoint that exists.
pub(crate) fn verdict(
    objects: &Objects,
    endpoint: &ObjectKey,
    stage: Stage,
    direction: Direction,
    packet: &Packet,
) -> Outcome {
    let policies = policies(objects, endpoint, stage, direction);
    let mut last_tier = None;
    for policy in &policies {
        if last_tier == Some(policy.tier) {
            continue;
        }
        last_tier = Some(policy.tier);
        let of_tier: Vec<&Policy<'_>> = policies.iter().filter(|other| other.tier == policy.tier).collect();
        let rules =
            of_tier.iter().flat_map(|policy| policy.rules.iter().map(|rule| (rule, policy.namespace)));
        match decide(objects, rules, packet) {
            Some(Action::Allow) => return Outcome::Allow,
            Some(Action::Deny) => return Outcome::Deny,
            Some(Action::Pass) => {}
            _ => {
                let has_default = matches!(stage, Stage::Normal | Stage::Forward);
                if has_default && policy.default_action == TierAction::Deny {
                    return Outcome::Deny;
                }
            }
        }
    }
    match stage {
        Stage::Normal => after_tiers(objects, endpoint, direction, packet),
        Stage::Forward if policies.is_empty() => Outcome::Allow,
        Stage::Forward => Outcome::Deny,
        Stage::Untracked | Stage::PreDnat => Outcome::Undecided,
    }
}

fn after_tiers(objects: &Objects, endpoint: &ObjectKey, direction: Direction, packet: &Packet) -> Outcome {
    for name in profile_names(&objects[endpoint]) {
        let profile = objects.values().find_map(|object| match object {
            AnyObject::Profile(profile) if profile.metadata.name == *name => Some(profile),
            _ => None,
        });
        let decided = match profile {
            Some(profile) => {
                let rules = if direction == Direction::Ingress {
                    &profile.spec.ingress
                } else {
                    &profile.spec.egress
                };
                decide(objects, rules.iter().map(|rule| (rule, None)), packet)
            }
            None => (name.as_str() == "projectcalico-default-allow").then_some(Action::Allow),
        };
        match decided {
            Some(Action::Allow) => return Outcome::Allow,
            Some(Action::Deny) => return Outcome::Deny,
            _ => {}
        }
    }
    Outcome::Deny
}

/// The action of the first rule that matches and is more than a note.
fn decide<'r>(
    objects: &Objects,
    mut rules: impl Iterator<Item = (&'r Rule, Option<&'r str>)>,
    packet: &Packet,
) -> Option<Action> {
    let decides = |(rule, namespace): &(&Rule, Option<&str>)| {
        rule.action != Action::Log && matches(objects, rule, *namespace, packet)
    };
    rules.find(decides).map(|(rule, _)| rule.action)
}

struct Policy<'o> {
    tier: &'o str,
    tier_order: Option<f64>,
    tier_exists: bool,
    default_action: TierAction,
    order: Option<f64>,
    name: String,
    namespace: Option<&'o str>,
    rules: &'o [Rule],
}

/// The policies for an endpoint's packets of a direction at a stage, sorted.
fn policies<'o>(
    objects: &'o Objects,
    endpoint: &ObjectKey,
    stage: Stage,
    direction: Direction,
) -> Vec<Policy<'o>> {
    let is_host = matches!(objects[endpoint], AnyObject::HostEndpoint(_));
    let labels = labels(objects, &objects[endpoint]);
    let mut found = Vec::new();
    for (key, object) in objects {
        let (ingress, egress, types, tier, order, selected) = match object {
            AnyObject::NetworkPolicy(policy) => {
                let spec = &policy.spec;
                let namespace = key.namespace.clone().unwrap();
                let selected = labels.get("projectcalico.org/namespace") == Some(&namespace)
                    && holds(&spec.selector, &labels)
                    && holds_prefixed(
                        &spec.service_account_selector,
                        "pcsa.",
                        "projectcalico.org/serviceaccount",
                        &labels,
                    );
                (
                    &spec.ingress,
                    &spec.egress,
                    &spec.types,
                    &spec.tier,
                    spec.order,
                    selected && stage == Stage::Normal,
                )
            }
            AnyObject::GlobalNetworkPolicy(policy) => {
                let spec = &policy.spec;
                let selected = holds(&spec.selector, &labels)
                    && holds_prefixed(
                        &spec.namespace_selector,
                        "pcns.",
                        "projectcalico.org/namespace",
                        &labels,
                    )
                    && holds_prefixed(
                        &spec.service_account_selector,
                        "pcsa.",
                        "projectcalico.org/serviceaccount",
                        &labels,
                    );
                let is_of_stage = match stage {
                    Stage::Normal => !spec.do_not_track && !spec.pre_dnat,
                    Stage::Forward => {
                        is_host && spec.apply_on_forward && !spec.do_not_track && !spec.pre_dnat
                    }
                    Stage::Untracked => is_host && spec.do_not_track,
                    Stage::PreDnat => is_host && spec.pre_dnat,
                };
                (&spec.ingress, &spec.egress, &spec.types, &spec.tier, spec.order, selected && is_of_stage)
            }
            _ => continue,
        };
        let types = if types.is_empty() { default_types(ingress, egress) } else { types.clone() };
        let (wanted, rules) = match direction {
            Direction::Ingress => (PolicyType::Ingress, ingress),
            Direction::Egress => (PolicyType::Egress, egress),
        };
        if !selected || !types.contains(&wanted) {
            continue;
        }
        let tier_object = objects.values().find_map(|object| match object {
            AnyObject::Tier(other) if other.metadata.name == *tier => Some(&other.spec),
            _ => None,
        });
        found.push(Policy {
            tier: tier.as_str(),
            tier_order: tier_object.and_then(|tier| tier.order),
            tier_exists: tier_object.is_some(),
            default_action: tier_object.map_or(TierAction::Deny, |tier| tier.default_action),
            order,
            name: format!("{}/{}/{}", key.name, key.namespace.as_deref().unwrap_or_default(), key.kind),
            namespace: key.namespace.as_deref(),
            rules,
        });
    }
    found.sort_by(|one, other| {
        let by_tier =
            other.tier_exists.cmp(&one.tier_exists).then(by_order(one.tier_order, other.tier_order));
        by_tier
            .then(one.tier.cmp(other.tier))
            .then(by_order(one.order, other.order))
            .then(one.name.cmp(&other.name))
    });
    found
}

fn by_order(one: Option<f64>, other: Option<f64>) -> Ordering {
    let number = |order: Option<f64>| order.unwrap_or(f64::INFINITY);
    number(one).partial_cmp(&number(other)).unwrap()
}

fn profile_names(object: &AnyObject) -> &[Name] {
    match object {
        AnyObject::WorkloadEndpoint(endpoint) => &endpoint.spec.profiles,
        AnyObject::HostEndpoint(endpoint) => &endpoint.spec.profiles,
        _ => &[],
    }
}

/// The labels that selectors see.
fn labels(objects: &Objects, object: &AnyObject) -> BTreeMap<String, String> {
    let mut labels = object.metadata().labels.0.clone();
    if object.kind().is_namespaced() {
        let namespace = object.metadata().namespace.as_deref().unwrap_or("default");
        labels.insert("projectcalico.org/namespace".to_owned(), namespace.to_owned());
    }
    if let AnyObject::WorkloadEndpoint(endpoint) = object {
        for (label, value) in [
            ("projectcalico.org/orchestrator", &endpoint.spec.orchestrator),
            ("projectcalico.org/serviceaccount", &endpoint.spec.service_account_name),
        ] {
            if let Some(value) = value {
                labels.insert(label.to_owned(), value.as_str().to_owned());
            }
        }
    }
    for name in profile_names(object) {
        for other in objects.values() {
            if let AnyObject::Profile(profile) = other
                && profile.metadata.name == *name
            {
                for (label, value) in &profile.spec.labels_to_apply.0 {
                    labels.entry(label.clone()).or_insert_with(|| value.clone());
                }
            }
        }
    }
    labels
}

fn holds(selector: &Option<Selector>, labels: &BTreeMap<String, String>) -> bool {
    selector.as_ref().is_none_or(|selector| selector.matches(labels))
}

/// Whether a selector over namespaces or service accounts holds for what an endpoint inherited of them.
fn holds_prefixed(
    selector: &Option<Selector>,
    prefix: &str,
    own_label: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let Some(selector) = selector else { return true };
    let inherited: BTreeMap<String, String> = labels
        .iter()
        .filter_map(|(label, value)| Some((label.strip_prefix(prefix)?.to_owned(), value.clone())))
        .collect();
    match selector.expression() {
        Expression::All => labels.contains_key(own_label),
        Expression::Global => !labels.contains_key(own_label),
        _ => selector.matches(&inherited),
    }
}

fn matches(objects: &Objects, rule: &Rule, namespace: Option<&str>, packet: &Packet) -> bool {
    let version = if packet.source.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
    let name_is_of_family = match rule.protocol {
        Some(Protocol::Icmp) => version == IpVersion::V4,
        Some(Protocol::IcmpV6) => version == IpVersion::V6,
        _ => true,
    };
    let ports = match packet.transport {
        Transport::Ports { source, destination } => Some((source, destination)),
        _ => None,
    };
    name_is_of_family
        && rule.ip_version.is_none_or(|wanted| wanted == version)
        && rule.protocol.is_none_or(|protocol| protocol.number() == packet.protocol)
        && rule.not_protocol.is_none_or(|protocol| protocol.number() != packet.protocol)
        && rule.icmp.as_ref().is_none_or(|icmp| is_icmp(icmp, packet))
        && !rule.not_icmp.as_ref().is_some_and(|icmp| is_icmp(icmp, packet))
        && end(objects, rule, &rule.source, namespace, packet, packet.source, ports.map(|ports| ports.0))
        && end(
            objects,
            rule,
            &rule.destination,
            namespace,
            packet,
            packet.destination,
            ports.map(|ports| ports.1),
        )
        && match (&rule.http, &packet.request) {
            // The paths of this world need no more than dots resolved; the request's own tests are elsewhere.
            (Some(_), Some(request)) => {
                request.method == "GET" && ["/a", "/a/b", "/b/../a"].contains(&request.target.as_str())
            }
            _ => true,
        }
}

fn is_icmp(wanted: &IcmpFields, packet: &Packet) -> bool {
    let Transport::Icmp { icmp_type, code } = packet.transport else { return false };
    let is_of_family = packet.protocol == if packet.source.is_ipv4() { 1 } else { 58 };
    is_of_family
        && wanted.icmp_type.is_none_or(|wanted| wanted == icmp_type)
        && wanted.code.is_none_or(|wanted| wanted == code)
}

fn end(
    objects: &Objects,
    rule: &Rule,
    entity: &EntityRule,
    namespace: Option<&str>,
    packet: &Packet,
    address: IpAddr,
    port: Option<u16>,
) -> bool {
    let is_of_family = |net: &IpNet| net.addr().is_ipv4() == address.is_ipv4();
    let in_any = |nets: &[margay_cluster::value::Network]| nets.iter().any(|net| net.0.contains(&address));
    let excludes_family = |nets: &[margay_cluster::value::Network]| {
        !nets.is_empty() && !nets.iter().any(|net| is_of_family(&net.0))
    };
    if !entity.nets.is_empty() && !in_any(&entity.nets) {
        return false;
    }
    if in_any(&entity.not_nets) || excludes_family(&entity.not_nets) {
        return false;
    }
    let is_restricted = is_restricted(entity, namespace);
    let owners: Vec<&AnyObject> = objects.values().filter(|object| owns(object, address)).collect();
    let in_scope = |owner: &&&AnyObject| is_in_scope(objects, owner, entity, namespace);
    if is_restricted && !owners.iter().any(|owner| in_scope(&owner)) {
        return false;
    }
    if let (false, Some(excluded)) = (is_restricted, &entity.not_selector)
        && owners.iter().any(|owner| excluded.matches(&labels(objects, owner)))
    {
        return false;
    }
    let has_port = |wanted: &Port| match wanted {
        Port::Range(range) => port.is_some_and(|port| range.contains(&port)),
        Port::Named(name) => owners.iter().filter(|owner| !is_restricted || in_scope(owner)).any(|owner| {
            port.is_some_and(|port| names_port(owner, name, rule.protocol, packet.protocol, port, address))
        }),
    };
    (entity.ports.is_empty() || entity.ports.iter().any(has_port)) && !entity.not_ports.iter().any(has_port)
}

/// Whether the owner of the address has to be one that the rule selects.
fn is_restricted(entity: &EntityRule, namespace: Option<&str>) -> bool {
    let accounts = entity.service_accounts.as_ref();
    let names_accounts =
        accounts.is_some_and(|accounts| !accounts.names.is_empty() || accounts.selector.is_some());
    let mentions = entity.selector.is_some()
        || entity.not_selector.is_some()
        || entity.namespace_selector.is_some()
        || accounts.is_some();
    entity.selector.is_some()
        || entity.namespace_selector.is_some()
        || names_accounts
        || (mentions && namespace.is_some())
}

fn is_in_scope(objects: &Objects, owner: &AnyObject, entity: &EntityRule, namespace: Option<&str>) -> bool {
    let labels = labels(objects, owner);
    let in_namespace = match (&entity.namespace_selector, namespace) {
        (Some(_), _) => {
            holds_prefixed(&entity.namespace_selector, "pcns.", "projectcalico.org/namespace", &labels)
        }
        (None, Some(namespace)) => {
            labels.get("projectcalico.org/namespace").is_some_and(|own| own == namespace)
        }
        (None, None) => true,
    };
    let has_account = entity.service_accounts.as_ref().is_none_or(|accounts| {
        let own = labels.get("projectcalico.org/serviceaccount");
        (accounts.names.is_empty() || own.is_some_and(|own| accounts.names.contains(own)))
            && holds_prefixed(&accounts.selector, "pcsa.", "projectcalico.org/serviceaccount", &labels)
    });
    in_namespace
        && has_account
        && holds(&entity.selector, &labels)
        && !entity.not_selector.as_ref().is_some_and(|excluded| excluded.matches(&labels))
}

fn owns(object: &AnyObject, address: IpAddr) -> bool {
    match object {
        AnyObject::WorkloadEndpoint(endpoint) => {
            endpoint.spec.ip_networks.iter().any(|network| network.0.contains(&address))
        }
        AnyObject::HostEndpoint(endpoint) => endpoint.spec.expected_ips.contains(&address),
        AnyObject::NetworkSet(set) => set.spec.nets.iter().any(|network| network.0.contains(&address)),
        AnyObject::GlobalNetworkSet(set) => set.spec.nets.iter().any(|network| network.0.contains(&address)),
        _ => false,
    }
}

fn names_port(
    owner: &AnyObject,
    name: &str,
    of_rule: Option<Protocol>,
    of_packet: u8,
    port: u16,
    address: IpAddr,
) -> bool {
    let is_it = |own_name: Option<&str>, protocol: Protocol, number: u16| {
        own_name == Some(name)
            && protocol.number() == of_packet
            && of_rule.is_none_or(|wanted| wanted.number() == of_packet)
            && number == port
    };
    owns(owner, address)
        && match owner {
            AnyObject::WorkloadEndpoint(endpoint) => endpoint
                .spec
                .ports
                .iter()
                .any(|own| is_it(own.name.as_ref().map(|name| name.as_str()), own.protocol, own.port)),
            AnyObject::HostEndpoint(endpoint) => {
                endpoint.spec.ports.iter().any(|own| is_it(Some(own.name.as_str()), own.protocol, own.port))
            }
            _ => false,
        }
}
