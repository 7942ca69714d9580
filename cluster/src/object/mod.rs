//! The kinds of objects that stand in the datastore, one a file, with their defaults and what makes them valid.

mod any;
mod bgp_configuration;
mod bgp_filter;
mod bgp_peer;
mod calico_node_status;
mod cluster_information;
mod declare;
mod felix_configuration;
mod host_endpoint;
mod ip_pool;
mod ip_reservation;
mod kind;
mod kube_controllers_configuration;
mod live_migration;
mod metadata;
mod network_set;
mod node;
mod policy;
mod profile;
mod rule;
mod scope;
mod staged_policy;
mod tier;
mod workload_endpoint;

use crate::document::Node as DocumentNode;
use crate::schema::{Problems, Schema, UnknownFields, decode};

pub use self::any::AnyObject;
pub use self::bgp_configuration::{
    BgpConfiguration, BgpConfigurationSpec, BindMode, ClusterRoutes, NamedCommunity, PrefixAdvertisement,
    PrefixCommunity, ServiceBlock, Switch,
};
pub use self::bgp_filter::{
    BgpFilter, BgpFilterAction, BgpFilterAddCommunity, BgpFilterCommunities, BgpFilterOperation,
    BgpFilterPrependAsPath, BgpFilterRuleV4, BgpFilterRuleV6, BgpFilterSetPriority, BgpFilterSpec,
    MatchOperator, PeerType, PrefixLengthV4, PrefixLengthV6, RouteSourceMatch,
};
pub use self::bgp_peer::{
    BgpPassword, BgpPeer, BgpPeerSpec, NextHopMode, ReversePeering, SecretKeyReference, SourceAddress,
};
pub use self::calico_node_status::{CalicoNodeStatus, CalicoNodeStatusSpec, StatusClass};
pub use self::cluster_information::{ClusterInformation, ClusterInformationSpec};
pub use self::felix_configuration::*;
pub use self::host_endpoint::{EndpointPort, HostEndpoint, HostEndpointSpec};
pub use self::ip_pool::{AllowedUse, AssignmentMode, EncapsulationMode, IpPool, IpPoolSpec};
pub use self::ip_reservation::{IpReservation, IpReservationSpec};
pub use self::kind::{API_VERSION, Kind};
pub use self::kube_controllers_configuration::{
    AssignIps, AutoHostEndpoint, ControllerSettings, Controllers, HostEndpointTemplate,
    KubeControllersConfiguration, KubeControllersConfigurationSpec, KubeControllersLogLevel,
    LoadBalancerController, NodeController, PolicyMigration,
};
pub use self::live_migration::{
    LiveMigration, LiveMigrationSource, LiveMigrationSpec, LiveMigrationTarget, WorkloadEndpointIdentifier,
    WorkloadIdentifier,
};
pub use self::metadata::Metadata;
pub use self::network_set::{GlobalNetworkSet, NetworkSet, NetworkSetSpec};
pub use self::node::{
    Node, NodeAddress, NodeAddressType, NodeBgpSpec, NodeInterface, NodeSpec, NodeStatus, NodeWireguardSpec,
    OrchestratorReference,
};
pub use self::policy::{
    GlobalNetworkPolicy, GlobalNetworkPolicySpec, NetworkPolicy, NetworkPolicySpec, PerformanceHint,
    PolicyType, default_types,
};
pub use self::profile::{Profile, ProfileSpec};
pub use self::rule::{
    Action, EntityRule, HttpMatch, HttpPath, IcmpFields, IpVersion, Rule, RuleMetadata, ServiceAccountMatch,
    ServiceMatch,
};
pub use self::scope::{
    NAMESPACE_LABEL, NAMESPACE_LABEL_PREFIX, SERVICE_ACCOUNT_LABEL, SERVICE_ACCOUNT_LABEL_PREFIX,
    entity_scope, global_policy_scope, policy_scope,
};
pub use self::staged_policy::{
    StagedAction, StagedGlobalNetworkPolicy, StagedGlobalNetworkPolicySpec, StagedKubernetesNetworkPolicy,
    StagedKubernetesNetworkPolicySpec, StagedNetworkPolicy, StagedNetworkPolicySpec,
};
pub use self::tier::{Tier, TierAction, TierSpec};
pub use self::workload_endpoint::{
    ContainerId, EndpointName, EndpointNameError, IpNat, QosControls, WorkloadEndpoint, WorkloadEndpointPort,
    WorkloadEndpointSpec,
};

pub(crate) use self::declare::object;

/// An object of a known kind.
pub trait Object: Schema + Clone + std::fmt::Debug + PartialEq {
    /// The kind.
    const KIND: Kind;

    /// Its name, labels and annotations.
    fn metadata(&self) -> &Metadata;

    /// The same, to be changed.
    fn metadata_mut(&mut self) -> &mut Metadata;

    /// Sets what depends on other fields and is not given, as Calico's client does before it writes an object.
    ///
    /// Defaults that do not depend on anything are set when an object is decoded.
    fn apply_defaults(&mut self) {}
}

/// Decodes an object of a known kind.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn decode_object<O: Object>(
    node: &DocumentNode<'_>,
    unknown_fields: UnknownFields,
) -> Result<O, Problems> {
    decode(node, unknown_fields)
}
