//! Prefixes with lengths distributed as in the Internet's table: mostly /24.

use std::net::Ipv4Addr;

use bgp_codec::{IpPrefix, Ipv4Prefix};
use foldhash::{HashSet, HashSetExt};

use super::SeededRandom;

/// This many distinct prefixes in random order; some are inside others.
pub(super) fn distinct_prefixes(count: usize, random: &mut SeededRandom) -> Vec<Ipv4Prefix> {
    let mut seen = HashSet::with_capacity(count);
    let mut prefixes = Vec::with_capacity(count);
    while prefixes.len() < count {
        let address = Ipv4Addr::from_bits(random.within(0x0100_0000..0xe000_0000));
        // The length is drawn again, too, so that the few short prefixes cannot run out.
        let prefix = Ipv4Prefix::truncating(address, length(random));
        if !prefix.address().is_loopback() && seen.insert(prefix) {
            prefixes.push(prefix);
        }
    }
    prefixes
}

fn length(random: &mut SeededRandom) -> u8 {
    let mut drawn = random.below(1000);
    for &(length_bits, share) in &SHARE_PER_MILLE {
        if drawn < share {
            return length_bits;
        }
        drawn -= share;
    }
    24
}

/// Share of a length among a thousand prefixes; the rest are /24.
const SHARE_PER_MILLE: [(u8, u32); 8] =
    [(16, 13), (17, 8), (18, 13), (19, 25), (20, 45), (21, 52), (22, 115), (23, 100)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_distinct_unicast_and_mostly_24_bits_long() {
        let prefixes = distinct_prefixes(20_000, &mut SeededRandom::new(7));
        let distinct: HashSet<Ipv4Prefix> = prefixes.iter().copied().collect();
        assert_eq!(distinct.len(), 20_000);
        for prefix in &prefixes {
            assert!((16..=24).contains(&prefix.length()), "{prefix}");
            assert!(matches!(prefix.address().octets()[0], 1..=126 | 128..=223), "{prefix}");
        }
        let longest = prefixes.iter().filter(|prefix| prefix.length() == 24).count();
        assert!((11_000..14_000).contains(&longest), "{longest} of 20,000 are /24");
    }

    #[test]
    fn the_same_seed_gives_the_same_prefixes() {
        let draw = |seed| distinct_prefixes(100, &mut SeededRandom::new(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
