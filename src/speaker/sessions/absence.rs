//! A peer that restarts: its routes stay in use until it is back, or does not come back in time (RFC 4724 §4.2, RFC 9494
//! §4.2).

use std::time::Duration;

use bgp_codec::Family;
use margay_rib::PeerIndex;
use margay_session::{Departure, RestartTerms};
use tokio::time::Instant;

use crate::recording::RecordedRib;

/// The time in which a peer may come back.
#[derive(Clone, Debug)]
pub(super) struct Absence {
    /// The peer in the Rib, where its routes are.
    pub(super) index: PeerIndex,
    stage: Stage,
    /// When stale routes go at the latest, by family. Without it, a peer that restarts again and again before it has announced its
    /// whole table would keep them for ever (RFC 8538 §4.1).
    stale_until: Vec<(Family, Instant)>,
}

/// How long the peer has been away.
#[derive(Clone, Debug)]
enum Stage {
    /// Not longer than its restart may take.
    Restarting {
        /// When it has taken too long.
        until: Instant,
        /// The families whose routes are kept.
        families: Vec<Family>,
        /// How long routes are kept afterwards, as a last resort, by family.
        long_lived: Vec<(Family, Duration)>,
    },
    /// Longer: routes are kept as a last resort, by family until when.
    LongLived(Vec<(Family, Instant)>),
}

/// An absence as operators see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AbsenceView {
    /// How long until routes of the peer go.
    pub left: Duration,
    /// Routes are kept as a last resort only.
    pub is_long_lived: bool,
}

impl Absence {
    /// The absence that begins with the end of a session; `None` when all routes go at once.
    ///
    /// `longest_keeping` is the time until which stale routes of a family are kept already, if there are any.
    pub(super) fn after(
        index: PeerIndex,
        departure: &Departure,
        longest_keeping: impl Fn(Family) -> Option<Instant>,
        now: Instant,
    ) -> Option<Self> {
        let Departure::Restart(RestartTerms { families, restart_time, long_lived, .. }) = departure else {
            return None;
        };
        let stale_until = families.iter().map(|&family| {
            let long_lived = long_lived.iter().find(|(other, _)| *other == family);
            let kept = *restart_time + long_lived.map_or(Duration::ZERO, |(_, time)| *time);
            (family, longest_keeping(family).unwrap_or(now + kept + LONGEST_REFRESH))
        });
        let stale_until = stale_until.collect();
        let stage = Stage::Restarting {
            until: now + *restart_time,
            families: families.clone(),
            long_lived: long_lived.clone(),
        };
        Some(Self { index, stage, stale_until })
    }

    /// When stale routes of a family go at the latest; `None` if none of the family are kept.
    pub(super) fn stale_until(&self, family: Family) -> Option<Instant> {
        self.stale_until.iter().find(|(other, _)| *other == family).map(|(_, until)| *until)
    }

    /// Removes the routes of the families that the peer does not keep.
    pub(super) fn begin(&self, rib: &mut RecordedRib, of_session: &[Family]) {
        if let Stage::Restarting { families, .. } = &self.stage {
            for &family in of_session.iter().filter(|family| !families.contains(family)) {
                rib.remove_routes(self.index, family);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Restarting { until, .. } => Some(*until),
            Stage::LongLived(families) => families.iter().map(|(_, until)| *until).min(),
        };
        stage.into_iter().chain(self.stale_until.iter().map(|(_, until)| *until)).min()
    }

    /// Handles the passing of time. Returns whether the absence is over: no routes are left to keep.
    pub(super) fn handle_timeout(&mut self, rib: &mut RecordedRib, peer: &str, now: Instant) -> bool {
        for (family, _) in self.stale_until.extract_if(.., |(_, until)| *until <= now) {
            rib.remove_routes(self.index, family);
            match &mut self.stage {
                Stage::Restarting { families, .. } => families.retain(|&other| other != family),
                Stage::LongLived(families) => families.retain(|&(other, _)| other != family),
            }
        }
        if let Stage::Restarting { until, families, long_lived } = &self.stage
            && *until <= now
        {
            let kept = |family: Family| long_lived.iter().find(|(other, _)| *other == family);
            let (stay, go): (Vec<Family>, Vec<Family>) =
                families.iter().partition(|&&family| kept(family).is_some());
            let ends = stay.iter().filter_map(|&family| Some((family, *until + kept(family)?.1))).collect();
            if !stay.is_empty() {
                tracing::warn!(peer, "did not come back in time: its routes are kept as a last resort");
                go.into_iter().for_each(|family| rib.remove_routes(self.index, family));
                rib.keep_long_lived(self.index, stay);
            }
            self.stage = Stage::LongLived(ends);
        }
        let families = match &mut self.stage {
            Stage::Restarting { families, .. } => return families.is_empty(),
            Stage::LongLived(families) => families,
        };
        for (family, _) in families.extract_if(.., |(_, until)| *until <= now) {
            rib.remove_routes(self.index, family);
        }
        families.is_empty()
    }

    /// Whether the peer has been away for longer than its restart may take.
    pub(super) fn is_long_lived(&self) -> bool {
        matches!(self.stage, Stage::LongLived(_))
    }

    /// What operators see.
    pub(super) fn view(&self, now: Instant) -> AbsenceView {
        let left = self.next_timeout().map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        AbsenceView { left, is_long_lived: self.is_long_lived() }
    }
}

/// How long a peer may take to announce everything again; what it has not repeated by then goes. RFC 7313 §4.2 leaves the
/// time to us.
pub(super) const LONGEST_REFRESH: Duration = Duration::from_mins(6);
