//! One member of an etcd cluster.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use super::disk::Disk;
use super::{Certificates, EtcdSettings, address_of};
use crate::daemon::Daemon;
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::segment::{Attachment, Segment};

/// An etcd process in a namespace of its own.
#[derive(Debug)]
pub struct EtcdMember {
    // Dropped before the disk, which a running program keeps busy.
    daemon: Daemon,
    disk: Option<Disk>,
    clock_ahead: Duration,
    attachment: Attachment,
    program: PathBuf,
    arguments: Vec<String>,
    address: Ipv4Addr,
    tls: bool,
}

impl EtcdMember {
    pub(crate) fn new(
        lab: &Lab,
        segment: &Segment,
        number: u8,
        addresses: &[Ipv4Addr],
        program: &Path,
        settings: &EtcdSettings,
    ) -> Result<Self> {
        let namespace = lab.namespace(&format!("etcd{number}"))?;
        let address = address_of(number);
        let attachment = segment.attach(&namespace, "eth0", &[&format!("{address}/24")])?;
        let daemon = Daemon::new(&namespace, "etcd");
        let data = daemon.path("data");
        fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
        let disk = settings.disk_octets.filter(|_| number == 1).map(|octets| Disk::mount(&data, octets));
        let mut member = Self {
            daemon,
            disk: disk.transpose()?,
            clock_ahead: Duration::ZERO,
            attachment,
            program: program.to_path_buf(),
            arguments: Vec::new(),
            address,
            tls: settings.tls,
        };
        member.arguments = member.arguments(&data, addresses, lab.directory(), settings);
        Ok(member)
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        self.daemon.namespace()
    }

    /// Its attachment to the segment, to be cut.
    #[must_use]
    pub fn attachment(&self) -> &Attachment {
        &self.attachment
    }

    /// The URL that clients use.
    #[must_use]
    pub fn client_url(&self) -> String {
        format!("{}://{}:2379", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Starts it again after [`kill`](Self::kill), with its data.
    ///
    /// # Errors
    ///
    /// It is running, or cannot be started.
    pub fn launch(&mut self) -> Result<()> {
        let namespace = self.daemon.namespace();
        let mut command = if self.clock_ahead.is_zero() {
            namespace.command(&self.program)
        } else {
            let mut command = namespace.command("unshare");
            let seconds = self.clock_ahead.as_secs().to_string();
            command.args(["--time", "--monotonic", &seconds, "--boottime", &seconds]);
            command.arg(&self.program);
            command
        };
        command.args(&self.arguments);
        self.daemon.start(&mut command)
    }

    /// Sets its monotonic clock, which leases go by, ahead of the others' from the next [`launch`](Self::launch) on.
    pub fn set_clock_ahead(&mut self, time: Duration) {
        self.clock_ahead = time;
    }

    /// Fills its disk to the last octet.
    ///
    /// # Errors
    ///
    /// When it has none of its own.
    pub fn fill_disk(&self) -> Result<()> {
        self.disk.as_ref().context("the member has no disk of its own")?.fill()
    }

    /// Undoes [`fill_disk`](Self::fill_disk).
    ///
    /// # Errors
    ///
    /// When it was not filled.
    pub fn free_disk(&self) -> Result<()> {
        self.disk.as_ref().context("the member has no disk of its own")?.free()
    }

    /// Kills it.
    ///
    /// # Errors
    ///
    /// The signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// Suspends its process: the kernel still accepts connections to it, but there are no answers.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn freeze(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGSTOP)
    }

    /// Undoes [`freeze`](Self::freeze).
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn thaw(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGCONT)
    }

    /// Its output.
    ///
    /// # Errors
    ///
    /// There is no log.
    pub fn log(&self) -> Result<String> {
        self.daemon.log()
    }

    fn arguments(
        &self,
        data: &Path,
        addresses: &[Ipv4Addr],
        folder: &Path,
        settings: &EtcdSettings,
    ) -> Vec<String> {
        let name = |address: &Ipv4Addr| format!("etcd{}", address.octets()[3]);
        let peer_url = |address: &Ipv4Addr| format!("http://{address}:2380");
        let cluster: Vec<String> =
            addresses.iter().map(|address| format!("{}={}", name(address), peer_url(address))).collect();
        let mut arguments = vec![
            format!("--name={}", name(&self.address)),
            format!("--data-dir={}", data.display()),
            format!("--listen-peer-urls={}", peer_url(&self.address)),
            format!("--initial-advertise-peer-urls={}", peer_url(&self.address)),
            format!("--listen-client-urls={}", self.client_url()),
            format!("--advertise-client-urls={}", self.client_url()),
            format!("--initial-cluster={}", cluster.join(",")),
            "--heartbeat-interval=100".to_owned(),
            "--election-timeout=1000".to_owned(),
        ];
        if let Some(octets) = settings.quota_octets {
            arguments.push(format!("--quota-backend-bytes={octets}"));
        }
        if settings.tls {
            arguments.extend(Certificates::in_folder(folder).server_arguments());
        }
        arguments
    }
}
