//! Watched prefixes, and those of them whose best routes have changed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bgp_codec::Prefix;

use crate::containers::{LongestMatch, address_range};

/// Watched prefixes, and those of them whose best routes have changed.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    is_on: bool,
    /// Routes to these prefixes, and to all inside them, are watched.
    inside: LongestMatch<()>,
    /// Routes to all prefixes that cover one of these addresses are watched.
    covering: BTreeSet<IpAddr>,
    changed: BTreeSet<Prefix>,
    lost: u64,
}

/// Changed prefixes kept until the next poll: changes at further ones are counted and dropped.
const MOST_WAITING: usize = 65_536;

impl Watch {
    /// Watches these prefixes instead of the present ones: those inside a network, and those that cover a host.
    pub(crate) fn set(&mut self, prefixes: &BTreeSet<Prefix>) {
        let former = std::mem::take(self);
        self.is_on = !prefixes.is_empty();
        for &prefix in prefixes {
            if Prefix::host(prefix.network()) == prefix {
                self.covering.insert(prefix.network());
            } else {
                self.inside.insert(prefix, ());
            }
        }
        self.lost = former.lost;
        self.changed = former.changed.into_iter().filter(|&prefix| self.watches(prefix)).collect();
    }

    /// Notes that another path is the best one to a prefix, or that none is any more.
    pub(crate) fn on_best_changed(&mut self, prefix: impl FnOnce() -> Prefix) {
        if !self.is_on {
            return;
        }
        let prefix = prefix();
        if !self.watches(prefix) || self.changed.contains(&prefix) {
            return;
        }
        if self.changed.len() < MOST_WAITING {
            self.changed.insert(prefix);
        } else {
            self.lost += 1;
        }
    }

    fn watches(&self, prefix: Prefix) -> bool {
        let (first, last) = address_range(prefix);
        self.inside.around(first).any(|(watched, ())| watched.contains(prefix))
            || self.covering.range(first..=last).next().is_some()
    }

    /// Whether changes wait to be taken.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changed.is_empty() || self.lost > 0
    }

    /// Takes up to `limit` changed prefixes, and the number of dropped changes.
    pub(crate) fn take(&mut self, limit: usize) -> (Vec<Prefix>, u64) {
        let taken: Vec<Prefix> = self.changed.iter().take(limit).copied().collect();
        for prefix in &taken {
            self.changed.remove(prefix);
        }
        (taken, std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching(prefixes: &[&str]) -> Watch {
        let mut watch = Watch::default();
        watch.set(&prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect());
        watch
    }

    #[test]
    fn a_network_stands_for_what_is_inside_and_an_address_for_what_covers_it() {
        let watch = watching(&["10.65.0.0/16", "192.0.2.7/32", "2001:db8::/32"]);
        for (prefix, expected) in [
            ("10.65.0.0/16", true),
            ("10.65.1.0/26", true),
            ("10.64.0.0/15", false),
            ("0.0.0.0/0", true),
            ("192.0.2.0/24", true),
            ("192.0.2.8/32", false),
            ("192.0.2.7/32", true),
            ("2001:db8:1::/48", true),
            ("2001:db9::/32", false),
            ("::/0", false),
        ] {
            assert_eq!(watch.watches(prefix.parse().unwrap()), expected, "{prefix}");
        }
    }

    #[test]
    fn changes_of_one_prefix_are_one_until_they_are_taken() {
        let mut watch = watching(&["0.0.0.0/0"]);
        for prefix in ["10.0.0.0/8", "11.0.0.0/8", "10.0.0.0/8"] {
            watch.on_best_changed(|| prefix.parse().unwrap());
        }
        assert_eq!(watch.take(1), (vec!["10.0.0.0/8".parse().unwrap()], 0));
        assert!(watch.has_changes());
        assert_eq!(watch.take(9), (vec!["11.0.0.0/8".parse().unwrap()], 0));
        assert!(!watch.has_changes());
        watch.set(&BTreeSet::new());
        watch.on_best_changed(|| unreachable!("nothing is watched"));
    }
}
