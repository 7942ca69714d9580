//! A node of a cluster: margayd under a file that margay-confd keeps.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::{system, text};
use crate::daemon::Daemon;
use crate::namespace::Namespace;

/// A node of a cluster: margayd under a file that margay-confd keeps.
pub struct ClusterNode {
    name: String,
    confd: Daemon,
    daemon: Daemon,
    programs: PathBuf,
    endpoints: Vec<String>,
    folder: PathBuf,
}

impl ClusterNode {
    /// A node of this name in the datastore, with the programs `margayd`, `margay` and `margay-confd` of a folder.
    ///
    /// # Errors
    ///
    /// When its folder cannot be made.
    pub fn new(namespace: &Namespace, name: &str, endpoints: &[String], programs: &Path) -> Result<Self> {
        let confd = Daemon::new(namespace, "confd");
        let folder = confd.path("d");
        fs::create_dir_all(folder.join("secrets")).with_context(|| folder.display().to_string())?;
        Ok(Self {
            name: name.to_owned(),
            confd,
            daemon: Daemon::new(namespace, "margayd"),
            programs: programs.to_path_buf(),
            endpoints: endpoints.to_vec(),
            folder,
        })
    }

    /// Where it runs.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        self.daemon.namespace()
    }

    /// The file that margay-confd keeps.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join("margay.toml")
    }

    /// The folder of descriptions and templates of other files.
    #[must_use]
    pub fn templates(&self) -> PathBuf {
        self.folder.join("templates")
    }

    /// The folder of passwords.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.folder.join("secrets")
    }

    /// The folder of files about workloads.
    #[must_use]
    pub fn endpoint_status(&self) -> PathBuf {
        self.folder.join("endpoint-status")
    }

    /// The control socket of margayd.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.folder.join("margayd.sock")
    }

    /// Starts margay-confd, waits for its first file, and starts margayd with it.
    ///
    /// # Errors
    ///
    /// When there is no file within ten seconds, or margayd does not come up.
    pub fn start(&mut self) -> Result<()> {
        self.start_confd()?;
        let file = self.file();
        self.confd.wait_ready(|| file.exists())?;
        self.start_daemon()
    }

    /// Starts margay-confd alone.
    ///
    /// # Errors
    ///
    /// When it runs already.
    pub fn start_confd(&mut self) -> Result<()> {
        let mut command = self.confd_command();
        self.confd.start(&mut command)
    }

    /// A command of margay-confd with the options of this node, such as `--noop`.
    pub fn confd_command(&self) -> Command {
        let mut command = self.confd.namespace().command(self.programs.join("margay-confd"));
        command.args(["--node", &self.name, "--endpoints", &self.endpoints.join(",")]);
        for (option, file) in [
            ("--output", "margay.toml"),
            ("--control", "margayd.sock"),
            ("--status", "confd.sock"),
            ("--secrets", "secrets"),
            ("--endpoint-status", "endpoint-status"),
            ("--templates", "templates"),
        ] {
            command.arg(option).arg(self.folder.join(file));
        }
        command
    }

    /// Starts margayd and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it runs already or does not come up.
    pub fn start_daemon(&mut self) -> Result<()> {
        let mut command = self.daemon.namespace().command(self.programs.join("margayd"));
        command.arg("--config").arg(self.file());
        self.daemon.start(&mut command)?;
        let socket = self.folder.join("margayd.sock");
        let margay = self.programs.join("margay");
        self.daemon
            .wait_ready(|| text(system(&margay).arg("--socket").arg(&socket).args(["show", "peers"])).is_ok())
    }

    /// Ends margayd without asking.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    pub fn kill_daemon(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// Ends margay-confd without asking.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    pub fn kill_confd(&mut self) -> Result<()> {
        self.confd.kill()
    }

    /// What `margay` prints for these words.
    ///
    /// # Errors
    ///
    /// When it fails; the text holds what it said.
    pub fn cli(&self, words: &str) -> Result<String> {
        let mut command = system(self.programs.join("margay"));
        command.arg("--socket").arg(self.folder.join("margayd.sock")).args(words.split_whitespace());
        text(&mut command)
    }

    /// The names of the peers whose sessions are established.
    ///
    /// # Errors
    ///
    /// When margayd does not answer.
    pub fn established(&self) -> Result<Vec<String>> {
        let answer = self.cli("--json show peers")?;
        let peers: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let peers = peers["peers"].as_array().with_context(|| answer.clone())?;
        let up = peers.iter().filter(|peer| peer["state"] == "established");
        Ok(up.filter_map(|peer| peer["name"].as_str().map(ToOwned::to_owned)).collect())
    }

    /// What `margay confd` prints for these words.
    ///
    /// # Errors
    ///
    /// When it fails; the text holds what it said.
    pub fn confd(&self, words: &str) -> Result<String> {
        let mut command = system(self.programs.join("margay"));
        command.arg("confd").args(words.split_whitespace());
        text(command.arg("--confd-socket").arg(self.folder.join("confd.sock")))
    }

    /// The status of margay-confd.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn confd_status(&self) -> Result<Value> {
        let answer = self.confd("--json status")?;
        serde_json::from_str(&answer).with_context(|| answer.clone())
    }

    /// The body of an answer of margay-confd.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn confd_get(&self, path: &str) -> Result<String> {
        let mut command = system("curl");
        command.args(["--silent", "--fail", "--max-time", "5", "--unix-socket"]);
        command.arg(self.folder.join("confd.sock")).arg(format!("http://confd{path}"));
        text(&mut command)
    }

    /// How much memory margay-confd holds.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn confd_resident_octets(&self) -> Result<u64> {
        self.confd.resident_octets()
    }

    /// The processor time of margay-confd so far, without that of its helper threads.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn confd_cpu_time(&self) -> Result<Duration> {
        self.confd.cpu_time()
    }

    /// Everything that margay-confd has logged.
    ///
    /// # Errors
    ///
    /// When it was never started.
    pub fn confd_log(&self) -> Result<String> {
        self.confd.log()
    }
}

impl fmt::Debug for ClusterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
