//! Creating, replacing and deleting objects by compare-and-swap.

use margay_cluster::document::{carry_over, read_json};
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_datastore::{Current, Expected, SwapOutcome};
use serde_json::Value;

use super::origin::Origin;
use super::store::Store;
use crate::object_error::ObjectError;

/// How an object of a file is to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    /// Whether it exists or not.
    Apply,
    /// It must not exist.
    Create,
    /// It must exist.
    Replace,
}

/// One object, and what became of it.
pub(crate) type Done = (String, Result<Outcome, ObjectError>);

/// What became of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Created,
    Changed,
    Unchanged,
    Deleted,
    Absent,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Absent => "does not exist",
        }
    }
}

/// How many times a change that others overtake is made again from what they wrote.
const ATTEMPTS: usize = 5;

/// Writes an object of a file.
///
/// Nothing is written when nothing differs. A `resourceVersion` in the file is the revision that the object must have.
pub(crate) fn write(
    store: &mut impl Store,
    verb: Verb,
    object: &AnyObject,
    origin: &Origin,
    dry_run: bool,
) -> Result<Outcome, ObjectError> {
    let key = ObjectKey::from(object);
    let wanted_revision = object.metadata().resource_version.clone();
    let is_pinned = wanted_revision.is_some();
    change(store, &key, dry_run, is_pinned, |current| {
        check_revision(wanted_revision.as_deref(), current)?;
        match (current, verb) {
            (None, Verb::Replace) => Err(ObjectError::NotFound),
            (Some(_), Verb::Create) => Err(ObjectError::Exists),
            (None, _) => Ok((Some(new_document(object, origin)?), Outcome::Created)),
            (Some(current), _) => Ok((Some(replaced(current, object)?), Outcome::Changed)),
        }
    })
}

/// Deletes an object.
pub(crate) fn delete(
    store: &mut impl Store,
    key: &ObjectKey,
    ignore_absent: bool,
    dry_run: bool,
) -> Result<Outcome, ObjectError> {
    change(store, key, dry_run, false, |current| match current {
        Some(_) => Ok((None, Outcome::Deleted)),
        None if ignore_absent => Ok((None, Outcome::Absent)),
        None => Err(ObjectError::NotFound),
    })
}

/// Makes a change that is computed from the current value of a key. After a conflict it is computed again, unless it is
/// pinned to one revision.
pub(crate) fn change(
    store: &mut impl Store,
    key: &ObjectKey,
    dry_run: bool,
    is_pinned: bool,
    mut next: impl FnMut(Option<&Current>) -> Result<(Option<Value>, Outcome), ObjectError>,
) -> Result<Outcome, ObjectError> {
    let path = key.to_string();
    for _ in 0..ATTEMPTS {
        let current = store.get(&path)?;
        let (document, outcome) = next(current.as_ref())?;
        if outcome == Outcome::Absent {
            return Ok(outcome);
        }
        if let (Some(current), Some(document)) = (&current, &document)
            && parse(current)? == *document
        {
            return Ok(Outcome::Unchanged);
        }
        if dry_run {
            return Ok(outcome);
        }
        let expected = current.as_ref().map_or(Expected::Absent, |current| Expected::At(current.stamp));
        match store.swap(&path, expected, document.map(|document| document.to_string().into_bytes())) {
            SwapOutcome::Written(_) => return Ok(outcome),
            SwapOutcome::Refused(why) => return Err(ObjectError::Refused(why)),
            SwapOutcome::Unknown(why) => return Err(ObjectError::Unknown(why)),
            SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) if is_pinned => {
                return Err(ObjectError::Contended);
            }
            SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => {}
        }
    }
    Err(ObjectError::Contended)
}

fn check_revision(wanted: Option<&str>, current: Option<&Current>) -> Result<(), ObjectError> {
    let Some(wanted) = wanted else { return Ok(()) };
    match current {
        None => Err(ObjectError::NotFound),
        Some(current) if current.stamp.revision.0.to_string() == wanted => Ok(()),
        Some(current) => {
            Err(ObjectError::Changed { wanted: wanted.to_owned(), found: current.stamp.revision.0 })
        }
    }
}

/// The JSON that stands at a key.
pub(crate) fn parse(current: &Current) -> Result<Value, ObjectError> {
    serde_json::from_slice(&current.value).map_err(|error| ObjectError::Unreadable(error.to_string()))
}

fn new_document(object: &AnyObject, origin: &Origin) -> Result<Value, ObjectError> {
    let mut object = object.clone();
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    metadata.uid = Some(origin.identity()?);
    metadata.creation_timestamp = Some(origin.time.clone());
    Ok(object.encode())
}

/// What is stored, changed to what the file says.
///
/// Identity and time of creation stay, and so does a status that the file does not give. Fields that this version does
/// not know stay, too: another program wrote them, and the file cannot speak of them.
fn replaced(current: &Current, object: &AnyObject) -> Result<Value, ObjectError> {
    let mut document = parse(current)?;
    let mut object = object.clone();
    let kept = |field: &str| document["metadata"][field].as_str().map(ToOwned::to_owned);
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    metadata.uid = kept("uid");
    metadata.creation_timestamp = kept("creationTimestamp");
    let mut after = object.encode();
    let node = read_json(&current.value).map_err(|error| ObjectError::Unreadable(error.to_string()))?;
    let Ok(before) = AnyObject::decode(&node, UnknownFields::Ignore) else {
        // What is stored is not valid: the file replaces all of it.
        return Ok(after);
    };
    let before = before.encode();
    if let (None, Some(status)) = (after.get("status"), before.get("status")) {
        after["status"] = status.clone();
    }
    carry_over(&mut document, &before, &after);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use margay_cluster::object::AnyObject;
    use serde_json::json;

    use super::*;
    use crate::objects::memory_store::MemoryStore;

    const KEY: &str = "/calico/resources/v3/projectcalico.org/bgppeers/rack";

    fn peer(spec: Value) -> AnyObject {
        let object = json!({
            "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "metadata": {"name": "rack"}, "spec": spec,
        });
        let text = object.to_string();
        AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap()
    }

    fn do_write(store: &mut MemoryStore, verb: Verb, spec: Value) -> Result<Outcome, String> {
        write(store, verb, &peer(spec), &Origin::fixed(), false).map_err(|error| error.to_string())
    }

    #[test]
    fn each_verb_does_what_it_says() {
        let mut store = MemoryStore::default();
        let one = || json!({"peerIP": "192.0.2.1"});
        let other = || json!({"peerIP": "192.0.2.2"});
        assert_eq!(do_write(&mut store, Verb::Replace, one()).unwrap_err(), "does not exist");
        assert_eq!(do_write(&mut store, Verb::Create, one()), Ok(Outcome::Created));
        assert_eq!(do_write(&mut store, Verb::Create, one()).unwrap_err(), "exists already");
        assert_eq!(do_write(&mut store, Verb::Apply, one()), Ok(Outcome::Unchanged));
        assert_eq!(do_write(&mut store, Verb::Apply, other()), Ok(Outcome::Changed));
        assert_eq!(do_write(&mut store, Verb::Replace, one()), Ok(Outcome::Changed));
        assert_eq!(store.writes, 3);
        let key = ObjectKey::from(&peer(one()));
        assert_eq!(delete(&mut store, &key, false, false).unwrap(), Outcome::Deleted);
        assert_eq!(delete(&mut store, &key, true, false).unwrap(), Outcome::Absent);
        assert!(delete(&mut store, &key, false, false).is_err());
    }

    #[test]
    fn what_is_stored_is_what_calico_stores() {
        let mut store = MemoryStore::default();
        do_write(&mut store, Verb::Apply, json!({"peerIP": "192.0.2.1", "asNumber": "1.10"})).unwrap();
        let expected = json!({
            "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer",
            "metadata": {
                "name": "rack", "uid": "00000000-0000-4000-8000-000000000000",
                "creationTimestamp": "2023-11-14T22:13:20Z",
            },
            "spec": {"peerIP": "192.0.2.1", "asNumber": 65546},
        });
        assert_eq!(store.json(KEY), expected);
    }

    #[test]
    fn a_dry_run_writes_nothing_and_says_what_would_be() {
        let mut store = MemoryStore::default();
        let object = peer(json!({"peerIP": "192.0.2.1"}));
        let run = |store: &mut MemoryStore, verb| write(store, verb, &object, &Origin::fixed(), true);
        assert_eq!(run(&mut store, Verb::Apply).unwrap(), Outcome::Created);
        assert!(matches!(run(&mut store, Verb::Replace), Err(ObjectError::NotFound)));
        assert_eq!(store.writes, 0);
    }

    #[test]
    fn identity_status_and_unknown_fields_survive() {
        let mut store = MemoryStore::default();
        store.put(
            KEY,
            &json!({
                "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer",
                "metadata": {"name": "rack", "uid": "u", "creationTimestamp": "t", "labels": {"a": "b"}, "later": 1},
                "spec": {"peerIP": "192.0.2.1", "newField": {"x": 1}},
                "status": {"conditions": []},
            }),
        );
        do_write(&mut store, Verb::Apply, json!({"peerIP": "192.0.2.9"})).unwrap();
        let stored = store.json(KEY);
        assert_eq!(stored["spec"], json!({"peerIP": "192.0.2.9", "newField": {"x": 1}}));
        assert_eq!(
            stored["metadata"],
            json!({"name": "rack", "uid": "u", "creationTimestamp": "t", "later": 1})
        );
        assert_eq!(stored["status"], json!({"conditions": []}));
    }

    #[test]
    fn a_change_in_between_is_seen_and_kept() {
        let mut store = MemoryStore::default();
        do_write(&mut store, Verb::Apply, json!({"peerIP": "192.0.2.1"})).unwrap();
        store.overtake_once(KEY, |value| value["spec"]["newField"] = json!(1));
        assert_eq!(do_write(&mut store, Verb::Apply, json!({"peerIP": "192.0.2.2"})), Ok(Outcome::Changed));
        assert_eq!(store.json(KEY)["spec"], json!({"peerIP": "192.0.2.2", "newField": 1}));
    }

    #[test]
    fn a_resource_version_is_the_revision_that_is_replaced() {
        let mut store = MemoryStore::default();
        do_write(&mut store, Verb::Apply, json!({"peerIP": "192.0.2.1"})).unwrap();
        let revision = store.revision(KEY);
        let mut object = peer(json!({"peerIP": "192.0.2.2"}));
        object.metadata_mut().resource_version = Some((revision + 7).to_string());
        let error = write(&mut store, Verb::Apply, &object, &Origin::fixed(), false).unwrap_err();
        assert!(matches!(error, ObjectError::Changed { .. }), "{error}");
        object.metadata_mut().resource_version = Some(revision.to_string());
        assert_eq!(
            write(&mut store, Verb::Apply, &object, &Origin::fixed(), false).unwrap(),
            Outcome::Changed
        );
        assert!(store.json(KEY)["metadata"].get("resourceVersion").is_none(), "it is not stored");
    }
}
