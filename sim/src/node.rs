//! A node: a host with a daemon on it that comes and goes.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use margay::daemon::{Daemon, DaemonOptions, DaemonRequest, PeerEntry, ReloadQuery, StartKind};
use margay::log::LogControl;
use margay::machine::Machine;
use margay::speaker::{RoutesQuestion, SpeakerCounts, SpeakerHandle, SpeakerRequest};
use margay_rib::{Audit, RouteView};
use margay_session::StopReason;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::kernel::SimKernel;
use crate::machine::{Files, HostParts, Pace, SimMachine};
use crate::network::{Network, Power};
use crate::plan::{NodePlan, ipv4_of, ipv6_of};
use crate::random::Random;
use crate::recordings::Recordings;

/// See the [module](self).
pub(crate) struct Node {
    network: Arc<Network>,
    pub(crate) plan: NodePlan,
    parts: HostParts,
    random: Random,
    pace: Pace,
    runs: u64,
    /// Whether a daemon has run since the host has power.
    has_run: bool,
    /// What the present or last daemon is.
    start_kind: StartKind,
    running: Option<Running>,
    recordings: Recordings,
}

struct Running {
    requests: mpsc::Sender<DaemonRequest>,
    speaker: SpeakerHandle,
    task: JoinHandle<Result<()>>,
}

impl Node {
    pub(crate) fn new(network: &Arc<Network>, plan: NodePlan, random: Random, pace: Pace) -> Self {
        let addresses = vec![ipv4_of(plan.id).into(), ipv6_of(plan.id).into()];
        let host = network.add_host(addresses.clone());
        assert_eq!(host, plan.id, "nodes are added in their order");
        for &address in &addresses {
            network.traffic().name(address, format!("n{}", plan.id));
        }
        let parts = HostParts {
            host,
            kernel: Arc::new(SimKernel::new(&addresses)),
            addresses,
            files: Arc::default(),
            standstill: Arc::default(),
        };
        Self {
            network: Arc::clone(network),
            plan,
            parts,
            random,
            pace,
            runs: 0,
            has_run: false,
            start_kind: StartKind::First,
            running: None,
            recordings: Recordings::default(),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the present or last daemon had a predecessor since the host has power.
    pub(crate) fn start_kind(&self) -> StartKind {
        self.start_kind
    }

    pub(crate) fn kernel(&self) -> &SimKernel {
        &self.parts.kernel
    }

    /// Starts the daemon, if it does not run.
    pub(crate) async fn boot(&mut self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        self.runs += 1;
        let kind = if self.has_run { StartKind::Restart } else { StartKind::First };
        (self.start_kind, self.has_run) = (kind, true);
        write_file(&self.parts.files, self.plan.text());
        let machine = Machine::Simulated(Arc::new(self.machine()));
        let config = margay_config::parse(FILE, &self.plan.text()).map_err(|errors| {
            anyhow!("bug in the simulation: a configuration with errors: {errors:?}\n{}", self.plan.text())
        })?;
        let recording = Some(self.recordings.begin());
        let (requests, request_receiver) = mpsc::channel(16);
        let (speaker_sender, speaker) = oneshot::channel();
        let task = tokio::spawn(machine.clone().task(async move {
            let options = DaemonOptions {
                config_file: FILE.into(),
                files: Vec::new(),
                recording,
                log: LogControl::default(),
                kind,
            };
            let mut daemon = Daemon::start(machine, config, options).await?;
            daemon.start_peers().await;
            // The simulation may have crashed the node meanwhile.
            drop(speaker_sender.send(daemon.speaker().clone()));
            let result = daemon.serve(request_receiver).await;
            daemon.stop(result.as_ref().map_or(StopReason::Restart, Clone::clone)).await;
            result.map(|_| ())
        }));
        let speaker = speaker.await.context("the daemon does not start")?;
        self.running = Some(Running { requests, speaker, task });
        Ok(())
    }

    /// The host, booted for one more run of a daemon.
    pub(crate) fn machine(&self) -> SimMachine {
        let random = self.random.fork(self.runs);
        SimMachine::boot(Arc::clone(&self.network), self.parts.clone(), random, self.pace)
    }

    /// The daemon, if there is one, stands still from now on, its timers too.
    pub(crate) fn freeze(&self) {
        if self.is_running() {
            self.parts.standstill.begin();
        }
    }

    /// Resumes a frozen daemon. Requests to it and its end resume it first.
    pub(crate) fn thaw(&self) {
        if self.parts.standstill.end() {
            self.network.traffic().on_thaw(self.network.now(), &self.parts.addresses);
        }
    }

    /// Stops the daemon in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.thaw();
        let Some(running) = self.running.take() else { return Ok(()) };
        running.requests.send(DaemonRequest::Stop).await.context("the daemon has ended by itself")?;
        drop((running.requests, running.speaker));
        running.task.await.context("the daemon panicked")?
    }

    /// Ends the daemon without a word. Without power, the kernel ends as well.
    pub(crate) async fn crash(&mut self, power: Power) {
        self.thaw();
        self.network.crash(self.parts.host, power);
        if power == Power::Off {
            self.has_run = false;
            self.parts.kernel.lose_power(&self.parts.addresses);
        }
        if let Some(running) = self.running.take() {
            running.task.abort();
            // It is cancelled; that is what was wanted.
            drop(running.task.await);
        }
    }

    /// Writes the configuration as planned, and has the daemon read it.
    pub(crate) async fn reload(&mut self) -> Result<()> {
        self.reload_text(self.plan.text(), Expect::Taken).await
    }

    /// Has the daemon reload a file that is not a configuration.
    pub(crate) async fn reload_nonsense(&mut self) -> Result<()> {
        let nonsense = format!("{}\n[[peer]]\naddress = \"10.0.0.300\"\n", self.plan.text());
        self.reload_text(nonsense, Expect::Refused).await
    }

    async fn reload_text(&mut self, text: String, expect: Expect) -> Result<()> {
        self.thaw();
        write_file(&self.parts.files, text);
        let Some(running) = &self.running else { return Ok(()) };
        let (answer, report) = oneshot::channel();
        running
            .requests
            .send(DaemonRequest::Reload(ReloadQuery::default(), answer))
            .await
            .context("the daemon has ended")?;
        let report = report.await.context("the daemon has ended")?;
        if report.errors.is_empty() != (expect == Expect::Taken) {
            return Err(anyhow!("the reload failed: {:?}", report.errors));
        }
        Ok(())
    }

    /// The peers that the daemon has.
    pub(crate) async fn peers(&self) -> Result<Vec<PeerEntry>> {
        let running = self.running.as_ref().context("not running")?;
        let (answer, peers) = oneshot::channel();
        running.requests.send(DaemonRequest::Peers(answer)).await.context("the daemon has ended")?;
        peers.await.context("the daemon has ended")
    }

    /// All routes that a question is about.
    pub(crate) async fn routes(&self, mut question: RoutesQuestion) -> Result<Vec<RouteView>> {
        let mut routes = Vec::new();
        loop {
            let page = self
                .ask(|answer| SpeakerRequest::Routes(question.clone(), answer))
                .await?
                .with_context(|| format!("no session for {:?}", question.selection))?;
            routes.extend(page.routes);
            match page.next {
                Some(next) => question.position = next,
                None => return Ok(routes),
            }
        }
    }

    pub(crate) async fn counts(&self) -> Result<SpeakerCounts> {
        self.ask(SpeakerRequest::Counts).await
    }

    /// Checks that the recording replays to the daemon's present state. Returns the audit of that state.
    pub(crate) async fn check_recording(&self) -> Result<Audit> {
        let dump = self.ask(SpeakerRequest::Dump).await?;
        self.recordings.check_present(&dump)
    }

    /// Stops the daemon and checks that each recording replays to the last state of its daemon.
    pub(crate) async fn check_ended_recordings(&mut self) -> Result<()> {
        self.stop().await?;
        self.recordings.check_ended()
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> SpeakerRequest) -> Result<T> {
        let running = self.running.as_ref().context("not running")?;
        let (answer, answered) = oneshot::channel();
        running.speaker.requests.send(question(answer)).await.context("the speaker has ended")?;
        answered.await.context("the speaker has ended")
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Expect {
    Taken,
    Refused,
}

fn write_file(files: &Files, text: String) {
    files.write(FILE, text);
}

const FILE: &str = "margay.toml";
