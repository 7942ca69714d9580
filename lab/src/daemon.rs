//! A daemon inside a namespace: its process, log and signals.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::namespace::Namespace;

/// A daemon that may be running. It is killed when dropped.
pub(crate) struct Daemon {
    namespace: Namespace,
    name: String,
    child: Option<Child>,
}

impl Daemon {
    /// Makes a daemon that is not running yet. Its files are named after it.
    pub(crate) fn new(namespace: &Namespace, kind: &str) -> Self {
        Self { namespace: namespace.clone(), name: format!("{}-{kind}", namespace.label()), child: None }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The path of one of its files: `conf`, `sock`, `log`.
    pub(crate) fn path(&self, extension: &str) -> PathBuf {
        self.namespace.directory().join(format!("{}.{extension}", self.name))
    }

    /// Writes one of its files and returns the path.
    pub(crate) fn write(&self, extension: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(extension);
        fs::write(&path, content).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Its output since the first start.
    pub(crate) fn log(&self) -> Result<String> {
        let path = self.path("log");
        let octets = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }

    /// Starts it by a command of its namespace, with its output appended to its log.
    pub(crate) fn start(&mut self, command: &mut Command) -> Result<()> {
        if self.is_running() {
            bail!("{} runs already", self.name);
        }
        let log = File::options().create(true).append(true).open(self.path("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("{command:?}"))?);
        Ok(())
    }

    pub(crate) fn executable(&self) -> Result<PathBuf> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        Ok(fs::read_link(format!("/proc/{}/exe", child.id()))?)
    }

    pub(crate) fn resident_octets(&self) -> Result<u64> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib =
            line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).with_context(|| format!("{}: no VmRSS in {status}", self.name))
    }

    /// The processor time of its first thread so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        let path = format!("/proc/{}/schedstat", child.id());
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
        nanoseconds.map(Duration::from_nanos).with_context(|| format!("{path}: {text}"))
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until `ready` returns true.
    ///
    /// # Errors
    ///
    /// The process ends earlier, or ten seconds pass; the error contains its log.
    pub(crate) fn wait_ready(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            if !self.is_running() || started.elapsed() > READY_WITHIN {
                bail!("{} did not come up; its log:\n{}", self.name, self.log()?);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().with_context(|| format!("{} does not run", self.name))?;
        let pid = i32::try_from(child.id()).map_err(|_| anyhow!("process id {}", child.id()))?;
        signal::kill(Pid::from_raw(pid), signal).with_context(|| format!("{signal} to {}", self.name))
    }

    /// Sends SIGTERM and waits for the end of the process; returns its status.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_for_end()
    }

    /// Waits for the end of the process, which was asked for; returns its status.
    pub(crate) fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let child = self.child.as_mut().with_context(|| format!("{} does not run", self.name))?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            if started.elapsed() > STOP_WITHIN {
                bail!("{} still runs after {} s", self.name, STOP_WITHIN.as_secs());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Kills it. It need not be running.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{}: {error:#}", self.name);
        }
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

const READY_WITHIN: Duration = Duration::from_secs(10);
const STOP_WITHIN: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
