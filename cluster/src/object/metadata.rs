//! What every object has: its name, its labels, its annotations.

use serde_json::Value;

use crate::schema::record;
use crate::value::{Annotations, Labels, Name};

record! {
    /// Name, labels and annotations of an object.
    pub struct Metadata {
        /// The name, unique among the objects of the kind and namespace.
        "name" => name: Name,
        /// The namespace; for kinds that have one.
        "namespace" => namespace: Option<Name>,
        /// What selectors look at.
        "labels" => labels: Labels,
        /// Notes to the object.
        "annotations" => annotations: Annotations,
        /// The object's identity: another one when it is deleted and made again.
        "uid" => uid: Option<String>,
        /// When it was made (RFC 3339).
        "creationTimestamp" => creation_timestamp: Option<String>,
        /// When its deletion was asked for (RFC 3339).
        "deletionTimestamp" => deletion_timestamp: Option<String>,
        /// How long its deletion may take.
        "deletionGracePeriodSeconds" => deletion_grace_period_seconds: Option<i64>,
        /// The revision it was read at: not stored, known from the datastore.
        "resourceVersion" => resource_version: Option<String>,
        /// How many times its spec was changed; Kubernetes counts.
        "generation" => generation: Option<i64>,
        /// The start of a name that Kubernetes completes.
        "generateName" => generate_name: Option<String>,
        /// Objects that it goes with, in Kubernetes.
        "ownerReferences" => owner_references: Vec<Value>,
        /// Programs that must agree before it is deleted, in Kubernetes.
        "finalizers" => finalizers: Vec<String>,
        /// Which program set which field, in Kubernetes.
        "managedFields" => managed_fields: Vec<Value>,
        /// A path of old versions of Kubernetes.
        "selfLink" => self_link: Option<String>,
    }
}

impl Metadata {
    /// Metadata with a name and nothing else.
    #[must_use]
    pub fn named(name: Name) -> Self {
        Self {
            name,
            namespace: None,
            labels: Labels::default(),
            annotations: Annotations::default(),
            uid: None,
            creation_timestamp: None,
            deletion_timestamp: None,
            deletion_grace_period_seconds: None,
            resource_version: None,
            generation: None,
            generate_name: None,
            owner_references: Vec::new(),
            finalizers: Vec::new(),
            managed_fields: Vec::new(),
            self_link: None,
        }
    }
}
