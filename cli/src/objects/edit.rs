//! Changing single fields and labels of stored objects.

use margay_cluster::document::{merge_patch, read_json, read_yaml};
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::{Problems, UnknownFields};
use serde_json::{Map, Value};

use super::change::{Done, Outcome, change, parse};
use super::query::{key_of, typed_name};
use super::store::Store;
use crate::arguments::objects::{Label, Patch};
use crate::object_error::ObjectError;

/// Merges a patch into an object.
pub(crate) fn patch(store: &mut impl Store, patch: &Patch) -> Result<Done, ObjectError> {
    let key = key_of(&patch.kind, &patch.name, patch.namespace.as_deref())?;
    let change = read_patch(&patch.patch)?;
    Ok((
        typed_name(&key),
        edit(store, &key, patch.dry_run, |document| {
            merge_patch(document, &change);
            Ok(())
        }),
    ))
}

fn read_patch(text: &str) -> Result<Value, ObjectError> {
    let documents = read_yaml(text)
        .map_err(|error| ObjectError::Usage(format!("the patch is not YAML or JSON: {error}")))?;
    match &documents[..] {
        [document] if document.to_json().is_object() => Ok(document.to_json()),
        _ => Err(ObjectError::Usage(
            "the patch must be one map, such as '{\"spec\": {\"disabled\": true}}'".to_owned(),
        )),
    }
}

/// Sets and removes labels of an object.
pub(crate) fn label(store: &mut impl Store, label: &Label) -> Result<Done, ObjectError> {
    let key = key_of(&label.kind, &label.name, label.namespace.as_deref())?;
    let changes = label.changes.iter().map(|change| read_label(change)).collect::<Result<Vec<_>, _>>()?;
    let outcome = edit(store, &key, label.dry_run, |document| {
        let labels = labels_of(document)?;
        for (name, value) in &changes {
            match value {
                None => drop(labels.remove(*name)),
                Some(value) => set_label(labels, name, value, label.overwrite)?,
            }
        }
        Ok(())
    });
    Ok((typed_name(&key), outcome))
}

fn read_label(change: &str) -> Result<(&str, Option<&str>), ObjectError> {
    if let Some((name, value)) = change.split_once('=') {
        return Ok((name, Some(value)));
    }
    let name = change.strip_suffix('-');
    name.map(|name| (name, None)).ok_or_else(|| {
        ObjectError::Usage(format!(
            "{change:?} is neither KEY=VALUE, which sets a label, nor KEY-, which removes it"
        ))
    })
}

fn labels_of(document: &mut Value) -> Result<&mut Map<String, Value>, ObjectError> {
    let labels = document
        .as_object_mut()
        .and_then(|object| {
            object.entry("metadata").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
        })
        .and_then(|metadata| {
            metadata.entry("labels").or_insert_with(|| Value::Object(Map::new())).as_object_mut()
        });
    labels.ok_or_else(|| ObjectError::Unreadable("its labels are not a map".to_owned()))
}

fn set_label(
    labels: &mut Map<String, Value>,
    name: &str,
    value: &str,
    overwrite: bool,
) -> Result<(), ObjectError> {
    match labels.get(name) {
        Some(old) if old != value && !overwrite => {
            Err(ObjectError::Usage(format!("label {name} is {old} already; --overwrite changes it")))
        }
        _ => {
            labels.insert(name.to_owned(), value.into());
            Ok(())
        }
    }
}

/// Changes the document of an object that exists, if that brings no new problems.
fn edit(
    store: &mut impl Store,
    key: &ObjectKey,
    dry_run: bool,
    mut make: impl FnMut(&mut Value) -> Result<(), ObjectError>,
) -> Result<Outcome, ObjectError> {
    change(store, key, dry_run, false, |current| {
        let current = current.ok_or(ObjectError::NotFound)?;
        let before = parse(current)?;
        let mut after = before.clone();
        make(&mut after)?;
        check_identity(&before, &after)?;
        check_news(key, &before, &after)?;
        Ok((Some(after), Outcome::Changed))
    })
}

fn check_identity(before: &Value, after: &Value) -> Result<(), ObjectError> {
    for pointer in ["/kind", "/apiVersion", "/metadata/name", "/metadata/namespace", "/metadata/uid"] {
        if before.pointer(pointer) != after.pointer(pointer) {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(ObjectError::Usage(format!("{field} cannot be changed")));
        }
    }
    Ok(())
}

/// Refuses problems that were not there before. Fields of a newer version that were there are no reason to refuse
/// anything.
fn check_news(key: &ObjectKey, before: &Value, after: &Value) -> Result<(), ObjectError> {
    let known = problems_of(key, before);
    let mut news = problems_of(key, after);
    news.0.retain(|problem| !known.0.contains(problem));
    if news.0.is_empty() { Ok(()) } else { Err(ObjectError::Invalid(news)) }
}

fn problems_of(key: &ObjectKey, document: &Value) -> Problems {
    let text = document.to_string();
    match read_json(text.as_bytes()) {
        Ok(node) => AnyObject::decode_kind(key.kind, &node, UnknownFields::Refuse).err().unwrap_or_default(),
        Err(_) => Problems::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arguments::objects::ConnectionArguments;
    use crate::objects::memory_store::MemoryStore;

    const KEY: &str = "/calico/resources/v3/projectcalico.org/ippools/pool";

    fn store() -> MemoryStore {
        let mut store = MemoryStore::default();
        store.put(
            KEY,
            &json!({
                "apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "pool"},
                "spec": {"cidr": "10.0.0.0/16", "natOutgoing": true, "newField": 1},
            }),
        );
        store
    }

    fn do_patch(store: &mut MemoryStore, text: &str) -> Result<Outcome, String> {
        let arguments = Patch {
            kind: "pool".into(),
            name: "pool".into(),
            patch: text.into(),
            namespace: None,
            dry_run: false,
            connection: ConnectionArguments::default(),
        };
        patch(store, &arguments).and_then(|(_, outcome)| outcome).map_err(|error| error.to_string())
    }

    fn do_label(store: &mut MemoryStore, changes: &[&str], overwrite: bool) -> Result<Outcome, String> {
        let arguments = Label {
            kind: "ippools".into(),
            name: "pool".into(),
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
            overwrite,
            namespace: None,
            dry_run: false,
            connection: ConnectionArguments::default(),
        };
        label(store, &arguments).and_then(|(_, outcome)| outcome).map_err(|error| error.to_string())
    }

    #[test]
    fn a_patch_changes_what_it_says_and_nothing_else() {
        let mut store = store();
        assert_eq!(do_patch(&mut store, "spec: {disabled: true, natOutgoing: null}"), Ok(Outcome::Changed));
        assert_eq!(store.json(KEY)["spec"], json!({"cidr": "10.0.0.0/16", "disabled": true, "newField": 1}));
        assert_eq!(do_patch(&mut store, "{\"spec\": {\"disabled\": true}}"), Ok(Outcome::Unchanged));
    }

    #[test]
    fn patches_that_would_break_an_object_are_refused() {
        let rows = [
            ("spec: {cidr: 10.0.0.0/30}", "spec.cidr is smaller than a block"),
            ("spec: {disabld: true}", "spec.disabld is not a known field: did you mean \"disabled\"?"),
            ("metadata: {name: other}", "metadata.name cannot be changed"),
            ("kind: Tier", "kind cannot be changed"),
            ("- 1", "the patch must be one map"),
            ("{", "the patch is not YAML or JSON"),
        ];
        for (text, expected) in rows {
            let mut store = store();
            let error = do_patch(&mut store, text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
            assert_eq!(store.writes, 0);
        }
    }

    #[test]
    fn labels_are_set_removed_and_not_overwritten_by_accident() {
        let mut store = store();
        assert_eq!(do_label(&mut store, &["rack=r1", "old-"], false), Ok(Outcome::Changed));
        assert_eq!(store.json(KEY)["metadata"]["labels"], json!({"rack": "r1"}));
        assert_eq!(do_label(&mut store, &["rack=r1"], false), Ok(Outcome::Unchanged));
        let error = do_label(&mut store, &["rack=r2"], false).unwrap_err();
        assert_eq!(error, "label rack is \"r1\" already; --overwrite changes it");
        assert_eq!(do_label(&mut store, &["rack=r2", "role=x"], true), Ok(Outcome::Changed));
        assert_eq!(do_label(&mut store, &["rack-"], false), Ok(Outcome::Changed));
        assert_eq!(store.json(KEY)["metadata"]["labels"], json!({"role": "x"}));
        assert!(do_label(&mut store, &["a b=c"], false).unwrap_err().contains("has the key"));
        assert!(do_label(&mut store, &["role"], false).unwrap_err().contains("KEY=VALUE"));
    }
}
