//! A container with one daemon, in a network namespace of the lab.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use margay_lab::Namespace;

use super::podman::{podman, text};

/// A container; it is removed with its owner.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
}

impl Container {
    /// Starts a container in a namespace. `folder` becomes [`FOLDER`](Self::FOLDER) in it.
    ///
    /// # Errors
    ///
    /// Podman fails.
    pub(crate) fn run(image: &str, namespace: &Namespace, folder: &Path, command: &[String]) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{}", std::process::id(), namespace.label());
        let mut run = podman();
        run.args(["run", "--detach", "--name", &name]);
        run.args(["--network", &format!("ns:/run/netns/{}", namespace.name())]);
        // Podman asks for more than a machine may allow.
        run.args(["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]);
        run.args(["--cap-drop", "all"]);
        run.args(CAPABILITIES.iter().flat_map(|capability| ["--cap-add", capability]));
        run.args(["--volume", &format!("{}:{}", folder.display(), Self::FOLDER)]);
        // The container exists even when its program does not come up.
        let container = Self { name };
        text(run.arg(image).args(command))?;
        Ok(container)
    }

    /// Where the files of the daemon are inside.
    pub(crate) const FOLDER: &str = "/etc/margay";

    /// Runs a program inside and returns what it prints.
    ///
    /// # Errors
    ///
    /// It fails; the error contains its output.
    pub(crate) fn exec(&self, words: &[&str]) -> Result<String> {
        text(podman().args(["exec", &self.name]).args(words))
    }

    /// The daemon's process on this machine.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub(crate) fn process(&self) -> Result<String> {
        text(podman().args(["inspect", "--format", "{{.State.Pid}}", &self.name]))
    }

    /// Whether the daemon's process is there.
    pub(crate) fn runs(&self) -> bool {
        text(podman().args(["inspect", "--format", "{{.State.Running}}", &self.name]))
            .is_ok_and(|answer| answer == "true")
    }

    /// Stops all processes inside where they are: the kernel acknowledges segments, but they are not read.
    ///
    /// # Errors
    ///
    /// They do not run.
    pub(crate) fn freeze(&self) -> Result<()> {
        text(podman().args(["pause", &self.name])).map(drop)
    }

    /// Undoes [`freeze`](Self::freeze).
    ///
    /// # Errors
    ///
    /// They are not frozen.
    pub(crate) fn thaw(&self) -> Result<()> {
        text(podman().args(["unpause", &self.name])).map(drop)
    }

    /// Kills the daemon, and returns when it is gone.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub(crate) fn kill(&self) -> Result<()> {
        text(podman().args(["kill", "--signal", "KILL", &self.name]))?;
        text(podman().args(["wait", &self.name])).map(drop)
    }

    /// Starts the program of the container again, after its end.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start(&self) -> Result<()> {
        text(podman().args(["start", &self.name])).map(drop)
    }

    /// The end of what the daemon has printed.
    pub(crate) fn log_tail(&self) -> String {
        let mut command = podman();
        command.args(["logs", "--tail", "60", &self.name]);
        match command.output() {
            Ok(output) => [output.stdout, output.stderr]
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .concat(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// Removes the containers of processes that have ended.
///
/// # Errors
///
/// Podman fails.
pub(crate) fn remove_leftovers() -> Result<()> {
    let names = text(podman().args(["ps", "--all", "--format", "{{.Names}}"]))?;
    names.lines().filter(|name| is_leftover(name)).try_for_each(remove)
}

/// Whether a name is that of a container whose process has ended.
fn is_leftover(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    let Some(process) = process.and_then(|process| process.parse::<u32>().ok()) else { return false };
    process != std::process::id() && !PathBuf::from(format!("/proc/{process}")).exists()
}

/// Removes a container; Podman fails when its program ends at that moment, and succeeds afterwards.
fn remove(name: &str) -> Result<()> {
    let attempt = || {
        let mut command: Command = podman();
        text(command.args(["rm", "--force", "--ignore", "--volumes", "--time", "0", name])).map(drop)
    };
    (0..REMOVALS).fold(attempt(), |outcome, _| {
        outcome.or_else(|_| {
            thread::sleep(Duration::from_millis(300));
            attempt()
        })
    })
}

/// Further attempts to remove a container.
const REMOVALS: u32 = 5;

/// Prefix of every container's name.
const PREFIX: &str = "margay-interop-";

/// What the daemons need among them: routes, raw sockets, low ports, and a change of user for those that give up root.
const CAPABILITIES: [&str; 9] = [
    "net_admin",
    "net_raw",
    "net_bind_service",
    "setuid",
    "setgid",
    "chown",
    "dac_override",
    "sys_admin",
    "sys_chroot",
];

#[cfg(test)]
mod tests {
    use super::is_leftover;

    #[test]
    fn only_containers_of_ended_processes_are_leftovers() {
        let own = format!("margay-interop-{}-0-a", std::process::id());
        let cases = [
            (own.as_str(), false),
            ("margay-interop-1-0-a", false),
            ("margay-interop-4294967294-0-a", true),
            ("margay-trial", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_leftover(name), expected, "{name}");
        }
    }
}
