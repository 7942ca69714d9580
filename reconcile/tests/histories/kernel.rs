//! A kernel that refuses, forgets without a message and reports as Linux does.

use std::collections::{BTreeMap, VecDeque};

use margay_reconcile::{
    Action, Key, Kind, Link, LinkKind, LinkName, Notice, Operation, Ownership, Refusal, RefusalKind, Seen,
    Value,
};

use crate::universe::{Interference, link};

const FOREIGN: u8 = 3;

#[derive(Clone, Debug, PartialEq)]
struct Thing {
    value: Value,
    protocol: u8,
    /// True for what another program put in the place of a thing of ours.
    took_our_place: bool,
}

pub(crate) struct ModelKernel {
    things: BTreeMap<Key, Thing>,
    /// Routes and rules of others, as they must stay.
    foreign: BTreeMap<Key, Value>,
    ownership: Ownership,
    pub(crate) notices: VecDeque<Notice>,
    pub(crate) is_stubborn: bool,
}

impl ModelKernel {
    pub(crate) fn new(ownership: Ownership) -> Self {
        let eth0 = Link { kind: LinkKind::Veth, hardware_address: None, mtu_octets: Some(1500), is_up: true };
        let mut kernel = Self {
            things: BTreeMap::new(),
            foreign: BTreeMap::new(),
            ownership,
            notices: VecDeque::new(),
            is_stubborn: false,
        };
        kernel.set(Key::Link(link("eth0")), Value::Link(eth0), FOREIGN, false);
        kernel
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.things.get(key).map(|thing| &thing.value)
    }

    pub(crate) fn has_link(&self, link: &LinkName) -> bool {
        self.things.contains_key(&Key::Link(link.clone()))
    }

    pub(crate) fn is_up(&self, link: &LinkName) -> bool {
        matches!(self.get(&Key::Link(link.clone())), Some(Value::Link(link)) if link.is_up)
    }

    pub(crate) fn is_foreign(&self, key: &Key) -> bool {
        let is_counted = matches!(key.kind(), Kind::Route | Kind::Rule);
        is_counted && self.things.get(key).is_some_and(|thing| thing.protocol == FOREIGN)
    }

    pub(crate) fn list(&self, kind: Kind) -> Vec<Seen> {
        self.things
            .iter()
            .filter(|(key, _)| key.kind() == kind)
            .map(|(key, thing)| seen(key, thing))
            .collect()
    }

    pub(crate) fn read(&self, key: &Key) -> Notice {
        match self.things.get(key) {
            Some(thing) => Notice::There(seen(key, thing)),
            None => Notice::Gone { key: key.clone(), protocol: None },
        }
    }

    pub(crate) fn own_things(&self) -> Vec<Key> {
        let things =
            self.things.iter().filter(|(_, thing)| thing.protocol != FOREIGN || thing.took_our_place);
        let own = things.filter(|(key, thing)| self.ownership.covers(&seen(key, thing)));
        own.map(|(key, _)| key.clone()).collect()
    }

    /// From now on nobody can know which routes of others replaced ours.
    pub(crate) fn forget_histories(&mut self) {
        for (key, thing) in self.things.iter_mut().filter(|(key, _)| key.kind() == Kind::Route) {
            if std::mem::take(&mut thing.took_our_place) {
                self.foreign.insert(key.clone(), thing.value.clone());
            }
        }
    }

    /// Whether everything that others put somewhere is still there.
    pub(crate) fn check_foreign(&self) {
        for (key, value) in &self.foreign {
            assert_eq!(self.get(key), Some(value), "{key} belonged to another program");
        }
    }

    pub(crate) fn carry_out(&mut self, operation: &Operation) -> Result<(), Refusal> {
        let key = &operation.key;
        if self.is_stubborn {
            return Err(refusal(RefusalKind::Other));
        }
        match &operation.action {
            Action::Remove(_) => self.remove_own(key),
            Action::Create(_) if self.things.contains_key(key) => Err(refusal(RefusalKind::Occupied)),
            Action::Create(value) | Action::Put(value) => {
                self.check_link(key, value)?;
                let present = self.things.get(key);
                let is_foreign = matches!(key.kind(), Kind::Route | Kind::Rule)
                    && present.is_some_and(|thing| thing.protocol == FOREIGN && !thing.took_our_place);
                assert!(!is_foreign, "{key} of another program is replaced");
                // Routes that may have been dropped without a message are written again.
                let is_repeated =
                    key.kind() != Kind::Route && present.map(|thing| &thing.value) == Some(value);
                assert!(!is_repeated, "{key} is there already");
                if key.kind() == Kind::Sysctl && present.is_none() {
                    return Err(refusal(RefusalKind::Gone));
                }
                self.set(key.clone(), value.clone(), self.ownership.protocol, false);
                Ok(())
            }
        }
    }

    fn remove_own(&mut self, key: &Key) -> Result<(), Refusal> {
        let is_counted = matches!(key.kind(), Kind::Route | Kind::Rule);
        match self.things.get(key) {
            Some(thing) if !is_counted || thing.protocol == self.ownership.protocol => {
                self.remove(key);
                Ok(())
            }
            _ => Err(refusal(RefusalKind::Gone)),
        }
    }

    fn check_link(&self, key: &Key, value: &Value) -> Result<(), Refusal> {
        let Some(link) = key.link().or_else(|| value.link()) else { return Ok(()) };
        let is_good = self.has_link(link) && (key.kind() != Kind::Route || self.is_up(link));
        if is_good { Ok(()) } else { Err(refusal(RefusalKind::Gone)) }
    }

    pub(crate) fn interfere(&mut self, interference: Interference) {
        match interference {
            Interference::Remove(key) => {
                self.foreign.remove(&key);
                self.remove(&key);
            }
            Interference::Put(key, value) => {
                let is_ours = self
                    .things
                    .get(&key)
                    .is_some_and(|thing| thing.protocol != FOREIGN || thing.took_our_place);
                self.put_foreign(key, value, is_ours);
            }
            Interference::Create(key, value) => {
                if !self.things.contains_key(&key) {
                    self.put_foreign(key, value, false);
                }
            }
            Interference::Switch(link, is_up) => {
                if let Some(Value::Link(present)) = self.get(&Key::Link(link.clone())).cloned() {
                    self.set(Key::Link(link), Value::Link(Link { is_up, ..present }), FOREIGN, true);
                }
            }
        }
    }

    fn put_foreign(&mut self, key: Key, value: Value, took_our_place: bool) {
        // Rules of others do not stand in the place of ours.
        if self.check_link(&key, &value).is_err() || key.kind() == Kind::Rule {
            return;
        }
        if matches!(key.kind(), Kind::Route | Kind::Rule) && !took_our_place {
            self.foreign.insert(key.clone(), value.clone());
        }
        self.set(key, value, FOREIGN, took_our_place);
    }

    fn set(&mut self, key: Key, value: Value, protocol: u8, took_our_place: bool) {
        let went_down = match (&key, &value) {
            (Key::Link(link), Value::Link(now)) => self.is_up(link) && !now.is_up,
            _ => false,
        };
        let is_new_link = matches!(&key, Key::Link(link) if !self.has_link(link));
        let thing = Thing { value, protocol, took_our_place };
        self.notices.push_back(Notice::There(seen(&key, &thing)));
        self.things.insert(key.clone(), thing);
        let Key::Link(link) = key else { return };
        if went_down {
            self.drop_routes(&link);
        }
        if is_new_link {
            let path = format!("net/ipv4/conf/{link}/forwarding");
            let key = Key::Sysctl { link: Some(link), path };
            let value = Value::Sysctl("0".to_owned());
            self.things.insert(key, Thing { value, protocol: FOREIGN, took_our_place: false });
        }
    }

    fn remove(&mut self, key: &Key) {
        if key.kind() == Kind::Sysctl {
            return;
        }
        let Some(thing) = self.things.remove(key) else { return };
        let protocol = matches!(key.kind(), Kind::Route | Kind::Rule).then_some(thing.protocol);
        self.notices.push_back(Notice::Gone { key: key.clone(), protocol });
        if let Key::Address(link, _) = key
            && !self.things.keys().any(|key| matches!(key, Key::Address(other, _) if other == link))
        {
            self.drop_routes(link);
        }
        if let Key::Link(link) = key {
            self.drop_routes(link);
            self.things.retain(|key, _| key.link() != Some(link));
        }
    }

    /// Removes the routes over a link without a message.
    fn drop_routes(&mut self, link: &LinkName) {
        let leads_over = |key: &Key, value: &Value| key.kind() == Kind::Route && value.link() == Some(link);
        self.things.retain(|key, thing| !leads_over(key, &thing.value));
        self.foreign.retain(|key, value| !leads_over(key, value));
    }
}

fn seen(key: &Key, thing: &Thing) -> Seen {
    let protocol = matches!(key.kind(), Kind::Route | Kind::Rule).then_some(thing.protocol);
    Seen { key: key.clone(), value: thing.value.clone(), protocol }
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, reason: "the model says so".to_owned() }
}
