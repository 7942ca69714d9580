//! Keys of objects.

use std::fmt;

use crate::object::{AnyObject, Kind, Metadata};

/// What identifies an object: `/calico/resources/v3/projectcalico.org/<plural>[/<namespace>]/<name>`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    /// The kind.
    pub kind: Kind,
    /// The namespace; for kinds that have one, and only for them.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// What keys of all objects begin with.
    pub const ROOT: &'static str = "/calico/resources/v3/projectcalico.org/";

    /// The namespace of objects that name none, for kinds that have one.
    pub const DEFAULT_NAMESPACE: &'static str = "default";

    /// The key of an object with these metadata.
    #[must_use]
    pub fn of(kind: Kind, metadata: &Metadata) -> Self {
        let namespace = metadata.namespace.as_deref().unwrap_or(Self::DEFAULT_NAMESPACE);
        Self {
            kind,
            namespace: kind.is_namespaced().then(|| namespace.to_owned()),
            name: metadata.name.as_str().to_owned(),
        }
    }

    /// What keys of all objects of a kind begin with, or of those in a namespace.
    #[must_use]
    pub fn prefix(kind: Kind, namespace: Option<&str>) -> String {
        let mut prefix = format!("{}{}/", Self::ROOT, kind.plural());
        if let Some(namespace) = namespace.filter(|_| kind.is_namespaced()) {
            prefix += namespace;
            prefix.push('/');
        }
        prefix
    }

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (plural, rest) = text.strip_prefix(Self::ROOT)?.split_once('/')?;
        let kind = Kind::from_plural(plural)?;
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) if kind.is_namespaced() => (Some(namespace), name),
            None if !kind.is_namespaced() => (None, rest),
            _ => return None,
        };
        let is_whole = !name.is_empty() && !name.contains('/') && namespace != Some("");
        is_whole.then(|| Self { kind, namespace: namespace.map(ToOwned::to_owned), name: name.to_owned() })
    }
}

impl From<&AnyObject> for ObjectKey {
    fn from(object: &AnyObject) -> Self {
        Self::of(object.kind(), object.metadata())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/", Self::ROOT, self.kind.plural())?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}
