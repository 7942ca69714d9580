//! Very many paths to a prefix: the cost of a change does not depend on their number. If it did, these tests
//! would take minutes.

use std::collections::BTreeSet;

use bgp_codec::{Family, Ipv4Prefix, Nlri, PathId, Update};
use margay_filter::{Action, Condition, Edit, Filter, FilterChain, Number, Rule};
use margay_rib::{
    Audit, DecisionRules, Departure, ForwardingOptions, PathsSent, PeerIndex, PeerOptions, ReflectorOptions,
    Rib, RibOptions, Way, WayChange,
};

use super::by_hand::{BLOCK, attributes, exports, gateway, parse, path_exports};
use super::cast::{LOCAL_ASN, identifier, options, with};

/// Steps of work in one part, as in the speaker.
const STEPS: usize = 4096;

#[test]
fn a_hundred_thousand_paths_to_a_prefix_come_and_go_in_parts() {
    for (paths, forwards, sent) in
        [(100_000, true, None), (30_000, false, Some(PathsSent::All)), (10_000, true, Some(PathsSent::All))]
    {
        let case = format!("{paths} paths, forwards {forwards}, {sent:?}");
        let mut rib = rib(forwards);
        let feed = rib.peer_up(options(4), None);
        let reads = if sent.is_some() { path_exports } else { exports };
        let reader = rib.peer_up(
            with(options(4), |it| {
                it.session.path_ids_sent = sent.map(|_| Family::IPV4_UNICAST).into_iter().collect();
                it.rules.paths_sent = sent.unwrap_or_default();
                it.session.identifier = identifier(9);
            }),
            None,
        );
        work(&mut rib);
        let parts = |paths: u32| (0..paths).step_by(500).map(|first| first..first + 500);
        for part in parts(paths) {
            rib.apply_update(feed, announcement(part));
        }
        work(&mut rib);
        assert_eq!(rib.view().counts().paths, paths as usize, "{case}");
        let expected = if sent.is_some() { paths as usize } else { 1 };
        assert_eq!(reads(&mut rib, reader).reached.len(), expected, "{case}");
        // Half of them are withdrawn one by one, the others with the session.
        for part in parts(paths / 2) {
            rib.apply_update(feed, Update::withdrawing(true, part.map(path)));
        }
        work(&mut rib);
        rib.peer_down(feed, Departure::Final);
        work(&mut rib);
        assert_eq!(reads(&mut rib, reader).unreached.len(), expected, "{case}");
        assert_eq!(Audit::of(&rib).faults, Vec::<String>::new(), "{case}");
        assert_eq!((rib.view().counts().paths, rib.view().counts().ipv4_prefixes), (0, 0), "{case}");
    }
}

#[test]
fn prefixes_shared_by_all_nodes_are_removed_with_the_last_node() {
    const NODES: u32 = 4000;
    let prefixes: Vec<Ipv4Prefix> =
        (0..100u32).map(|number| Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24)).collect();
    let mut rib = rib(false);
    let nodes: Vec<PeerIndex> = (0..NODES)
        .map(|number| {
            let address = (0x0a01_0000 + number).to_be_bytes().into();
            rib.peer_up(
                with(options(4), |it| {
                    it.session.address = address;
                    it.session.identifier = identifier(1000 + number);
                }),
                None,
            )
        })
        .collect();
    work(&mut rib);
    for &node in &nodes {
        let nlri = prefixes.iter().copied().map(Nlri::new);
        let attributes = attributes(|it| it.local_pref = Some(100));
        rib.apply_update(node, Update::advertising(attributes, gateway(), false, nlri));
    }
    work(&mut rib);
    assert_eq!(rib.view().counts().paths, NODES as usize * prefixes.len());
    for &node in &nodes {
        rib.peer_down(node, Departure::Final);
        rib.work(STEPS);
    }
    work(&mut rib);
    assert_eq!((rib.view().counts().paths, rib.view().counts().ipv4_prefixes), (0, 0));
    assert_eq!(Audit::of(&rib).faults, Vec::<String>::new());
}

fn rib(forwards: bool) -> Rib {
    let identifier = identifier(100);
    let reflector = ReflectorOptions::new(identifier);
    let forwarding = forwards.then_some(ForwardingOptions { multipath: 16, normal_metric: 1024 });
    let mut rib = Rib::new(RibOptions {
        asn: LOCAL_ASN,
        confederation: None,
        identifier,
        reflector,
        forwarding,
        decision: DecisionRules::default(),
        hash_seed: 1,
    });
    let way = Some(Way::Through { cost: 0 });
    rib.set_ways(&[WayChange { prefix: "10.200.0.0/24".parse().expect("a prefix"), way }]);
    rib
}

/// Does all work in parts, none of which may remove more paths than it has steps.
fn work(rib: &mut Rib) {
    let mut paths = rib.view().counts().paths;
    while rib.work(STEPS) {
        let left = rib.view().counts().paths;
        assert!(paths - left <= STEPS, "{} paths removed in one part", paths - left);
        paths = left;
        while !rib.poll_forwarding(STEPS).is_empty() {}
    }
    while !rib.poll_forwarding(STEPS).is_empty() {}
}

fn path(id: u32) -> Nlri<Ipv4Prefix> {
    Nlri { path_id: Some(PathId(id)), prefix: parse(&[BLOCK])[0] }
}

fn announcement(ids: std::ops::Range<u32>) -> Update {
    let med = ids.start % 7;
    Update::advertising(
        attributes(|it| (it.med, it.local_pref) = (Some(med), Some(100))),
        gateway(),
        true,
        ids.map(path),
    )
}

#[test]
fn five_thousand_peers_with_filters_of_three_contents_are_three_groups() {
    const PEERS: u32 = 5000;
    let mut rib = rib(false);
    let peers: Vec<PeerIndex> = (0..PEERS).map(|number| rib.peer_up(with_own_filter(number), None)).collect();
    let feed = rib.peer_up(options(4), None);
    rib.apply_update(feed, announcement(0..100));
    work(&mut rib);
    let group = |peer| rib.view().peer_counts(peer, Family::IPV4_UNICAST).group;
    let groups: BTreeSet<_> = peers.iter().map(|&peer| group(peer)).collect();
    assert_eq!(groups.len(), 3);
    // Other names and lines with the same contents change nothing.
    let rules =
        (0..PEERS).zip(&peers).map(|(number, &peer)| (peer, with_own_filter(number + 3 * PEERS).rules));
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), rules);
    work(&mut rib);
    let exported = exports(&mut rib, peers[0]).octets;
    assert!(exported > 0);
    let rules = (0..PEERS).zip(&peers).map(|(number, &peer)| (peer, with_own_filter(number).rules));
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), rules);
    work(&mut rib);
    assert_eq!(exports(&mut rib, peers[0]).octets, 0, "nothing is sent again");
}

/// A client with an export filter of a name and a text of its own, of which there are three contents.
fn with_own_filter(number: u32) -> PeerOptions {
    let rule = Rule::new(Condition::always(), Action::Accept)
        .with_edits([Edit::number(Number::Med, (number % 3).to_string().parse().expect("a number"))]);
    let filter = Filter::new(&format!("to-{number}"), [rule]).with_lines([number]);
    with(options(4), |it| {
        it.session.identifier = identifier(1000 + number);
        it.rules.name = format!("peer{number}").into();
        it.rules.export = FilterChain::new([filter]);
    })
}
