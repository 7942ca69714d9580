//! Who wants what: several owners can want the same thing.

use std::collections::{BTreeMap, BTreeSet};

use margay_reconcile::{Key, Value};

use super::endpoint::EndpointId;

/// Who wants a thing. Where two want the same in different ways, the first in this order has it: a workload's route before that of a
/// block.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Owner {
    /// A workload of the node.
    Endpoint(EndpointId),
    /// Tunnels and routes to other nodes.
    Overlay,
}

/// What each owner wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    by_key: BTreeMap<Key, BTreeMap<Owner, Value>>,
    keys: BTreeMap<Owner, BTreeSet<Key>>,
    /// Keys that were touched since changes were taken, with what was wanted then.
    touched: BTreeMap<Key, Option<Value>>,
}

impl Claims {
    /// Sets what an owner wants at a key.
    pub(super) fn set(&mut self, owner: &Owner, key: Key, value: Option<Value>) {
        self.touched.entry(key.clone()).or_insert_with(|| wanted(&self.by_key, &key));
        match value {
            Some(value) => {
                self.keys.entry(owner.clone()).or_default().insert(key.clone());
                self.by_key.entry(key).or_default().insert(owner.clone(), value);
            }
            None => self.remove(owner, &key),
        }
    }

    /// Sets everything that an owner wants.
    pub(super) fn replace(&mut self, owner: &Owner, things: Vec<(Key, Value)>) {
        let mut gone = self.keys.get(owner).cloned().unwrap_or_default();
        for (key, value) in things {
            gone.remove(&key);
            self.set(owner, key, Some(value));
        }
        for key in gone {
            self.set(owner, key, None);
        }
    }

    /// What is wanted now and was not when changes were last taken.
    pub(super) fn take_changes(&mut self) -> Vec<(Key, Option<Value>)> {
        let touched = std::mem::take(&mut self.touched);
        let now = |key: &Key| wanted(&self.by_key, key);
        touched
            .into_iter()
            .map(|(key, before)| (now(&key), key, before))
            .filter(|(now, _, before)| now != before)
            .map(|(now, key, _)| (key, now))
            .collect()
    }

    fn remove(&mut self, owner: &Owner, key: &Key) {
        if let Some(owners) = self.by_key.get_mut(key) {
            owners.remove(owner);
            if owners.is_empty() {
                self.by_key.remove(key);
            }
        }
        if let Some(keys) = self.keys.get_mut(owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.keys.remove(owner);
            }
        }
    }
}

fn wanted(by_key: &BTreeMap<Key, BTreeMap<Owner, Value>>, key: &Key) -> Option<Value> {
    by_key.get(key)?.values().next().cloned()
}

#[cfg(test)]
mod tests {
    use margay_reconcile::{Key, Value};

    use super::{Claims, Owner};

    #[test]
    fn the_first_owner_has_a_thing_and_the_next_gets_it_when_that_one_lets_go() {
        let key = Key::Sysctl { link: None, path: "a/b".to_owned() };
        let text = |text: &str| Some(Value::Sysctl(text.to_owned()));
        let endpoint = Owner::Endpoint(("ns".to_owned(), "e".to_owned()));
        let mut claims = Claims::default();
        claims.set(&Owner::Overlay, key.clone(), text("1"));
        assert_eq!(claims.take_changes(), [(key.clone(), text("1"))]);
        claims.set(&endpoint, key.clone(), text("2"));
        claims.set(&Owner::Overlay, key.clone(), text("3"));
        assert_eq!(claims.take_changes(), [(key.clone(), text("2"))]);
        claims.replace(&endpoint, vec![]);
        assert_eq!(claims.take_changes(), [(key.clone(), text("3"))]);
        claims.set(&Owner::Overlay, key.clone(), None);
        claims.set(&Owner::Overlay, key, text("3"));
        assert_eq!(claims.take_changes(), []);
    }
}
