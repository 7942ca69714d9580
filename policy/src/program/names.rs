//! Names of sets and chains: short, stable, and the same for the same thing.

use std::fmt::Write as _;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::IpVersion;
use sha2::{Digest as _, Sha224};

use crate::packet::Direction;
use crate::set::SetKey;

/// The chain of a policy's rules of a direction. It keeps its name when the rules change.
pub(super) fn policy_chain(id: &ObjectKey, direction: Direction) -> String {
    format!("policy-{}-{}", direction_name(direction), hash(&id.to_string()))
}

/// The chain of a profile's rules of a direction.
pub(super) fn profile_chain(name: &str, direction: Direction) -> String {
    format!("profile-{}-{}", direction_name(direction), hash(name))
}

/// The chain of a rule that needs one of its own.
pub(super) fn rule_chain(chain: &str, index: usize, version: Option<IpVersion>) -> String {
    format!("{chain}-rule{index}{}", version.map_or("", family_suffix))
}

/// The chain of endpoints with the same lists: named by its content.
pub(super) fn endpoint_chain(content: &str) -> String {
    format!("endpoint-{}", hash(content))
}

/// A set of addresses, networks or ports of a family.
pub(super) fn set(key: &SetKey, what: &str, version: IpVersion) -> String {
    let kind = match key {
        SetKey::Addresses(_) => "addresses",
        SetKey::NamedPort { .. } => "port",
        SetKey::Service { .. } => "service",
    };
    format!("{what}{}-{}", family_suffix(version), hash(&format!("{kind} {key}")))
}

fn family_suffix(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "-v4",
        IpVersion::V6 => "-v6",
    }
}

pub(super) const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

/// 64 bits of a hash, which differ for all that a cluster has.
fn hash(text: &str) -> String {
    let digest = Sha224::digest(text);
    digest.iter().take(8).fold(String::new(), |mut name, octet| {
        write!(name, "{octet:02x}").expect("a string takes all");
        name
    })
}
