//! `margay get`: objects on the screen.

use std::io::Write;
use std::process::ExitCode;

use margay_cluster::key::ObjectKey;
use margay_datastore::{KeyValue, Revision};

use super::etcd_store::EtcdStore;
use super::output;
use super::query::{Filter, Query, Stored, queries, typed_name};
use super::store::Store;
use super::watch;
use crate::arguments::objects::Get;
use crate::object_error::ObjectError;
use crate::run_error::RunError;

pub(crate) fn run(get: &Get, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let queries = queries(&get.selection, get.all_namespaces)?;
    let filter = Filter::new(get)?;
    let mut store = EtcdStore::connect(&get.connection)?;
    if get.watch {
        return watch::run(store, &queries, &filter, get, out);
    }
    let found = find(&mut store, &queries, &filter)?;
    let is_single = matches!(&queries[..], [Query::One(_)]);
    output::print(&found.objects, get.output.as_ref(), is_single, get.all_namespaces, out)?;
    out.flush()?;
    found.missing.iter().for_each(|key| eprintln!("margay: {} does not exist", typed_name(key)));
    found.unreadable.iter().for_each(|key| eprintln!("margay: the value of {key} is not an object"));
    let is_complete = found.missing.is_empty() && found.unreadable.is_empty();
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found of what is asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) objects: Vec<Stored>,
    /// Named objects that do not exist.
    missing: Vec<ObjectKey>,
    /// Keys whose values are not objects.
    unreadable: Vec<String>,
}

impl Found {
    fn add(&mut self, key: &[u8], value: &[u8], revision: Revision, filter: &Filter) {
        match Stored::read(key, value, revision) {
            Some(stored) => self.objects.extend(filter.accepts(&stored).then_some(stored)),
            None => self.unreadable.push(String::from_utf8_lossy(key).into_owned()),
        }
    }
}

/// Reads what is asked for.
pub(crate) fn find(store: &mut impl Store, queries: &[Query], filter: &Filter) -> Result<Found, ObjectError> {
    let mut found = Found::default();
    for query in queries {
        match query {
            Query::One(key) => match store.get(&key.to_string())? {
                Some(current) => {
                    found.add(key.to_string().as_bytes(), &current.value, current.stamp.revision, filter);
                }
                None => found.missing.push(key.clone()),
            },
            Query::All(..) => {
                for KeyValue { key, entry } in store.list(&query.prefix())? {
                    found.add(&key, &entry.value, entry.revision, filter);
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::memory_store::MemoryStore;
    use crate::objects::query::selection;

    #[test]
    fn objects_are_found_by_kind_name_and_label() {
        let mut store = MemoryStore::default();
        for (name, labels) in [("a", json!({"rack": "r1"})), ("b", json!({"rack": "r2"}))] {
            let key = format!("/calico/resources/v3/projectcalico.org/nodes/{name}");
            store.put(&key, &json!({"kind": "Node", "metadata": {"name": name, "labels": labels}}));
        }
        store.put_octets("/calico/resources/v3/projectcalico.org/nodes/z", b"{".to_vec());
        let names = |kinds: &str, names: &[&str], selector: Option<&str>| {
            let mut store = store.clone();
            let filter = Filter { selector: selector.map(|text| text.parse().unwrap()) };
            let queries = queries(&selection(kinds, names), false).unwrap();
            let found = find(&mut store, &queries, &filter).unwrap();
            assert_eq!(
                found.unreadable,
                ["/calico/resources/v3/projectcalico.org/nodes/z"][..usize::from(names.is_empty())]
            );
            let objects: Vec<String> = found.objects.into_iter().map(|stored| stored.key.name).collect();
            (objects, found.missing.into_iter().map(|key| key.name).collect::<Vec<_>>())
        };
        assert_eq!(names("node", &[], None), (vec!["a".to_owned(), "b".to_owned()], vec![]));
        assert_eq!(names("node", &["b", "c"], None), (vec!["b".to_owned()], vec!["c".to_owned()]));
        assert_eq!(names("node", &[], Some("rack == 'r1'")), (vec!["a".to_owned()], vec![]));
    }
}
