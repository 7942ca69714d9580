//! A laboratory: its name, its folder of logs, and the removal of leftovers of earlier ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process, thread};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

use crate::command::{system, text};
use crate::namespace::{Namespace, remove_namespace};
use crate::segment::Segment;

/// A network of namespaces, separate from the machine's network.
///
/// The names of namespaces and of the log folder contain the process id, so that labs of several processes do
/// not collide and leftovers of killed ones can be recognised.
#[derive(Debug)]
pub struct Lab {
    id: String,
    directory: PathBuf,
}

impl Lab {
    /// Removes leftovers of processes that have ended, and makes an empty lab.
    ///
    /// # Errors
    ///
    /// Not root, or iproute2 is missing.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !Uid::effective().is_root() {
            bail!(
                "network namespaces need root: run `cargo xtask test` or `cargo xtask demo`, which use sudo"
            );
        }
        sweep().context("removing leftovers of an earlier run")?;
        let id = format!("{PREFIX}{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = env::temp_dir().join(&id);
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        Ok(Self { id, directory })
    }

    /// Folder of configurations, sockets and logs of this lab.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Prints the last lines of every daemon's log to standard error.
    pub fn print_log_tails(&self) {
        print_log_tails(&self.directory);
    }

    /// Makes a namespace that forwards packets, with its loopback interface up.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn namespace(&self, label: &str) -> Result<Namespace> {
        Namespace::create(format!("{}-{label}", self.id), label, &self.directory)
    }

    /// Makes an Ethernet segment that namespaces can be attached to.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn segment(&self, label: &str) -> Result<Segment> {
        Segment::create(self.namespace(label)?)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("logs and configurations of the failed lab: {}", self.directory.display());
            print_log_tails(&self.directory);
        } else if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("{}: {error}", self.directory.display());
        }
    }
}

/// Kills processes and removes namespaces and folders of labs whose process has ended.
fn sweep() -> Result<()> {
    for line in text(system("ip").args(["netns", "list"]))?.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if is_leftover(name) {
            remove_namespace(name)?;
        }
    }
    for entry in fs::read_dir(env::temp_dir())?.flatten() {
        if is_leftover(&entry.file_name().to_string_lossy()) {
            // Another process may be removing the same leftovers.
            fs::remove_dir_all(entry.path()).or_else(ignore_missing)?;
        }
    }
    Ok(())
}

/// Whether a name is that of a lab whose process has ended.
fn is_leftover(name: &str) -> bool {
    let pid =
        name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).filter(|_| name.contains('-'));
    let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { return false };
    pid != process::id() && !Path::new("/proc").join(pid.to_string()).exists()
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn print_log_tails(directory: &Path) {
    const LINES: usize = 25;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "log")
            && let Ok(log) = fs::read(&path)
        {
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LINES)..];
            eprintln!("--- the end of {}\n{}", path.display(), tail.join("\n"));
        }
    }
}

/// Prefix of every name in a lab.
const PREFIX: &str = "mg";

#[cfg(test)]
mod tests {
    use std::process;

    use super::is_leftover;

    #[test]
    fn only_names_of_ended_processes_are_leftovers() {
        let own = format!("mg{}-0-tor", process::id());
        let cases = [
            (own.as_str(), false),
            ("mg1-0-tor", false),
            ("mg4294967294-0-tor", true),
            ("mg4294967294-0", true),
            ("mg4294967294", false),
            ("mgmt-0", false),
            ("tor", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_leftover(name), expected, "{name}");
        }
    }
}
