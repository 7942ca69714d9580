//! What a node has to enforce: its endpoints, and the policies, profiles and sets that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{Rule, TierAction};

use crate::packet::Direction;
use crate::rule::ActiveRule;
use crate::set::{Set, SetKey};

/// The identity of an object. Cloning is cheap.
pub type ObjectId = Arc<ObjectKey>;

/// Everything that a node has to enforce.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The node's endpoints.
    pub endpoints: BTreeMap<ObjectId, Arc<Endpoint>>,
    /// The policies that apply to one of them, or that every node is to be ready for.
    pub policies: BTreeMap<ObjectId, Arc<RuleLists>>,
    /// The profiles that endpoints name and that exist.
    pub profiles: BTreeMap<Arc<str>, Arc<RuleLists>>,
    /// The sets that rules of those policies and profiles refer to.
    pub sets: BTreeMap<SetKey, Set>,
}

/// The rules of a policy or profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleLists {
    /// Rules for packets to an endpoint.
    pub ingress: Vec<ActiveRule>,
    /// Rules for packets from an endpoint.
    pub egress: Vec<ActiveRule>,
}

/// What applies to an endpoint.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// The interface on the node; `None` for a host endpoint that is found by its addresses.
    pub interface: Option<String>,
    /// The names of its profiles in order, of those that do not exist as well.
    pub profiles: Vec<Arc<str>>,
    /// The tiers with policies for its packets.
    pub tiers: Vec<TierPolicies>,
    /// The tiers with policies for packets that a host endpoint forwards.
    pub forward: Vec<TierPolicies>,
    /// The tiers with policies that a host endpoint applies before connection tracking.
    pub untracked: Vec<TierPolicies>,
    /// The tiers with policies that a host endpoint applies before destinations are translated.
    pub pre_dnat: Vec<TierPolicies>,
}

/// The policies of a tier that apply to an endpoint, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TierPolicies {
    /// The tier's name.
    pub name: Arc<str>,
    /// What happens to packets that none of the rules matches.
    pub default_action: TierAction,
    /// Policies for packets to the endpoint.
    pub ingress: Vec<ObjectId>,
    /// Policies for packets from the endpoint.
    pub egress: Vec<ObjectId>,
}

impl RuleLists {
    /// The rules of a policy of `namespace`, or of one of the cluster or of a profile.
    pub(crate) fn compile(ingress: &[Rule], egress: &[Rule], namespace: Option<&str>) -> Self {
        let compile =
            |rules: &[Rule]| rules.iter().map(|rule| ActiveRule::compile(rule, namespace)).collect();
        Self { ingress: compile(ingress), egress: compile(egress) }
    }

    /// The rules of a direction.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[ActiveRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Every set that a rule refers to.
    #[must_use]
    pub fn set_keys(&self) -> BTreeSet<&SetKey> {
        self.ingress.iter().chain(&self.egress).flat_map(ActiveRule::set_keys).collect()
    }
}

impl TierPolicies {
    /// The policies of a direction.
    #[must_use]
    pub fn policies(&self, direction: Direction) -> &[ObjectId] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}
