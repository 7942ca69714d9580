//! Verdicts on random packets under random policies equal those of a naive model, which looks at all objects each time.
//!
//! `MARGAY_POLICY_PACKETS` is the number of packets; the seed of a world that differs is printed.

use std::collections::BTreeMap;

use crate::world::{NODE, Objects, Random, object, packet};
use margay_cluster::key::ObjectKey;
use margay_policy::{Calculation, Direction, Outcome, Stage};

const DEFAULT_PACKETS: usize = 30_000;
const PACKETS_IN_A_WORLD: usize = 500;

#[test]
fn verdicts_are_those_of_the_naive_model() {
    let packets =
        std::env::var("MARGAY_POLICY_PACKETS").map_or(DEFAULT_PACKETS, |text| text.parse().unwrap());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..packets.div_ceil(PACKETS_IN_A_WORLD) {
        check_world(u64::try_from(seed).unwrap(), &mut seen);
    }
    eprintln!("{packets} packets: {seen:#?}");
    for outcome in ["Allow", "Deny", "Undecided"] {
        let of_outcome = seen.iter().filter(|(what, _)| what.ends_with(outcome)).map(|(_, count)| count);
        assert!(of_outcome.sum::<usize>() > packets / 20, "hardly any packet ends with {outcome}");
    }
}

fn check_world(seed: u64, seen: &mut BTreeMap<String, usize>) {
    let mut random = Random(seed);
    let mut objects = Objects::new();
    let mut calculation = Calculation::new(NODE);
    for _ in 0..70 {
        let (key, object) = object(&mut random);
        calculation.handle_object(&key, Some(&object));
        objects.insert(key, object);
    }
    calculation.take_changes();
    let endpoints: Vec<ObjectKey> = calculation.wanted().endpoints.keys().map(|id| (**id).clone()).collect();
    for _ in 0..PACKETS_IN_A_WORLD {
        let endpoint = random.pick(&endpoints);
        let direction = *random.pick(&[Direction::Ingress, Direction::Egress]);
        let stage = *random.pick(&[
            Stage::Normal,
            Stage::Normal,
            Stage::Normal,
            Stage::Forward,
            Stage::Untracked,
            Stage::PreDnat,
        ]);
        let packet = packet(&mut random);
        let verdict = calculation.wanted().verdict(endpoint, stage, direction, &packet).unwrap();
        let expected: Outcome = crate::naive::verdict(&objects, endpoint, stage, direction, &packet);
        assert_eq!(
            verdict.outcome, expected,
            "seed {seed}: {packet:?} {direction:?} {stage:?} of {endpoint}: {:#?}",
            verdict.steps
        );
        *seen.entry(format!("{stage:?} {:?}", verdict.outcome)).or_default() += 1;
    }
}
