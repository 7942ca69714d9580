//! A daemon that runs for one round.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use anyhow::{Context as _, Result, ensure};

use super::daemon::Subject;
use super::topology::Topology;
use crate::measurement::LongestTurn;
use crate::process_usage::ProcessUsage;

/// A child process with its helpers and a folder. When it is dropped, they are killed and the folder is
/// removed.
pub(crate) struct RunningDaemon {
    child: Child,
    helpers: Vec<Child>,
    folder: Folder,
    configuration: PathBuf,
}

impl RunningDaemon {
    /// Starts a daemon, which may not be listening yet.
    ///
    /// # Errors
    ///
    /// Its program is missing.
    pub(crate) fn start(subject: &dyn Subject, topology: &Topology) -> Result<Self> {
        subject.prepare()?;
        let folder = Folder::create(subject.name())?;
        let configuration = folder.0.join("configuration");
        fs::write(&configuration, subject.render(topology, &folder.0))
            .with_context(|| configuration.display().to_string())?;
        let log = File::create(folder.log()).with_context(|| folder.log().display().to_string())?;
        let mut helpers = Vec::new();
        for helper in subject.helpers(topology, &folder.0) {
            // They may run as a user of their own.
            fs::set_permissions(&folder.0, Permissions::from_mode(0o777)).context("the folder")?;
            helpers.push(spawn(&helper.program, helper.arguments, &log)?);
            wait_for(&helper.socket)?;
        }
        let arguments = subject.arguments(topology, &configuration, &folder.0);
        let child = spawn(&subject.program(), arguments, &log)?;
        Ok(Self { child, helpers, folder, configuration })
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn restart(&mut self, subject: &dyn Subject, topology: &Topology) -> Result<()> {
        self.child.kill().and_then(|()| self.child.wait()).context("the daemon")?;
        let log = self.folder.log();
        let log = File::options().append(true).open(&log).with_context(|| log.display().to_string())?;
        let arguments = subject.arguments(topology, &self.configuration, &self.folder.0);
        self.child = spawn(&subject.program(), arguments, &log)?;
        Ok(())
    }

    /// Changes its configuration, and returns when the new one is in force.
    ///
    /// # Errors
    ///
    /// It does not support that, or refuses it.
    pub(crate) fn reload(&self, subject: &dyn Subject, topology: &Topology) -> Result<()> {
        fs::write(&self.configuration, subject.render(topology, &self.folder.0))
            .with_context(|| self.configuration.display().to_string())?;
        let mut command = subject.reload_command(&self.folder.0).context("it has no filters here")?;
        let answer = command.output().with_context(|| format!("{command:?}"))?;
        ensure!(answer.status.success(), "{command:?}: {}", String::from_utf8_lossy(&answer.stderr));
        Ok(())
    }

    /// Its longest turn since the last call.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub(crate) fn take_longest_turn(&self, subject: &dyn Subject) -> Result<Option<LongestTurn>> {
        subject.take_longest_turn(&self.folder.0)
    }

    /// Why the last session of a peer ended; `None` when it does not tell.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub(crate) fn why_session_ended(&self, subject: &dyn Subject, peer: &str) -> Result<Option<String>> {
        subject.why_session_ended(&self.folder.0, peer)
    }

    /// What it and its helpers have used so far.
    ///
    /// # Errors
    ///
    /// One has ended.
    pub(crate) fn usage(&self) -> Result<ProcessUsage> {
        let mut usage = ProcessUsage::of(self.child.id())?;
        for helper in &self.helpers {
            usage.add(ProcessUsage::of(helper.id())?);
        }
        Ok(usage)
    }

    /// Whether its process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of its log, and its status if it has ended.
    pub(crate) fn last_words(&mut self) -> String {
        let ended = match self.child.try_wait() {
            Ok(Some(status)) => format!("it ended with {status}; "),
            Ok(None) => String::new(),
            Err(error) => format!("its state is unknown: {error}; "),
        };
        let log = match fs::read(self.folder.log()) {
            Ok(log) => String::from_utf8_lossy(&log).into_owned(),
            Err(error) => error.to_string(),
        };
        let shorten = |line: &str| line.chars().take(LONGEST_LINE).collect::<String>();
        let lines: Vec<String> = log.lines().map(shorten).collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        if last.is_empty() {
            format!("{ended}its log is empty")
        } else {
            format!("{ended}its log ends:\n{last}")
        }
    }
}

impl Drop for RunningDaemon {
    fn drop(&mut self) {
        for child in std::iter::once(&mut self.child).chain(&mut self.helpers) {
            if let Err(error) = child.kill().and_then(|()| child.wait()) {
                eprintln!("process {}: {error}", child.id());
            }
        }
    }
}

fn spawn(program: &Path, arguments: Vec<OsString>, log: &File) -> Result<Child> {
    // setpriv is replaced by the daemon, which then ends with this process in any case.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("the log")?)
        .stderr(log.try_clone().context("the log")?)
        .spawn()
        .with_context(|| format!("setpriv {}", program.display()))
}

fn wait_for(socket: &Path) -> Result<()> {
    let deadline = Instant::now() + HELPER_TIMEOUT;
    while !socket.exists() {
        ensure!(Instant::now() < deadline, "{} does not appear", socket.display());
        thread::sleep(HELPER_INTERVAL);
    }
    Ok(())
}

/// A folder for one daemon's files, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!(
            "margay-bench-{}-{}",
            process::id(),
            name.to_lowercase().replace(' ', "-")
        ));
        remove(&path).and_then(|()| fs::create_dir(&path)).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Time limit for a helper to become ready.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);
const HELPER_INTERVAL: Duration = Duration::from_millis(20);

const LAST_LINES: usize = 8;

/// In characters.
const LONGEST_LINE: usize = 200;
