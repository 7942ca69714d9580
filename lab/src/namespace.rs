//! A network namespace, which serves as a machine of the lab.

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{ip, output, system, text};

/// A named network namespace. Clones refer to the same one, which is removed when the last is dropped.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    label: String,
    directory: PathBuf,
}

impl Namespace {
    pub(crate) fn create(name: String, label: &str, directory: &Path) -> Result<Self> {
        let inner = Inner { name, label: label.to_owned(), directory: directory.to_path_buf() };
        let namespace = Self(Arc::new(inner));
        ip(&format!("netns add {}", namespace.name()))?;
        namespace.ip("link set lo up")?;
        // Without duplicate address detection, an IPv6 address is usable soon; with `nodad`, at once.
        namespace.sysctl(&[
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1",
            "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.all.accept_dad=0",
            "net.ipv4.conf.default.rp_filter=0",
            "net.ipv4.conf.all.rp_filter=0",
        ])?;
        Ok(namespace)
    }

    /// Its name for `ip netns`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its label in the lab.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Folder for files of daemons inside it.
    pub(crate) fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Runs `ip` inside, with words separated by spaces.
    ///
    /// # Errors
    ///
    /// `ip` fails; the error contains its output.
    pub fn ip(&self, words: &str) -> Result<()> {
        ip(&format!("-n {} {words}", self.name()))
    }

    /// Runs `ip` inside and returns its output, with words separated by spaces.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn ip_output(&self, words: &str) -> Result<String> {
        text(system("ip").args(["-n", self.name()]).args(words.split_whitespace()))
    }

    /// A command that will run inside. Its process is the program itself, so signals reach it.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = system("ip");
        command.args(["netns", "exec", self.name()]).arg(program.as_ref());
        command.stdin(Stdio::null());
        command
    }

    /// Calls a function on a thread inside; sockets that it opens stay inside.
    ///
    /// # Errors
    ///
    /// The namespace cannot be entered.
    ///
    /// # Panics
    ///
    /// The function panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let path = Path::new("/run/netns").join(self.name());
        let handle = File::open(&path).with_context(|| path.display().to_string())?;
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                setns(handle, CloneFlags::CLONE_NEWNET).context("setns")?;
                Ok(work())
            });
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Sends an ICMP echo request and waits for the answer for at most a second.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub fn ping(&self, address: IpAddr) -> Result<()> {
        let mut command = self.command("ping");
        output(command.args(["-n", "-q", "-c", "1", "-W", "1"]).arg(address.to_string())).map(drop)
    }

    fn sysctl(&self, settings: &[&str]) -> Result<()> {
        self.inside(|| {
            for setting in settings {
                let (key, value) = setting.split_once('=').context("a setting is key=value")?;
                let path = Path::new("/proc/sys").join(key.replace('.', "/"));
                std::fs::write(&path, value).with_context(|| path.display().to_string())?;
            }
            Ok(())
        })?
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = remove_namespace(&self.name) {
            eprintln!("{}: {error:#}", self.name);
        }
    }
}

/// Kills the processes in a namespace, then removes it. It need not exist.
pub(crate) fn remove_namespace(name: &str) -> Result<()> {
    let Ok(pids) = text(system("ip").args(["netns", "pids", name])) else { return Ok(()) };
    for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
        // It may have ended since it was listed.
        kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
    }
    match ip(&format!("netns del {name}")) {
        Err(error) if Path::new("/run/netns").join(name).exists() => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
