//! Rates of messages from two readings of their counters.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use margay_control::{PeerSummary, Peers};

/// UPDATEs a second, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    /// From the peer.
    pub(crate) received: f64,
    /// To the peer.
    pub(crate) sent: f64,
}

/// The present rate of each peer, and the sums of the last readings.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    by_peer: HashMap<String, Rate>,
    sums: VecDeque<Rate>,
}

/// Readings that are remembered.
const READINGS: usize = 240;

impl Rates {
    /// Notes a reading that was made this long after the former one.
    pub(crate) fn on_reading(&mut self, former: &Peers, present: &Peers, elapsed: Duration) {
        let former: HashMap<&str, &PeerSummary> =
            former.peers.iter().map(|peer| (peer.name.as_str(), peer)).collect();
        let rate = |peer: &PeerSummary| {
            // A peer that is new has no rate yet.
            let before = former.get(peer.name.as_str()).map_or(peer.messages, |peer| peer.messages);
            Rate {
                received: per_second(before.updates_received, peer.messages.updates_received, elapsed),
                sent: per_second(before.updates_sent, peer.messages.updates_sent, elapsed),
            }
        };
        self.by_peer = present.peers.iter().map(|peer| (peer.name.clone(), rate(peer))).collect();
        let sum = self.by_peer.values().fold(Rate::default(), |sum, rate| Rate {
            received: sum.received + rate.received,
            sent: sum.sent + rate.sent,
        });
        self.sums.push_back(sum);
        if self.sums.len() > READINGS {
            self.sums.pop_front();
        }
    }

    /// The rate of a peer.
    pub(crate) fn of(&self, peer: &str) -> Rate {
        self.by_peer.get(peer).copied().unwrap_or_default()
    }

    /// The sums of the last readings, the latest one last.
    pub(crate) fn sums(&self) -> impl DoubleEndedIterator<Item = Rate> + ExactSizeIterator {
        self.sums.iter().copied()
    }
}

/// A daemon that was started again counts from zero.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn per_second(before: u64, after: u64, elapsed: Duration) -> f64 {
    after.saturating_sub(before) as f64 / elapsed.as_secs_f64().max(0.001)
}

/// A rate in a few characters.
pub(crate) fn short(rate: f64) -> String {
    match rate {
        rate if rate < 0.05 => "·".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate if rate < 10_000.0 => format!("{rate:.0}"),
        rate if rate < 10_000_000.0 => format!("{:.0}k", rate / 1000.0),
        rate => format!("{:.0}M", rate / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::state::fixtures::peers;

    #[test]
    fn rates_follow_from_two_readings_and_a_restart_is_no_rate() {
        let mut rates = Rates::default();
        let (before, after) = (peers(&[("a", 100), ("b", 50)]), peers(&[("a", 160), ("b", 0), ("c", 70)]));
        rates.on_reading(&before, &after, Duration::from_secs(2));
        assert_eq!(
            (rates.of("a").received, rates.of("b").received, rates.of("c").received),
            (30.0, 0.0, 0.0)
        );
        assert_eq!(rates.sums().next().unwrap().received, 30.0);
        for _ in 0..READINGS + 5 {
            rates.on_reading(&after, &after, Duration::from_secs(2));
        }
        assert_eq!(rates.sums().len(), READINGS);
    }

    #[test]
    fn short_rates() {
        for (rate, expected) in
            [(0.0, "·"), (0.5, "0.5"), (42.4, "42"), (9999.0, "9999"), (123_456.0, "123k"), (2.5e7, "25M")]
        {
            assert_eq!(short(rate), expected);
        }
    }
}
