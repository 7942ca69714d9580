//! The cluster as a whole.

use serde_json::Value;

use crate::object::object;
use crate::schema::record;

object! {
    /// The cluster; one object, `default`.
    pub struct ClusterInformation { spec: ClusterInformationSpec, status: Value }
}

record! {
    /// What is known of the cluster.
    pub struct ClusterInformationSpec {
        /// Its identity.
        "clusterGUID" => cluster_guid: Option<String>,
        /// What it is made of.
        "clusterType" => cluster_type: Option<String>,
        /// The version of Calico.
        "calicoVersion" => calico_version: Option<String>,
        /// Whether agents may use the datastore; `false` while it is migrated.
        "datastoreReady" => datastore_ready: Option<bool>,
        /// The variant of Calico.
        "variant" => variant: Option<String>,
    }
}
