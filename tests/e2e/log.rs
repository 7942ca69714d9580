//! A log that is closed, full or not read: the daemon goes on, and counts what is lost.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use margay_lab::wait_until;
use serde_json::Value;

use crate::pair::{PATIENCE, binaries};

/// A daemon with a log of the test's choice; killed when it is dropped.
struct Daemon {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Daemon {
    fn start(name: &str, log: Stdio) -> Self {
        let folder = std::env::temp_dir().join(format!("margay-log-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.join("toml");
        let text = format!(
            "[global]\nasn = 64512\nrouter_id = \"192.0.2.1\"\nlisten = [\"127.0.0.1:{port}\"]\nlog = \"debug\"\n\
             [control]\nsocket = \"{}\"\n",
            folder.join("sock").display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(binaries().margayd);
        command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let daemon = Self { child: command.spawn().unwrap(), folder, port };
        wait_until(PATIENCE, "an answer", || daemon.dropped());
        daemon
    }

    /// The log lines that were lost; fails where the daemon does not answer.
    fn dropped(&self) -> Result<u64, String> {
        let mut command = Command::new(binaries().margay);
        command.arg("--socket").arg(self.folder.join("sock")).args(["--json", "show", "status"]);
        let output = command.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let status: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        status["log_lines_dropped"].as_u64().ok_or_else(|| status.to_string())
    }

    /// Has it log many lines: each connection from an address without a peer is one.
    fn provoke(&self, lines: usize) {
        for _ in 0..lines {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
            // The port is free at once.
            nix::sys::socket::setsockopt(
                &stream,
                nix::sys::socket::sockopt::Linger,
                &libc::linger { l_onoff: 1, l_linger: 0 },
            )
            .unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Both ends of a pipe.
fn pipe() -> (File, Stdio) {
    let (reader, writer) = io::pipe().unwrap();
    (File::from(OwnedFd::from(reader)), writer.into())
}

#[test]
fn a_closed_log_does_not_end_the_daemon() {
    let (reader, writer) = pipe();
    drop(reader);
    let daemon = Daemon::start("closed", writer);
    let before = daemon.dropped().unwrap();
    daemon.provoke(50);
    wait_until(PATIENCE, "the lines are counted", || match daemon.dropped()? {
        dropped if dropped >= before + 50 => Ok(()),
        dropped => Err(format!("{dropped} after {before}")),
    });
}

#[test]
fn a_full_disk_under_the_log_does_not_end_the_daemon() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let daemon = Daemon::start("full", full.into());
    let before = daemon.dropped().unwrap();
    daemon.provoke(50);
    wait_until(PATIENCE, "the lines are counted", || match daemon.dropped()? {
        dropped if dropped >= before + 50 => Ok(()),
        dropped => Err(format!("{dropped} after {before}")),
    });
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_daemon_and_says_later_what_is_missing() {
    let (mut reader, writer) = pipe();
    let daemon = Daemon::start("stuck", writer);
    wait_until(PATIENCE, "lines are lost", || {
        daemon.provoke(2000);
        match daemon.dropped()? {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    });
    let mut text = String::new();
    let mut octets = vec![0; 1 << 16];
    while !text.contains("log lines were dropped") {
        let read = reader.read(&mut octets).unwrap();
        assert!(read > 0, "the daemon has closed its log");
        text.push_str(&String::from_utf8_lossy(&octets[..read]));
    }
}
