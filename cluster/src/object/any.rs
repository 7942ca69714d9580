//! An object of any kind.

use serde_json::Value;

use crate::document::Node as DocumentNode;
use crate::object::{
    BgpConfiguration, BgpFilter, BgpPeer, CalicoNodeStatus, ClusterInformation, FelixConfiguration,
    GlobalNetworkPolicy, GlobalNetworkSet, HostEndpoint, IpPool, IpReservation, Kind,
    KubeControllersConfiguration, LiveMigration, Metadata, NetworkPolicy, NetworkSet, Node, Object, Profile,
    StagedGlobalNetworkPolicy, StagedKubernetesNetworkPolicy, StagedNetworkPolicy, Tier, WorkloadEndpoint,
};
use crate::schema::{Decoder, Problems, Schema, UnknownFields, decode};

use super::declare::kind_of;

/// Declares the enum of all kinds.
macro_rules! any_object {
    ($($kind:ident),* $(,)?) => {
        /// An object of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyObject {
            $(
                #[doc = concat!("A [`", stringify!($kind), "`].")]
                $kind(Box<$kind>),
            )*
        }

        impl AnyObject {
            /// Decodes an object of a kind that is known.
            ///
            /// # Errors
            ///
            /// Everything that is wrong with it.
            pub fn decode_kind(
                kind: Kind,
                node: &DocumentNode<'_>,
                unknown_fields: UnknownFields,
            ) -> Result<Self, Problems> {
                match kind {
                    $(Kind::$kind => decode(node, unknown_fields).map(|object| Self::$kind(Box::new(object))),)*
                }
            }

            /// The kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// Its name, labels and annotations.
            #[must_use]
            pub fn metadata(&self) -> &Metadata {
                match self { $(Self::$kind(object) => object.metadata(),)* }
            }

            /// The same, to be changed.
            pub fn metadata_mut(&mut self) -> &mut Metadata {
                match self { $(Self::$kind(object) => object.metadata_mut(),)* }
            }

            /// Sets what depends on other fields and is not given.
            pub fn apply_defaults(&mut self) {
                match self { $(Self::$kind(object) => object.apply_defaults(),)* }
            }

            /// Encodes the object as JSON.
            #[must_use]
            pub fn encode(&self) -> Value {
                match self { $(Self::$kind(object) => object.encode(),)* }
            }
        }

        $(
            impl From<$kind> for AnyObject {
                fn from(object: $kind) -> Self {
                    Self::$kind(Box::new(object))
                }
            }
        )*
    };
}

any_object!(
    Node,
    BgpPeer,
    BgpConfiguration,
    BgpFilter,
    IpPool,
    IpReservation,
    FelixConfiguration,
    NetworkPolicy,
    GlobalNetworkPolicy,
    NetworkSet,
    GlobalNetworkSet,
    HostEndpoint,
    WorkloadEndpoint,
    Profile,
    Tier,
    ClusterInformation,
    CalicoNodeStatus,
    KubeControllersConfiguration,
    StagedNetworkPolicy,
    StagedGlobalNetworkPolicy,
    StagedKubernetesNetworkPolicy,
    LiveMigration,
);

impl AnyObject {
    /// Decodes an object of the kind that it says it is.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, a kind that is missing or not known first of all.
    pub fn decode(node: &DocumentNode<'_>, unknown_fields: UnknownFields) -> Result<Self, Problems> {
        let mut decoder = Decoder::new(unknown_fields);
        match kind_of(node, &mut decoder) {
            Some(kind) => Self::decode_kind(kind, node, unknown_fields),
            None => Err(decoder.into_problems()),
        }
    }
}
