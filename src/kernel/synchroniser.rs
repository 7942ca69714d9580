//! The loop that hears the kernel and the Rib, and sends what makes the one follow the other.

use std::{collections::HashSet, future, io, time::Duration};

use margay_rib::ConnectedRoute;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    FailedRoute, KernelEvent, KernelOptions, KernelRequest,
    batch::Batch,
    mirror::{Consequence, Mirror},
    netlink_socket::{DumpEnd, Listener, MulticastSocket, Reception, Refusal, RequestSocket, is_overrun},
    notice::{Notice, RTM_GETLINK, RTM_GETROUTE},
};

/// Everything the loop needs, opened by the caller of [`super::start`] and handed to the thread.
pub(super) struct Synchroniser {
    options: KernelOptions,
    requests: mpsc::Receiver<KernelRequest>,
    events: mpsc::Sender<KernelEvent>,
    socket: RequestSocket,
    multicast: MulticastSocket,
}

impl Synchroniser {
    /// Opens the sockets in the network namespace of the calling thread.
    pub(super) fn open(
        options: KernelOptions,
        requests: mpsc::Receiver<KernelRequest>,
        events: mpsc::Sender<KernelEvent>,
    ) -> io::Result<Self> {
        // Listening starts before the first dump, so that no change falls between the two.
        let multicast = MulticastSocket::open(MULTICAST_BUFFER_OCTETS)?;
        Ok(Self { options, requests, events, socket: RequestSocket::open()?, multicast })
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
        let events = self.events.clone();
        let mut synchronisation = match self.start() {
            Ok(synchronisation) => synchronisation,
            Err(error) => return drop(started.send(Err(error))),
        };
        drop(started.send(Ok(())));
        if let Err(error) = synchronisation.run().await {
            let fatal = KernelEvent::Fatal(format!("netlink: {error}"));
            // Nobody listens any more only when the daemon itself ends.
            drop(events.send(fatal).await);
        }
    }

    fn start(self) -> io::Result<Synchronisation> {
        let mut synchronisation = Synchronisation {
            mirror: Mirror::new(self.options, self.socket.port()),
            options: self.options,
            requests: self.requests,
            events: Some(self.events),
            socket: self.socket,
            listener: self.multicast.into_listener()?,
            connected: Announcement::default(),
            pace: Pace::default(),
        };
        synchronisation.resynchronise()?;
        synchronisation.look_around()?;
        Ok(synchronisation)
    }
}

struct Synchronisation {
    options: KernelOptions,
    mirror: Mirror,
    requests: mpsc::Receiver<KernelRequest>,
    /// `None` once nobody listens.
    events: Option<mpsc::Sender<KernelEvent>>,
    socket: RequestSocket,
    listener: Listener,
    connected: Announcement,
    pace: Pace,
}

/// What the daemon is told of the attached subnets. A newer snapshot takes the place of one that is not yet sent.
#[derive(Default)]
struct Announcement {
    latest: Option<Vec<ConnectedRoute>>,
    unsent: bool,
}

impl Synchronisation {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let deadline = self.pace.next_deadline();
            let backlog = self.mirror.table.unsettled_len();
            tokio::select! {
                biased;
                readable = self.listener.readable() => {
                    readable?;
                    self.hear()?;
                }
                () = wait_until(deadline) => self.on_deadline()?,
                permit = reserve(self.events.clone()), if self.has_event() => self.emit(permit),
                request = self.requests.recv(), if backlog < BACKLOG_PREFIXES => match request {
                    Some(request) => self.on_request(request),
                    None => return self.finish(),
                },
                // Yielding lets the runtime look at timers and sockets: a load must not hide a link that goes down.
                () = tokio::task::yield_now(), if backlog > 0 => self.send_batch()?,
            }
        }
    }

    /// Works off what was asked before the requests ended.
    fn finish(&mut self) -> io::Result<()> {
        while self.mirror.table.unsettled_len() > 0 {
            self.send_batch()?;
        }
        Ok(())
    }

    fn on_request(&mut self, request: KernelRequest) {
        let Mirror { table, attached, .. } = &mut self.mirror;
        match request {
            KernelRequest::Apply(changes) => changes.into_iter().for_each(|change| table.want(change)),
            KernelRequest::RemoveStale => table.sweep(),
            // Who asked may have gone meanwhile.
            KernelRequest::Snapshot(answer) => drop(answer.send(table.snapshot(attached))),
        }
    }

    fn on_deadline(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.pace.resynchronise_at.take_if(|at| *at <= now).is_some() {
            self.resynchronise()?;
        }
        if self.pace.look_around_at.take_if(|at| *at <= now).is_some() {
            self.look_around()?;
        }
        if self.pace.retry_at.take_if(|at| *at <= now).is_some() {
            if !self.mirror.table.has_failures() {
                self.pace.retry_delay = None;
            }
            self.mirror.table.retry();
        }
        Ok(())
    }

    /// Takes over all that the kernel has told so far.
    fn hear(&mut self) -> io::Result<Reception> {
        let Self { listener, mirror, pace, .. } = self;
        let reception = listener.drain(|message| {
            if let Some(notice) = Notice::decode(message) {
                pace.follow(mirror.on_notice(notice));
            }
        })?;
        if reception == Reception::Overrun {
            tracing::warn!("events of the kernel were lost; links and routes are read anew");
            self.pace.resynchronise_soon();
        }
        Ok(reception)
    }

    /// Draws the consequences of changed links and subnets: reads anew what the kernel may have flushed, tells the
    /// daemon, and tries again what was refused.
    fn look_around(&mut self) -> io::Result<()> {
        if self.mirror.take_suspicion() {
            self.resynchronise()?;
        }
        if self.pace.mirror_partial {
            // A subnet that was not read is not a subnet that left.
            return Ok(());
        }
        let connected = Some(self.mirror.attached.connected());
        if self.connected.latest != connected {
            self.connected = Announcement { latest: connected, unsent: true };
            let Mirror { table, attached, .. } = &mut self.mirror;
            table.on_attached(attached);
        }
        self.mirror.table.retry();
        self.pace.retry_delay = None;
        Ok(())
    }

    /// Reads links and routes anew. What changes meanwhile waits in the listener and is heard afterwards: a prefix has
    /// the state of its last message then, or that of the dump if there was none.
    fn resynchronise(&mut self) -> io::Result<()> {
        self.hear()?;
        self.pace.resynchronise_at = None;
        self.pace.mirror_partial = match self.read_all() {
            Ok(end) => end == DumpEnd::Interrupted,
            Err(error) if is_overrun(&error) => true,
            Err(error) => return Err(error),
        };
        if self.pace.mirror_partial {
            self.pace.resynchronise_soon();
        }
        self.mirror.table.unsettle_all();
        self.pace.look_around_soon();
        self.hear()?;
        Ok(())
    }

    fn read_all(&mut self) -> io::Result<DumpEnd> {
        self.mirror.forget();
        let mut whole = DumpEnd::Complete;
        for (message_type, header) in DUMPS {
            let Self { socket, mirror, pace, .. } = self;
            let end = socket.dump(message_type, header, |message| {
                if let Some(notice) = Notice::decode(message) {
                    pace.follow(mirror.on_notice(notice));
                }
            })?;
            if end == DumpEnd::Interrupted {
                whole = end;
            }
        }
        Ok(whole)
    }

    /// Plans for the next prefixes, asks the kernel for all of it at once, and notes its answers.
    fn send_batch(&mut self) -> io::Result<()> {
        let mut batch = self.plan_batch();
        if !batch.is_empty() {
            match self.socket.send_batch(&mut batch) {
                Ok(refusals) => self.on_answers(&batch, &refusals)?,
                // Some answers are lost: the table itself tells what came of the batch.
                Err(error) if is_overrun(&error) => self.pace.resynchronise_soon(),
                Err(error) => return Err(error),
            }
        }
        if self.mirror.table.take_refusal() {
            self.pace.retry_later();
        }
        Ok(())
    }

    fn plan_batch(&mut self) -> Batch {
        let Mirror { table, attached, .. } = &mut self.mirror;
        let mut batch = self.socket.new_batch();
        for _ in 0..PLANS_A_TURN {
            if batch.is_full() {
                break;
            }
            let Some(prefix) = table.poll_unsettled() else { break };
            let plan = table.plan(prefix, attached);
            if plan.requests.is_empty() {
                table.on_nothing_to_ask(prefix, plan);
            } else {
                plan.requests.into_iter().for_each(|request| batch.push(&self.options, prefix, request));
            }
        }
        batch
    }

    /// The echoes of accepted requests are heard before the outcome is judged: they are there when the answer is.
    fn on_answers(&mut self, batch: &Batch, refusals: &[Refusal]) -> io::Result<()> {
        let mut refused = HashSet::new();
        for refusal in refusals {
            if let Some((prefix, request)) = batch.request(refusal.sequence) {
                self.mirror.table.on_refused(*prefix, request, refusal);
                refused.insert(*prefix);
            }
        }
        if self.hear()? == Reception::Overrun {
            // Without all echoes the outcome is unknown until the table has been read.
            return Ok(());
        }
        let Mirror { table, attached, .. } = &mut self.mirror;
        for (prefix, request) in batch.requests().iter().filter(|(prefix, _)| !refused.contains(prefix)) {
            table.on_accepted(*prefix, request, attached);
        }
        Ok(())
    }

    fn has_event(&self) -> bool {
        self.events.is_some() && (self.connected.unsent || self.mirror.table.has_untold())
    }

    /// Fills the place reserved in the daemon's queue with what is most urgent.
    fn emit(&mut self, permit: Option<mpsc::OwnedPermit<KernelEvent>>) {
        let Some(permit) = permit else {
            self.events = None;
            return;
        };
        if self.connected.unsent {
            self.connected.unsent = false;
            permit.send(KernelEvent::Connected(self.connected.latest.clone().unwrap_or_default()));
        } else if let Some(FailedRoute { prefix, reason }) = self.mirror.table.poll_failure() {
            permit.send(KernelEvent::Failed { prefix, reason });
        }
    }
}

/// When the loop does what it does not do at once. A deadline that is set is never put off, so that steady churn
/// cannot keep it from coming.
#[derive(Default)]
struct Pace {
    look_around_at: Option<Instant>,
    resynchronise_at: Option<Instant>,
    /// The last reading was cut short: the next one sets it right, and looking around waits for it.
    mirror_partial: bool,
    retry_at: Option<Instant>,
    /// The last interval between two attempts at refused routes.
    retry_delay: Option<Duration>,
}

impl Pace {
    fn next_deadline(&self) -> Option<Instant> {
        [self.look_around_at, self.resynchronise_at, self.retry_at].into_iter().flatten().min()
    }

    fn follow(&mut self, consequence: Consequence) {
        match consequence {
            Consequence::None => {}
            Consequence::SurroundingsChanged => self.look_around_soon(),
            Consequence::MirrorUncertain => self.resynchronise_soon(),
        }
    }

    fn look_around_soon(&mut self) {
        self.look_around_at.get_or_insert_with(|| Instant::now() + LOOK_AROUND_DELAY);
    }

    fn resynchronise_soon(&mut self) {
        self.resynchronise_at.get_or_insert_with(|| Instant::now() + RESYNCHRONISE_DELAY);
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

/// Holds some 30,000 events that arrive while a dump is read. Memory is used only as far as messages wait.
const MULTICAST_BUFFER_OCTETS: usize = 32 * 1024 * 1024;
/// Requests are left in their queue while so many prefixes are to be worked off.
const BACKLOG_PREFIXES: usize = 4096;
/// How many prefixes are looked at before the loop hears again.
const PLANS_A_TURN: usize = 1024;
/// Changes of links, addresses and subnets come in flocks: an interface that comes up causes a dozen messages.
const LOOK_AROUND_DELAY: Duration = Duration::from_millis(50);
/// Long enough that reading a full table over and over costs no more than a part of one core.
const RESYNCHRONISE_DELAY: Duration = Duration::from_millis(500);
const RETRY_DELAY_FIRST: Duration = Duration::from_secs(2);
const RETRY_DELAY_LAST: Duration = Duration::from_secs(32);

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Links come first: a subnet counts by the state of its link. The headers are `ifinfomsg` and `rtmsg`.
const DUMPS: [(u16, &[u8]); 3] = [
    (RTM_GETLINK, &[0; 16]),
    (RTM_GETROUTE, &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (RTM_GETROUTE, &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
];
