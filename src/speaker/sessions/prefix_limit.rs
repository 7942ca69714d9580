//! Limits of the prefixes that a peer may announce in a family.

use std::time::Duration;

use margay_rib::{PathLimits, PeerCounts};

/// How many prefixes a peer may announce in each family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrefixLimit {
    /// The most that may be received, refused ones included; `None` for any number.
    pub received: Option<u32>,
    /// The most that import may accept; `None` for any number.
    pub accepted: Option<u32>,
    /// At which share of a limit operators are warned, in percent.
    pub warn_percent: u8,
    /// What is done about more prefixes.
    pub action: LimitAction,
}

/// What is done about more prefixes than a peer may announce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitAction {
    /// The session ends.
    Cease {
        /// How long it stays down.
        restart: Duration,
    },
    /// The Rib refuses further prefixes.
    Refuse,
}

/// What a peer's prefixes in a family mean under a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// They are few.
    Within,
    /// They come near to the limit.
    Near(Count),
    /// They are more than the limit.
    Exceeded(Count),
}

/// What was counted, and the limit of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Count {
    /// `received` or `accepted`.
    pub(super) kind: &'static str,
    pub(super) prefixes: usize,
    pub(super) limit: u32,
}

impl PrefixLimit {
    /// The limits that the Rib keeps: those beyond which prefixes are refused.
    pub fn kept_by_rib(&self) -> PathLimits {
        match self.action {
            LimitAction::Cease { .. } => PathLimits::default(),
            LimitAction::Refuse => PathLimits { received: self.received, accepted: self.accepted },
        }
    }

    pub(super) fn judge(&self, counts: &PeerCounts) -> Verdict {
        let count = |kind, prefixes, limit: Option<u32>| limit.map(|limit| Count { kind, prefixes, limit });
        let counted = [
            count("received", counts.received, self.received),
            count("accepted", counts.accepted, self.accepted),
        ];
        let counted = || counted.into_iter().flatten();
        let is_near = |count: &Count| {
            count.prefixes as u64 * 100 >= u64::from(count.limit) * u64::from(self.warn_percent)
        };
        if let Some(exceeded) = counted().find(|count| count.prefixes > count.limit as usize) {
            Verdict::Exceeded(exceeded)
        } else if let Some(near) = counted().find(is_near) {
            Verdict::Near(near)
        } else {
            Verdict::Within
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(received: Option<u32>, accepted: Option<u32>, counts: [usize; 2]) -> Verdict {
        let limit = PrefixLimit { received, accepted, warn_percent: 80, action: LimitAction::Refuse };
        let [received, accepted] = counts;
        limit.judge(&PeerCounts { received, accepted, ..PeerCounts::default() })
    }

    #[test]
    fn a_limit_is_near_at_its_share_and_exceeded_above_it() {
        let count = |kind, prefixes, limit| Count { kind, prefixes, limit };
        for (received, accepted, counts, expected) in [
            (Some(10), None, [7, 7], Verdict::Within),
            (Some(10), None, [8, 0], Verdict::Near(count("received", 8, 10))),
            (Some(10), None, [10, 10], Verdict::Near(count("received", 10, 10))),
            (Some(10), None, [11, 0], Verdict::Exceeded(count("received", 11, 10))),
            (None, Some(10), [1000, 7], Verdict::Within),
            (None, Some(10), [1000, 11], Verdict::Exceeded(count("accepted", 11, 10))),
            (Some(10), Some(5), [9, 6], Verdict::Exceeded(count("accepted", 6, 5))),
            (
                Some(u32::MAX),
                None,
                [usize::MAX >> 8, 0],
                Verdict::Exceeded(count("received", usize::MAX >> 8, u32::MAX)),
            ),
        ] {
            assert_eq!(judge(received, accepted, counts), expected, "{received:?} {accepted:?} {counts:?}");
        }
    }
}
