//! StayRTR: an RPKI cache whose payloads stand in a file.

use std::fmt::Write as _;

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::daemon::Daemon;
use crate::namespace::Namespace;

/// StayRTR in a namespace, on port 8282 of all its addresses.
pub struct Stayrtr {
    daemon: Daemon,
}

impl Stayrtr {
    /// The port of its RTR sessions.
    pub const PORT: u16 = 8282;

    /// Makes a cache that is not running yet.
    #[must_use]
    pub fn new(namespace: &Namespace, label: &str) -> Self {
        Self { daemon: Daemon::new(namespace, label) }
    }

    /// Starts it with these payloads: prefix, maximum length, and AS number. It speaks this version of the protocol at most.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn start(&mut self, payloads: &[(&str, u8, u32)], version: u8) -> Result<()> {
        let file = self.daemon.write("json", render(payloads))?;
        let mut command = self.daemon.namespace().command("stayrtr");
        let bind = format!(":{}", Self::PORT);
        command.args(["-bind", &bind, "-metrics.addr", "127.0.0.1:9847", "-checktime=false"]);
        command.args(["-protocol", &version.to_string(), "-refresh", "3600", "-rtr.retry", "1"]);
        command.arg("-cache").arg(file);
        self.daemon.start(&mut command)?;
        let pattern = format!("sport = :{}", Self::PORT);
        let namespace = self.daemon.namespace().clone();
        self.daemon.wait_ready(|| {
            let mut command = namespace.command("ss");
            crate::command::text(command.args(["-Hltn", &pattern])).is_ok_and(|said| !said.is_empty())
        })
    }

    /// Has it read other payloads, of which it notifies its routers.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or the process has ended.
    pub fn set(&self, payloads: &[(&str, u8, u32)]) -> Result<()> {
        self.daemon.write("json", render(payloads))?;
        self.daemon.signal(Signal::SIGHUP)
    }

    /// Kills it.
    ///
    /// # Errors
    ///
    /// It cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }
}

fn render(payloads: &[(&str, u8, u32)]) -> String {
    let mut roas = String::new();
    for (place, (prefix, max_length, asn)) in payloads.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(roas, r#"{comma}{{"prefix":"{prefix}","maxLength":{max_length},"asn":"AS{asn}","ta":"lab"}}"#)
            .expect("writing to a String cannot fail");
    }
    format!(r#"{{"metadata":{{}},"roas":[{roas}]}}"#)
}
