//! The named sets that stand for a set of addresses or ports.
//!
//! Single addresses and networks are stored apart, since interval sets are slow to change, and so are the families. A
//! family's set of networks exists while it has members, that of addresses while it has members or the other is absent:
//! rules look only into sets that exist.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use margay_cluster::object::IpVersion;

use crate::rule::is_version;
use crate::set::{Member, Set, SetKey};

use super::changes::NamedSetChange;
use super::names;
use super::value::{ProgramSet, SetElements};

/// The named sets of a program.
pub(super) type NamedSets = BTreeMap<String, ProgramSet>;

/// Changes of named sets, by name.
pub(super) type NamedSetChanges = BTreeMap<String, NamedSetChange>;

const VERSIONS: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

/// What the members of a named set are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Addresses,
    Networks,
    Ports,
}

/// The named sets of a family that together are a set.
pub(super) fn names_of(key: &SetKey, version: IpVersion, sets: &NamedSets) -> Vec<String> {
    let names = kinds(key).iter().map(|kind| kind.name(key, version));
    names.filter(|name| sets.contains_key(name)).collect()
}

/// Adds the named sets of a set that is new.
pub(super) fn create(key: &SetKey, set: &Set, sets: &mut NamedSets, changes: &mut NamedSetChanges) {
    change(key, &set.members().into_iter().collect(), &BTreeSet::new(), sets, changes);
}

/// Removes the named sets of a set.
pub(super) fn remove(key: &SetKey, sets: &mut NamedSets, changes: &mut NamedSetChanges) {
    for version in VERSIONS {
        for name in names_of(key, version, sets) {
            sets.remove(&name);
            changes.insert(name, NamedSetChange::Removed);
        }
    }
}

/// Adds and removes members, and returns whether other named sets exist than before.
pub(super) fn change(
    key: &SetKey,
    added: &BTreeSet<Member>,
    removed: &BTreeSet<Member>,
    sets: &mut NamedSets,
    changes: &mut NamedSetChanges,
) -> bool {
    let mut is_reshaped = false;
    for version in VERSIONS {
        let before = names_of(key, version, sets);
        for &kind in kinds(key) {
            let is_here = |member: &&Member| kind.is_of(member) && is_of_version(member, version);
            let (added, removed) = (added.iter().filter(is_here), removed.iter().filter(is_here));
            change_one(&kind.name(key, version), kind, key, (added, removed), sets, changes);
        }
        keep_those_needed(key, version, sets);
        let after = names_of(key, version, sets);
        note_shape(&before, &after, changes);
        is_reshaped |= before != after;
    }
    is_reshaped
}

fn change_one<'m>(
    name: &str,
    kind: Kind,
    key: &SetKey,
    (added, removed): (impl Iterator<Item = &'m Member>, impl Iterator<Item = &'m Member>),
    sets: &mut NamedSets,
    changes: &mut NamedSetChanges,
) {
    let (added, removed): (BTreeSet<Member>, BTreeSet<Member>) =
        (added.copied().collect(), removed.copied().collect());
    let set = sets
        .entry(name.to_owned())
        .or_insert_with(|| ProgramSet { comment: key.to_string(), elements: kind.empty() });
    removed.iter().for_each(|member| set.elements.remove(member));
    added.iter().for_each(|member| set.elements.insert(member));
    if !added.is_empty() || !removed.is_empty() {
        changes.insert(name.to_owned(), NamedSetChange::Changed { added, removed });
    }
}

/// Removes named sets that are empty, except for the one that is there in any case.
fn keep_those_needed(key: &SetKey, version: IpVersion, sets: &mut NamedSets) {
    let is_empty = |sets: &NamedSets, name: &str| sets.get(name).is_none_or(|set| set.elements.is_empty());
    let kinds = kinds(key);
    let all_empty = kinds.iter().all(|kind| is_empty(sets, &kind.name(key, version)));
    for (position, kind) in kinds.iter().enumerate() {
        let name = kind.name(key, version);
        if is_empty(sets, &name) && !(all_empty && position == 0) {
            sets.remove(&name);
        }
    }
}

/// Named sets that came or went are not merely changed.
fn note_shape(before: &[String], after: &[String], changes: &mut NamedSetChanges) {
    for name in before.iter().filter(|name| !after.contains(name)) {
        changes.insert(name.clone(), NamedSetChange::Removed);
    }
    for name in after.iter().filter(|name| !before.contains(name)) {
        changes.insert(name.clone(), NamedSetChange::Created);
    }
}

/// The kinds of named sets for a set; the first is there even when it is empty.
fn kinds(key: &SetKey) -> &'static [Kind] {
    match key {
        SetKey::Addresses(_) | SetKey::Service { .. } => &[Kind::Addresses, Kind::Networks],
        SetKey::NamedPort { .. } => &[Kind::Ports],
    }
}

fn is_of_version(member: &Member, version: IpVersion) -> bool {
    match member {
        Member::Network(network) => is_version(network.addr(), version),
        Member::Port(port) => is_version(port.address, version),
    }
}

fn is_host(network: &IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

impl Kind {
    fn name(self, key: &SetKey, version: IpVersion) -> String {
        let what = match self {
            Self::Addresses => "addresses",
            Self::Networks => "networks",
            Self::Ports => "ports",
        };
        names::set(key, what, version)
    }

    fn is_of(self, member: &Member) -> bool {
        match (self, member) {
            (Self::Addresses, Member::Network(network)) => is_host(network),
            (Self::Networks, Member::Network(network)) => !is_host(network),
            (Self::Ports, Member::Port(_)) => true,
            (Self::Ports, Member::Network(_)) | (Self::Addresses | Self::Networks, Member::Port(_)) => false,
        }
    }

    const fn empty(self) -> SetElements {
        match self {
            Self::Addresses => SetElements::Addresses(BTreeSet::new()),
            Self::Networks => SetElements::Networks(BTreeSet::new()),
            Self::Ports => SetElements::Ports(BTreeSet::new()),
        }
    }
}

impl SetElements {
    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Addresses(addresses) => addresses.is_empty(),
            Self::Networks(networks) => networks.is_empty(),
            Self::Ports(ports) => ports.is_empty(),
        }
    }

    /// Adds a member of the kind that the set has.
    pub fn insert(&mut self, member: &Member) {
        match (self, member) {
            (Self::Addresses(addresses), Member::Network(network)) => addresses.insert(network.addr()),
            (Self::Networks(networks), Member::Network(network)) => networks.insert(*network),
            (Self::Ports(ports), Member::Port(port)) => ports.insert(*port),
            (Self::Addresses(_) | Self::Networks(_), Member::Port(_))
            | (Self::Ports(_), Member::Network(_)) => false,
        };
    }

    /// Removes a member.
    pub fn remove(&mut self, member: &Member) {
        match (self, member) {
            (Self::Addresses(addresses), Member::Network(network)) => addresses.remove(&network.addr()),
            (Self::Networks(networks), Member::Network(network)) => networks.remove(network),
            (Self::Ports(ports), Member::Port(port)) => ports.remove(port),
            (Self::Addresses(_) | Self::Networks(_), Member::Port(_))
            | (Self::Ports(_), Member::Network(_)) => false,
        };
    }
}
