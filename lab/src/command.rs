//! System commands: where they are found, and how they are run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

/// A system program from [`search_path`].
///
/// It gets a process group of its own, so that Ctrl-C reaches only this process, and does not kill `ip` while
/// it sets up a namespace.
pub(crate) fn system(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path()).process_group(0);
    command
}

/// Runs a command and returns its output.
///
/// # Errors
///
/// It cannot be started, or its status is not zero; the error contains its output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        let said = [&stdout, &stderr].map(|text| String::from_utf8_lossy(text).trim().to_owned());
        bail!("{command:?} ended with {status}: {} {}", said[0], said[1]);
    }
    Ok(stdout)
}

/// As [`output`], as text.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let octets = output(command)?;
    String::from_utf8(octets).with_context(|| format!("{command:?} printed text that is not UTF-8"))
}

/// Runs `ip` with words separated by spaces.
pub(crate) fn ip(words: &str) -> Result<()> {
    output(system("ip").args(words.split_whitespace())).map(drop)
}

/// PATH followed by the system folders, which are missing for plain users and under `su`; BIRD is in one of
/// them.
pub(crate) fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty());
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    env::join_paths(folders.chain(system)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use nix::unistd::{Pid, getpgrp};

    use super::{search_path, system, text};

    #[test]
    fn the_search_path_ends_in_the_system_folders() {
        let path = search_path().into_string().unwrap();
        assert!(path.ends_with(":/usr/sbin:/sbin:/usr/bin:/bin"), "{path}");
    }

    #[test]
    fn ctrl_c_does_not_reach_a_system_program() {
        let group = |mut command: Command| {
            let printed = text(command.args(["-c", "read -r stat < /proc/self/stat; echo $stat"])).unwrap();
            let group = printed.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2));
            Pid::from_raw(group.unwrap().parse().unwrap())
        };
        assert_eq!(group(Command::new("sh")), getpgrp());
        assert_ne!(group(system("sh")), getpgrp());
    }
}
