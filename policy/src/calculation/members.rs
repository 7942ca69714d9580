//! The members of the sets that rules refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::selector::{LabelIndex, MatchChange};
use margay_cluster::value::Labels;

use crate::cover::CoverChange;
use crate::set::{Member, Set, SetKey};
use crate::wanted::ObjectId;

use super::changes::SetChange;
use super::entity::Entity;

/// Which entities belong to which sets, and what they put into them.
#[derive(Debug, Default)]
pub(super) struct Members {
    index: LabelIndex<ObjectId, Arc<str>, SetKey>,
    entities: BTreeMap<ObjectId, Entity>,
    /// How many policies and profiles refer to a set.
    users: BTreeMap<SetKey, u32>,
    deltas: BTreeMap<SetKey, Delta>,
}

/// How a set differs from what it was when changes were taken last.
#[derive(Debug)]
struct Delta {
    existed: bool,
    added: BTreeSet<Member>,
    removed: BTreeSet<Member>,
}

type Sets = BTreeMap<SetKey, Set>;

impl Members {
    /// Adds an entity, or replaces what it was.
    pub(super) fn set_entity(&mut self, id: &ObjectId, entity: Entity, sets: &mut Sets) {
        let (labels, profiles) = (Arc::clone(&entity.labels), entity.profiles.clone());
        let before = self.entities.insert(Arc::clone(id), entity.clone());
        if let Some(before) = before.filter(|before| !before.has_same_addresses(&entity)) {
            let keys: Vec<SetKey> = self.index.selectors_of(id).cloned().collect();
            for key in &keys {
                // Added first, so that members that both have do not come and go.
                self.change(key, &entity, sets, Sign::Add);
                self.change(key, &before, sets, Sign::Remove);
            }
        }
        self.index.set_item(Arc::clone(id), labels, profiles);
        self.follow_matches(sets);
    }

    /// Removes an entity. One that is not there is ignored.
    pub(super) fn remove_entity(&mut self, id: &ObjectId, sets: &mut Sets) {
        self.index.remove_item(id);
        self.follow_matches(sets);
        self.entities.remove(id);
    }

    /// Sets the labels that entities inherit from a profile.
    pub(super) fn set_profile_labels(&mut self, profile: &Arc<str>, labels: &Arc<Labels>, sets: &mut Sets) {
        self.index.set_parent(Arc::clone(profile), Arc::clone(labels));
        if labels.is_empty() {
            self.index.remove_parent(profile);
        }
        self.follow_matches(sets);
    }

    /// Counts another user of a set, which comes into being with the first.
    pub(super) fn use_set(&mut self, key: &SetKey, sets: &mut Sets) {
        let users = self.users.entry(key.clone()).or_default();
        *users += 1;
        if *users > 1 {
            return;
        }
        self.delta(key, sets);
        sets.insert(key.clone(), key.empty_set());
        if let Some(selector) = key.selector() {
            self.index.set_selector(key.clone(), selector.selector().clone());
            self.follow_matches(sets);
        }
    }

    /// Counts a user of a set less; the set goes with the last.
    pub(super) fn release_set(&mut self, key: &SetKey, sets: &mut Sets) {
        let Some(users) = self.users.get_mut(key) else { return };
        *users -= 1;
        if *users > 0 {
            return;
        }
        self.users.remove(key);
        self.delta(key, sets);
        self.index.remove_selector(key);
        self.follow_matches(sets);
        sets.remove(key);
    }

    /// How sets differ from the last time.
    pub(super) fn take_changes(&mut self, sets: &Sets) -> BTreeMap<SetKey, SetChange> {
        let deltas = std::mem::take(&mut self.deltas);
        let change = |(key, delta): (SetKey, Delta)| {
            let change = match (delta.existed, sets.contains_key(&key)) {
                (false, true) => SetChange::Created,
                (true, false) => SetChange::Removed,
                (true, true) if !delta.added.is_empty() || !delta.removed.is_empty() => {
                    SetChange::Changed { added: delta.added, removed: delta.removed }
                }
                (true, true) | (false, false) => return None,
            };
            Some((key, change))
        };
        deltas.into_iter().filter_map(change).collect()
    }

    /// Puts members of entities into sets that begin to select them, and takes them out of those that stop.
    fn follow_matches(&mut self, sets: &mut Sets) {
        while let Some(change) = self.index.poll_change() {
            let (item, key, sign) = match change {
                MatchChange::Started { item, selector } => (item, selector, Sign::Add),
                MatchChange::Stopped { item, selector } => (item, selector, Sign::Remove),
            };
            if let Some(entity) = self.entities.get(&item).cloned() {
                self.change(&key, &entity, sets, sign);
            }
        }
    }

    fn change(&mut self, key: &SetKey, entity: &Entity, sets: &mut Sets, sign: Sign) {
        let delta = self.delta(key, sets);
        let Some(set) = sets.get_mut(key) else { return };
        for member in entity.members_in(key) {
            match sign {
                Sign::Add => set.add(member, delta),
                Sign::Remove => set.remove(member, delta),
            }
        }
    }

    fn delta(&mut self, key: &SetKey, sets: &Sets) -> &mut Delta {
        self.deltas.entry(key.clone()).or_insert_with(|| Delta {
            existed: sets.contains_key(key),
            added: BTreeSet::new(),
            removed: BTreeSet::new(),
        })
    }
}

/// Whether an entity's members come or go.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Add,
    Remove,
}

impl Set {
    fn add(&mut self, member: Member, delta: &mut Delta) {
        match (self, member) {
            (Self::Networks(networks), Member::Network(network)) => delta.record_cover(networks.add(network)),
            (Self::Ports(ports), Member::Port(port)) => {
                let owners = ports.entry(port).or_default();
                *owners += 1;
                if *owners == 1 {
                    delta.record_added(member);
                }
            }
            (Self::Networks(_), Member::Port(_)) | (Self::Ports(_), Member::Network(_)) => {}
        }
    }

    fn remove(&mut self, member: Member, delta: &mut Delta) {
        match (self, member) {
            (Self::Networks(networks), Member::Network(network)) => {
                delta.record_cover(networks.remove(network));
            }
            (Self::Ports(ports), Member::Port(port)) => {
                let Some(owners) = ports.get_mut(&port) else { return };
                *owners -= 1;
                if *owners == 0 {
                    ports.remove(&port);
                    delta.record_removed(member);
                }
            }
            (Self::Networks(_), Member::Port(_)) | (Self::Ports(_), Member::Network(_)) => {}
        }
    }
}

impl Delta {
    fn record_cover(&mut self, changes: Vec<CoverChange>) {
        for change in changes {
            match change {
                CoverChange::Added(network) => self.record_added(Member::Network(network)),
                CoverChange::Removed(network) => self.record_removed(Member::Network(network)),
            }
        }
    }

    fn record_added(&mut self, member: Member) {
        if !self.removed.remove(&member) {
            self.added.insert(member);
        }
    }

    fn record_removed(&mut self, member: Member) {
        if !self.added.remove(&member) {
            self.removed.insert(member);
        }
    }
}
