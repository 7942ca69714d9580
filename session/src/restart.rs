//! What both sides agreed upon about restarts (RFC 4724, RFC 8538, RFC 9494).

use std::time::Duration;

use bgp_codec::{Capabilities, Family};

/// The terms of graceful restart in one session: both sides advertised the capability.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestartTerms {
    /// The families whose routes outlive the session: those in use that the peer named in its capability.
    pub families: Vec<Family>,
    /// Those of them for which the peer says that it forwarded throughout its last restart (the F bit). In others, what is
    /// left of the former session is void (RFC 4724 §4.2).
    pub forwarding_preserved: Vec<Family>,
    /// Whether the peer is to keep our routes while we restart: our capability names families.
    pub keeps_ours: bool,
    /// How long the peer may take to come back.
    pub restart_time: Duration,
    /// The peer has restarted and waits for our routes before it chooses its own (the R bit).
    pub peer_has_restarted: bool,
    /// Both sides keep routes after most NOTIFICATIONs, and know the Hard Reset (the N bit of RFC 8538).
    pub survives_notification: bool,
    /// How long routes may stay after the restart time, as a last resort, by family (RFC 9494); zero times left out.
    pub long_lived: Vec<(Family, Duration)>,
    /// The families for which the peer preserved forwarding although it was away for longer than the restart time.
    pub long_lived_preserved: Vec<Family>,
}

/// What the end of a session means for the routes that the peer advertised in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Departure {
    /// They are withdrawn.
    Final,
    /// Those of the families in the terms are kept while the peer restarts; others are withdrawn.
    Restart(RestartTerms),
}

impl RestartTerms {
    /// The terms that follow from both OPENs in a session of these `families`; `None` unless both sides advertised the
    /// capability.
    pub(crate) fn new(ours: &Capabilities, theirs: &Capabilities, families: &[Family]) -> Option<Self> {
        let (our_restart, their_restart) = (ours.graceful_restart()?, theirs.graceful_restart()?);
        let named = |family: Family| their_restart.families.iter().find(move |entry| entry.family == family);
        let kept = families.iter().copied().filter(|family| named(*family).is_some());
        let preserved = |family: &Family| named(*family).is_some_and(|entry| entry.forwarding_preserved);
        Some(Self {
            families: kept.clone().collect(),
            forwarding_preserved: kept.filter(preserved).collect(),
            keeps_ours: !our_restart.families.is_empty(),
            restart_time: Duration::from_secs(their_restart.restart_time_seconds.into()),
            peer_has_restarted: their_restart.restarted,
            survives_notification: our_restart.survives_notification && their_restart.survives_notification,
            long_lived: long_lived(ours, theirs, families),
            long_lived_preserved: theirs
                .long_lived_graceful_restart()
                .filter(|entry| entry.forwarding_preserved && families.contains(&entry.family))
                .map(|entry| entry.family)
                .collect(),
        })
    }
}

/// The stale times of the families for which both sides advertised long-lived graceful restart: the peer's, since it is the
/// peer's routes that become stale (RFC 9494 §4.2).
fn long_lived(ours: &Capabilities, theirs: &Capabilities, families: &[Family]) -> Vec<(Family, Duration)> {
    let times = |capabilities: &Capabilities, family: Family| {
        let mut entries = capabilities.long_lived_graceful_restart();
        entries.find(|entry| entry.family == family).map(|entry| entry.stale_time_seconds)
    };
    let both = families.iter().filter_map(|&family| {
        times(ours, family)?;
        let seconds = times(theirs, family).filter(|seconds| *seconds > 0)?;
        Some((family, Duration::from_secs(seconds.into())))
    });
    both.collect()
}
