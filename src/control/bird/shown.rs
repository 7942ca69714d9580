//! What replies have in common: the family that a socket shows, names, and the clock.

use std::time::{Duration, SystemTime};

use margay_bird_ctl::UnixTime;

/// The peers that a socket shows, by the family of their addresses: BIRD 1.6 has a daemon for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BirdFamily {
    /// Peers with IPv4 addresses.
    Ipv4,
    /// Peers with IPv6 addresses.
    Ipv6,
}

/// A name as one word of the characters that BIRD's names have.
pub(super) fn symbol(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The wall clock at a reply.
pub(super) struct Clock {
    pub(super) now: UnixTime,
}

impl Clock {
    pub(super) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { now: UnixTime(since_epoch.as_secs()) }
    }

    pub(super) fn before(&self, ago: Duration) -> UnixTime {
        UnixTime(self.now.0.saturating_sub(ago.as_secs()))
    }
}
