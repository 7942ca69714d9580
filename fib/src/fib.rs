//! The mirror together with the schedule of requests, dumps and retries.

use std::collections::{BTreeMap, BTreeSet};

use bgp_codec::Prefix;
use margay_forwarding::{ForwardingChange, LinkName, LinkUsability, NextHopLoss, WayChange};
use margay_timestamp::Timestamp;

use crate::{
    import::KernelRouteChange,
    mirror::Mirror,
    netlink::{Batch, Dump, Notice, Refusal},
    options::FibOptions,
    pace::Pace,
    reading::{Reading, Scope},
    resolution::StaticWay,
    view::FibView,
};

/// See the [crate](crate).
pub struct Fib {
    mirror: Mirror,
    pace: Pace,
    reading: Option<Reading>,
}

/// A question to the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    /// The requests in the batch.
    Batch,
    /// A dump of everything of a kind.
    Dump(Dump),
}

impl Fib {
    /// Makes an empty mirror; a first reading of everything is due at once.
    #[must_use]
    pub fn new(options: FibOptions) -> Self {
        let mirror = Mirror::new(options);
        let mut fib = Self { mirror, pace: Pace::default(), reading: None };
        fib.begin_reading(Scope::Everything);
        fib
    }

    /// Handles a multicast message of the kernel. The consequences are drawn by [`apply_notices`](Self::apply_notices).
    pub fn handle_notice(&mut self, notice: Notice) {
        self.mirror.on_notice(notice);
    }

    /// Draws the consequences of all messages handled so far. Has to follow each
    /// [`on_answers`](Self::on_answers), too.
    pub fn apply_notices(&mut self, now: Timestamp) {
        self.mirror.settle_next_hops();
        self.mirror.untouch();
        self.pace.follow(self.mirror.doubts.take_consequences(), now);
    }

    /// Notes that messages of the kernel were lost: everything will be read again.
    pub fn on_lost_messages(&mut self, now: Timestamp) {
        self.pace.read_soon(now);
    }

    /// Notes that the sockets are new: a reading in progress is started again.
    pub fn on_new_sockets(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abandon(&mut self.mirror);
        }
        self.begin_reading(Scope::Everything);
    }

    /// The next question to the kernel, with the requests in `batch` if it is those; `None` if there is none.
    ///
    /// Each message of a dump goes to [`on_dumped`](Self::on_dumped), and its end to
    /// [`on_dump_end`](Self::on_dump_end). Batches may be asked for during a dump of routes.
    pub fn poll_ask(&mut self, batch: &mut Batch, now: Timestamp) -> Option<Ask> {
        if let Some(dump) = self.reading.as_mut().and_then(Reading::poll_dump) {
            return Some(Ask::Dump(dump));
        }
        if !self.view().can_plan() {
            return None;
        }
        let looks = if self.view().reads_routes() { 0 } else { LOOKS };
        self.mirror.plan_batch(batch, looks);
        self.retry_what_was_refused(now);
        (!batch.is_empty()).then_some(Ask::Batch)
    }

    /// Notes the outcome of a batch: every request that was not refused has been done.
    pub fn on_answers(&mut self, batch: &Batch, refusals: &[Refusal], now: Timestamp) {
        self.mirror.on_answers(batch, refusals);
        self.retry_what_was_refused(now);
    }

    /// Notes that the outcome of a batch is unknown: everything will be read again.
    pub fn on_unanswered(&mut self, batch: &Batch, now: Timestamp) {
        self.mirror.on_unanswered(batch);
        self.pace.read_soon(now);
    }

    /// Notes that a batch could not be sent: its requests will be planned again.
    pub fn on_unsent(&mut self, batch: &Batch) {
        self.mirror.on_unanswered(batch);
    }

    /// Handles a message of the dump in progress.
    pub fn on_dumped(&mut self, notice: Notice) {
        if let Some(reading) = &mut self.reading {
            reading.take(notice, &mut self.mirror);
        }
    }

    /// Handles the end of the dump in progress. An interrupted dump may be incomplete, so everything will be
    /// read again.
    ///
    /// All earlier messages of the kernel must have been handled before.
    pub fn on_dump_end(&mut self, interrupted: bool, now: Timestamp) {
        let Some(mut reading) = self.reading.take() else { return };
        if reading.on_dump_end(interrupted, &mut self.mirror) {
            self.end_reading(reading, now);
        } else {
            self.reading = Some(reading);
        }
    }

    /// Handles the refusal of a dump. Returns whether it is dispensable: old kernels have no next hop
    /// objects.
    pub fn on_dump_refused(&mut self, now: Timestamp) -> bool {
        let Some(mut reading) = self.reading.take() else { return true };
        if !reading.on_dump_refused(&mut self.mirror) {
            reading.abandon(&mut self.mirror);
            self.pace.read_soon(now);
            return false;
        }
        if reading.has_ended() {
            self.end_reading(reading, now);
        } else {
            self.reading = Some(reading);
        }
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.pace.next_deadline()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.pace.take_reading(now) {
            match self.reading {
                Some(_) => self.pace.read_soon(now),
                None => self.begin_reading(Scope::Everything),
            }
        }
        if self.pace.take_look_around(now) {
            match self.reading {
                // A subnet that has not been read yet is not a subnet that was removed.
                Some(_) => self.pace.look_around_soon(now),
                None if self.mirror.doubts.take_objects_suspicion() => self.begin_reading(Scope::Objects),
                None => self.retry_at_once(),
            }
        }
        if self.pace.take_retry(now, self.mirror.failures.is_empty()) {
            self.mirror.retry();
        }
    }

    /// The state, for looks that change nothing.
    #[must_use]
    pub fn view(&self) -> FibView<'_> {
        FibView { mirror: &self.mirror, reading: self.reading.as_ref() }
    }

    /// Sets the wanted forwarding at prefixes.
    pub fn want(&mut self, changes: &[ForwardingChange]) {
        self.mirror.want(changes);
    }

    /// Removes lost next hops from groups that have others, before the routes over them change one by one.
    pub fn on_next_hop_losses(&mut self, losses: &[NextHopLoss]) {
        self.mirror.on_next_hop_losses(losses);
    }

    /// From now on, own routes and objects that are not wanted are removed.
    pub fn sweep(&mut self) {
        self.mirror.sweep();
    }

    /// Sets the prefixes for which networks require a foreign route.
    pub fn require(&mut self, prefixes: BTreeSet<Prefix>) {
        self.mirror.announcements.set_required(prefixes);
    }

    /// Sets the links whose usability is reported.
    pub fn watch_links(&mut self, links: &BTreeSet<LinkName>) {
        self.mirror.announcements.watch_links(links);
    }

    /// Sets the installed static routes, by which next hops are resolved as well. Default routes have no effect.
    pub fn set_static_ways(&mut self, mut ways: BTreeMap<Prefix, StaticWay>) {
        ways.retain(|prefix, _| prefix.length() > 0);
        for prefix in self.mirror.statics.set(ways) {
            self.mirror.on_way_changed(prefix);
        }
        self.mirror.settle_next_hops();
    }

    /// Changes of foreign routes at up to `limit` prefixes.
    pub fn poll_route_changes(&mut self, limit: usize) -> (Vec<WayChange>, Vec<KernelRouteChange>) {
        self.mirror.poll_announcements(limit)
    }

    /// The watched links whose usability changed since the last call.
    pub fn poll_link_changes(&mut self) -> Vec<LinkUsability> {
        let mut announcements = std::mem::take(&mut self.mirror.announcements);
        let resolver = self.mirror.resolver();
        let changed = announcements.poll_links(|link| resolver.usable_link(link).is_some());
        self.mirror.announcements = announcements;
        changed
    }

    /// A prefix at which the kernel does not hold what is wanted, and the reason; each reason once.
    pub fn poll_failure(&mut self) -> Option<(Prefix, String)> {
        let (id, reason) = self.mirror.failures.poll_unreported()?;
        Some((self.mirror.entries.get(id).prefix, reason.to_owned()))
    }

    /// A next hop object that the kernel refused, and the reason.
    pub fn poll_refused_object(&mut self) -> Option<(u32, String)> {
        self.mirror.refused_objects.pop_front()
    }

    /// Number of routes with the own protocol number that the last reading found in tables that are not
    /// configured, by table.
    pub fn take_strays(&mut self) -> BTreeMap<u32, usize> {
        std::mem::take(&mut self.mirror.strays)
    }

    fn begin_reading(&mut self, scope: Scope) {
        self.reading = Some(Reading::begin(scope, &mut self.mirror));
    }

    fn end_reading(&mut self, reading: Reading, now: Timestamp) {
        if !reading.is_of_everything() {
            reading.abandon(&mut self.mirror);
            return self.retry_at_once();
        }
        if reading.end(&mut self.mirror) {
            self.mirror.settle_next_hops();
            self.pace.look_around_soon(now);
        } else {
            self.pace.read_soon(now);
        }
    }

    fn retry_at_once(&mut self) {
        self.mirror.retry();
        self.pace.forget_retries();
    }

    fn retry_what_was_refused(&mut self, now: Timestamp) {
        if self.mirror.failures.take_refusal() {
            self.pace.retry_later(now);
        }
    }
}

/// Prefixes compared for one batch.
const LOOKS: usize = 1024;
