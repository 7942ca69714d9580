//! The loop between the kernel, the daemon and the [`Fib`], which decides about requests to the kernel.

use std::{future, io, time::Duration};

use margay_fib::{Ask, Batch, Dump, Fib, Notice};
use margay_timestamp::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};

use super::{
    exchange::{KernelEvent, KernelOptions, KernelRequest},
    netlink_socket::{DumpEnd, Listener, MulticastSocket, Reception, RequestSocket, is_overrun, is_too_long},
};
use crate::reply::reply;

/// The state of the loop, opened by the caller of [`super::start`] and passed to the thread.
pub(super) struct Synchroniser {
    options: KernelOptions,
    requests: mpsc::Receiver<KernelRequest>,
    events: mpsc::Sender<KernelEvent>,
    sockets: Sockets,
}

struct Sockets {
    socket: RequestSocket,
    dump_socket: RequestSocket,
    multicast: MulticastSocket,
}

impl Sockets {
    fn open(options: &KernelOptions) -> io::Result<Self> {
        // The multicast socket is opened before the first dump, so that no change is missed between the two.
        let multicast = MulticastSocket::open(options.multicast_buffer_octets)?;
        let (socket, dump_socket) = (RequestSocket::open()?, RequestSocket::open()?);
        multicast.ignore_port(socket.port())?;
        Ok(Self { socket, dump_socket, multicast })
    }
}

impl Synchroniser {
    /// Opens the sockets in the network namespace of the calling thread.
    pub(super) fn open(
        options: KernelOptions,
        requests: mpsc::Receiver<KernelRequest>,
        events: mpsc::Sender<KernelEvent>,
    ) -> io::Result<Self> {
        let sockets = Sockets::open(&options)?;
        Ok(Self { options, requests, events, sockets })
    }

    /// Runs until the requests end. `started` receives the outcome of the first reading.
    pub(super) fn run(self, started: oneshot::Sender<io::Result<()>>) {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.start_and_synchronise(started)),
            Err(error) => reply(started, Err(error)),
        }
    }

    async fn start_and_synchronise(self, started: oneshot::Sender<io::Result<()>>) {
        let mut synchronisation = match self.start() {
            Ok(synchronisation) => synchronisation,
            Err(error) => return reply(started, Err(error)),
        };
        reply(started, Ok(()));
        while let Err(error) = synchronisation.run().await {
            tracing::error!(%error, "a netlink socket is lost: opening it again");
            if !synchronisation.reopen_in_time().await {
                return;
            }
        }
    }

    pub(super) fn start(self) -> io::Result<Synchronisation> {
        let Sockets { mut socket, dump_socket, multicast } = self.sockets;
        socket.check_permission()?;
        let mut synchronisation = Synchronisation {
            requests: self.requests,
            events: Some(self.events),
            batch: Batch::new(socket.next_sequence()),
            socket,
            dump_socket,
            is_dumping: false,
            listener: multicast.into_listener()?,
            receive_limit: ReceiveLimit::default(),
            batch_is_due: false,
            clock: Clock::start(),
            fib: Fib::new(self.options.fib.clone()),
            options: self.options,
        };
        while synchronisation.fib.view().reads_routes() {
            synchronisation.ask_or_read()?;
        }
        synchronisation.warn_of_strays();
        synchronisation.receive_notices()?;
        Ok(synchronisation)
    }
}

pub(super) struct Synchronisation {
    fib: Fib,
    options: KernelOptions,
    requests: mpsc::Receiver<KernelRequest>,
    /// `None` once the receiver is gone.
    events: Option<mpsc::Sender<KernelEvent>>,
    socket: RequestSocket,
    /// The socket of dumps of routes, which are read in parts between requests.
    dump_socket: RequestSocket,
    /// Whether such a dump is in progress.
    is_dumping: bool,
    listener: Listener,
    batch: Batch,
    receive_limit: ReceiveLimit,
    /// Whether a request has been handled since the last batch, and there is enough for another.
    batch_is_due: bool,
    clock: Clock,
}

/// The time since the start, as the [`Fib`] takes it.
struct Clock {
    start: Instant,
    /// How far a test has advanced the clock.
    ahead: Duration,
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), ahead: Duration::ZERO }
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.start.elapsed() + self.ahead)
    }

    fn instant(&self, timestamp: Timestamp) -> Instant {
        self.start + timestamp.since_start().saturating_sub(self.ahead)
    }
}

impl Synchronisation {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let deadline = self.fib.next_timeout().map(|timestamp| self.clock.instant(timestamp));
            let takes_requests = self.takes_requests();
            tokio::select! {
                biased;
                readable = self.listener.readable(self.receive_limit.next_turn()) => {
                    readable?;
                    self.receive_limit.on_turn(Instant::now());
                    self.receive_notices()?;
                }
                () = wait_until(deadline) => self.fib.handle_timeout(self.clock.now()),
                permit = reserve(self.events.clone()), if self.has_event() => self.emit(permit),
                request = self.requests.recv(), if takes_requests => match request {
                    Some(request) => {
                        self.on_request(request);
                        self.batch_is_due = self.fib.view().waiting() >= FILLS_A_BATCH;
                    }
                    None => return self.finish(),
                },
                // Yielding lets the runtime poll timers and sockets: a load must not hide a link that goes
                // down.
                () = tokio::task::yield_now(), if self.fib.view().has_ask() => self.ask()?,
                () = tokio::task::yield_now(), if self.is_dumping => self.read_on()?,
            }
        }
    }

    /// Reopens the sockets, however long that takes; routes stay in the kernel meanwhile. Returns `false`
    /// when the end is requested, which does not wait for sockets.
    async fn reopen_in_time(&mut self) -> bool {
        let mut delay = REOPEN_DELAY_FIRST;
        loop {
            sleep(delay).await;
            match self.reopen() {
                Ok(()) => return true,
                Err(_) if self.requests.is_closed() => return false,
                Err(error) => tracing::error!(%error, "the netlink sockets cannot be opened"),
            }
            delay = REOPEN_DELAY_LAST.min(delay * 2);
        }
    }

    /// Reopens the sockets and schedules a full reading.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let sockets = Sockets::open(&self.options)?;
        self.listener = sockets.multicast.into_listener()?;
        (self.socket, self.dump_socket) = (sockets.socket, sockets.dump_socket);
        self.is_dumping = false;
        self.fib.on_new_sockets();
        Ok(())
    }

    /// The kernel should have work while requests are handled: between two requests a batch is sent, if it
    /// can be filled.
    ///
    /// Wishes wait in the Rib's log, where a later one for the same prefix replaces them. Removals do not:
    /// they need no memory beyond that of the routes to be removed, and the more are known, the better is
    /// their order.
    fn takes_requests(&self) -> bool {
        let has_room = self.fib.view().waiting_wishes() < BACKLOG_PREFIXES;
        has_room && !(self.batch_is_due && self.fib.view().can_plan())
    }

    /// Completes what was requested before the requests ended.
    fn finish(&mut self) -> io::Result<()> {
        while self.fib.view().has_ask() || self.is_dumping {
            self.ask_or_read()?;
        }
        Ok(())
    }

    fn ask_or_read(&mut self) -> io::Result<()> {
        if self.fib.view().has_ask() { self.ask() } else { self.read_on() }
    }

    pub(super) fn on_request(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Apply(changes) => self.fib.want(&changes),
            KernelRequest::NextHops(losses) => self.fib.on_next_hop_losses(&losses),
            KernelRequest::RemoveStale => self.fib.sweep(),
            KernelRequest::Require(prefixes) => self.fib.require(prefixes),
            KernelRequest::WatchLinks(links) => self.fib.watch_links(&links),
            KernelRequest::SetStaticWays(ways) => self.fib.set_static_ways(ways),
            // The asker may have gone meanwhile.
            KernelRequest::Status(answer) => reply(answer, self.fib.view().status()),
            KernelRequest::Describe(prefix, answer) => reply(answer, self.fib.view().describe(prefix)),
            KernelRequest::Look(question, answer) => reply(answer, question.answer(self.fib.view())),
        }
    }

    /// Handles all messages that the kernel has sent so far.
    pub(super) fn receive_notices(&mut self) -> io::Result<()> {
        let Self { listener, fib, clock, .. } = self;
        let reception = listener.drain(|message| {
            if let Some(notice) = Notice::decode(message) {
                fib.handle_notice(notice);
            }
        })?;
        fib.apply_notices(clock.now());
        if reception == Reception::Overrun {
            tracing::warn!("events of the kernel were lost; links and routes are read again");
            fib.on_lost_messages(clock.now());
        }
        Ok(())
    }

    /// Makes the next requests to the kernel.
    pub(super) fn ask(&mut self) -> io::Result<()> {
        self.batch_is_due = false;
        self.batch.restart(self.socket.next_sequence());
        match self.fib.poll_ask(&mut self.batch, self.clock.now()) {
            None => Ok(()),
            Some(Ask::Batch) => self.send_batch(),
            Some(Ask::Dump(dump @ (Dump::Ipv4Routes | Dump::Ipv6Routes))) => {
                self.is_dumping = true;
                self.dump_socket.start_dump(dump)
            }
            Some(Ask::Dump(dump)) => {
                let Self { socket, fib, .. } = self;
                let end = socket.dump(dump, |message| {
                    if let Some(notice) = Notice::decode(message) {
                        fib.on_dumped(notice);
                    }
                })?;
                self.on_dump_end(dump, end);
                Ok(())
            }
        }
    }

    /// Sends a batch, and notes the answers.
    fn send_batch(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        match self.socket.send_batch(&mut self.batch) {
            Ok(refusals) => self.fib.on_answers(&self.batch, &refusals, now),
            // Some answers are lost: the outcome of the batch follows from the table.
            Err(error) if is_overrun(&error) => {
                self.batch.shrink();
                self.fib.on_unanswered(&self.batch, now);
            }
            Err(error) if is_too_long(&error) => {
                self.batch.shrink();
                match self.batch.requests() {
                    [_] => self.fib.on_answers(&self.batch, &[self.batch.refuse_last(libc::EMSGSIZE)], now),
                    _ => self.fib.on_unsent(&self.batch),
                }
            }
            Err(error) => {
                self.fib.on_unanswered(&self.batch, now);
                return Err(error);
            }
        }
        while let Some((object, reason)) = self.fib.poll_refused_object() {
            tracing::debug!(object, reason, "the kernel refused a next hop object");
        }
        // Messages about changes by others have arrived already.
        self.receive_notices()
    }

    /// Reads a part of the dump of routes in progress.
    fn read_on(&mut self) -> io::Result<()> {
        let Self { dump_socket, fib, .. } = self;
        for _ in 0..READS_A_TURN {
            let part = dump_socket.continue_dump(|message| {
                if let Some(notice) = Notice::decode(message) {
                    fib.on_dumped(notice);
                }
            });
            let end = match part {
                Ok(None) => continue,
                Ok(Some(end)) => end,
                Err(error) if is_overrun(&error) => DumpEnd::Interrupted,
                Err(error) => return Err(error),
            };
            self.is_dumping = false;
            self.receive_notices()?;
            self.on_dump_end(Dump::Ipv4Routes, end);
            return Ok(());
        }
        Ok(())
    }

    fn on_dump_end(&mut self, dump: Dump, end: DumpEnd) {
        let now = self.clock.now();
        match end {
            DumpEnd::Complete => self.fib.on_dump_end(false, now),
            DumpEnd::Interrupted => self.fib.on_dump_end(true, now),
            DumpEnd::Refused(refusal) => {
                let reason = refusal.reason();
                if self.fib.on_dump_refused(now) {
                    tracing::info!(reason, "the kernel has no next hop objects: routes name their gateways");
                } else {
                    tracing::warn!(reason, ?dump, "the kernel refused a dump: everything is read again");
                }
            }
        }
    }

    fn warn_of_strays(&mut self) {
        let protocol = self.fib.view().options().protocol;
        for (table, routes) in self.fib.take_strays() {
            tracing::warn!(
                table,
                routes,
                "kernel.table does not name a table in which there are routes of kernel.protocol: they are left alone, \
                 and if an earlier configuration put them there, `ip route flush table {table} proto {protocol}` \
                 removes them"
            );
        }
    }

    /// Handles everything that waits, including what has a deadline soon, until nothing is left to do.
    #[cfg(test)]
    pub(super) fn catch_up(&mut self) {
        self.clock.ahead += Duration::from_secs(1);
        for _ in 0..1000 {
            self.receive_notices().expect("messages are received");
            self.fib.handle_timeout(self.clock.now());
            self.finish().expect("the kernel is asked");
            if self.fib.next_timeout().is_none_or(|at| at > self.clock.now() + Duration::from_secs(1)) {
                return;
            }
            self.clock.ahead += Duration::from_secs(1);
        }
        panic!("the kernel and the mirror never agree");
    }

    /// For tests of failing sockets.
    #[cfg(test)]
    pub(super) fn socket(&self) -> &RequestSocket {
        &self.socket
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> margay_fib::FibStatus {
        self.fib.view().status()
    }

    fn has_event(&self) -> bool {
        self.events.is_some() && (self.fib.view().has_route_changes() || self.fib.view().has_failure())
    }

    /// Sends the most urgent event to the daemon, in the reserved place.
    fn emit(&mut self, permit: Option<mpsc::OwnedPermit<KernelEvent>>) {
        let Some(permit) = permit else {
            self.events = None;
            return;
        };
        if self.fib.view().has_route_changes() {
            let (ways, routes) = self.fib.poll_route_changes(ANNOUNCED_PREFIXES);
            let links = self.fib.poll_link_changes();
            if !ways.is_empty() || !routes.is_empty() || !links.is_empty() {
                permit.send(KernelEvent::Routes { ways, routes, links });
            }
        } else if let Some((prefix, reason)) = self.fib.poll_failure() {
            permit.send(KernelEvent::Failed { prefix, reason });
        }
    }
}

/// Limits how often the thread wakes up for messages of the kernel.
///
/// A few are handled at once, because one may report the loss of a link. Where pods come and go all the time,
/// waking up for each message would be most of the work; messages that arrive meanwhile are handled together.
#[derive(Default)]
struct ReceiveLimit {
    /// Each turn advances it by [`RECEIVE_INTERVAL`], from now at the earliest.
    spent_until: Option<Instant>,
}

impl ReceiveLimit {
    /// The earliest time for the next turn; `None` for at once.
    fn next_turn(&self) -> Option<Instant> {
        self.spent_until?.checked_sub(RECEIVE_INTERVAL * RECEIVE_BURST)
    }

    fn on_turn(&mut self, now: Instant) {
        self.spent_until = Some(self.spent_until.map_or(now, |until| until.max(now)) + RECEIVE_INTERVAL);
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => future::pending().await,
    }
}

/// Waits for a place in the daemon's queue, while kernel messages are still handled. `None` if the receiver
/// is gone.
async fn reserve(events: Option<mpsc::Sender<KernelEvent>>) -> Option<mpsc::OwnedPermit<KernelEvent>> {
    events?.reserve_owned().await.ok()
}

/// Requests are left in their queue while routes are wanted at this many prefixes.
const BACKLOG_PREFIXES: usize = 4096;
/// Prefixes with changed foreign routes that are reported together.
const ANNOUNCED_PREFIXES: usize = 1024;
/// Waiting prefixes that fill a batch.
const FILLS_A_BATCH: usize = 1024;
/// Parts of a dump, of up to 32 KiB, that are read before other messages are handled: about a millisecond.
const READS_A_TURN: usize = 4;
/// Longest delay of a link's loss on a node with constant changes.
const RECEIVE_INTERVAL: Duration = Duration::from_millis(20);
/// Turns that may follow each other without an interval.
const RECEIVE_BURST: u32 = 8;
const REOPEN_DELAY_FIRST: Duration = Duration::from_millis(100);
const REOPEN_DELAY_LAST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_turns_are_taken_at_once_and_many_at_intervals() {
        let start = Instant::now();
        let mut receive_limit = ReceiveLimit::default();
        for turn in 0..RECEIVE_BURST {
            assert!(receive_limit.next_turn().is_none_or(|at| at <= start), "turn {turn}");
            receive_limit.on_turn(start);
        }
        let mut now = start;
        for turn in 0..5 {
            let next = receive_limit.next_turn().unwrap();
            assert_eq!(next, now + if turn == 0 { Duration::ZERO } else { RECEIVE_INTERVAL });
            now = next;
            receive_limit.on_turn(now);
        }
        now += RECEIVE_INTERVAL * RECEIVE_BURST * 2;
        receive_limit.on_turn(now);
        assert!(receive_limit.next_turn().unwrap() < now, "a quiet time makes up for it");
    }
}
