//! Programs decide on random packets as the evaluator does, and have the shape that nftables needs.

use std::collections::{BTreeMap, BTreeSet};

use margay_policy::{
    Calculation, Direction, DispatchMap, Marks, Match, NamedSetChange, ObjectId, Outcome, Program,
    ProgramChanges, Programmer, SetElements, Stage, Statement,
};
use proptest::prelude::*;

use crate::interpreter;
use crate::world::{NODE, Random, object, packet};

const WORLDS: u64 = 100;
const PACKETS_IN_A_WORLD: usize = 300;

#[test]
fn programs_decide_as_the_evaluator() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..WORLDS {
        check_world(seed, &mut seen);
    }
    eprintln!("{seen:#?}");
    for what in ["Normal Allow", "Normal Deny", "Untracked Undecided", "PreDnat Allow", "Forward Allow"] {
        assert!(seen.contains_key(what), "no packet with {what}");
    }
}

fn check_world(seed: u64, seen: &mut BTreeMap<String, usize>) {
    let mut random = Random(seed ^ 0x7072_6f67);
    let calculation = world(&mut random);
    let wanted = calculation.wanted();
    let marks = Marks::default();
    let program = Program::of(wanted, marks);
    check_shape(&program);
    let endpoints: Vec<&ObjectId> = wanted.endpoints.keys().collect();
    for _ in 0..PACKETS_IN_A_WORLD {
        let endpoint = *random.pick(&endpoints);
        let direction = *random.pick(&[Direction::Ingress, Direction::Egress]);
        let stage =
            *random.pick(&[Stage::Normal, Stage::Normal, Stage::Forward, Stage::Untracked, Stage::PreDnat]);
        let mut packet = packet(&mut random);
        // The kernel does not see requests.
        packet.request = None;
        let interface = wanted.endpoints[endpoint].interface.as_ref().unwrap();
        let map = DispatchMap::of(endpoint, stage, direction);
        let chain = program.interfaces(&map).and_then(|interfaces| interfaces.get(interface));
        let found = match (chain, stage) {
            (Some(chain), _) => interpreter::run(&program, chain, &packet, marks),
            (None, Stage::Normal) => panic!("{endpoint} has no chain"),
            (None, Stage::Forward) => Outcome::Allow,
            (None, Stage::Untracked | Stage::PreDnat) => Outcome::Undecided,
        };
        let expected = wanted.verdict(endpoint, stage, direction, &packet).unwrap();
        assert_eq!(
            found, expected.outcome,
            "seed {seed}: {packet:?} {direction:?} {stage:?} of {endpoint}: {:#?}",
            expected.steps
        );
        *seen.entry(format!("{stage:?} {found:?}")).or_default() += 1;
    }
}

fn world(random: &mut Random) -> Calculation {
    let mut calculation = Calculation::new(NODE);
    for _ in 0..70 {
        let (key, object) = object(random);
        calculation.handle_object(&key, Some(&object));
    }
    calculation.take_changes();
    calculation
}

/// What nftables would refuse: chains and sets that do not exist, intervals that overlap, names that are too long.
fn check_shape(program: &Program) {
    let mut jumps: BTreeSet<&String> = BTreeSet::new();
    for (name, chain) in &program.chains {
        assert!(name.len() < 128, "{name}");
        for rule in &chain.rules {
            jumps.extend(rule.statements.iter().filter_map(|statement| match statement {
                Statement::Jump(chain) => Some(chain),
                _ => None,
            }));
            for one in &rule.matches {
                match one {
                    Match::AddressSet { set, .. } | Match::PortSet { set, .. } => {
                        assert!(program.sets.contains_key(set), "{set} of {name}");
                    }
                    Match::Networks { networks, .. } => check_intervals(networks.iter()),
                    _ => {}
                }
            }
        }
    }
    let entries: BTreeSet<&String> = program.dispatch.values().flat_map(BTreeMap::values).collect();
    for chain in jumps.union(&entries) {
        assert!(program.chains.contains_key(*chain), "{chain}");
    }
    for set in program.sets.values() {
        if let SetElements::Networks(networks) = &set.elements {
            check_intervals(networks.iter());
        }
    }
}

fn check_intervals<'n>(networks: impl Iterator<Item = &'n ipnet::IpNet> + Clone) {
    assert!(networks.clone().next().is_some(), "an interval set that never matches");
    for one in networks.clone() {
        assert!(
            !networks.clone().any(|other| one != other && one.contains(other)),
            "{one} has another in it"
        );
    }
}

/// Equal lists of policies lead to one chain, whatever else the endpoints differ in.
#[test]
fn endpoints_with_equal_lists_share_their_chains() {
    let mut random = Random(5);
    let calculation = world(&mut random);
    let program = Program::of(calculation.wanted(), Marks::default());
    let mut chains: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for (id, endpoint) in &calculation.wanted().endpoints {
        let map = DispatchMap::of(id, Stage::Normal, Direction::Ingress);
        let chain = &program.dispatch[&map][endpoint.interface.as_ref().unwrap()];
        let tiers = endpoint.tiers.iter().map(|tier| (&tier.name, &tier.ingress));
        let known = |profile: &&std::sync::Arc<str>| calculation.wanted().profiles.contains_key(*profile);
        let profiles: Vec<_> = endpoint.profiles.iter().filter(known).collect();
        let tiers: Vec<_> = tiers.filter(|(_, policies)| !policies.is_empty()).collect();
        chains.entry(format!("{tiers:?} {profiles:?}")).or_default().insert(chain);
    }
    for (lists, chains) in &chains {
        assert_eq!(chains.len(), 1, "{lists}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A program that was kept up to date through a history is the one made from scratch, and what each update reports
    /// is what makes the former program the present one.
    #[test]
    fn updated_programs_equal_those_from_scratch(seed: u64) {
        let mut random = Random(seed);
        let mut calculation = Calculation::new(NODE);
        let mut programmer = Programmer::new(Marks::default());
        let mut copy = Program::default();
        for _ in 0..100 {
            let (key, object) = object(&mut random);
            let present = !random.once_in(4);
            calculation.handle_object(&key, present.then_some(&object));
            if random.once_in(3) {
                let changes = calculation.take_changes();
                let reported = programmer.update(calculation.wanted(), &changes);
                follow(&mut copy, &reported, programmer.program());
                prop_assert_eq!(&copy, programmer.program());
            }
        }
        let changes = calculation.take_changes();
        programmer.update(calculation.wanted(), &changes);
        prop_assert_eq!(programmer.program(), &Program::of(calculation.wanted(), Marks::default()));
        let nothing = calculation.take_changes();
        prop_assert!(programmer.update(calculation.wanted(), &nothing).is_empty());
    }
}

/// Does to a copy what an update reports. Everything that is reported must make a difference.
fn follow(copy: &mut Program, changes: &ProgramChanges, present: &Program) {
    for (name, change) in &changes.sets {
        match change {
            NamedSetChange::Created => {
                assert!(copy.sets.insert(name.clone(), present.sets[name].clone()).is_none(), "{name}");
            }
            NamedSetChange::Removed => assert!(copy.sets.remove(name).is_some(), "{name}"),
            NamedSetChange::Changed { added, removed } => {
                let elements = &mut copy.sets.get_mut(name).unwrap().elements;
                let before = elements.clone();
                removed.iter().for_each(|member| elements.remove(member));
                added.iter().for_each(|member| elements.insert(member));
                assert_ne!(*elements, before, "{name}");
            }
        }
    }
    for name in &changes.chains {
        let before = match present.chains.get(name) {
            Some(chain) => copy.chains.insert(name.clone(), chain.clone()),
            None => copy.chains.remove(name),
        };
        assert_ne!(before.as_ref(), present.chains.get(name), "{name}");
    }
    for (map, interface) in &changes.interfaces {
        let interfaces = copy.dispatch.entry(*map).or_default();
        match present.dispatch.get(map).and_then(|interfaces| interfaces.get(interface)) {
            Some(chain) => {
                assert_ne!(interfaces.insert(interface.clone(), chain.clone()).as_ref(), Some(chain))
            }
            None => assert!(interfaces.remove(interface).is_some()),
        }
        if interfaces.is_empty() {
            copy.dispatch.remove(map);
        }
    }
}
