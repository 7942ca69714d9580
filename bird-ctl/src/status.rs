//! The reply to `show status`.

use std::net::Ipv4Addr;

use crate::reply::Reply;
use crate::unix_time::UnixTime;

/// The daemon as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// The present time.
    pub now: UnixTime,
    /// When it started.
    pub started: UnixTime,
    /// When it last read its configuration.
    pub configured: UnixTime,
    /// Its recovery after a start, until the peers have announced their routes.
    pub recovery: Option<Recovery>,
}

/// A recovery that is not over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recovery {
    /// Number of protocols whose routes are awaited.
    pub waiting: usize,
    /// Seconds until nothing is awaited any more, and how many there are in all; `None` if that is not known.
    pub timer: Option<(u64, u64)>,
}

impl Status {
    /// The reply.
    #[must_use]
    pub fn reply(&self) -> String {
        let mut reply = Reply::default();
        reply.line(1000, format_args!("BIRD {}", self.version));
        reply.line(1011, format_args!("Router ID is {}", self.router_id));
        reply.line(1011, format_args!("Current server time is {}", self.now));
        reply.line(1011, format_args!("Last reboot on {}", self.started));
        reply.line(1011, format_args!("Last reconfiguration on {}", self.configured));
        if let Some(recovery) = self.recovery {
            reply.line(24, "Graceful restart recovery in progress");
            reply.line(24, format_args!("  Waiting for {} protocols to recover", recovery.waiting));
            if let Some((left, all)) = recovery.timer {
                reply.line(24, format_args!("  Wait timer is {left}/{all}"));
            }
        }
        reply.end(13, "Daemon is up and running")
    }
}
