//! A follower against the simulated store, with three readers behind a log.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use margay_timestamp::Timestamp;
use margay_watch::{
    Attempt, Change, ChangeLog, Failure, Follower, FollowerOptions, KeyRange, ListRequest, Output, ReaderId,
    Request, Revision, WatchEvent, WatchMessage, WatchRequest,
};

use super::Store;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A transaction: keys with a value, or none for a deletion.
    Write(Vec<(u8, Option<u8>)>),
    /// The store forgets what was before.
    Compact,
    /// The next answer or message arrives; when there is none, a sign of life of the kind of the number.
    Deliver(u8),
    /// So many milliseconds pass.
    Pass(u16),
    /// A member catches up.
    Replicate(u8),
    /// The member in use takes over one more transaction.
    ReplicateOne,
    /// Something breaks.
    Fault(Fault),
    /// A reader reads at most so many changes.
    Read(u8, u8),
}

/// Something that breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// What is open ends with an error.
    BreakStream,
    /// A list is never answered.
    LoseRequest,
    /// A watch says nothing any more, without an error.
    Silence,
    /// The next message is too large for the receiver.
    TooLarge,
    /// The member ends the watch.
    Cancel,
    /// The store is set up anew.
    NewCluster,
}

/// Runs a history, heals everything, and compares what is known with the store.
pub(crate) fn run_history(store: Store, page_keys: u32, steps: &[Step]) {
    let mut run = Run::new(store, page_keys);
    for step in steps {
        run.step(step);
        run.turn();
    }
    run.heal();
    run.check_end();
}

struct Run {
    store: Store,
    follower: Follower,
    now: Timestamp,
    member: usize,
    open: Open,
    /// What the follower has said, and the newest revision that it can be of.
    told: BTreeMap<Bytes, Bytes>,
    told_of: u64,
    in_sync: u32,
    log: ChangeLog<Bytes, Numbered>,
    /// How many changes have been written into the log.
    logged: u64,
    readers: Vec<Reader>,
}

/// A value with the number of the change that brought it.
#[derive(Clone)]
struct Numbered(u64, Bytes);

/// A reader of the log, and what it was given.
struct Reader {
    id: ReaderId,
    known: BTreeMap<Bytes, Bytes>,
    newest: u64,
}

/// What the shell around the follower has under way.
enum Open {
    Nothing,
    List(Attempt, ListRequest),
    Watch(Stream),
}

struct Stream {
    attempt: Attempt,
    /// The revision that was asked for.
    from: u64,
    /// The revision of the next batch; `None` until the watch is confirmed.
    next: Option<u64>,
    /// What is left of a batch.
    batch: Vec<WatchEvent>,
    silent: bool,
}

impl Run {
    fn new(store: Store, page_keys: u32) -> Self {
        let options = FollowerOptions { page_keys, ..FollowerOptions::default() };
        let follower = Follower::new(KeyRange::of_prefix("/k/"), options, Timestamp::START);
        let mut log = ChangeLog::default();
        let readers = (0..3).map(|_| Reader {
            id: log.add_reader().expect("there is room for three"),
            known: BTreeMap::new(),
            newest: 0,
        });
        let readers = readers.collect();
        Self {
            store,
            follower,
            now: Timestamp::START,
            member: 0,
            open: Open::Nothing,
            told: BTreeMap::new(),
            told_of: 1,
            in_sync: 0,
            log,
            logged: 0,
            readers,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write(writes) => self.store.write(writes),
            Step::Compact => self.store.compact(),
            Step::Deliver(kind) => self.deliver(*kind),
            Step::Pass(milliseconds) => self.now = self.now + Duration::from_millis((*milliseconds).into()),
            Step::Replicate(member) => self.store.replicate((*member).into()),
            Step::ReplicateOne => self.store.replicate_one(self.member),
            Step::Fault(fault) => self.fault(*fault),
            Step::Read(reader, limit) => self.read((*reader).into(), (*limit).into()),
        }
    }

    /// Does what the follower asks for, and checks what it says.
    fn turn(&mut self) {
        self.follower.handle_timeout(self.now, 0);
        while let Some(request) = self.follower.poll_request() {
            match request {
                Request::List(attempt, request) => self.open = Open::List(attempt, request),
                Request::Watch(attempt, WatchRequest { from, .. }) => {
                    let from = from.0;
                    self.open =
                        Open::Watch(Stream { attempt, from, next: None, batch: Vec::new(), silent: false });
                }
                Request::Progress(_) => (),
                Request::ChangeMember(_) => {
                    self.open = Open::Nothing;
                    self.member = (self.member + 1) % 3;
                }
            }
        }
        while let Some(output) = self.follower.poll_output() {
            match output {
                Output::Changes(changes) => self.hear(&changes),
                Output::InSync(_) => self.in_sync += 1,
                Output::Connected | Output::Disconnected(_) => (),
            }
        }
    }

    /// Each change says something new, and after all of a batch the state is one that the store was in, not before the last.
    fn hear(&mut self, changes: &[Change]) {
        for change in changes {
            let value = change.entry.as_ref().map(|entry| entry.value.clone());
            assert_ne!(self.told.get(&change.key), value.as_ref(), "{:?} says nothing new", change.key);
            match &value {
                Some(value) => self.told.insert(change.key.clone(), value.clone()),
                None => self.told.remove(&change.key),
            };
            self.logged += 1;
            self.log.set(change.key.clone(), value.map(|value| Numbered(self.logged, value)));
        }
        let now = self.store.revision();
        let is_told = |revision: &u64| {
            let contents = self.store.contents_at(*revision);
            contents.len() == self.told.len()
                && contents.iter().all(|(key, entry)| self.told.get(key) == Some(&entry.value))
        };
        let found = (self.told_of..=now).find(is_told);
        self.told_of = found.unwrap_or_else(|| panic!("{:?} never was the state of the store", self.told));
    }

    fn deliver(&mut self, kind: u8) {
        match &mut self.open {
            Open::Nothing => (),
            Open::List(attempt, request) => {
                let (attempt, answer) = (*attempt, self.store.list(self.member, request));
                self.open = Open::Nothing;
                match answer {
                    Ok(page) => self.follower.handle_page(self.now, attempt, page),
                    Err(failure) => self.follower.handle_failure(self.now, 0, attempt, failure),
                }
            }
            Open::Watch(stream) if stream.silent => (),
            Open::Watch(stream) => {
                if let Some(message) = stream.next_message(&self.store, self.member, kind) {
                    self.follower.handle_watch(self.now, 0, stream.attempt, message);
                }
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        let attempt = match &self.open {
            Open::List(attempt, _) | Open::Watch(Stream { attempt, .. }) => Some(*attempt),
            Open::Nothing => None,
        };
        match (fault, &mut self.open, attempt) {
            (Fault::NewCluster, ..) => {
                self.store.become_another();
                self.told_of = 1;
                // Connections end with the old members, and what the new ones have was there all the time or comes with a list.
                if let Some(attempt) = attempt {
                    self.fail(attempt, Failure::Unavailable("gone".to_owned()));
                }
            }
            (Fault::BreakStream, _, Some(attempt)) => {
                self.fail(attempt, Failure::Unavailable("broken".to_owned()));
            }
            (Fault::TooLarge, _, Some(attempt)) => self.fail(attempt, Failure::TooLarge),
            (Fault::LoseRequest, Open::List(..), _) => self.open = Open::Nothing,
            (Fault::Silence, Open::Watch(stream), _) => stream.silent = true,
            (Fault::Cancel, Open::Watch(stream), Some(attempt)) => {
                let canceled = Some("no leader".to_owned());
                let message = WatchMessage { canceled, ..stream.message(&self.store, Revision(0)) };
                self.open = Open::Nothing;
                self.follower.handle_watch(self.now, 0, attempt, message);
            }
            (_, _, _) => (),
        }
    }

    fn fail(&mut self, attempt: Attempt, failure: Failure) {
        self.open = Open::Nothing;
        self.follower.handle_failure(self.now, 0, attempt, failure);
    }

    /// A reader hears each change at most once and none after a newer one, and at the end of the log it knows what the log was told.
    fn read(&mut self, reader: usize, limit: usize) {
        let Reader { id, known, newest } = &mut self.readers[reader];
        for change in self.log.read(*id, limit) {
            match change.value {
                Some(Numbered(number, value)) => {
                    assert!(number > *newest, "change {number} of {:?} after change {newest}", change.key);
                    *newest = number;
                    known.insert(change.key, value);
                }
                None => assert!(known.remove(&change.key).is_some(), "{:?} was never there", change.key),
            }
        }
        if self.log.has_read_all(*id) {
            assert_eq!(*known, self.told);
        }
    }

    /// Nothing breaks any more: members catch up, everything is delivered.
    fn heal(&mut self) {
        for _ in 0..1_000 {
            (0..3).for_each(|member| self.store.replicate(member));
            self.deliver(3);
            self.turn();
            let is_idle = match &self.open {
                Open::Nothing => true,
                Open::List(..) => false,
                Open::Watch(stream) => stream.silent,
            };
            if is_idle {
                self.now = self.now.max(self.follower.next_timeout());
                self.turn();
            } else if self.told_all() {
                return;
            }
        }
        panic!(
            "the follower does not come to rest: {:?}\nthe store: {:?}",
            self.follower,
            self.store.contents()
        );
    }

    fn told_all(&self) -> bool {
        let known = self.follower.mirror().iter();
        self.follower.is_connected() && known.eq(&self.store.contents())
    }

    fn check_end(&mut self) {
        let contents = self.store.contents();
        assert_eq!(self.in_sync, 1);
        let values: BTreeMap<Bytes, Bytes> =
            contents.into_iter().map(|(key, entry)| (key, entry.value)).collect();
        assert_eq!(self.told, values);
        let held: HashSet<&Bytes> = self.readers.iter().flat_map(|reader| reader.known.keys()).collect();
        assert!(self.log.len() <= held.len() + values.len(), "the log holds what nobody needs");
        for reader in 0..3 {
            self.read(reader, usize::MAX);
            assert_eq!(self.readers[reader].known, values);
            assert!(self.log.has_read_all(self.readers[reader].id));
        }
        assert_eq!(self.log.len(), values.len());
    }
}

impl Stream {
    fn next_message(&mut self, store: &Store, member: usize, kind: u8) -> Option<WatchMessage> {
        let applied = store.applied(member);
        let Some(next) = self.next else {
            // A member that lags behind the start begins with what it gets next.
            self.next = Some(self.from.min(applied + 1));
            return Some(WatchMessage { created: true, ..self.message(store, Revision(store.revision())) });
        };
        if self.batch.is_empty() {
            if store.is_compacted(next) {
                return Some(WatchMessage { compacted: true, ..self.message(store, Revision(applied)) });
            }
            let begins = next == self.from;
            self.batch =
                store.watched(next, begins).take_while(|event| event.revision.0 <= applied).collect();
            self.next = Some(next.max(applied + 1));
        }
        if self.batch.is_empty() {
            return match kind {
                2 => {
                    Some(WatchMessage { of_watch: false, ..self.message(store, Revision(store.revision())) })
                }
                3 => Some(self.message(store, Revision(applied))),
                _ => None,
            };
        }
        let rest = self.batch.split_off(self.batch.len().min(store.fragment));
        let events = std::mem::replace(&mut self.batch, rest);
        let fragment = !self.batch.is_empty();
        Some(WatchMessage { fragment, events, ..self.message(store, Revision(store.revision())) })
    }

    fn message(&self, store: &Store, revision: Revision) -> WatchMessage {
        WatchMessage {
            cluster: store.cluster,
            revision,
            of_watch: true,
            created: false,
            canceled: None,
            compacted: false,
            fragment: false,
            events: Vec::new(),
        }
    }
}
