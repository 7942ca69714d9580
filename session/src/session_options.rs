//! The options of one session.

use std::time::Duration;

use bgp_codec::{Asn, BgpIdentifier, Capabilities, HoldTime, PeerKind};

use crate::{ExpectedAsn, IdleHoldRange, Jitter};

/// What the operator says about one session.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Our AS number towards this peer.
    pub local_asn: Asn,
    /// Our BGP identifier.
    pub identifier: BgpIdentifier,
    /// The AS that the peer must belong to.
    pub peer_asn: ExpectedAsn,
    /// Whether the peer is in another member system of our confederation, if it is not in our own (RFC 5065).
    pub is_in_confederation: bool,
    /// What we announce to the peer. Families, route refresh, 4-octet AS numbers and extended messages are in use
    /// when both sides announce them, path identifiers when one side sends and the other receives them.
    pub capabilities: Capabilities,
    /// Whether a peer that advertises no role is refused if we advertise one (the strict mode of RFC 9234 §4.2).
    pub requires_role: bool,
    /// The hold time we propose; the smaller of both proposals is used (RFC 4271 §4.2).
    pub hold_time: HoldTime,
    /// The least hold time that is accepted from the peer, apart from zero; `None` accepts any.
    pub min_hold_time: Option<HoldTime>,
    /// The longest time between two KEEPALIVEs; `None` is a third of the hold time, which is never exceeded.
    pub keepalive: Option<Duration>,
    /// Whether we dial.
    pub dial_mode: DialMode,
    /// How long a dial may take, and the pause after one that failed (the ConnectRetryTimer).
    pub connect_retry: Duration,
    /// The wait after a failure (the IdleHoldTimer).
    pub idle_hold: IdleHoldRange,
    /// How long to wait for the peer's OPEN; RFC 4271 §8.2.2 suggests 4 minutes.
    pub open_hold: Duration,
    /// How long the peer may take no octets at all before it is given up; `None` derives it from the hold time as
    /// RFC 9687 §4 does: twice that, and at least 8 minutes.
    pub send_hold: Option<Duration>,
    /// The jitter of the first timers; [`Session::set_jitter`](crate::Session::set_jitter) renews it.
    pub jitter: Jitter,
}

/// Who opens the TCP connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DialMode {
    /// We dial, and accept the peer's connection as well.
    Active,
    /// We only wait for the peer to connect.
    Passive,
}

impl SessionOptions {
    /// Usual values for all that need not be said: hold time 90 s, a dial every 5 s, a wait of 5 to 60 s after
    /// failures.
    pub fn new(
        local_asn: Asn,
        identifier: BgpIdentifier,
        peer_asn: ExpectedAsn,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            local_asn,
            identifier,
            peer_asn,
            is_in_confederation: false,
            capabilities,
            requires_role: false,
            hold_time: default_hold_time(),
            min_hold_time: None,
            keepalive: None,
            dial_mode: DialMode::Active,
            connect_retry: Duration::from_secs(5),
            idle_hold: IdleHoldRange { shortest: Duration::from_secs(5), longest: Duration::from_secs(60) },
            open_hold: Duration::from_secs(240),
            send_hold: None,
            jitter: Jitter::NONE,
        }
    }

    /// The kind of a peer that is in this AS.
    pub(crate) fn kind_of(&self, asn: Asn) -> PeerKind {
        match asn == self.local_asn {
            true => PeerKind::Ibgp,
            false if self.is_in_confederation => PeerKind::Confederation,
            false => PeerKind::Ebgp,
        }
    }

    /// How long sending may be blocked under the negotiated `hold_time`.
    pub(crate) fn send_hold(&self, hold_time: HoldTime) -> Duration {
        self.send_hold.unwrap_or_else(|| SHORTEST_SEND_HOLD.max(hold_time.duration() * 2))
    }
}

/// RFC 4271 §10.
fn default_hold_time() -> HoldTime {
    HoldTime::from_seconds(90).expect("90 s is at least 3 s")
}

/// RFC 9687 §4.
const SHORTEST_SEND_HOLD: Duration = Duration::from_secs(480);
