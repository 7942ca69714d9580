//! Which named sets of a family stand for a set of addresses.

use margay_cluster::object::IpVersion;

use crate::rule::is_version;
use crate::set::{Member, Set, SetKey};

use super::names;
use super::value::{ProgramSet, SetElements};

/// The named sets of a family that a set of addresses is stored in: single addresses and networks apart, since interval
/// sets are slow to change. Rules look only into those that have members, or into that of addresses when there are none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SetShape(pub(super) Vec<(String, ProgramSet)>);

impl SetShape {
    /// The named sets of a family.
    pub(super) fn of(key: &SetKey, set: Option<&Set>, version: IpVersion) -> Self {
        let members = set.map(Set::members).unwrap_or_default();
        if matches!(key, SetKey::NamedPort { .. }) {
            let ports = members.into_iter().filter_map(|member| match member {
                Member::Port(port) if is_version(port.address, version) => Some(port),
                _ => None,
            });
            let elements = SetElements::Ports(ports.collect());
            return Self(vec![Self::named(key, "ports", version, elements)]);
        }
        let networks = members.into_iter().filter_map(|member| match member {
            Member::Network(network) if is_version(network.addr(), version) => Some(network),
            _ => None,
        });
        let (hosts, networks): (Vec<_>, Vec<_>) =
            networks.partition(|network| network.prefix_len() == network.max_prefix_len());
        let mut sets = Vec::new();
        if !hosts.is_empty() || networks.is_empty() {
            let addresses = hosts.iter().map(|host| host.addr()).collect();
            sets.push(Self::named(key, "addresses", version, SetElements::Addresses(addresses)));
        }
        if !networks.is_empty() {
            let elements = SetElements::Networks(networks.into_iter().collect());
            sets.push(Self::named(key, "networks", version, elements));
        }
        Self(sets)
    }

    fn named(key: &SetKey, what: &str, version: IpVersion, elements: SetElements) -> (String, ProgramSet) {
        (names::set(key, what, version), ProgramSet { comment: key.to_string(), elements })
    }
}
