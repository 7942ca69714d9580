//! What is seen, and what has to be done about the difference to what is wanted.

use crate::{Action, Key, Kind, LinkName, Seen, Value};

use super::Reconciler;

impl Reconciler {
    pub(super) fn on_there(&mut self, seen: Seen) {
        let is_own = self.ownership.covers(&seen);
        match seen.key.kind() {
            Kind::Link => self.on_link_there(&seen.key, seen.value),
            Kind::Sysctl => {
                if self.wanted.contains_key(&seen.key) {
                    self.see(&seen.key, seen.value);
                }
            }
            Kind::Route if !is_own => self.on_foreign(&seen.key),
            // Several rules can have one priority.
            Kind::Rule if !is_own => (),
            Kind::Route | Kind::Rule => {
                self.claimed.insert(seen.key.clone());
                self.see(&seen.key, seen.value);
            }
            Kind::Address => {
                if is_own || self.wanted.contains_key(&seen.key) {
                    self.see(&seen.key, seen.value);
                }
                // Gateways on the link may be reachable now.
                if let Some(link) = seen.key.link() {
                    self.retry_on(&link.clone());
                }
            }
            Kind::Forwarding | Kind::Neighbour => {
                if is_own || self.wanted.contains_key(&seen.key) {
                    self.see(&seen.key, seen.value);
                }
            }
        }
    }

    pub(super) fn on_gone(&mut self, key: &Key, protocol: Option<u8>) {
        match key {
            Key::Route(_) | Key::Rule(_) if protocol != Some(self.ownership.protocol) => {
                // Another owner's: its place may be free now.
                if self.failures.remove(key).is_some() {
                    self.dirty.insert(key.clone());
                }
            }
            Key::Address(link, address) => {
                self.forget(key);
                // The kernel removes routes without a message when it removes the last address of a link, or their source address.
                self.forget_routes(link, |route| route.addr().is_ipv4() == address.addr().is_ipv4());
            }
            _ => {
                if !self.wanted.contains_key(key) {
                    self.claimed.remove(key);
                }
                self.forget(key);
            }
        }
    }

    /// Removes a thing from what is seen; with a link goes everything on it.
    pub(super) fn forget(&mut self, key: &Key) {
        if let Key::Link(link) = key {
            self.drop_routes(link);
            for dependent in self.on_link.on(link) {
                self.change(&dependent, |this, key| {
                    if this.seen.get(&key).is_some_and(|value| value.link() == Some(link))
                        || key.link() == Some(link)
                    {
                        this.seen.remove(&key);
                    }
                });
                if dependent.kind() == Kind::Sysctl {
                    self.unread.insert(dependent.clone());
                }
                self.dirty.insert(dependent);
            }
        }
        self.change(key, |this, key| drop(this.seen.remove(&key)));
        self.dirty.insert(key.clone());
    }

    /// Notes what the kernel has after an operation that it carried out.
    pub(super) fn on_written(&mut self, key: &Key, value: Value) {
        match key.kind() {
            // Its notice says more than was written.
            Kind::Link => (),
            Kind::Route | Kind::Rule => {
                self.claimed.insert(key.clone());
                self.see(key, value);
            }
            _ => self.see(key, value),
        }
    }

    /// What has to be done about a thing; `None` when it is as wanted, or nothing can be done now.
    pub(super) fn difference(&self, key: &Key) -> Option<Action> {
        let seen = self.seen.get(key);
        let Some(wanted) = self.wanted.get(key) else { return self.removal(key, seen) };
        if seen.is_some_and(|seen| wanted.is_met_by(seen)) || self.missing_link(key, wanted).is_some() {
            return None;
        }
        match (wanted, seen) {
            (Value::Link(link), None) => link.can_be_created().then(|| Action::Create(wanted.clone())),
            (Value::Link(link), Some(Value::Link(present))) if link.kind != present.kind => {
                link.can_be_created().then(|| Action::Remove(seen.cloned()))
            }
            // The kernel cannot replace a rule.
            (Value::Rule(_), Some(_)) => Some(Action::Remove(seen.cloned())),
            (Value::Rule(_), None) => Some(Action::Create(wanted.clone())),
            (Value::Route(_), None) if !self.claimed.contains(key) => Some(Action::Create(wanted.clone())),
            (Value::Sysctl(_), None) => None,
            _ => Some(Action::Put(wanted.clone())),
        }
    }

    /// The link that is missing, or switched off, for a wanted thing.
    pub(super) fn missing_link<'a>(&self, key: &'a Key, wanted: &'a Value) -> Option<&'a LinkName> {
        let link = key.link().or_else(|| wanted.link())?;
        let is_ready = match key.kind() {
            Kind::Route => self.is_up(link),
            _ => self.has_link(link),
        };
        (!is_ready).then_some(link)
    }

    fn removal(&self, key: &Key, seen: Option<&Value>) -> Option<Action> {
        let is_own = match key.kind() {
            Kind::Sysctl => false,
            Kind::Route | Kind::Rule => seen.is_some() || self.claimed.contains(key),
            _ => seen.is_some() && self.ownership.covers_key(key),
        };
        is_own.then(|| Action::Remove(seen.cloned()))
    }

    fn on_link_there(&mut self, key: &Key, value: Value) {
        let Key::Link(link) = key else { return };
        let (was_there, was_up) = (self.has_link(link), self.is_up(link));
        self.see(key, value);
        if was_up && !self.is_up(link) {
            self.drop_routes(link);
        }
        if !was_there || was_up != self.is_up(link) {
            self.retry_on(link);
            self.read_sysctls_of(link);
        }
    }

    /// Something of another owner is at the place of a route.
    fn on_foreign(&mut self, key: &Key) {
        if self.seen.contains_key(key) {
            // It took the place of ours, which stays claimed.
            self.change(key, |this, key| drop(this.seen.remove(&key)));
            self.dirty.insert(key.clone());
        } else {
            self.claimed.remove(key);
        }
    }

    fn see(&mut self, key: &Key, value: Value) {
        if self.seen.get(key) != Some(&value) {
            self.change(key, |this, key| drop(this.seen.insert(key, value)));
            self.dirty.insert(key.clone());
        }
        self.unread.remove(key);
    }

    /// Takes in that the kernel may have dropped routes over a link.
    fn forget_routes(&mut self, link: &LinkName, concerns: impl Fn(ipnet::IpNet) -> bool) {
        for key in self.routes_over(link) {
            if matches!(&key, Key::Route(route) if concerns(route.destination)) {
                self.forget(&key);
            }
        }
    }

    /// Takes in that the kernel has dropped all routes over a link: their places are free.
    fn drop_routes(&mut self, link: &LinkName) {
        for key in self.routes_over(link) {
            self.claimed.remove(&key);
            self.forget(&key);
        }
    }

    /// The routes that the kernel has over a link.
    fn routes_over(&self, link: &LinkName) -> Vec<Key> {
        let mut keys = self.on_link.on(link);
        keys.retain(|key| {
            key.kind() == Kind::Route && self.seen.get(key).and_then(Value::link) == Some(link)
        });
        keys
    }

    /// Tries what rests on a link again.
    fn retry_on(&mut self, link: &LinkName) {
        for key in self.on_link.on(link) {
            self.failures.remove(&key);
            self.dirty.insert(key);
        }
    }
}
