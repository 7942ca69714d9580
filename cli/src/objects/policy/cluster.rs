//! The objects that connections are judged by.

use std::collections::BTreeMap;

use margay_cluster::document::read_json;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_policy::{Calculation, Wanted};

use crate::object_error::ObjectError;
use crate::objects::manifest::Manifest;
use crate::objects::query::typed_name;
use crate::objects::store::Store;

/// Objects, and what follows from them for the endpoints of all nodes.
pub(super) struct Cluster {
    pub(super) objects: BTreeMap<ObjectKey, AnyObject>,
    calculation: Calculation,
}

impl Cluster {
    /// The objects of files.
    pub(super) fn of_manifests(manifests: &[Manifest]) -> Self {
        Self::new(manifests.iter().map(|manifest| (manifest.key(), manifest.object.clone())).collect())
    }

    /// The objects of the datastore, and what is wrong with those that are left out.
    pub(super) fn of_store(store: &mut impl Store) -> Result<(Self, Vec<String>), ObjectError> {
        let mut objects = BTreeMap::new();
        let mut problems = Vec::new();
        for entry in store.list(ObjectKey::ROOT)? {
            let Some(key) = ObjectKey::parse(&String::from_utf8_lossy(&entry.key)) else { continue };
            match read(&key, &entry.entry.value) {
                Ok(object) => {
                    objects.insert(key, object);
                }
                Err(problem) => problems.push(format!("{} is left out: {problem}", typed_name(&key))),
            }
        }
        Ok((Self::new(objects), problems))
    }

    fn new(objects: BTreeMap<ObjectKey, AnyObject>) -> Self {
        let mut calculation = Calculation::of_all_nodes();
        for (key, object) in &objects {
            calculation.handle_object(key, Some(object));
        }
        calculation.take_changes();
        Self { objects, calculation }
    }

    /// What is enforced for each endpoint.
    pub(super) const fn wanted(&self) -> &Wanted {
        self.calculation.wanted()
    }
}

fn read(key: &ObjectKey, value: &[u8]) -> Result<AnyObject, String> {
    let node = read_json(value).map_err(|error| error.to_string())?;
    let object = AnyObject::decode_kind(key.kind, &node, UnknownFields::Ignore);
    object.map_err(|problems| problems.to_string())
}
