//! etcd clusters: members in namespaces of their own on one segment, so that each can be cut off, killed or
//! suspended.

mod certificates;
mod disk;
mod member;
mod release;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{system, text};
use crate::lab::Lab;
use crate::packages;
use crate::segment::Segment;

pub use certificates::Certificates;
pub use member::EtcdMember;
pub use release::EtcdRelease;

/// Settings of an etcd cluster.
#[derive(Clone, Debug)]
pub struct EtcdSettings {
    /// The release.
    pub release: EtcdRelease,
    /// Number of members; odd.
    pub members: u8,
    /// Whether clients must use TLS and present a certificate.
    pub tls: bool,
    /// Size of the store in octets at which etcd refuses writes; `None` for etcd's default of 2 GiB.
    pub quota_octets: Option<u64>,
    /// The size of a disk of its own for the first member's data; `None` for the machine's disk. etcd reserves 128 MiB.
    pub disk_octets: Option<u64>,
}

impl Default for EtcdSettings {
    fn default() -> Self {
        Self { release: EtcdRelease::Debian, members: 3, tls: false, quota_octets: None, disk_octets: None }
    }
}

/// An etcd cluster on a segment. Its members are killed when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<EtcdMember>,
    certificates: Option<Certificates>,
}

impl Etcd {
    /// Starts a cluster whose members have the addresses from `10.99.0.1` on, and waits until it serves
    /// requests.
    ///
    /// # Errors
    ///
    /// etcd cannot be installed or started; the error contains its log.
    pub fn start(lab: &Lab, segment: &Segment, settings: &EtcdSettings) -> Result<Self> {
        packages::install_missing(&[packages::ETCD_CLIENT])?;
        let program = settings.release.program()?;
        let addresses: Vec<Ipv4Addr> = (1..=settings.members).map(address_of).collect();
        let certificates =
            settings.tls.then(|| Certificates::make(lab.directory(), &addresses)).transpose()?;
        let mut members = Vec::new();
        for number in 1..=settings.members {
            members.push(EtcdMember::new(lab, segment, number, &addresses, &program, settings)?);
        }
        for member in &mut members {
            member.launch()?;
        }
        let cluster = Self { members, certificates };
        cluster.wait_serving()?;
        Ok(cluster)
    }

    /// The members, in the order of their addresses.
    pub fn members(&mut self) -> &mut [EtcdMember] {
        &mut self.members
    }

    /// URLs of all members for clients.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(EtcdMember::client_url).collect()
    }

    /// The certificates of a cluster with TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// Runs `etcdctl` against all members with words separated by spaces, and returns its output.
    ///
    /// # Errors
    ///
    /// It fails; the error contains its output.
    pub fn ctl(&self, words: &str) -> Result<String> {
        self.ctl_on(&self.endpoints().join(","), words)
    }

    /// As [`ctl`](Self::ctl), for a value with spaces: `put KEY VALUE`.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn put(&self, key: &str, value: &str) -> Result<()> {
        text(self.ctl_command(&self.endpoints().join(",")).args(["put", "--", key, value])).map(drop)
    }

    /// Index of the leader.
    ///
    /// # Errors
    ///
    /// No member knows of a leader.
    pub fn leader(&self) -> Result<usize> {
        for (index, member) in self.members.iter().enumerate() {
            let Ok(answer) = self.ctl_on(&member.client_url(), "endpoint status -w simple") else { continue };
            // ENDPOINT, ID, VERSION, DB SIZE, IS LEADER, …
            if answer.split(", ").nth(4) == Some("true") {
                return Ok(index);
            }
        }
        anyhow::bail!("no member is the leader")
    }

    /// Waits until a majority serves requests.
    ///
    /// # Errors
    ///
    /// Ten seconds pass; the error contains the log of the first member.
    fn wait_serving(&self) -> Result<()> {
        let mut last = Ok(String::new());
        for _ in 0..40 {
            last = self.ctl("--command-timeout=1s endpoint health");
            if last.is_ok() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
        }
        let log = self.members.first().map(EtcdMember::log).transpose()?.unwrap_or_default();
        last.map(drop).with_context(|| format!("etcd does not serve requests; its log:\n{log}"))
    }

    fn ctl_on(&self, endpoints: &str, words: &str) -> Result<String> {
        text(self.ctl_command(endpoints).args(words.split_whitespace()))
    }

    fn ctl_command(&self, endpoints: &str) -> std::process::Command {
        let mut command = match self.members.first() {
            Some(member) => member.namespace().command("etcdctl"),
            None => system("etcdctl"),
        };
        command.env("ETCDCTL_API", "3").args(["--endpoints", endpoints]);
        if let Some(certificates) = &self.certificates {
            let paths: [(&str, PathBuf); 3] = [
                ("--cacert", certificates.authority()),
                ("--cert", certificates.client_certificate()),
                ("--key", certificates.client_key()),
            ];
            for (option, path) in paths {
                command.arg(option).arg(path);
            }
        }
        command
    }
}

fn address_of(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, number)
}
