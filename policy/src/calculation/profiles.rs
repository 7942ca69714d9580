//! Profiles: the rules of those that the node's endpoints name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::object::{Action, AnyObject, ProfileSpec};
use margay_cluster::value::Labels;

use crate::rule::{ActiveRule, EndMatch};
use crate::wanted::{ObjectId, RuleLists};

use super::replacement::replace;

/// The profile that exists everywhere without being stored, and allows everything.
const DEFAULT_ALLOW: &str = "projectcalico-default-allow";

/// The profiles that exist or are named.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    rules: BTreeMap<Arc<str>, Arc<RuleLists>>,
    users: BTreeMap<Arc<str>, BTreeSet<ObjectId>>,
    named_by: BTreeMap<ObjectId, Vec<Arc<str>>>,
    dirty: BTreeSet<Arc<str>>,
}

impl Profiles {
    /// Sets or removes a profile, and returns the labels that its endpoints inherit.
    pub(super) fn set_profile(&mut self, name: &Arc<str>, object: Option<&AnyObject>) -> Arc<Labels> {
        self.dirty.insert(Arc::clone(name));
        let Some(AnyObject::Profile(profile)) = object else {
            self.rules.remove(name);
            return Arc::default();
        };
        let ProfileSpec { ingress, egress, labels_to_apply } = &profile.spec;
        self.rules.insert(Arc::clone(name), Arc::new(RuleLists::compile(ingress, egress, None)));
        Arc::new(labels_to_apply.clone())
    }

    /// Sets the profiles that an endpoint of the node names.
    pub(super) fn set_user(&mut self, endpoint: &ObjectId, profiles: &[Arc<str>]) {
        let named = (!profiles.is_empty()).then(|| profiles.to_vec());
        let before = replace(&mut self.named_by, Arc::clone(endpoint), named).unwrap_or_default();
        for profile in before {
            let users = self.users.entry(Arc::clone(&profile)).or_default();
            users.remove(endpoint);
            if users.is_empty() {
                self.users.remove(&profile);
            }
            self.dirty.insert(profile);
        }
        for profile in profiles {
            self.users.entry(Arc::clone(profile)).or_default().insert(Arc::clone(endpoint));
            self.dirty.insert(Arc::clone(profile));
        }
    }

    /// The profiles whose rules may be wanted now and were not before, or the other way round, or may have changed.
    pub(super) fn take_dirty(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.dirty)
    }

    /// The rules of a profile, if an endpoint of the node names it and it exists.
    pub(super) fn wanted_rules(&self, name: &str) -> Option<Arc<RuleLists>> {
        self.users.get(name)?;
        let built_in = || (name == DEFAULT_ALLOW).then(|| Arc::new(allow_everything()));
        self.rules.get(name).cloned().or_else(built_in)
    }
}

fn allow_everything() -> RuleLists {
    let rule = ActiveRule {
        action: Action::Allow,
        version: None,
        protocol: None,
        not_protocol: None,
        icmp: None,
        not_icmp: None,
        source: EndMatch::default(),
        destination: EndMatch::default(),
        http: None,
    };
    RuleLists { ingress: vec![rule.clone()], egress: vec![rule] }
}
