//! The loop that hears the kernel and the Rib, and sends what makes the one follow the other.

use std::{future, io, time::Duration};

use bgp_codec::Prefix;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};

use super::{
    KernelEvent, KernelOptions, KernelRequest,
    batch::Batch,
    mirror::{Consequences, Mirror},
    netlink_socket::{
        DumpEnd, DumpRequest, Listener, MulticastSocket, Reception, RequestSocket, is_overrun, is_too_long,
    },
    notice::{Notice, RTM_GETADDR, RTM_GETLINK, RTM_GETROUTE},
    object_message::RTM_GETNEXTHOP,
    route_shapes::ShapeId,
    wire::{AF_INET, AF_INET6},
};

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

    /// Runs until the requests end or the sockets fail. `started` tells how the first dump went.
    pub(super) fn run(self, started: oneshot::Sender<io::Result<()>>) {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.start_and_synchronise(started)),
            // The receiver is gone only when the caller lost interest.
            Err(error) => drop(started.send(Err(error))),
        }
    }

    async fn start_and_synchronise(self, started: oneshot::Sender<io::Result<()>>) {
        let mut synchronisation = match self.start() {
            Ok(synchronisation) => synchronisation,
            Err(error) => return drop(started.send(Err(error))),
        };
        drop(started.send(Ok(())));
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
            mirror: Mirror::new(self.options),
            requests: self.requests,
            events: Some(self.events),
            batch: Batch::new(socket.next_sequence()),
            socket,
            dump_socket,
            listener: multicast.into_listener()?,
            reading: None,
            pace: Pace::default(),
            batch_is_due: false,
        };
        synchronisation.begin_reading()?;
        while synchronisation.reading.is_some() {
            synchronisation.read_on()?;
        }
        for (table, routes) in synchronisation.mirror.take_strays() {
            tracing::warn!(
                table,
                routes,
                "kernel.table does not name a table in which there are routes of kernel.protocol: they are left alone, \
                 and if an earlier configuration put them there, `ip route flush table {table} proto {}` removes them",
                synchronisation.mirror.options.protocol
            );
        }
        synchronisation.look_around()?;
        Ok(synchronisation)
    }
}

pub(super) struct Synchronisation {
    mirror: Mirror,
    requests: mpsc::Receiver<KernelRequest>,
    /// `None` once nobody listens.
    events: Option<mpsc::Sender<KernelEvent>>,
    socket: RequestSocket,
    /// A dump is read in parts, between which requests are sent.
    dump_socket: RequestSocket,
    listener: Listener,
    batch: Batch,
    reading: Option<Reading>,
    pace: Pace,
    /// A request has been taken since the last batch, and there is enough for another.
    batch_is_due: bool,
}

/// A dump of all routes that is under way.
struct Reading {
    /// The dumps that are left, the present one first.
    left: &'static [DumpRequest],
    routes: Vec<(u8, Prefix, ShapeId)>,
    interrupted: bool,
}

impl Synchronisation {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let deadline = self.pace.next_deadline();
            let takes_requests = self.takes_requests();
            tokio::select! {
                biased;
                readable = self.listener.readable(self.pace.hearing.next_turn()) => {
                    readable?;
                    self.pace.hearing.on_turn(Instant::now());
                    self.hear()?;
                }
                () = wait_until(deadline) => self.on_deadline()?,
                permit = reserve(self.events.clone()), if self.has_event() => self.emit(permit),
                request = self.requests.recv(), if takes_requests => match request {
                    Some(request) => {
                        self.on_request(request);
                        self.batch_is_due = self.mirror.entries.unsettled().len() >= PLANS_A_TURN;
                    }
                    None => return self.finish(),
                },
                // Yielding lets the runtime look at timers and sockets: a load must not hide a link that goes down.
                () = tokio::task::yield_now(), if self.can_send() => self.send_batch()?,
                () = tokio::task::yield_now(), if self.reading.is_some() => self.read_on()?,
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

    /// Opens the sockets anew and begins to read everything.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let sockets = Sockets::open(&self.mirror.options)?;
        self.listener = sockets.multicast.into_listener()?;
        (self.socket, self.dump_socket) = (sockets.socket, sockets.dump_socket);
        if let Some(reading) = self.reading.take() {
            self.mirror.abandon_dump(reading.routes);
        }
        self.begin_reading()
    }

    /// The kernel has something to do while more is taken in: between two requests a batch is sent, if it can be filled.
    ///
    /// Wishes wait in the Rib's log, where the next one for a prefix takes the place of the last. Removals do not: they need
    /// no memory beyond that of the routes to be removed, and the more are known, the better is their order.
    fn takes_requests(&self) -> bool {
        let has_room = self.mirror.entries.unsettled().wishes_len() < BACKLOG_PREFIXES;
        has_room && !(self.batch_is_due && self.can_send())
    }

    /// Works off what was asked before the requests ended.
    fn finish(&mut self) -> io::Result<()> {
        while self.reading.is_some() || self.can_send() {
            if self.can_send() {
                self.send_batch()?;
            } else {
                self.read_on()?;
            }
        }
        Ok(())
    }

    pub(super) fn on_request(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Apply(changes) => self.mirror.want(&changes),
            KernelRequest::NextHops(losses) => self.mirror.on_next_hop_losses(&losses),
            KernelRequest::RemoveStale => self.mirror.sweep(),
            KernelRequest::Require(prefixes) => self.mirror.require(prefixes),
            // Who asked may have gone meanwhile.
            KernelRequest::Status(answer) => drop(answer.send(self.mirror.status())),
            KernelRequest::Describe(prefix, answer) => drop(answer.send(self.mirror.describe(prefix))),
        }
    }

    fn on_deadline(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.pace.read_at.take_if(|at| *at <= now).is_some() {
            self.begin_reading()?;
        }
        if self.pace.look_around_at.take_if(|at| *at <= now).is_some() {
            self.look_around()?;
        }
        if self.pace.retry_at.take_if(|at| *at <= now).is_some() {
            if self.mirror.failures.is_empty() {
                self.pace.retry_delay = None;
            }
            self.mirror.retry();
        }
        Ok(())
    }

    /// Takes over all that the kernel has told so far.
    pub(super) fn hear(&mut self) -> io::Result<()> {
        let Self { listener, mirror, pace, .. } = self;
        let reception = listener.drain(|message| {
            if let Some(notice) = Notice::decode(message) {
                mirror.on_notice(notice);
            }
        })?;
        mirror.settle_next_hops();
        mirror.untouch();
        pace.follow(mirror.take_consequences());
        if reception == Reception::Overrun {
            tracing::warn!("events of the kernel were lost; links and routes are read anew");
            self.pace.read_soon();
        }
        Ok(())
    }

    /// Draws the consequences of changed links and subnets: tries again what was refused.
    fn look_around(&mut self) -> io::Result<()> {
        if self.reading.is_some() {
            // A subnet that was not read yet is not a subnet that left.
            self.pace.look_around_soon();
            return Ok(());
        }
        self.read_objects()?;
        self.mirror.retry();
        self.pace.retry_delay = None;
        Ok(())
    }

    /// Begins to read everything anew. Routes wait until all have been read; next hop objects do not.
    fn begin_reading(&mut self) -> io::Result<()> {
        self.pace.read_at = None;
        if self.reading.is_some() {
            self.pace.read_soon();
            return Ok(());
        }
        self.hear()?;
        self.mirror.begin_dump();
        self.read_links()?;
        self.mirror.suspect_objects();
        self.read_objects()?;
        self.reading = Some(Reading { left: &ROUTE_DUMPS, routes: Vec::new(), interrupted: false });
        self.dump_socket.start_dump(ROUTE_DUMPS[0])
    }

    /// Links that are not told any more are gone. Addresses come after links.
    fn read_links(&mut self) -> io::Result<()> {
        let Self { socket, mirror, .. } = self;
        let mut told = Vec::new();
        for request in [LINK_DUMP, ADDRESS_DUMP] {
            if request == ADDRESS_DUMP {
                mirror.keep_links(&told);
            }
            socket.dump(request, |message| {
                if let Some(notice) = Notice::decode(message) {
                    if let Notice::Link(link) = &notice {
                        told.push(link.interface);
                    }
                    mirror.on_notice(notice);
                }
            })?;
        }
        Ok(())
    }

    /// Reads the next hop objects where the kernel may have dropped some without a word.
    fn read_objects(&mut self) -> io::Result<()> {
        if !self.mirror.take_objects_suspicion() {
            return Ok(());
        }
        let mut notices = Vec::new();
        let end = self.socket.dump(OBJECT_DUMP, |message| {
            if let Some(Notice::Object(notice)) = Notice::decode(message) {
                notices.push(notice);
            }
        });
        match end {
            Ok(_) => self.mirror.take_object_dump(notices),
            // Kernels before 5.3, or without the right to them.
            Err(error) => {
                tracing::info!(%error, "the kernel has no next hop objects: routes name their gateways");
                self.mirror.do_without_objects();
            }
        }
        Ok(())
    }

    /// Reads a part of the dump that is under way, and draws the consequences at its end.
    fn read_on(&mut self) -> io::Result<()> {
        let Self { dump_socket, mirror, reading: Some(reading), .. } = self else { return Ok(()) };
        for _ in 0..READS_A_TURN {
            let part = dump_socket.continue_dump(|message| {
                if let Some(Notice::Route(notice)) = Notice::decode(message) {
                    reading.routes.extend(mirror.note_dumped(notice.route));
                }
            });
            match part {
                Ok(None) => continue,
                Ok(Some(end)) => reading.interrupted |= end == DumpEnd::Interrupted,
                Err(error) if is_overrun(&error) => reading.interrupted = true,
                Err(error) => return Err(error),
            }
            reading.left = reading.left.get(1..).unwrap_or_default();
            let Some(&next) = reading.left.first() else { return self.end_reading() };
            return dump_socket.start_dump(next);
        }
        Ok(())
    }

    fn end_reading(&mut self) -> io::Result<()> {
        let Some(reading) = self.reading.take() else { return Ok(()) };
        if reading.interrupted || self.mirror.told_during_dump() > TOLD_DURING_DUMP {
            self.mirror.abandon_dump(reading.routes);
            self.pace.read_soon();
            return Ok(());
        }
        let differing = self.mirror.take_dump(reading.routes);
        tracing::debug!(differing, "the kernel's routes have been read");
        self.mirror.settle_next_hops();
        self.pace.look_around_soon();
        self.hear()
    }

    fn can_send(&self) -> bool {
        self.mirror.objects.is_dirty() || self.reading.is_none() && self.mirror.entries.unsettled().len() > 0
    }

    /// Plans for what is next, asks the kernel for all of it at once, and notes its answers.
    pub(super) fn send_batch(&mut self) -> io::Result<()> {
        self.batch_is_due = false;
        self.batch.restart(self.socket.next_sequence());
        let looks = if self.reading.is_some() { 0 } else { PLANS_A_TURN };
        self.mirror.plan_batch(&mut self.batch, looks);
        if !self.batch.is_empty() {
            match self.socket.send_batch(&mut self.batch) {
                Ok(refusals) => self.mirror.on_answers(&self.batch, &refusals),
                // Some answers are lost: the table itself tells what came of the batch.
                Err(error) if is_overrun(&error) => {
                    self.batch.shrink();
                    self.mirror.on_unanswered(&self.batch);
                    self.pace.read_soon();
                }
                Err(error) if is_too_long(&error) => {
                    self.batch.shrink();
                    match self.batch.requests() {
                        [_] => self.mirror.on_answers(&self.batch, &[self.batch.refuse_last(libc::EMSGSIZE)]),
                        _ => self.mirror.on_unanswered(&self.batch),
                    }
                }
                Err(error) => {
                    self.mirror.on_unanswered(&self.batch);
                    return Err(error);
                }
            }
            // What others did meanwhile is there already.
            self.hear()?;
        }
        if self.mirror.failures.take_refusal() {
            self.pace.retry_later();
        }
        Ok(())
    }

    /// For tests of what becomes of sockets.
    #[cfg(test)]
    pub(super) fn socket(&self) -> &RequestSocket {
        &self.socket
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> super::KernelStatus {
        self.mirror.status()
    }

    /// Handles everything that waits, including what has a deadline, until nothing is left to do.
    #[cfg(test)]
    pub(super) fn catch_up(&mut self) {
        let mut rounds = 0;
        loop {
            self.hear().expect("the kernel is heard");
            if self.pace.read_at.take().is_some() {
                self.begin_reading().expect("a reading begins");
            }
            while self.reading.is_some() {
                self.read_on().expect("the table is read");
            }
            if self.pace.look_around_at.take().is_some() {
                self.look_around().expect("objects are read");
            }
            while self.can_send() {
                self.send_batch().expect("the kernel takes a batch");
            }
            if self.pace.read_at.is_none() && self.pace.look_around_at.is_none() {
                return;
            }
            rounds += 1;
            assert!(rounds < 100, "the kernel and the mirror never agree");
        }
    }

    fn has_event(&self) -> bool {
        let is_outdated = self.reading.is_none() && self.mirror.announcements.is_outdated();
        self.events.is_some() && (is_outdated || self.mirror.failures.has_untold())
    }

    /// Fills the place reserved in the daemon's queue with what is most urgent.
    fn emit(&mut self, permit: Option<mpsc::OwnedPermit<KernelEvent>>) {
        let Some(permit) = permit else {
            self.events = None;
            return;
        };
        // A route that was not read yet is not a route that left.
        if self.reading.is_none() && self.mirror.announcements.is_outdated() {
            let (ways, routes) = self.mirror.poll_announcements(ANNOUNCED_PREFIXES);
            if !ways.is_empty() || !routes.is_empty() {
                permit.send(KernelEvent::Routes { ways, routes });
            }
        } else if let Some((prefix, reason)) = self.mirror.poll_failure() {
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

/// When the loop does what it does not do at once. A deadline that is set is never put off, so that steady churn
/// cannot keep it from coming.
#[derive(Default)]
struct Pace {
    hearing: Hearing,
    look_around_at: Option<Instant>,
    read_at: Option<Instant>,
    retry_at: Option<Instant>,
    /// The last interval between two attempts at refused routes.
    retry_delay: Option<Duration>,
}

impl Pace {
    fn next_deadline(&self) -> Option<Instant> {
        [self.look_around_at, self.read_at, self.retry_at].into_iter().flatten().min()
    }

    fn follow(&mut self, consequences: Consequences) {
        if consequences.surroundings_changed {
            self.look_around_soon();
        }
        if consequences.mirror_uncertain {
            self.read_soon();
        }
    }

    fn look_around_soon(&mut self) {
        self.look_around_at.get_or_insert_with(|| Instant::now() + LOOK_AROUND_DELAY);
    }

    fn read_soon(&mut self) {
        self.read_at.get_or_insert_with(|| Instant::now() + READ_DELAY);
    }

    fn retry_later(&mut self) {
        if self.retry_at.is_some() {
            return;
        }
        let delay = self.retry_delay.map_or(RETRY_DELAY_FIRST, |last| RETRY_DELAY_LAST.min(last * 2));
        self.retry_delay = Some(delay);
        self.retry_at = Some(Instant::now() + delay);
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
/// How many prefixes are looked at before the loop hears again.
const PLANS_A_TURN: usize = 1024;
/// How many parts of a dump, of up to 32 KiB, are read before the loop hears again: about a millisecond.
const READS_A_TURN: usize = 4;
/// A dump during which more than this happens is begun again later.
const TOLD_DURING_DUMP: usize = 1 << 18;
/// Changes of links, addresses and subnets come in flocks: an interface that comes up causes a dozen messages.
const LOOK_AROUND_DELAY: Duration = Duration::from_millis(50);
/// What a link's loss may wait for at most, on a node where something happens all the time.
const HEARING_INTERVAL: Duration = Duration::from_millis(20);
/// So many turns may follow each other without an interval.
const HEARING_BURST: u32 = 8;
/// Long enough that reading a full table over and over costs no more than a part of one core.
const READ_DELAY: Duration = Duration::from_millis(500);
const REOPEN_DELAY_FIRST: Duration = Duration::from_millis(100);
const REOPEN_DELAY_LAST: Duration = Duration::from_secs(30);
const RETRY_DELAY_FIRST: Duration = Duration::from_secs(2);
const RETRY_DELAY_LAST: Duration = Duration::from_secs(32);

/// The headers are `ifinfomsg`, `ifaddrmsg`, `nhmsg` and `rtmsg`.
const LINK_DUMP: DumpRequest = (RTM_GETLINK, &[0; 16]);
const ADDRESS_DUMP: DumpRequest = (RTM_GETADDR, &[AF_INET, 0, 0, 0, 0, 0, 0, 0]);
const OBJECT_DUMP: DumpRequest = (RTM_GETNEXTHOP, &[0; 8]);
const ROUTE_DUMPS: [DumpRequest; 2] = [
    (RTM_GETROUTE, &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (RTM_GETROUTE, &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
];

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
