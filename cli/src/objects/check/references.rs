//! Names and selectors that lead nowhere.

use std::collections::BTreeSet;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{AnyObject, BgpPassword, BgpPeer, Kind, Node};
use margay_cluster::selector::Selector;
use margay_cluster::value::Name;

use super::contents::Contents;
use super::finding::{Finding, Severity};
use crate::objects::query::typed_name;

/// Where passwords are looked for; `true` when one is there.
pub(super) type SecretLookup<'s> = &'s dyn Fn(&str, &str) -> bool;

pub(super) fn check(contents: &Contents, has_secret: SecretLookup<'_>, findings: &mut Vec<Finding>) {
    let mut checker = Checker { contents, names: Names::of(contents), has_secret, findings };
    for (key, object) in &contents.objects {
        checker.check_object(key, object);
    }
}

/// Names of what others refer to.
struct Names<'c> {
    nodes: BTreeSet<&'c str>,
    filters: BTreeSet<&'c str>,
    profiles: BTreeSet<&'c str>,
    tiers: BTreeSet<&'c str>,
}

impl<'c> Names<'c> {
    fn of(contents: &'c Contents) -> Self {
        let of = |kind: Kind| {
            contents.objects.keys().filter(move |key| key.kind == kind).map(|key| key.name.as_str()).collect()
        };
        Self {
            nodes: of(Kind::Node),
            filters: of(Kind::BgpFilter),
            profiles: of(Kind::Profile),
            tiers: of(Kind::Tier),
        }
    }
}

/// The tier that exists even when it is not stored, and the profile that Calico makes in memory.
const BUILT_IN_TIERS: [&str; 3] = ["default", "kube-admin", "kube-baseline"];
const BUILT_IN_PROFILE: &str = "projectcalico-default-allow";

struct Checker<'c, 'f> {
    contents: &'c Contents,
    names: Names<'c>,
    has_secret: SecretLookup<'c>,
    findings: &'f mut Vec<Finding>,
}

impl Checker<'_, '_> {
    fn check_object(&mut self, key: &ObjectKey, object: &AnyObject) {
        match object {
            AnyObject::BgpPeer(peer) => self.check_peer(key, peer),
            AnyObject::BgpConfiguration(configuration) => {
                self.check_password(key, configuration.spec.node_mesh_password.as_ref());
            }
            AnyObject::NetworkPolicy(policy) => self.check_tier(key, &policy.spec.tier),
            AnyObject::GlobalNetworkPolicy(policy) => self.check_tier(key, &policy.spec.tier),
            AnyObject::HostEndpoint(endpoint) => {
                self.check_node(key, endpoint.spec.node.as_ref());
                self.check_profiles(key, &endpoint.spec.profiles);
            }
            AnyObject::WorkloadEndpoint(endpoint) => {
                self.check_node(key, endpoint.spec.node.as_ref());
                self.check_profiles(key, &endpoint.spec.profiles);
            }
            AnyObject::IpPool(pool) => {
                self.check_selector(key, "nodeSelector", pool.spec.node_selector.as_ref())
            }
            _ => {}
        }
    }

    fn check_peer(&mut self, key: &ObjectKey, peer: &BgpPeer) {
        let spec = &peer.spec;
        self.check_node(key, spec.node.as_ref());
        self.check_selector(key, "nodeSelector", spec.node_selector.as_ref());
        self.check_selector(key, "peerSelector", spec.peer_selector.as_ref());
        self.check_password(key, spec.password.as_ref());
        for filter in &spec.filters {
            if !self.names.filters.contains(filter.as_str()) {
                self.error(key, format!("filter {filter} does not exist: nothing passes"));
            }
        }
        if spec.peer_ip.is_none() && spec.peer_selector.is_none() && spec.local_workload_selector.is_none() {
            self.warn(key, "has neither peerIP nor a selector of peers: it makes no session".to_owned());
        }
    }

    fn check_node(&mut self, key: &ObjectKey, node: Option<&Name>) {
        if let Some(node) = node.filter(|node| !self.names.nodes.contains(node.as_str())) {
            self.error(key, format!("node {node} does not exist"));
        }
    }

    fn check_profiles(&mut self, key: &ObjectKey, profiles: &[Name]) {
        for profile in profiles {
            let is_known =
                self.names.profiles.contains(profile.as_str()) || profile.as_str() == BUILT_IN_PROFILE;
            if !is_known {
                let message = format!("profile {profile} does not exist: what no policy allows is denied");
                self.error(key, message);
            }
        }
    }

    fn check_tier(&mut self, key: &ObjectKey, tier: &Name) {
        if !self.names.tiers.contains(tier.as_str()) && !BUILT_IN_TIERS.contains(&tier.as_str()) {
            self.error(key, format!("tier {tier} does not exist: the policy comes after those of all tiers"));
        }
    }

    fn check_selector(&mut self, key: &ObjectKey, field: &str, selector: Option<&Selector>) {
        let Some(selector) = selector else { return };
        let selects = self.contents.of_kind(as_node).any(|(_, node)| selector.matches(&node.metadata.labels));
        if !selects && !selector.is_all() {
            self.warn(key, format!("{field} selects no node"));
        }
    }

    fn check_password(&mut self, key: &ObjectKey, password: Option<&BgpPassword>) {
        let reference = password.and_then(|password| password.secret_key_ref.as_ref());
        let Some(reference) = reference.filter(|reference| reference.optional != Some(true)) else { return };
        if !(self.has_secret)(&reference.name, &reference.key) {
            self.error(key, format!("there is no password {} in secret {}", reference.key, reference.name));
        }
    }

    fn error(&mut self, key: &ObjectKey, message: String) {
        self.findings.push(Finding { severity: Severity::Error, subject: typed_name(key), message });
    }

    fn warn(&mut self, key: &ObjectKey, message: String) {
        self.findings.push(Finding { severity: Severity::Warning, subject: typed_name(key), message });
    }
}

fn as_node(object: &AnyObject) -> Option<&Node> {
    match object {
        AnyObject::Node(node) => Some(node),
        _ => None,
    }
}
