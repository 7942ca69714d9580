//! Attribute sets as an external peer with a full table sends them.

use bgp_codec::{
    AsPathBuf, Asn, BgpIdentifier, ClusterId, Community, Origin, PathAttributes, PathAttributesBuilder,
};
use foldhash::{HashSet, HashSetExt};

use super::SeededRandom;

/// Distinct attribute sets, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeSets(Vec<PathAttributes>);

impl AttributeSets {
    /// Distinct sets with AS paths of two to six numbers that start with the AS of the sender.
    pub(crate) fn generate(count: usize, sender: Asn, random: &mut SeededRandom) -> Self {
        let mut seen = HashSet::with_capacity(count);
        let mut sets = Vec::with_capacity(count);
        while sets.len() < count {
            let as_path = as_path(sender, random);
            if seen.insert(as_path.clone()) {
                sets.push(attributes(as_path, sender, random));
            }
        }
        Self(sets)
    }

    /// The same number of sets from each of several senders. Of the sets at the same position one has the
    /// shortest AS path, and no sender is always preferred; the second result contains these shortest ones.
    pub(crate) fn competing(count: usize, senders: &[Asn], random: &mut SeededRandom) -> (Vec<Self>, Self) {
        let mut competing = vec![Self::default(); senders.len()];
        let mut best = Self::default();
        let sender_count = u32::try_from(senders.len()).expect("a few senders");
        for _ in 0..count {
            let (winner, shortest) = (random.below(sender_count) as usize, random.within(2..5));
            for (index, &sender) in senders.iter().enumerate() {
                let length = if index == winner { shortest } else { shortest + random.within(1..4) };
                let set = attributes(as_path_of(length, sender, random), sender, random);
                if index == winner {
                    best.0.push(set.clone());
                }
                competing[index].0.push(set);
            }
        }
        (competing, best)
    }

    /// The same sets with other communities; each set changes.
    pub(crate) fn with_other_communities(&self, sender: Asn, random: &mut SeededRandom) -> Self {
        let change = |set: &PathAttributes| {
            let mut builder = set.to_builder();
            let before = std::mem::take(&mut builder.communities);
            while builder.communities.is_empty() || builder.communities == before {
                builder.communities = communities(sender, random);
            }
            builder.build()
        };
        Self(self.0.iter().map(change).collect())
    }

    /// The sets as advertised by a speaker of another AS to its external peers: with its own AS number
    /// prepended and without MULTI_EXIT_DISC (RFC 4271 §5.1.2, §5.1.4).
    pub(crate) fn advertised_by(&self, speaker: Asn) -> Self {
        self.each(|builder| {
            builder.as_path.prepend(speaker, 1);
            builder.med = None;
        })
    }

    /// The sets as sent by an internal peer, with LOCAL_PREF and MULTI_EXIT_DISC, because FRR adds one of 0
    /// to routes without.
    pub(crate) fn internal(&self, local_pref: u32) -> Self {
        self.each(|builder| {
            builder.local_pref = Some(local_pref);
            builder.med.get_or_insert(0);
        })
    }

    /// The sets as reflected to other clients (RFC 4456 §8).
    pub(crate) fn reflected(&self, originator: BgpIdentifier, cluster: ClusterId) -> Self {
        self.each(|builder| {
            builder.originator_id = Some(originator);
            builder.cluster_list = vec![cluster];
        })
    }

    fn each(&self, change: impl Fn(&mut PathAttributesBuilder)) -> Self {
        let changed = |set: &PathAttributes| {
            let mut builder = set.to_builder();
            change(&mut builder);
            builder.build()
        };
        Self(self.0.iter().map(changed).collect())
    }

    pub(crate) fn as_slice(&self) -> &[PathAttributes] {
        &self.0
    }
}

fn attributes(as_path: Vec<Asn>, sender: Asn, random: &mut SeededRandom) -> PathAttributes {
    let origin = if random.percent(90) { Origin::Igp } else { Origin::Incomplete };
    let mut builder = PathAttributesBuilder::new(origin);
    builder.as_path = AsPathBuf::from_sequence(as_path);
    builder.med = random.percent(20).then(|| random.below(1000));
    if random.percent(70) {
        builder.communities = communities(sender, random);
    }
    builder.build()
}

fn as_path(sender: Asn, random: &mut SeededRandom) -> Vec<Asn> {
    let length = random.within(2..7);
    as_path_of(length, sender, random)
}

fn as_path_of(length: u32, sender: Asn, random: &mut SeededRandom) -> Vec<Asn> {
    std::iter::once(sender).chain((1..length).map(|_| public_asn(random))).collect()
}

/// An AS number that is not used here otherwise; a third need four octets.
fn public_asn(random: &mut SeededRandom) -> Asn {
    if random.percent(33) {
        return Asn(random.within(131_072..402_000));
    }
    match random.within(1..64_496) {
        transition if transition == Asn::TRANS.0 => Asn(transition + 1),
        number => Asn(number),
    }
}

/// One to eight communities in ascending order, because a speaker may sort them.
fn communities(sender: Asn, random: &mut SeededRandom) -> Vec<Community> {
    let count = random.within(1..9);
    let owner = u32::from(sender.to_two_octets()) << 16;
    let mut communities: Vec<Community> =
        (0..count).map(|_| Community(owner | random.below(0x1_0000))).collect();
    communities.sort_unstable();
    communities.dedup();
    communities
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SENDER: Asn = Asn(65001);

    fn generate(count: usize) -> AttributeSets {
        AttributeSets::generate(count, SENDER, &mut SeededRandom::new(3))
    }

    #[test]
    fn sets_are_distinct_also_once_they_are_passed_on() {
        for sets in [generate(5_000), generate(5_000).advertised_by(Asn(65000))] {
            let distinct: HashSet<&PathAttributes> = sets.as_slice().iter().collect();
            assert_eq!(distinct.len(), 5_000);
        }
    }

    #[test]
    fn paths_start_with_the_sender_and_stay_clear_of_the_other_speakers() {
        for set in generate(5_000).as_slice() {
            assert_eq!(set.neighbor_as(), Some(SENDER));
            assert!((2..=6).contains(&set.as_path_length()), "{set:?}");
            for forbidden in [Asn(65000), Asn(65002), Asn::TRANS] {
                assert!(!set.as_path().contains(forbidden), "{set:?}");
            }
        }
    }

    #[test]
    fn one_of_the_competing_sets_is_the_best_and_each_sender_has_some() {
        let senders = [Asn(65101), Asn(65102), Asn(65103)];
        let (competing, best) = AttributeSets::competing(300, &senders, &mut SeededRandom::new(3));
        let mut won = [0; 3];
        for (place, best) in best.as_slice().iter().enumerate() {
            let shorter =
                |sets: &&AttributeSets| sets.as_slice()[place].as_path_length() <= best.as_path_length();
            assert_eq!(competing.iter().filter(shorter).count(), 1, "{best:?}");
            let winner = senders.iter().position(|sender| best.neighbor_as() == Some(*sender)).unwrap();
            assert_eq!(&competing[winner].as_slice()[place], best);
            won[winner] += 1;
        }
        assert!(won.iter().all(|count| *count > 50), "{won:?}");
    }

    #[test]
    fn other_communities_change_each_set_and_nothing_else() {
        let sets = generate(1_000);
        let changed = sets.with_other_communities(SENDER, &mut SeededRandom::new(4));
        for (before, after) in sets.as_slice().iter().zip(changed.as_slice()) {
            assert!(!before.communities().eq(after.communities()), "{before:?}");
            let mut restored = after.to_builder();
            restored.communities = before.communities().collect();
            assert_eq!(&restored.build(), before);
        }
    }

    #[test]
    fn an_external_speaker_prepends_itself_and_drops_med() {
        let sets = generate(200);
        assert!(sets.as_slice().iter().any(|set| set.med().is_some()));
        for (sent, received) in sets.as_slice().iter().zip(sets.advertised_by(Asn(65000)).as_slice()) {
            assert!(received.as_path().asns().eq([Asn(65000)].into_iter().chain(sent.as_path().asns())));
            assert_eq!(received.med(), None);
            assert!(received.communities().eq(sent.communities()));
        }
    }

    #[test]
    fn a_reflector_names_originator_and_cluster_and_changes_nothing_else() {
        let (originator, cluster) =
            (BgpIdentifier::try_from(Ipv4Addr::new(192, 0, 2, 1)).unwrap(), ClusterId(9));
        let sent = generate(200).internal(100);
        for (sent, reflected_set) in
            sent.as_slice().iter().zip(sent.reflected(originator, cluster).as_slice())
        {
            assert!(sent.local_pref() == Some(100) && sent.med().is_some(), "{sent:?}");
            assert_eq!(reflected_set.originator_id(), Some(originator));
            assert!(reflected_set.cluster_list().eq([cluster]));
            let mut restored = reflected_set.to_builder();
            restored.originator_id = None;
            restored.cluster_list.clear();
            assert_eq!(&restored.build(), sent);
        }
    }
}
