//! What is valid in policies and can hardly be meant: rules that never match, and selectors that select nothing.

use std::collections::BTreeSet;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{Action, AnyObject, IpVersion, Kind};
use margay_cluster::value::Protocol;

use crate::calculation::Calculation;
use crate::packet::Direction;
use crate::rule::{ActiveRule, EndMatch, PortMatch};
use crate::set::{Set, SetKey};
use crate::wanted::{RuleLists, Wanted};

/// Something in an object that can hardly be meant.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Warning {
    /// The object.
    pub key: ObjectKey,
    /// The field, such as `ingress[0]`.
    pub field: String,
    /// What is the matter with it.
    pub message: String,
}

/// Warnings about the policies and profiles among objects.
///
/// That a selector selects nothing is said only if there is an endpoint among them: without any, the objects are not a
/// whole cluster.
#[must_use]
pub fn warnings<'o>(objects: impl IntoIterator<Item = (&'o ObjectKey, &'o AnyObject)>) -> Vec<Warning> {
    let mut calculation = Calculation::of_all_nodes();
    let mut sources = Vec::new();
    for (key, object) in objects {
        calculation.handle_object(key, Some(object));
        sources.extend(rule_lists(object).map(|lists| (key, lists)));
    }
    calculation.take_changes();
    let wanted = calculation.wanted();
    let applied = applied_policies(wanted);
    let mut warnings = Vec::new();
    for (key, lists) in &sources {
        let mut warn = |field: String, message: String| {
            warnings.push(Warning { key: (*key).clone(), field, message });
        };
        for (direction, name) in [(Direction::Ingress, "ingress"), (Direction::Egress, "egress")] {
            check_rules(lists.rules(direction), name, &mut warn);
        }
        if wanted.endpoints.is_empty() {
            continue;
        }
        if key.kind != Kind::Profile && !applied.contains(key) {
            warn("selector".to_owned(), "selects no endpoint".to_owned());
            continue;
        }
        check_selection(lists, wanted, &mut warn);
    }
    warnings.sort();
    warnings
}

/// The rules of a policy or profile, of directions that its types leave out as well; `None` for other objects.
fn rule_lists(object: &AnyObject) -> Option<RuleLists> {
    let namespace = object.metadata().namespace.as_deref();
    let (ingress, egress, namespace) = match object {
        AnyObject::NetworkPolicy(policy) => {
            let namespace = namespace.unwrap_or(ObjectKey::DEFAULT_NAMESPACE);
            (&policy.spec.ingress, &policy.spec.egress, Some(namespace))
        }
        AnyObject::GlobalNetworkPolicy(policy) => (&policy.spec.ingress, &policy.spec.egress, None),
        AnyObject::Profile(profile) => (&profile.spec.ingress, &profile.spec.egress, None),
        _ => return None,
    };
    Some(RuleLists::compile(ingress, egress, namespace))
}

fn check_rules(rules: &[ActiveRule], name: &str, warn: &mut impl FnMut(String, String)) {
    for (index, rule) in rules.iter().enumerate() {
        let field = format!("{name}[{index}]");
        if let Some(reason) = never_matches(rule) {
            warn(field, format!("never matches: {reason}"));
            continue;
        }
        let decides = |earlier: &&ActiveRule| earlier.action != Action::Log;
        let earlier = rules
            .iter()
            .take(index)
            .enumerate()
            .find(|(_, earlier)| decides(earlier) && covers(earlier, rule));
        if let Some((earlier, _)) = earlier {
            warn(field, format!("never decides: {name}[{earlier}] matches everything that it matches"));
        }
    }
}

/// Why no packet can match a rule, as far as that can be seen from the rule alone.
fn never_matches(rule: &ActiveRule) -> Option<&'static str> {
    if rule.protocol.is_some() && rule.protocol == rule.not_protocol {
        return Some("protocol and notProtocol are the same");
    }
    if [&rule.source, &rule.destination]
        .iter()
        .any(|end| end.not_nets.iter().any(|net| net.prefix_len() == 0))
    {
        return Some("notNets has every address of the family");
    }
    if ![IpVersion::V4, IpVersion::V6].into_iter().any(|version| rule.is_for(version)) {
        return Some("its networks, ipVersion and protocol are of different families");
    }
    let has_no_ports = rule.protocol.is_some_and(|protocol| !Protocol::Number(protocol).has_ports());
    for end in [&rule.source, &rule.destination] {
        if has_no_ports && !end.ports.is_empty() {
            return Some("the protocol has no ports");
        }
        if end.sets.iter().any(|set| end.not_sets.contains(set)) {
            return Some("selector and notSelector are the same");
        }
        let within = |net: &ipnet::IpNet| end.not_nets.iter().any(|outer| outer.contains(net));
        if !end.nets.is_empty() && end.nets.iter().all(within) {
            return Some("notNets has all of nets");
        }
        if has_no_port_left(end) {
            return Some("notPorts has all of ports");
        }
    }
    (rule.icmp.is_some() && rule.icmp == rule.not_icmp).then_some("icmp and notICMP are the same")
}

fn has_no_port_left(end: &EndMatch) -> bool {
    let is_excluded = |port: u16| end.not_ports.ranges.iter().any(|range| range.contains(&port));
    let is_named_out = |named: &SetKey| end.not_ports.named.contains(named);
    !end.ports.is_empty()
        && end.ports.ranges.iter().cloned().flatten().all(is_excluded)
        && end.ports.named.iter().all(is_named_out)
}

/// Whether one rule matches every packet that another does. `false` where that is not easily seen.
fn covers(wide: &ActiveRule, narrow: &ActiveRule) -> bool {
    fn field<T: PartialEq>(wide: Option<&T>, narrow: Option<&T>) -> bool {
        wide.is_none() || wide == narrow
    }
    field(wide.version.as_ref(), narrow.version.as_ref())
        && field(wide.protocol.as_ref(), narrow.protocol.as_ref())
        && field(wide.not_protocol.as_ref(), narrow.not_protocol.as_ref())
        && field(wide.icmp.as_ref(), narrow.icmp.as_ref())
        && field(wide.not_icmp.as_ref(), narrow.not_icmp.as_ref())
        && field(wide.http.as_ref(), narrow.http.as_ref())
        && covers_end(&wide.source, &narrow.source)
        && covers_end(&wide.destination, &narrow.destination)
}

fn covers_end(wide: &EndMatch, narrow: &EndMatch) -> bool {
    let has_net = |net: &ipnet::IpNet| wide.nets.iter().any(|outer| outer.contains(net));
    let nets = wide.nets.is_empty() || (!narrow.nets.is_empty() && narrow.nets.iter().all(has_net));
    nets && (wide.not_nets.is_empty() || wide.not_nets == narrow.not_nets)
        && wide.sets.iter().all(|set| narrow.sets.contains(set))
        && wide.not_sets.iter().all(|set| narrow.not_sets.contains(set))
        && covers_ports(&wide.ports, &narrow.ports)
        && (wide.not_ports.is_empty() || wide.not_ports == narrow.not_ports)
}

fn covers_ports(wide: &PortMatch, narrow: &PortMatch) -> bool {
    let has_range = |inner: &std::ops::RangeInclusive<u16>| {
        wide.ranges.iter().any(|outer| outer.contains(inner.start()) && outer.contains(inner.end()))
    };
    let has_named = |named: &SetKey| wide.named.contains(named);
    wide.is_empty()
        || (!narrow.is_empty() && narrow.ranges.iter().all(has_range) && narrow.named.iter().all(has_named))
}

/// Says which sets of rules have no members.
fn check_selection(lists: &RuleLists, wanted: &Wanted, warn: &mut impl FnMut(String, String)) {
    for (direction, name) in [(Direction::Ingress, "ingress"), (Direction::Egress, "egress")] {
        for (index, rule) in lists.rules(direction).iter().enumerate() {
            let empty: BTreeSet<&SetKey> = rule
                .set_keys()
                .into_iter()
                .filter(|key| wanted.sets.get(key).is_some_and(|set| Set::members(set).is_empty()))
                .collect();
            for set in empty {
                warn(format!("{name}[{index}]"), format!("{}", Emptiness(set)));
            }
        }
    }
}

/// The policies that apply to an endpoint at any stage.
fn applied_policies(wanted: &Wanted) -> BTreeSet<&ObjectKey> {
    let stages = wanted
        .endpoints
        .values()
        .flat_map(|endpoint| endpoint.tiers.iter().chain(&endpoint.untracked).chain(&endpoint.pre_dnat));
    stages.flat_map(|tier| tier.ingress.iter().chain(&tier.egress)).map(|policy| &**policy).collect()
}

/// What to say of a set without members.
struct Emptiness<'k>(&'k SetKey);

impl std::fmt::Display for Emptiness<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            SetKey::Addresses(selector) => {
                write!(f, "{} selects no endpoint and no network set with addresses", selector.as_str())
            }
            SetKey::NamedPort { selector, name, .. } => {
                write!(f, "no endpoint that {} selects has a port {name}", selector.as_str())
            }
            SetKey::Service { namespace, name } => {
                write!(f, "service {namespace}/{name} matches nothing: services are not in the datastore")
            }
        }
    }
}
