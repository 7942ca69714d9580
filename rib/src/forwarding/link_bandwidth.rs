//! Shares of the traffic that follow from link bandwidths (draft-ietf-idr-link-bandwidth).

use std::collections::BTreeMap;

use bgp_codec::PathAttributes;
use margay_forwarding::{Forwarding, Hop, Target, WeightedHop};

/// The link bandwidths of next hops that share the traffic, in octets per second.
#[derive(Debug, Default)]
pub(crate) struct LinkBandwidths(BTreeMap<Hop, f32>);

impl LinkBandwidths {
    /// Notes the bandwidth that the attributes of a path over this next hop have. Of several paths, the lowest counts.
    pub(crate) fn note(&mut self, hop: Hop, attributes: &PathAttributes) {
        let Some(bandwidth) = bandwidth(attributes) else { return };
        let lowest = self.0.entry(hop).or_insert(bandwidth);
        *lowest = lowest.min(bandwidth);
    }

    /// The forwarding with shares in proportion to the bandwidths; unchanged unless every next hop has one.
    pub(crate) fn applied_to(&self, forwarding: Forwarding) -> Forwarding {
        let Target::Via(hops) = &forwarding.target else { return forwarding };
        let bandwidths: Option<Vec<f32>> = hops.iter().map(|hop| self.0.get(&hop.hop).copied()).collect();
        let Some(bandwidths) = bandwidths.filter(|all| all.len() > 1) else { return forwarding };
        let shared = hops.iter().zip(weights(&bandwidths));
        let shared = shared.map(|(hop, weight)| WeightedHop { weight, ..*hop });
        Forwarding { target: Target::Via(shared.collect()), ..forwarding }
    }
}

/// The link bandwidth of a path, if it is above zero.
fn bandwidth(attributes: &PathAttributes) -> Option<f32> {
    attributes
        .extended_communities()
        .find_map(|community| community.octets_per_second())
        .filter(|it| *it > 0.0)
}

/// Weights from 1 to 100 in proportion, reduced so that equal bandwidths have weight 1.
fn weights(bandwidths: &[f32]) -> Vec<u8> {
    let highest = bandwidths.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let percent = |bandwidth: &f32| {
        let share = f64::from(*bandwidth) / f64::from(highest) * 100.0;
        (1..=100u8).min_by(|one, other| {
            let distance = |weight: &u8| (f64::from(*weight) - share).abs();
            distance(one).total_cmp(&distance(other))
        })
    };
    let weights: Vec<u8> = bandwidths.iter().map(|bandwidth| percent(bandwidth).unwrap_or(1)).collect();
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor);
    weights.into_iter().map(|weight| weight / divisor.max(1)).collect()
}

fn greatest_common_divisor(one: u8, other: u8) -> u8 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_in_proportion_and_small() {
        let rows: [(&[f32], &[u8]); 6] = [
            (&[1.25e9, 1.25e9], &[1, 1]),
            (&[1.25e9, 5e9], &[1, 4]),
            (&[1e9, 2e9, 3e9], &[33, 67, 100]),
            (&[1.0, 1e12], &[1, 100]),
            (&[f32::MIN_POSITIVE, f32::MAX], &[1, 100]),
            (&[25e6, 50e6, 100e6], &[1, 2, 4]),
        ];
        for (bandwidths, expected) in rows {
            assert_eq!(weights(bandwidths), expected, "{bandwidths:?}");
        }
    }
}
