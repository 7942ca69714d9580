//! Echo requests at a steady pace, and a count of those that got no answer.

use std::net::IpAddr;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};
use margay_lab::Namespace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Running echo requests, a hundred each second.
pub(crate) struct Traffic {
    ping: Option<Child>,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Count {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Traffic {
    /// Starts to send from an address in a namespace.
    ///
    /// # Errors
    ///
    /// `ping` cannot be started.
    pub(crate) fn start(namespace: &Namespace, from: IpAddr, to: IpAddr) -> Result<Self> {
        let mut command = namespace.command("ping");
        command.args(["-n", "-q", "-i", "0.01", "-I", &from.to_string(), &to.to_string()]);
        let ping = command.stdout(Stdio::piped()).spawn().context("ping")?;
        Ok(Self { ping: Some(ping) })
    }

    /// Ends it, and counts.
    ///
    /// # Errors
    ///
    /// `ping` has ended before, or its output is not understood.
    pub(crate) fn end(mut self) -> Result<Count> {
        let ping = self.ping.take().context("it has ended")?;
        interrupt(&ping)?;
        let printed = String::from_utf8(ping.wait_with_output()?.stdout)?;
        parse(&printed).with_context(|| printed.clone())
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        if let Some(mut ping) = self.ping.take()
            && let Err(error) = interrupt(&ping).and_then(|()| Ok(ping.wait()?))
        {
            eprintln!("{error:#}");
        }
    }
}

/// `ping` prints its counts on SIGINT.
fn interrupt(ping: &Child) -> Result<()> {
    Ok(kill(Pid::from_raw(ping.id().try_into()?), Signal::SIGINT)?)
}

/// Reads `300 packets transmitted, 299 received, +1 errors, 0.3% packet loss`.
fn parse(printed: &str) -> Option<Count> {
    let line = printed.lines().find(|line| line.contains(" packets transmitted"))?;
    let number = |part: &str| part.split_whitespace().next()?.parse().ok();
    let mut parts = line.split(',');
    Some(Count { sent: number(parts.next()?)?, received: number(parts.next()?)? })
}

#[cfg(test)]
mod tests {
    use super::{Count, parse};

    #[test]
    fn counts_what_ping_prints() {
        let printed = "PING 10.0.0.1\n\n--- 10.0.0.1 ping statistics ---\n\
            300 packets transmitted, 298 received, +1 errors, 0.666% packet loss, time 3000ms\n";
        assert_eq!(parse(printed), Some(Count { sent: 300, received: 298 }));
    }
}
