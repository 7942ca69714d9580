//! The kinds of objects, with all their names.

use std::fmt;

use crate::value::{Name, is_dns_label};

/// The version of the API that all objects have.
pub const API_VERSION: &str = "projectcalico.org/v3";

/// Declares the kinds, so that no list of them can miss one.
macro_rules! kinds {
    ($( $(#[$meta:meta])* $kind:ident = $name:literal, $plural:literal, $scope:ident, [$($short:literal),*]; )*) => {
        /// What an object is.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Kind { $( $(#[$meta])* $kind, )* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name in an object's `kind`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The name in keys, and what people type for all of them.
            #[must_use]
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural,)* }
            }

            /// Short names that people type.
            #[must_use]
            pub const fn short_names(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($short),*],)* }
            }

            /// Whether its objects stand in namespaces.
            #[must_use]
            pub const fn is_namespaced(self) -> bool {
                match self { $(Self::$kind => kinds!(@$scope),)* }
            }
        }
    };
    (@global) => { false };
    (@namespaced) => { true };
}

kinds! {
    /// A machine of the cluster.
    Node = "Node", "nodes", global, ["no"];
    /// BGP sessions of nodes.
    BgpPeer = "BGPPeer", "bgppeers", global, ["bgpp"];
    /// BGP for all nodes (`default`) or for one (`node.NAME`).
    BgpConfiguration = "BGPConfiguration", "bgpconfigurations", global, ["bgpconfig", "bgpconfigs"];
    /// Filters of BGP sessions.
    BgpFilter = "BGPFilter", "bgpfilters", global, ["bgpf"];
    /// Addresses that workloads, tunnels and load balancers get.
    IpPool = "IPPool", "ippools", global, ["ipp", "pool", "pools"];
    /// Addresses that nothing gets.
    IpReservation = "IPReservation", "ipreservations", global, ["ipr"];
    /// Settings of the node agent for all nodes (`default`) or for one (`node.NAME`).
    FelixConfiguration = "FelixConfiguration", "felixconfigurations", global, ["felixconfig", "felixconfigs", "fc"];
    /// Network policy of a namespace.
    NetworkPolicy = "NetworkPolicy", "networkpolicies", namespaced, ["policy", "policies", "np", "pol", "cnp"];
    /// Network policy of the cluster.
    GlobalNetworkPolicy = "GlobalNetworkPolicy", "globalnetworkpolicies", global, ["gnp", "gnps", "cgnp"];
    /// Networks that rules of a namespace select by labels.
    NetworkSet = "NetworkSet", "networksets", namespaced, ["netset", "netsets", "netsts"];
    /// Networks that rules select by labels.
    GlobalNetworkSet = "GlobalNetworkSet", "globalnetworksets", global, ["gns", "globalnetsets"];
    /// An interface of a node itself.
    HostEndpoint = "HostEndpoint", "hostendpoints", global, ["hep", "heps"];
    /// An interface of a workload.
    WorkloadEndpoint = "WorkloadEndpoint", "workloadendpoints", namespaced, ["wep", "weps"];
    /// Labels and rules that endpoints refer to.
    Profile = "Profile", "profiles", global, ["pro", "pros"];
    /// A group of policies that is looked at before or after others.
    Tier = "Tier", "tiers", global, ["ti"];
    /// The cluster as a whole; one object, `default`.
    ClusterInformation = "ClusterInformation", "clusterinformations", global, ["clusterinfo", "clusterinfos"];
    /// A request for the state of a node, and the answer.
    CalicoNodeStatus = "CalicoNodeStatus", "caliconodestatuses", global, ["caliconodestatus", "cns"];
    /// Settings of Calico's controllers for Kubernetes.
    KubeControllersConfiguration =
        "KubeControllersConfiguration", "kubecontrollersconfigurations", global, ["kcc", "kccs", "kubecontrollersconfig"];
    /// A network policy that is watched and not enforced.
    StagedNetworkPolicy = "StagedNetworkPolicy", "stagednetworkpolicies", namespaced, ["snp", "scnp"];
    /// A global network policy that is watched and not enforced.
    StagedGlobalNetworkPolicy = "StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", global, ["sgnp"];
    /// A policy of Kubernetes that is watched and not enforced.
    StagedKubernetesNetworkPolicy =
        "StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", namespaced, ["sknp"];
    /// A virtual machine that moves from one node to another.
    LiveMigration = "LiveMigration", "livemigrations", namespaced, ["lm"];
}

impl Kind {
    /// The kind that an object's `kind` names.
    #[must_use]
    pub fn from_kind(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The kind that a segment of a key names.
    #[must_use]
    pub fn from_plural(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.plural() == text)
    }

    /// The kind that a person means: its name, plural or short name, in any case.
    #[must_use]
    pub fn from_typed(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|kind| {
            kind.as_str().to_ascii_lowercase() == text
                || kind.plural() == text
                || kind.short_names().contains(&text.as_str())
        })
    }

    /// Checks a name by the rules of this kind, beyond those that all names follow.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn check_name(self, name: &Name) -> Result<(), &'static str> {
        let dots = name.matches('.').count();
        let is_of_orchestrator = || name.starts_with("knp.default.") || name.starts_with("ossg.default.");
        match self {
            Self::Tier if !is_dns_label(name) => {
                Err("the name of a tier has at most 63 lower case letters, digits and '-'")
            }
            Self::NetworkPolicy | Self::StagedNetworkPolicy if dots > 1 && !is_of_orchestrator() => Err(
                "the name of a policy has at most one dot, after the name of its tier, or begins with knp.default. \
                     or ossg.default.",
            ),
            Self::GlobalNetworkPolicy | Self::StagedGlobalNetworkPolicy if dots > 1 => {
                Err("the name of a global policy has at most one dot, after the name of its tier")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_typed_name_means_two_kinds() {
        let mut owners: BTreeMap<String, Kind> = BTreeMap::new();
        for &kind in Kind::ALL {
            let own = [kind.as_str().to_ascii_lowercase(), kind.plural().to_owned()];
            let short = kind.short_names().iter().map(|name| (*name).to_owned());
            for name in own.into_iter().chain(short) {
                assert_eq!(Kind::from_typed(&name), Some(kind), "{name}");
                if let Some(other) = owners.insert(name.clone(), kind) {
                    assert_eq!(other, kind, "{name}");
                }
            }
            assert_eq!(Kind::from_plural(kind.plural()), Some(kind));
            assert_eq!(Kind::from_kind(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn names_by_kind_table() {
        use Kind::{BgpPeer, GlobalNetworkPolicy, NetworkPolicy, StagedNetworkPolicy, Tier};
        let rows = [
            (Tier, "platform", true),
            (Tier, "a.b", false),
            (NetworkPolicy, "platform.web", true),
            (NetworkPolicy, "a.b.c", false),
            (NetworkPolicy, "knp.default.a.b.c", true),
            (StagedNetworkPolicy, "ossg.default.a", true),
            (GlobalNetworkPolicy, "a.b", true),
            (GlobalNetworkPolicy, "knp.default.a", false),
            (BgpPeer, "a.b.c", true),
        ];
        for (kind, name, is_good) in rows {
            assert_eq!(kind.check_name(&Name::new(name).unwrap()).is_ok(), is_good, "{kind} {name}");
        }
    }
}
