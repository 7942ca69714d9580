//! Follows a range of keys: list, watch, resume, list again.

mod listing;
mod message;
mod options;
mod watching;

use std::collections::VecDeque;

use margay_timestamp::Timestamp;

use crate::backoff::Backoff;
use crate::{Change, ClusterId, KeyRange, Mirror, Revision};

use listing::Listing;
pub use message::{Attempt, Failure, ListRequest, Page, Request, WatchEvent, WatchMessage, WatchRequest};
pub use options::FollowerOptions;
use watching::Watching;

/// What a follower has to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Differences, in the order of the store; transactions are whole. Never empty.
    Changes(Vec<Change>),
    /// The first list is complete. Said once.
    InSync(Revision),
    /// A watch runs. Not said again when a list comes in between because of a compaction.
    Connected,
    /// No watch runs; what is known stays. Said once for each reason in a row.
    Disconnected(String),
}

/// Keeps a [`Mirror`] of a range of keys.
///
/// The owner carries out what [`poll_request`](Self::poll_request) asks for and hands in what comes of it, with the attempt that it
/// was asked for; what belongs to another attempt than the newest is ignored. A failure of whatever kind never empties the
/// mirror: only a list or an event that says so removes a key.
#[derive(Debug)]
pub struct Follower {
    range: KeyRange,
    options: FollowerOptions,
    mirror: Mirror,
    state: State,
    attempt: Attempt,
    /// The first revision that is not known; `None` when a list must come first.
    resume: Option<Revision>,
    cluster: Option<ClusterId>,
    page_keys: u32,
    backoff: Backoff,
    in_sync: bool,
    last_reason: Option<String>,
    connected: bool,
    requests: VecDeque<Request>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// Nothing is under way until then.
    Waiting {
        until: Timestamp,
    },
    Listing(Listing),
    Watching(Watching),
}

impl Follower {
    /// A follower that begins at once, at the time `now`.
    #[must_use]
    pub fn new(range: KeyRange, options: FollowerOptions, now: Timestamp) -> Self {
        let (first, longest) = options.retry;
        Self {
            page_keys: options.page_keys.max(1),
            backoff: Backoff::new(first, longest),
            range,
            options,
            mirror: Mirror::default(),
            state: State::Waiting { until: now },
            attempt: Attempt::default(),
            resume: None,
            cluster: None,
            in_sync: false,
            last_reason: None,
            connected: false,
            requests: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// What is known.
    #[must_use]
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// True while a watch runs.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// What the owner has to do next.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// What the owner has to pass on next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Timestamp {
        match &self.state {
            State::Waiting { until } => *until,
            State::Listing(listing) => listing.deadline,
            State::Watching(watching) => watching.deadline,
        }
    }

    /// Does what is due at the time `now`. `jitter` is random.
    pub fn handle_timeout(&mut self, now: Timestamp, jitter: u8) {
        if now < self.next_timeout() {
            return;
        }
        match &mut self.state {
            State::Waiting { .. } => self.begin(now),
            State::Listing(_) => self.fail(now, jitter, "no answer to a list within its time".to_owned()),
            State::Watching(watching) => {
                if watching.ask_for_life(now, &self.options) {
                    self.requests.push_back(Request::Progress(self.attempt));
                } else {
                    self.fail(now, jitter, "no sign of life on a watch".to_owned());
                }
            }
        }
    }

    /// Handles an answer to a list.
    pub fn handle_page(&mut self, now: Timestamp, attempt: Attempt, page: Page) {
        if attempt != self.attempt {
            return;
        }
        let State::Listing(listing) = &mut self.state else { return };
        if self.cluster.is_some_and(|cluster| cluster != page.cluster) && listing.revision.is_some() {
            // The first page came from another store.
            return self.list(now);
        }
        self.cluster = Some(page.cluster);
        listing.take_page(&mut self.mirror, &page);
        listing.deadline = now + self.options.answer_within;
        if page.more {
            let request = listing.request(self.page_keys);
            self.requests.push_back(Request::List(self.attempt, request));
            return;
        }
        let revision = listing.revision.unwrap_or(page.revision);
        let changes = listing.finish(&mut self.mirror);
        self.page_keys = self.options.page_keys.max(1);
        self.resume = Some(revision.next());
        self.emit_changes(changes);
        if !self.in_sync {
            self.in_sync = true;
            self.outputs.push_back(Output::InSync(revision));
        }
        self.watch(now, revision.next());
    }

    /// Handles a message of a watch. `jitter` is random.
    pub fn handle_watch(&mut self, now: Timestamp, jitter: u8, attempt: Attempt, message: WatchMessage) {
        if attempt != self.attempt {
            return;
        }
        let State::Watching(watching) = &mut self.state else { return };
        if message.compacted || self.cluster.is_some_and(|cluster| cluster != message.cluster) {
            // What was missed is no longer there, or the store is another one now.
            return self.list(now);
        }
        if let Some(reason) = message.canceled {
            return self.fail(now, jitter, format!("the store ended the watch: {reason}"));
        }
        watching.hear(now, &self.options, &message);
        if message.created {
            self.connect();
            return;
        }
        let changes = watching.take_events(&mut self.mirror, message);
        self.resume = Some(watching.next);
        self.emit_changes(changes);
    }

    /// Handles that a request or a watch failed. `jitter` is random.
    pub fn handle_failure(&mut self, now: Timestamp, jitter: u8, attempt: Attempt, failure: Failure) {
        if attempt != self.attempt {
            return;
        }
        let listing = matches!(self.state, State::Listing(_));
        match failure {
            Failure::TooLarge if listing && self.page_keys > 1 => self.ask_for_less(now),
            Failure::TooLarge if listing => self.fail(now, jitter, "one key is too large".to_owned()),
            // Resuming a watch would lead to the same message again.
            Failure::Compacted | Failure::TooLarge => self.list(now),
            Failure::Unavailable(reason) => self.fail(now, jitter, reason),
        }
    }

    fn begin(&mut self, now: Timestamp) {
        match self.resume {
            Some(from) => self.watch(now, from),
            None => self.list(now),
        }
    }

    fn list(&mut self, now: Timestamp) {
        self.attempt.begin();
        self.resume = None;
        let listing = Listing::new(self.range.clone(), now + self.options.answer_within);
        self.requests.push_back(Request::List(self.attempt, listing.request(self.page_keys)));
        self.state = State::Listing(listing);
    }

    fn ask_for_less(&mut self, now: Timestamp) {
        self.page_keys = (self.page_keys / 2).max(1);
        let State::Listing(listing) = &mut self.state else { return };
        listing.deadline = now + self.options.answer_within;
        self.requests.push_back(Request::List(self.attempt, listing.request(self.page_keys)));
    }

    fn watch(&mut self, now: Timestamp, from: Revision) {
        self.attempt.begin();
        self.state = State::Watching(Watching::new(from, now + self.options.answer_within));
        // etcd loses a deletion when the watch begins with the very revision that compaction went up to. One revision
        // earlier, it refuses the watch in that case; what comes twice is skipped.
        let request = WatchRequest { range: self.range.clone(), from: from.previous() };
        self.requests.push_back(Request::Watch(self.attempt, request));
    }

    fn connect(&mut self) {
        self.backoff.reset();
        self.last_reason = None;
        if !self.connected {
            self.connected = true;
            self.outputs.push_back(Output::Connected);
        }
    }

    /// Gives the present attempt up; the next one goes to another member.
    fn fail(&mut self, now: Timestamp, jitter: u8, reason: String) {
        self.attempt.begin();
        self.requests.clear();
        self.requests.push_back(Request::ChangeMember(self.attempt));
        self.state = State::Waiting { until: now + self.backoff.next_interval(jitter) };
        self.connected = false;
        if self.last_reason.as_ref() != Some(&reason) {
            self.outputs.push_back(Output::Disconnected(reason.clone()));
            self.last_reason = Some(reason);
        }
    }

    fn emit_changes(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.outputs.push_back(Output::Changes(changes));
        }
    }
}
