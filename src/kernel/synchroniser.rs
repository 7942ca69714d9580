//! The loop between the kernel, the daemon and the [`Fib`], which says what to ask the kernel.

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

/// Everything the loop needs, opened by the caller of [`super::start`] and handed to the thread.
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
        // Listening starts before the first dump, so that no change falls between the two.
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

    /// Runs until the requests end. `started` tells how the first reading went.
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
            tracing::error!(%error, "a netlink socket is lost: opening it anew");
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
            hearing: Hearing::default(),
            batch_is_due: false,
            clock: Clock::start(),
            fib: Fib::new(self.options.fib.clone()),
            options: self.options,
        };
        while synchronisation.fib.reads_routes() {
            synchronisation.ask_or_read()?;
        }
        synchronisation.warn_of_strays();
        synchronisation.hear()?;
        Ok(synchronisation)
    }
}

pub(super) struct Synchronisation {
    fib: Fib,
    options: KernelOptions,
    requests: mpsc::Receiver<KernelRequest>,
    /// `None` once nobody listens.
    events: Option<mpsc::Sender<KernelEvent>>,
    socket: RequestSocket,
    /// A dump of routes is read in parts, between which requests are sent.
    dump_socket: RequestSocket,
    /// Such a dump is under way.
    is_dumping: bool,
    listener: Listener,
    batch: Batch,
    hearing: Hearing,
    /// A request has been taken since the last batch, and there is enough for another.
    batch_is_due: bool,
    clock: Clock,
}

/// The time since the start, as the [`Fib`] takes it.
struct Clock {
    start: Instant,
    /// How far a test is ahead of time.
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
                readable = self.listener.readable(self.hearing.next_turn()) => {
                    readable?;
                    self.hearing.on_turn(Instant::now());
                    self.hear()?;
                }
                () = wait_until(deadline) => self.fib.handle_timeout(self.clock.now()),
                permit = reserve(self.events.clone()), if self.has_event() => self.emit(permit),
                request = self.requests.recv(), if takes_requests => match request {
                    Some(request) => {
                        self.on_request(request);
                        self.batch_is_due = self.fib.waiting() >= FILLS_A_BATCH;
                    }
                    None => return self.finish(),
                },
                // Yielding lets the runtime look at timers and sockets: a load must not hide a link that goes down.
                () = tokio::task::yield_now(), if self.fib.has_ask() => self.ask()?,
                () = tokio::task::yield_now(), if self.is_dumping => self.read_on()?,
            }
        }
    }

    /// Opens the sockets anew, however long that takes; routes stay in the kernel meanwhile. Answers `false` when the end
    /// is asked for, which does not wait for sockets.
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

    /// Opens the sockets anew and has everything read.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let sockets = Sockets::open(&self.options)?;
        self.listener = sockets.multicast.into_listener()?;
        (self.socket, self.dump_socket) = (sockets.socket, sockets.dump_socket);
        self.is_dumping = false;
        self.fib.on_new_sockets();
        Ok(())
    }

    /// The kernel has something to do while more is taken in: between two requests a batch is sent, if it can be filled.
    ///
    /// Wishes wait in the Rib's log, where the next one for a prefix takes the place of the last. Removals do not: they need
    /// no memory beyond that of the routes to be removed, and the more are known, the better is their order.
    fn takes_requests(&self) -> bool {
        let has_room = self.fib.waiting_wishes() < BACKLOG_PREFIXES;
        has_room && !(self.batch_is_due && self.fib.can_plan())
    }

    /// Works off what was asked before the requests ended.
    fn finish(&mut self) -> io::Result<()> {
        while self.fib.has_ask() || self.is_dumping {
            self.ask_or_read()?;
        }
        Ok(())
    }

    fn ask_or_read(&mut self) -> io::Result<()> {
        if self.fib.has_ask() { self.ask() } else { self.read_on() }
    }

    pub(super) fn on_request(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Apply(changes) => self.fib.want(&changes),
            KernelRequest::NextHops(losses) => self.fib.on_next_hop_losses(&losses),
            KernelRequest::RemoveStale => self.fib.sweep(),
            KernelRequest::Require(prefixes) => self.fib.require(prefixes),
            // Who asked may have gone meanwhile.
            KernelRequest::Status(answer) => reply(answer, self.fib.status()),
            KernelRequest::Describe(prefix, answer) => reply(answer, self.fib.describe(prefix)),
        }
    }

    /// Takes over all that the kernel has told so far.
    pub(super) fn hear(&mut self) -> io::Result<()> {
        let Self { listener, fib, clock, .. } = self;
        let reception = listener.drain(|message| {
            if let Some(notice) = Notice::decode(message) {
                fib.handle_notice(notice);
            }
        })?;
        fib.on_heard(clock.now());
        if reception == Reception::Overrun {
            tracing::warn!("events of the kernel were lost; links and routes are read anew");
            fib.on_lost_messages(clock.now());
        }
        Ok(())
    }

    /// Asks the kernel for what is next.
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

    /// Asks for all of a batch at once, and notes the answers.
    fn send_batch(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        match self.socket.send_batch(&mut self.batch) {
            Ok(refusals) => self.fib.on_answers(&self.batch, &refusals, now),
            // Some answers are lost: the table itself tells what came of the batch.
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
        // What others did meanwhile is there already.
        self.hear()
    }

    /// Reads a part of the dump of routes that is under way.
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
            self.hear()?;
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
        let protocol = self.fib.options().protocol;
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
            self.hear().expect("the kernel is heard");
            self.fib.handle_timeout(self.clock.now());
            self.finish().expect("the kernel is asked");
            if self.fib.next_timeout().is_none_or(|at| at > self.clock.now() + Duration::from_secs(1)) {
                return;
            }
            self.clock.ahead += Duration::from_secs(1);
        }
        panic!("the kernel and the mirror never agree");
    }

    /// For tests of what becomes of sockets.
    #[cfg(test)]
    pub(super) fn socket(&self) -> &RequestSocket {
        &self.socket
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> margay_fib::FibStatus {
        self.fib.status()
    }

    fn has_event(&self) -> bool {
        self.events.is_some() && (self.fib.has_route_changes() || self.fib.has_failure())
    }

    /// Fills the place reserved in the daemon's queue with what is most urgent.
    fn emit(&mut self, permit: Option<mpsc::OwnedPermit<KernelEvent>>) {
        let Some(permit) = permit else {
            self.events = None;
            return;
        };
        if self.fib.has_route_changes() {
            let (ways, routes) = self.fib.poll_route_changes(ANNOUNCED_PREFIXES);
            if !ways.is_empty() || !routes.is_empty() {
                permit.send(KernelEvent::Routes { ways, routes });
            }
        } else if let Some((prefix, reason)) = self.fib.poll_failure() {
            permit.send(KernelEvent::Failed { prefix, reason });
        }
    }
}

/// How often the thread wakes up for messages of the kernel.
///
/// A few are heard as they come, since one may say that a link is gone. Where pods come and go all the time, waking up for
/// each message would be most of the work; what comes in the meantime is heard together.
#[derive(Default)]
struct Hearing {
    /// Each turn puts it off by [`HEARING_INTERVAL`], from now at the earliest.
    spent_until: Option<Instant>,
}

impl Hearing {
    /// The earliest time for the next turn; `None` for at once.
    fn next_turn(&self) -> Option<Instant> {
        self.spent_until?.checked_sub(HEARING_INTERVAL * HEARING_BURST)
    }

    fn on_turn(&mut self, now: Instant) {
        self.spent_until = Some(self.spent_until.map_or(now, |until| until.max(now)) + HEARING_INTERVAL);
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => future::pending().await,
    }
}

/// Waits for a place in the daemon's queue, so that a slow daemon is waited for without deafness to the kernel.
/// `None` when nobody listens any more.
async fn reserve(events: Option<mpsc::Sender<KernelEvent>>) -> Option<mpsc::OwnedPermit<KernelEvent>> {
    events?.reserve_owned().await.ok()
}

/// Requests are left in their queue while something else is wanted at so many prefixes.
const BACKLOG_PREFIXES: usize = 4096;
/// How many prefixes at which others' routes changed the daemon is told of at once.
const ANNOUNCED_PREFIXES: usize = 1024;
/// How many prefixes that wait fill a batch.
const FILLS_A_BATCH: usize = 1024;
/// How many parts of a dump, of up to 32 KiB, are read before the loop hears again: about a millisecond.
const READS_A_TURN: usize = 4;
/// What a link's loss may wait for at most, on a node where something happens all the time.
const HEARING_INTERVAL: Duration = Duration::from_millis(20);
/// So many turns may follow each other without an interval.
const HEARING_BURST: u32 = 8;
const REOPEN_DELAY_FIRST: Duration = Duration::from_millis(100);
const REOPEN_DELAY_LAST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_turns_are_taken_at_once_and_many_at_intervals() {
        let start = Instant::now();
        let mut hearing = Hearing::default();
        for turn in 0..HEARING_BURST {
            assert!(hearing.next_turn().is_none_or(|at| at <= start), "turn {turn}");
            hearing.on_turn(start);
        }
        let mut now = start;
        for turn in 0..5 {
            let next = hearing.next_turn().unwrap();
            assert_eq!(next, now + if turn == 0 { Duration::ZERO } else { HEARING_INTERVAL });
            now = next;
            hearing.on_turn(now);
        }
        now += HEARING_INTERVAL * HEARING_BURST * 2;
        hearing.on_turn(now);
        assert!(hearing.next_turn().unwrap() < now, "a quiet time makes up for it");
    }
}
