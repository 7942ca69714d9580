//! The state of all things, and what is to be done next.

mod contest;
mod difference;
mod link_index;

use std::collections::{BTreeMap, BTreeSet};

use margay_timestamp::Timestamp;

use self::contest::Contest;
use self::link_index::LinkIndex;
use crate::failure::Failure;
use crate::{Action, Key, Kind, LinkName, Notice, Operation, Ownership, Refusal, RefusalKind, Seen, Value};

/// Makes what the kernel has equal to what is wanted.
///
/// Only the kernel's notices, dumps and answers change what is taken as seen. All notices that have arrived must be handed in before
/// operations are polled: those about own operations are among them.
#[derive(Clone, Debug)]
pub struct Reconciler {
    ownership: Ownership,
    wanted: BTreeMap<Key, Value>,
    /// Own things, wanted sysctls, and all links.
    seen: BTreeMap<Key, Value>,
    /// Routes and rules that were held: what stands in their place now took it from this program.
    claimed: BTreeSet<Key>,
    on_link: LinkIndex,
    /// Things whose difference is to be looked at.
    dirty: BTreeSet<Key>,
    /// Sysctls whose value is not known.
    unread: BTreeSet<Key>,
    asked: BTreeSet<Key>,
    failures: BTreeMap<Key, Failure>,
    contest: Contest,
    is_open: bool,
}

/// How far a wanted thing is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// The kernel has it.
    Held,
    /// It is about to be written.
    Pending,
    /// The link that it rests on is missing or switched off.
    Waiting(LinkName),
    /// The kernel refused it, with these words. It is tried again.
    Refused(String),
}

/// How many things are in which state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Wanted things.
    pub wanted: usize,
    /// Those that the kernel has.
    pub held: usize,
    /// Those that wait for a link.
    pub waiting: usize,
    /// Those that the kernel refused.
    pub refused: usize,
}

impl Reconciler {
    /// Nothing wanted and nothing seen. No operation is returned before [`open`](Self::open).
    #[must_use]
    pub fn new(ownership: Ownership) -> Self {
        Self {
            ownership,
            wanted: BTreeMap::new(),
            seen: BTreeMap::new(),
            claimed: BTreeSet::new(),
            on_link: LinkIndex::default(),
            dirty: BTreeSet::new(),
            unread: BTreeSet::new(),
            asked: BTreeSet::new(),
            failures: BTreeMap::new(),
            contest: Contest::default(),
            is_open: false,
        }
    }

    /// Permits operations: everything that is wanted is known, and the kernel was read.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Sets what is wanted at a key; `None` for nothing.
    pub fn want(&mut self, key: Key, value: Option<Value>) {
        if self.wanted.get(&key) == value.as_ref() {
            return;
        }
        self.failures.remove(&key);
        let is_new = value.is_some() && !self.seen.contains_key(&key);
        if is_new && key.kind() == Kind::Sysctl {
            self.unread.insert(key.clone());
        }
        self.change(&key, |this, key| match value {
            Some(value) => drop(this.wanted.insert(key, value)),
            None => {
                this.wanted.remove(&key);
                if key.kind() == Kind::Sysctl {
                    this.seen.remove(&key);
                    this.unread.remove(&key);
                }
            }
        });
        self.dirty.insert(key);
    }

    /// What is wanted.
    pub fn wanted(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.wanted.iter()
    }

    /// Takes in an event of the kernel.
    pub fn on_seen(&mut self, notice: Notice) {
        match notice {
            Notice::There(seen) => self.on_there(seen),
            Notice::Gone { key, protocol } => self.on_gone(&key, protocol),
            Notice::Renamed { from } => self.on_gone(&Key::Link(from), None),
        }
    }

    /// Takes in everything that there is of a kind.
    ///
    /// A dump does not say how a route of another program came to where ours was, in its place or after its end: it stays.
    pub fn on_dump(&mut self, kind: Kind, things: Vec<Seen>) {
        let is_shared = matches!(kind, Kind::Route | Kind::Rule);
        let counts = |seen: &&Seen| !is_shared || self.ownership.covers(seen);
        let listed: BTreeSet<&Key> = things.iter().filter(counts).map(|seen| &seen.key).collect();
        let gone: Vec<Key> =
            self.seen.keys().filter(|key| key.kind() == kind && !listed.contains(key)).cloned().collect();
        for key in gone {
            let protocol = Some(self.ownership.protocol);
            self.on_gone(&key, protocol);
        }
        for seen in things {
            self.on_there(seen);
        }
    }

    /// The sysctls that have to be read. Their values are handed in as notices; those that do not exist, as gone.
    pub fn poll_reads(&mut self) -> Vec<Key> {
        let (ready, rest): (Vec<Key>, Vec<Key>) = std::mem::take(&mut self.unread)
            .into_iter()
            .partition(|key| key.link().is_none_or(|link| self.has_link(link)));
        self.unread = rest.into_iter().collect();
        ready
    }

    /// Marks the sysctls of a link as not known, after the kernel reported that one of them has changed.
    pub fn read_sysctls_of(&mut self, link: &LinkName) {
        let keys = self.on_link.on(link).into_iter();
        self.unread.extend(keys.filter(|key| key.kind() == Kind::Sysctl && self.wanted.contains_key(key)));
    }

    /// Marks all wanted sysctls as not known: the kernel reports changes of a few of them only.
    pub fn read_all_sysctls(&mut self) {
        self.unread.extend(self.wanted.keys().filter(|key| key.kind() == Kind::Sysctl).cloned());
    }

    /// The next operations, in the order in which they are to be carried out. Each is answered by
    /// [`on_result`](Self::on_result) before operations are polled again.
    pub fn poll_operations(&mut self, now: Timestamp) -> Vec<Operation> {
        if !self.is_open {
            return Vec::new();
        }
        let due = self.failures.iter().filter(|(_, failure)| failure.retry_at <= now);
        self.dirty.extend(due.map(|(key, _)| key.clone()));
        let mut operations = Vec::new();
        for key in std::mem::take(&mut self.dirty) {
            let rests = self.failures.get(&key).is_some_and(|failure| failure.retry_at > now);
            if rests || self.asked.contains(&key) {
                continue;
            }
            match self.difference(&key) {
                None => drop(self.failures.remove(&key)),
                Some(_) if self.contest.on_write(&key, now) => self.fail(key, CONTESTED.to_owned(), now),
                Some(action) => {
                    self.asked.insert(key.clone());
                    operations.push(Operation { key, action });
                }
            }
        }
        operations.sort_by_key(Operation::phase);
        operations
    }

    /// Takes in the kernel's answer to an operation.
    pub fn on_result(&mut self, now: Timestamp, operation: Operation, result: Result<(), Refusal>) {
        let Operation { key, action } = operation;
        self.asked.remove(&key);
        match (action, result) {
            (Action::Remove(_), Ok(()) | Err(Refusal { kind: RefusalKind::Gone, .. })) => {
                self.claimed.remove(&key);
                self.forget(&key);
            }
            (Action::Create(value) | Action::Put(value), Ok(())) => self.on_written(&key, value),
            (_, Err(refusal)) => self.fail(key.clone(), refusal.reason, now),
        }
        if self.difference(&key).is_some() {
            self.dirty.insert(key);
        } else {
            self.failures.remove(&key);
        }
    }

    /// When operations have to be polled again, if nothing happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.failures.values().map(|failure| failure.retry_at).min()
    }

    /// How far a wanted thing is; `None` when it is not wanted.
    #[must_use]
    pub fn state(&self, key: &Key) -> Option<State> {
        let wanted = self.wanted.get(key)?;
        if self.seen.get(key).is_some_and(|seen| wanted.is_met_by(seen)) {
            return Some(State::Held);
        }
        if let Some(failure) = self.failures.get(key) {
            return Some(State::Refused(failure.reason.clone()));
        }
        Some(self.missing_link(key, wanted).map_or(State::Pending, |link| State::Waiting(link.clone())))
    }

    /// How many things are in which state. Looks at each wanted thing.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for key in self.wanted.keys() {
            counts.wanted += 1;
            match self.state(key) {
                Some(State::Held) => counts.held += 1,
                Some(State::Waiting(_)) => counts.waiting += 1,
                Some(State::Refused(_)) => counts.refused += 1,
                Some(State::Pending) | None => (),
            }
        }
        counts
    }

    /// What the kernel refused, and its words.
    pub fn refused(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.failures.iter().map(|(key, failure)| (key, failure.reason.as_str()))
    }

    fn fail(&mut self, key: Key, reason: String, now: Timestamp) {
        let failure = Failure::again(self.failures.get(&key), reason, now);
        self.failures.insert(key, failure);
    }

    /// Changes what is wanted or seen at a key, and keeps the index of links.
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Self, Key)) {
        let before = self.links_of(key);
        change(self, key.clone());
        let after = self.links_of(key);
        self.on_link.update(key, &before, &after);
    }

    fn links_of(&self, key: &Key) -> BTreeSet<LinkName> {
        let values = [self.wanted.get(key), self.seen.get(key)].into_iter().flatten();
        let known: Vec<&Value> = values.collect();
        let of_key = key.link().filter(|_| !known.is_empty());
        known.iter().filter_map(|value| value.link()).chain(of_key).cloned().collect()
    }

    fn has_link(&self, link: &LinkName) -> bool {
        self.seen.contains_key(&Key::Link(link.clone()))
    }

    fn is_up(&self, link: &LinkName) -> bool {
        let seen = self.seen.get(&Key::Link(link.clone()));
        matches!(seen, Some(Value::Link(link)) if link.is_up)
    }
}

const CONTESTED: &str = "another program changes it again and again";
