//! What differs between two states of what is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::set::{Member, SetKey};
use crate::wanted::{ObjectId, Wanted};

/// What differs from the last time; the present values are in [`Wanted`](crate::Wanted).
///
/// Sets must be there before the rules that refer to them, and rules before the endpoints that need them; what is no
/// longer wanted goes in the opposite order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Sets that came, went, or have other members.
    pub sets: BTreeMap<SetKey, SetChange>,
    /// Policies that came, went, or have other rules.
    pub policies: BTreeSet<ObjectId>,
    /// Profiles that came, went, or have other rules.
    pub profiles: BTreeSet<Arc<str>>,
    /// Endpoints that came, went, or have other policies or profiles.
    pub endpoints: BTreeSet<ObjectId>,
}

/// What happened to a set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SetChange {
    /// It is new; its members are in [`Wanted`](crate::Wanted).
    Created,
    /// It has other members.
    Changed {
        /// Members that are new.
        added: BTreeSet<Member>,
        /// Members that are gone.
        removed: BTreeSet<Member>,
    },
    /// Nothing refers to it any more.
    Removed,
}

impl Changes {
    /// Everything that is wanted, as new.
    #[must_use]
    pub fn everything(wanted: &Wanted) -> Self {
        Self {
            sets: wanted.sets.keys().map(|key| (key.clone(), SetChange::Created)).collect(),
            policies: wanted.policies.keys().cloned().collect(),
            profiles: wanted.profiles.keys().cloned().collect(),
            endpoints: wanted.endpoints.keys().cloned().collect(),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
            && self.policies.is_empty()
            && self.profiles.is_empty()
            && self.endpoints.is_empty()
    }
}
