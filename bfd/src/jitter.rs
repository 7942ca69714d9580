//! The random part of the transmit interval.

use std::time::Duration;

/// Shortens intervals at random, from a seed (RFC 5880 §6.8.7).
///
/// Packets of many sessions that start together would otherwise stay together.
#[derive(Clone, Debug)]
pub(crate) struct Jitter {
    state: u64,
}

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An interval of 75% to 100% of `interval`; to 90% when a single lost packet ends the session, so that the next
    /// one arrives before the detection time (RFC 5880 §6.8.7).
    pub(crate) fn shorten(&mut self, interval: Duration, detect_multiplier: u8) -> Duration {
        let range = if detect_multiplier == 1 { 150 } else { 250 };
        let draw = u32::try_from(self.next() % (range + 1)).unwrap_or(0);
        interval / 1000 * (750 + draw)
    }

    /// The next number of SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_the_bounds_and_reaches_both_ends() {
        for (multiplier, longest) in [(1, 90), (2, 100), (3, 100), (255, 100)] {
            let mut jitter = Jitter::new(7);
            let drawn: Vec<Duration> =
                (0..10_000).map(|_| jitter.shorten(Duration::from_millis(100), multiplier)).collect();
            let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert_eq!((*least, *most), (Duration::from_millis(75), Duration::from_millis(longest)));
        }
    }
}
