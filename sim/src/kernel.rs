//! The kernel of a host: a model that outlives daemons, and the mirror that each daemon runs above it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bgp_codec::Prefix;
use margay::kernel::{FibOptions, KernelEvent, KernelHandle, KernelRequest};
use margay_fib::{Fib, RouteKind, RouteShape};
use margay_kernel_model::{Exchange, KernelModel, UsedHops};
use margay_timestamp::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::network::{Host, Network};
use crate::random::Random;

/// The kernel of one host.
pub(crate) struct SimKernel(Mutex<KernelModel>);

impl fmt::Debug for SimKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimKernel").finish_non_exhaustive()
    }
}

impl SimKernel {
    /// A kernel with one link, to which every other host is attached, too.
    pub(crate) fn new(addresses: &[IpAddr]) -> Self {
        Self(Mutex::new(booted(addresses)))
    }

    /// Forgets everything but what the host is configured with.
    pub(crate) fn lose_power(&self, addresses: &[IpAddr]) {
        *self.lock() = booted(addresses);
    }

    /// The daemon's routes in the main table, with the next hops that packets go to.
    pub(crate) fn routes(&self) -> BTreeMap<Prefix, (RouteKind, Vec<IpAddr>)> {
        let kernel = self.lock();
        let mut routes = BTreeMap::new();
        for prefix in kernel.prefixes(MAIN, PROTOCOL) {
            for (shape, used) in kernel.routes(MAIN, prefix) {
                if shape.protocol == PROTOCOL {
                    routes.insert(prefix, shown(&shape, &used));
                }
            }
        }
        routes
    }

    /// Runs a mirror for one daemon, for the life of the daemon. `random` decides what others do to the
    /// kernel meanwhile.
    pub(crate) fn serve(
        self: &Arc<Self>,
        network: Arc<Network>,
        (host, incarnation): (Host, u64),
        addresses: Vec<IpAddr>,
        options: FibOptions,
        random: Random,
        events: mpsc::Sender<KernelEvent>,
    ) -> KernelHandle {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let (done_sender, done) = oneshot::channel();
        let side = Side {
            kernel: Arc::clone(self),
            addresses,
            fib: Fib::new(options),
            exchange: Exchange::default(),
            start: Instant::now(),
            random,
        };
        let is_current = move || network.is_current(host, incarnation);
        tokio::spawn(async move {
            side.run(receiver, events, is_current).await;
            drop(done_sender);
        });
        KernelHandle::to_model(requests, done)
    }

    fn lock(&self) -> MutexGuard<'_, KernelModel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A daemon's side of the kernel.
struct Side {
    kernel: Arc<SimKernel>,
    addresses: Vec<IpAddr>,
    fib: Fib,
    exchange: Exchange,
    start: Instant,
    random: Random,
}

impl Side {
    async fn run(
        mut self,
        mut requests: mpsc::Receiver<KernelRequest>,
        events: mpsc::Sender<KernelEvent>,
        is_current: impl Fn() -> bool,
    ) {
        loop {
            if is_current() {
                self.settle();
            }
            while let Some(event) = self.poll_event() {
                // A daemon that has ended does not receive it.
                drop(events.send(event).await);
            }
            // A daemon that has ended has no deadlines any more: otherwise one that has passed would be due
            // again and again.
            let next = self.fib.next_timeout().filter(|_| is_current());
            let deadline = next.map(|timestamp| self.start + timestamp.since_start());
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) if is_current() => {
                        self.disturb();
                        self.handle(request);
                    }
                    Some(_) => {}
                    None => return,
                },
                () = sleep_until(deadline.unwrap_or_else(|| Instant::now() + LONG)) => {}
            }
        }
    }

    fn settle(&mut self) {
        let now = Timestamp::at(self.start.elapsed());
        self.exchange.settle(&mut self.fib, &mut self.kernel.lock(), now, &mut ());
    }

    fn poll_event(&mut self) -> Option<KernelEvent> {
        if self.fib.view().has_route_changes() {
            let (ways, routes) = self.fib.poll_route_changes(usize::MAX);
            let links = self.fib.poll_link_changes();
            return Some(KernelEvent::Routes { ways, routes, links });
        }
        let (prefix, reason) = self.fib.poll_failure()?;
        Some(KernelEvent::Failed { prefix, reason })
    }

    fn handle(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Apply(changes) => self.fib.want(&changes),
            KernelRequest::NextHops(losses) => self.fib.on_next_hop_losses(&losses),
            KernelRequest::RemoveStale => self.fib.sweep(),
            KernelRequest::Require(prefixes) => self.fib.require(prefixes),
            KernelRequest::WatchLinks(links) => self.fib.watch_links(&links),
            KernelRequest::SetStaticWays(ways) => self.fib.set_static_ways(ways),
            // The asking task may have ended.
            KernelRequest::Status(answer) => drop(answer.send(self.fib.view().status())),
            KernelRequest::Describe(prefix, answer) => drop(answer.send(self.fib.view().describe(prefix))),
            KernelRequest::Look(question, answer) => drop(answer.send(question.answer(self.fib.view()))),
        }
    }

    /// Now and then, others change the daemon's routes, or the link bounces, or messages are lost.
    fn disturb(&mut self) {
        if !self.random.once_in(DISTURBANCES) {
            return;
        }
        let mut kernel = self.kernel.lock();
        match self.random.number(0..=4) {
            0 => kernel.flush_routes(PROTOCOL),
            1 => {
                for object in kernel.objects(PROTOCOL) {
                    kernel.remove_object(object);
                }
            }
            2 => {
                let objects = kernel.objects(PROTOCOL);
                if !objects.is_empty() {
                    kernel.remove_object(*self.random.pick(&objects));
                }
            }
            3 => {
                kernel.flush_routes(PROTOCOL);
                kernel.lose_notices();
            }
            _ => {
                if let Some(link) = kernel.interface(LINK) {
                    kernel.set_down(link);
                    kernel.set_up(link);
                    give_addresses(&mut kernel, link, &self.addresses);
                }
            }
        }
    }
}

fn booted(addresses: &[IpAddr]) -> KernelModel {
    let mut kernel = KernelModel::new();
    let link = kernel.add_link(LINK);
    give_addresses(&mut kernel, link, addresses);
    kernel
}

fn give_addresses(kernel: &mut KernelModel, link: u32, addresses: &[IpAddr]) {
    for &address in addresses {
        kernel.add_address(link, address, if address.is_ipv4() { 16 } else { 64 });
    }
}

fn shown(shape: &RouteShape, used: &UsedHops) -> (RouteKind, Vec<IpAddr>) {
    (shape.kind, used.iter().filter_map(|(gateway, _)| *gateway).collect())
}

const LINK: &str = "net";
const MAIN: u32 = 254;
/// The default protocol number.
const PROTOCOL: u8 = 186;
/// The same number as in the real daemon.
const REQUESTS: usize = 64;
/// One request in this many is accompanied by a disturbance.
const DISTURBANCES: u64 = 8;
const LONG: std::time::Duration = std::time::Duration::from_secs(3600);
