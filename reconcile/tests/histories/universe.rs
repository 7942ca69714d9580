//! A small world of things, so that random histories meet the same ones again and again.

use std::net::IpAddr;

use margay_reconcile::{
    HardwareAddress, Key, Link, LinkKind, LinkName, MAIN_TABLE, Ownership, Route, RouteKey, RouteScope,
    RouteTarget, Rule, RuleAction, RuleKey, Value, Vxlan,
};
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A wish changes.
    Want(Key, Option<Value>),
    /// Notices are read and operations carried out.
    Turn,
    /// Notices are lost, and everything is read.
    Lose,
    /// Another program acts.
    Others(Interference),
    /// The kernel refuses everything from now on, or no more.
    Refuse(bool),
}

/// What another program does.
#[derive(Clone, Debug)]
pub(crate) enum Interference {
    /// It removes a thing, or the last address of a link together with its routes.
    Remove(Key),
    /// It puts a thing of its own somewhere, in the place of what stands there.
    Put(Key, Value),
    /// It creates a thing of its own, unless something stands there.
    Create(Key, Value),
    /// It switches a link on or off.
    Switch(LinkName, bool),
}

pub(crate) fn ownership() -> Ownership {
    Ownership { links: [link("tunnel")].into(), furnished_links: [].into(), protocol: 80 }
}

pub(crate) fn link(name: &str) -> LinkName {
    name.parse().expect("a name")
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

fn any_link() -> impl Strategy<Value = LinkName> {
    prop_oneof![Just(link("tunnel")), Just(link("eth0"))]
}

/// A key, and a value that is wanted there.
fn thing() -> impl Strategy<Value = (Key, Value)> {
    prop_oneof![link_thing(), sysctl(), addresses(), entries(), rule(), route(), route()]
}

fn link_thing() -> impl Strategy<Value = (Key, Value)> {
    (1_u32..3, 1400_u32..1402).prop_map(|(id, mtu)| {
        let vxlan = Vxlan { id, port: 4789, local: address(1), parent: None };
        let value =
            Link { kind: LinkKind::Vxlan(vxlan), hardware_address: None, mtu_octets: Some(mtu), is_up: true };
        (Key::Link(link("tunnel")), Value::Link(value))
    })
}

fn sysctl() -> impl Strategy<Value = (Key, Value)> {
    (any_link(), 0_u8..2).prop_map(|(link, value)| {
        let path = format!("net/ipv4/conf/{link}/forwarding");
        (Key::Sysctl { link: Some(link), path }, Value::Sysctl(value.to_string()))
    })
}

fn addresses() -> impl Strategy<Value = (Key, Value)> {
    (1_u8..3).prop_map(|number| (Key::Address(link("tunnel"), address(number).into()), Value::Address))
}

fn entries() -> impl Strategy<Value = (Key, Value)> {
    (1_u8..3, 1_u8..3, any::<bool>()).prop_map(|(number, other, is_neighbour)| {
        let hardware = |number| HardwareAddress([2, 0, 0, 0, 0, number]);
        match is_neighbour {
            true => (Key::Neighbour(link("tunnel"), address(number)), Value::Neighbour(hardware(other))),
            false => (Key::Forwarding(link("tunnel"), hardware(number)), Value::Forwarding(address(other))),
        }
    })
}

fn rule() -> impl Strategy<Value = (Key, Value)> {
    (1_u32..3).prop_map(|table| {
        let rule = Rule { action: RuleAction::Table(table), mark: None, is_inverted: false };
        (Key::Rule(RuleKey { is_ipv6: false, priority: 7 }), Value::Rule(rule))
    })
}

fn route() -> impl Strategy<Value = (Key, Value)> {
    let target = prop_oneof![
        any_link().prop_map(RouteTarget::Link),
        Just(RouteTarget::Blackhole),
        any_link().prop_map(|link| RouteTarget::Gateway { gateway: address(9), link, is_onlink: true }),
    ];
    (1_u8..3, 0_u32..2, target).prop_map(|(number, metric, target)| {
        let destination = address(number).into();
        let value = Route { target, source: None, scope: RouteScope::Universe };
        (Key::Route(RouteKey { table: MAIN_TABLE, destination, metric }), Value::Route(value))
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let want = (thing(), any::<bool>()).prop_map(|((key, value), is)| Step::Want(key, is.then_some(value)));
    let others = prop_oneof![
        thing().prop_map(|(key, _)| Interference::Remove(key)),
        thing().prop_map(|(key, value)| Interference::Put(key, value)),
        thing().prop_map(|(key, value)| Interference::Create(key, value)),
        (any_link(), any::<bool>()).prop_map(|(link, up)| Interference::Switch(link, up)),
    ];
    prop_oneof![
        5 => want,
        5 => Just(Step::Turn),
        5 => others.prop_map(Step::Others),
        1 => Just(Step::Lose),
        1 => any::<bool>().prop_map(Step::Refuse),
    ]
}
