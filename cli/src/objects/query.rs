//! What is asked for: kinds, names and selectors, and the objects that they are about.

use margay_cluster::key::ObjectKey;
use margay_cluster::object::Kind;
use margay_cluster::selector::Selector;
use margay_cluster::value::Labels;
use margay_datastore::Revision;
use serde_json::Value;

use crate::arguments::objects::{Get, Selection};
use crate::object_error::ObjectError;

/// One thing that is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Query {
    One(ObjectKey),
    /// All of a kind, in one namespace or in all.
    All(Kind, Option<String>),
}

impl Query {
    /// What the keys begin with.
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::One(key) => key.to_string(),
            Self::All(kind, namespace) => ObjectKey::prefix(*kind, namespace.as_deref()),
        }
    }
}

/// Which of the objects are shown.
pub(crate) struct Filter {
    pub(super) selector: Option<Selector>,
}

impl Filter {
    pub(crate) fn new(get: &Get) -> Result<Self, ObjectError> {
        let parse = |text: &String| {
            text.parse().map_err(|error| ObjectError::Usage(format!("{text:?} is not a selector: {error}")))
        };
        Ok(Self { selector: get.selector.as_ref().map(parse).transpose()? })
    }

    pub(crate) fn accepts(&self, stored: &Stored) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.matches(&stored.labels()))
    }
}

/// What is asked for, from what was typed.
pub(crate) fn queries(selection: &Selection, all_namespaces: bool) -> Result<Vec<Query>, ObjectError> {
    let Some(kinds) = &selection.kinds else {
        return Err(ObjectError::Usage(format!("give a kind: {}", kind_names())));
    };
    let namespace = selection.namespace.as_deref().unwrap_or(ObjectKey::DEFAULT_NAMESPACE);
    if let Some((kind, name)) = kinds.split_once('/') {
        let first = key_of(kind, name, Some(namespace))?;
        let others = selection.names.iter().map(|name| match name.split_once('/') {
            Some((kind, name)) => key_of(kind, name, Some(namespace)),
            None => Err(ObjectError::Usage(format!("{name:?} has no kind; write kind/{name}"))),
        });
        return std::iter::once(Ok(first)).chain(others).map(|key| key.map(Query::One)).collect();
    }
    let mut queries = Vec::new();
    for kind in kinds.split(',') {
        let kind = parse_kind(kind)?;
        if selection.names.is_empty() {
            queries.push(Query::All(kind, (!all_namespaces).then(|| namespace.to_owned())));
        }
        for name in &selection.names {
            queries.push(Query::One(key_of(kind.as_str(), name, Some(namespace))?));
        }
    }
    Ok(queries)
}

/// The keys of objects that are all named.
pub(crate) fn named_keys(selection: &Selection) -> Result<Vec<ObjectKey>, ObjectError> {
    let key = |query| match query {
        Query::One(key) => Ok(key),
        Query::All(kind, _) => Err(ObjectError::Usage(format!("name the objects of kind {kind} to delete"))),
    };
    queries(selection, false)?.into_iter().map(key).collect()
}

/// The key of an object that a person named.
pub(crate) fn key_of(kind: &str, name: &str, namespace: Option<&str>) -> Result<ObjectKey, ObjectError> {
    let kind = parse_kind(kind)?;
    if name.is_empty() || name.contains('/') {
        return Err(ObjectError::Usage(format!("{name:?} is not a name")));
    }
    let namespace = namespace.unwrap_or(ObjectKey::DEFAULT_NAMESPACE);
    let namespace = kind.is_namespaced().then(|| namespace.to_owned());
    Ok(ObjectKey { kind, namespace, name: name.to_owned() })
}

fn parse_kind(text: &str) -> Result<Kind, ObjectError> {
    Kind::from_typed(text)
        .ok_or_else(|| ObjectError::Usage(format!("{text:?} is not a kind; there are {}", kind_names())))
}

fn kind_names() -> String {
    Kind::ALL.iter().map(|kind| kind.as_str().to_ascii_lowercase()).collect::<Vec<_>>().join(", ")
}

/// How people name an object: `bgppeer/rack-1`, `networkpolicy/default/web`.
pub(crate) fn typed_name(key: &ObjectKey) -> String {
    let kind = key.kind.as_str().to_ascii_lowercase();
    match &key.namespace {
        Some(namespace) => format!("{kind}/{namespace}/{}", key.name),
        None => format!("{kind}/{}", key.name),
    }
}

/// An object as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) key: ObjectKey,
    /// Its JSON, with the revision as `metadata.resourceVersion`.
    pub(crate) document: Value,
}

impl Stored {
    /// An object from its key and value; `None` when the key is not one of an object or the value not JSON.
    pub(crate) fn read(key: &[u8], value: &[u8], revision: Revision) -> Option<Self> {
        let key = ObjectKey::parse(std::str::from_utf8(key).ok()?)?;
        let mut document: Value = serde_json::from_slice(value).ok()?;
        document
            .get_mut("metadata")?
            .as_object_mut()?
            .insert("resourceVersion".to_owned(), revision.0.to_string().into());
        Some(Self { key, document })
    }

    fn labels(&self) -> Labels {
        let labels = self.document.pointer("/metadata/labels").and_then(Value::as_object);
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Labels(labels.into_iter().flatten().filter_map(text).collect())
    }
}

/// What is typed as kinds and names.
#[cfg(test)]
pub(super) fn selection(kinds: &str, names: &[&str]) -> Selection {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Selection { kinds: Some(kinds.to_owned()), names, namespace: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_keys() {
        let rows: [(&str, &[&str], &[&str]); 6] = [
            ("bgppeer", &[], &["/calico/resources/v3/projectcalico.org/bgppeers/"]),
            ("np", &[], &["/calico/resources/v3/projectcalico.org/networkpolicies/default/"]),
            (
                "BGPPeer",
                &["a", "b"],
                &[
                    "/calico/resources/v3/projectcalico.org/bgppeers/a",
                    "/calico/resources/v3/projectcalico.org/bgppeers/b",
                ],
            ),
            (
                "gnp/x",
                &["node/n"],
                &[
                    "/calico/resources/v3/projectcalico.org/globalnetworkpolicies/x",
                    "/calico/resources/v3/projectcalico.org/nodes/n",
                ],
            ),
            (
                "pools,nodes",
                &[],
                &[
                    "/calico/resources/v3/projectcalico.org/ippools/",
                    "/calico/resources/v3/projectcalico.org/nodes/",
                ],
            ),
            ("wep", &["w"], &["/calico/resources/v3/projectcalico.org/workloadendpoints/default/w"]),
        ];
        for (kinds, names, expected) in rows {
            let queries = queries(&selection(kinds, names), false).unwrap();
            assert_eq!(queries.iter().map(Query::prefix).collect::<Vec<_>>(), expected, "{kinds} {names:?}");
        }
        for (kinds, names) in [("unknowns", &[][..]), ("bgppeer", &["a/b"]), ("gnp/x", &["y"])] {
            assert!(queries(&selection(kinds, names), false).is_err(), "{kinds}");
        }
        assert!(named_keys(&selection("bgppeer", &[])).is_err(), "nothing is deleted by kind alone");
    }
}
