//! The thread that owns the kernel's reconciler.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use margay_netlink::KernelDriver;
use margay_reconcile::{Counts, Key, State, Value};
use tokio::sync::{mpsc, oneshot};

use crate::node_plan::{EndpointId, ownership};

/// What the thread is asked for.
enum KernelRequest {
    /// Wishes that have changed.
    Want(Vec<(Key, Option<Value>)>),
    /// Everything is known: writing may begin.
    Open,
    /// The things that an endpoint must have; `None` for an endpoint that is gone.
    Follow(EndpointId, Option<Vec<Key>>),
    /// To answer once the kernel has these things.
    WaitHeld(Waiter),
    /// How far it is.
    Report(oneshot::Sender<KernelReport>),
}

struct Waiter {
    keys: Vec<Key>,
    deadline: Instant,
    answer: oneshot::Sender<Result<(), String>>,
}

/// How far the kernel is.
#[derive(Clone, Debug, Default)]
pub(crate) struct KernelReport {
    pub(crate) counts: Counts,
    /// What the kernel refused, and its words.
    pub(crate) refused: Vec<(String, String)>,
}

/// An endpoint whose things the kernel has, or has no more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EndpointEvent {
    pub(crate) id: EndpointId,
    pub(crate) is_up: bool,
}

/// The way to the thread. It ends with the last handle.
#[derive(Clone, Debug)]
pub(crate) struct KernelHandle(mpsc::Sender<KernelRequest>);

/// Starts the thread, in the network namespace of the caller, and reads the kernel.
///
/// # Errors
///
/// When the kernel cannot be read, or the thread cannot be started.
pub(crate) async fn start(events: mpsc::UnboundedSender<EndpointEvent>) -> io::Result<KernelHandle> {
    // Senders wait while it is full.
    let (sender, requests) = mpsc::channel(64);
    let (ready_sender, ready) = oneshot::channel();
    std::thread::Builder::new().name("kernel".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime.and_then(|runtime| runtime.block_on(work(requests, events, ready_sender)));
        if let Err(error) = outcome {
            tracing::error!(%error, "the kernel is no longer followed");
            // Without the kernel, the agent does harm by looking alive.
            std::process::abort();
        }
    })?;
    ready.await.map_err(|_| io::Error::other("the kernel cannot be read"))?;
    Ok(KernelHandle(sender))
}

impl KernelHandle {
    /// Sets wishes.
    pub(crate) async fn want(&self, changes: Vec<(Key, Option<Value>)>) {
        if !changes.is_empty() {
            self.send(KernelRequest::Want(changes)).await;
        }
    }

    /// Permits writing.
    pub(crate) async fn open(&self) {
        self.send(KernelRequest::Open).await;
    }

    /// Reports from now on whether an endpoint has these things.
    pub(crate) async fn follow(&self, id: EndpointId, keys: Option<Vec<Key>>) {
        self.send(KernelRequest::Follow(id, keys)).await;
    }

    /// Waits until the kernel has all of these things.
    ///
    /// # Errors
    ///
    /// What is missing at the end of the time.
    pub(crate) async fn wait_held(&self, keys: Vec<Key>, within: Duration) -> Result<(), String> {
        let (answer, held) = oneshot::channel();
        let deadline = Instant::now() + within;
        self.send(KernelRequest::WaitHeld(Waiter { keys, deadline, answer })).await;
        held.await.unwrap_or_else(|_| Err("the agent is ending".to_owned()))
    }

    /// How far the kernel is.
    pub(crate) async fn report(&self) -> KernelReport {
        let (answer, report) = oneshot::channel();
        self.send(KernelRequest::Report(answer)).await;
        report.await.unwrap_or_default()
    }

    async fn send(&self, request: KernelRequest) {
        if self.0.send(request).await.is_err() {
            tracing::error!("the kernel thread has ended");
        }
    }
}

struct Worker {
    driver: KernelDriver,
    waiters: Vec<Waiter>,
    endpoints: BTreeMap<EndpointId, (Vec<Key>, bool)>,
    events: mpsc::UnboundedSender<EndpointEvent>,
}

async fn work(
    mut requests: mpsc::Receiver<KernelRequest>,
    events: mpsc::UnboundedSender<EndpointEvent>,
    ready: oneshot::Sender<()>,
) -> io::Result<()> {
    let driver = KernelDriver::start(ownership())?;
    let mut worker = Worker { driver, waiters: Vec::new(), endpoints: BTreeMap::new(), events };
    if ready.send(()).is_err() {
        return Ok(());
    }
    loop {
        let deadline = worker.waiters.iter().map(|waiter| waiter.deadline).min();
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => worker.take(request),
                None => return Ok(()),
            },
            waited = worker.driver.wait() => waited?,
            () = sleep_until(deadline) => (),
        }
        while let Ok(request) = requests.try_recv() {
            worker.take(request);
        }
        worker.driver.turn()?;
        worker.answer();
        worker.report_endpoints();
    }
}

impl Worker {
    fn take(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Want(changes) => {
                for (key, value) in changes {
                    self.driver.reconciler_mut().want(key, value);
                }
            }
            KernelRequest::Open => self.driver.reconciler_mut().open(),
            KernelRequest::Follow(id, Some(keys)) => drop(self.endpoints.insert(id, (keys, false))),
            KernelRequest::Follow(id, None) => drop(self.endpoints.remove(&id)),
            KernelRequest::WaitHeld(waiter) => self.waiters.push(waiter),
            KernelRequest::Report(answer) => {
                let reconciler = self.driver.reconciler();
                let refused =
                    reconciler.refused().map(|(key, why)| (key.to_string(), why.to_owned())).collect();
                // The receiver may have given up.
                drop(answer.send(KernelReport { counts: reconciler.counts(), refused }));
            }
        }
    }

    /// Answers those who wait for things that the kernel has now, or whose time is over.
    fn answer(&mut self) {
        let now = Instant::now();
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            match self.missing(&waiter.keys) {
                None => drop(waiter.answer.send(Ok(()))),
                Some(missing) if now >= waiter.deadline => drop(waiter.answer.send(Err(missing))),
                Some(_) => self.waiters.push(waiter),
            }
        }
    }

    fn report_endpoints(&mut self) {
        let reconciler = self.driver.reconciler();
        for (id, (keys, was_up)) in &mut self.endpoints {
            let is_up = keys.iter().all(|key| reconciler.state(key) == Some(State::Held));
            if is_up != *was_up {
                *was_up = is_up;
                // Without a receiver, the agent is ending.
                drop(self.events.send(EndpointEvent { id: id.clone(), is_up }));
            }
        }
    }

    /// The first thing that the kernel does not have, and why.
    fn missing(&self, keys: &[Key]) -> Option<String> {
        keys.iter().find_map(|key| match self.driver.reconciler().state(key) {
            Some(State::Held) => None,
            Some(State::Pending) => Some(format!("{key} is not written yet")),
            Some(State::Waiting(link)) => Some(format!("{key} waits for the interface {link}")),
            Some(State::Refused(why)) => Some(format!("{key}: {why}")),
            None => Some(format!("{key} is not wanted yet: the datastore has not reported the endpoint")),
        })
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
