//! From the objects of the datastore to what one node has to enforce, kept up to date as they change.

mod changes;
mod entity;
mod local_endpoint;
mod members;
mod policies;
mod policy;
mod profiles;
mod replacement;
mod tiers;

use std::collections::BTreeSet;
use std::sync::Arc;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{AnyObject, Kind};

use crate::wanted::{ObjectId, RuleLists, Wanted};

pub use self::changes::{Changes, SetChange};

use self::entity::Entity;
use self::local_endpoint::LocalEndpoint;
use self::members::Members;
use self::policies::Policies;
use self::policy::Policy;
use self::profiles::Profiles;
use self::replacement::replace;
use self::tiers::Tiers;

/// The calculation for one node, or for all of them.
///
/// It takes objects in any order: an object may come before those that it names. What is wanted depends on the present
/// objects alone, not on the way that led to them.
#[derive(Debug)]
pub struct Calculation {
    /// The node whose endpoints are meant; `None` for those of all nodes.
    node: Option<String>,
    wanted: Wanted,
    members: Members,
    policies: Policies,
    profiles: Profiles,
    tiers: Tiers,
    dirty_endpoints: BTreeSet<ObjectId>,
}

impl Calculation {
    /// A calculation without objects, for the node of this name.
    #[must_use]
    pub fn new(node: &str) -> Self {
        Self::of(Some(node.to_owned()))
    }

    /// A calculation without objects, for the endpoints of all nodes at once: to explain what a cluster enforces.
    #[must_use]
    pub fn of_all_nodes() -> Self {
        Self::of(None)
    }

    fn of(node: Option<String>) -> Self {
        Self {
            node,
            wanted: Wanted::default(),
            members: Members::default(),
            policies: Policies::default(),
            profiles: Profiles::default(),
            tiers: Tiers::default(),
            dirty_endpoints: BTreeSet::new(),
        }
    }

    /// Handles an object that is new or changed, or, with `None`, one that was deleted or is not valid.
    ///
    /// Objects of kinds that policy does not depend on change nothing.
    pub fn handle_object(&mut self, key: &ObjectKey, object: Option<&AnyObject>) {
        let id = ObjectId::new(key.clone());
        match key.kind {
            Kind::WorkloadEndpoint | Kind::HostEndpoint | Kind::NetworkSet | Kind::GlobalNetworkSet => {
                self.handle_entity(&id, object);
            }
            Kind::NetworkPolicy | Kind::GlobalNetworkPolicy => self.handle_policy(&id, object),
            Kind::Profile => self.handle_profile(&key.name, object),
            Kind::Tier => self.handle_tier(&key.name, object),
            _ => {}
        }
    }

    /// What is to be enforced: everything that was handled before the last [`take_changes`](Self::take_changes).
    #[must_use]
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Brings [`wanted`](Self::wanted) up to date and returns what differs from the last time.
    ///
    /// Something that changed and changed back is not among it.
    pub fn take_changes(&mut self) -> Changes {
        self.dirty_endpoints.extend(self.policies.poll_matches());
        let mut changes = Changes::default();
        for policy in self.policies.take_dirty() {
            let wanted = self.policies.wanted_rules(&policy);
            let before = replace(&mut self.wanted.policies, policy.clone(), wanted.clone());
            self.exchange_sets(before.as_ref(), wanted.as_ref());
            if before != wanted {
                changes.policies.insert(policy);
            }
        }
        for profile in self.profiles.take_dirty() {
            let wanted = self.profiles.wanted_rules(&profile);
            let before = replace(&mut self.wanted.profiles, profile.clone(), wanted.clone());
            self.exchange_sets(before.as_ref(), wanted.as_ref());
            if before != wanted {
                changes.profiles.insert(profile);
            }
        }
        for endpoint in std::mem::take(&mut self.dirty_endpoints) {
            let wanted = self.policies.wanted_endpoint(&endpoint, &self.tiers).map(Arc::new);
            let before = replace(&mut self.wanted.endpoints, endpoint.clone(), wanted.clone());
            if before != wanted {
                changes.endpoints.insert(endpoint);
            }
        }
        changes.sets = self.members.take_changes(&self.wanted.sets);
        changes
    }

    fn handle_entity(&mut self, id: &ObjectId, object: Option<&AnyObject>) {
        let entity = object.and_then(|object| Entity::of(id, object));
        match &entity {
            Some(entity) => self.members.set_entity(id, entity.clone(), &mut self.wanted.sets),
            None => self.members.remove_entity(id, &mut self.wanted.sets),
        }
        let local = object.and_then(|object| LocalEndpoint::of(object, self.node.as_deref()));
        self.profiles.set_user(id, local.as_ref().map(|local| local.profiles.as_slice()).unwrap_or_default());
        match (local, entity) {
            (Some(local), Some(entity)) => {
                self.policies.set_endpoint(id, local, &entity);
                self.dirty_endpoints.insert(Arc::clone(id));
            }
            _ => {
                if self.policies.remove_endpoint(id) {
                    self.dirty_endpoints.insert(Arc::clone(id));
                }
            }
        }
    }

    fn handle_policy(&mut self, id: &ObjectId, object: Option<&AnyObject>) {
        let policy = object.and_then(|object| Policy::of(id, object));
        self.dirty_endpoints.extend(self.policies.set_policy(id, policy));
    }

    fn handle_profile(&mut self, name: &str, object: Option<&AnyObject>) {
        let name: Arc<str> = name.into();
        let labels = self.profiles.set_profile(&name, object);
        self.members.set_profile_labels(&name, &labels, &mut self.wanted.sets);
        self.policies.set_profile_labels(&name, labels);
    }

    fn handle_tier(&mut self, name: &str, object: Option<&AnyObject>) {
        if self.tiers.set_tier(name, object) {
            self.dirty_endpoints.extend(self.policies.endpoints_of_tier(name));
        }
    }

    /// Adds the sets of rules that came, and removes those that only rules that went referred to.
    fn exchange_sets(&mut self, before: Option<&Arc<RuleLists>>, after: Option<&Arc<RuleLists>>) {
        for key in after.into_iter().flat_map(|lists| lists.set_keys()) {
            self.members.use_set(key, &mut self.wanted.sets);
        }
        for key in before.into_iter().flat_map(|lists| lists.set_keys()) {
            self.members.release_set(key, &mut self.wanted.sets);
        }
    }
}
