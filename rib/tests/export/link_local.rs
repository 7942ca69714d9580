//! Link-local next hops: advertised only where the link is the same (RFC 2545 §3).

use bgp_codec::{
    AsPathBuf, Family, Ipv6Prefix, Message, NextHop, Nlri, Prefix, Update, decode_message, frame_length,
};
use margay_filter::FilterChain;
use margay_rib::{
    DecisionRules, Departure, Forwarding, ForwardingChange, ForwardingOptions, Hop, LinkName, NextHopMode,
    OwnNextHops, PeerIndex, PeerOptions, ReflectorOptions, Rib, RibOptions, Target, Way, WayChange,
};

use super::by_hand::{attributes, poll_export, rib};
use super::cast::{LOCAL_ASN, context, identifier, options, setting_by_prefix, with};

const GLOBAL: &str = "2001:db8:ff:1::2";
const OWN: &str = "2001:db8:ff::64";

fn ipv6(text: &str) -> NextHop {
    NextHop::Ipv6(text.parse().expect("an address"))
}

fn with_link_local() -> NextHop {
    NextHop::Ipv6LinkLocal {
        global: GLOBAL.parse().expect("an address"),
        link_local: "fe80::2".parse().expect("an address"),
    }
}

/// The next hop that a peer is sent for a route with this next hop from an external or an internal peer.
fn sent(from_external: bool, received: NextHop, reader: PeerOptions) -> NextHop {
    let subnet = Some("2001:db8:ff:1::/64".parse().expect("a prefix"));
    let mut rib: Rib = rib();
    let feed = with(options(if from_external { 0 } else { 4 }), |it| it.own.shared_subnet = subnet);
    let feed = rib.peer_up(feed, None);
    let context = context(reader.session.kind, reader.session.as_width);
    let reader = rib.peer_up(reader, None);
    let block: Ipv6Prefix = match "2001:db8:66::/64".parse() {
        Ok(Prefix::Ipv6(prefix)) => prefix,
        other => panic!("{other:?}"),
    };
    // A path without an AS comes from inside this one.
    let attributes = attributes(|it| it.as_path = AsPathBuf::from_sequence([]));
    rib.apply_update(feed, Update::advertising(attributes, received, false, [Nlri::new(block)]));
    let mut next_hops = Vec::new();
    while rib.work(100) {}
    while let Some(chunks) = poll_export(&mut rib, reader) {
        for mut chunk in chunks.into_iter().map(|chunk| chunk.octets) {
            while let Some(length) = frame_length(&chunk, 4096).expect("well-formed headers") {
                match decode_message(chunk.split_to(length), &context) {
                    Ok(Message::Update(update)) => {
                        next_hops.extend(update.reach().map(|reach| reach.next_hop))
                    }
                    other => panic!("{other:?} is advertised"),
                }
            }
        }
    }
    match next_hops[..] {
        [only] => only,
        _ => panic!("{next_hops:?}"),
    }
}

#[test]
fn a_link_local_address_goes_to_peers_on_the_subnet_of_the_next_hop_and_to_no_others() {
    let subnet = |text: &str| Some(text.parse::<Prefix>().unwrap());
    let on = |shared_subnet, peer| with(options(peer), |it| it.own.shared_subnet = shared_subnet);
    let keep = |shared_subnet| with(on(shared_subnet, 0), |it| it.rules.next_hop = NextHopMode::Keep);
    let (same, other, ipv4) = ("2001:db8:ff:1::/64", "2001:db8:ff:2::/64", "10.200.0.0/24");
    let both = with_link_local();
    let global = ipv6(GLOBAL);
    let rows = [
        ("internal, elsewhere", true, on(None, 7), ipv6(OWN)),
        ("internal, not attached", true, on(None, 4), global),
        ("internal, on another link", true, on(subnet(other), 4), global),
        ("internal, attached by IPv4 only", true, on(subnet(ipv4), 4), global),
        ("internal, on the same link", true, on(subnet(same), 4), both),
        ("reflected to another link", false, on(subnet(other), 11), global),
        ("reflected on the same link", false, on(subnet(same), 11), both),
        ("external, kept, on another link", false, keep(subnet(other)), global),
        ("external, kept, on the same link", false, keep(subnet(same)), both),
        ("external, third party", false, on(subnet(same), 1), both),
        ("external, elsewhere", false, on(subnet(other), 1), ipv6(OWN)),
    ];
    for (case, from_external, reader, expected) in rows {
        let reader = with(reader, |it| {
            it.session.path_ids_sent = Vec::new();
            it.session.families = vec![Family::IPV6_UNICAST];
        });
        assert_eq!(sent(from_external, both, reader), expected, "{case}");
    }
}

#[test]
fn a_lone_link_local_next_hop_is_replaced_by_the_own_address() {
    let link_local = ipv6("fe80::2");
    for (case, reader) in [("internal", options(4)), ("external, kept", options(3))] {
        let reader = with(reader, |it| it.session.families = vec![Family::IPV6_UNICAST]);
        assert_eq!(sent(true, link_local, reader), ipv6(OWN), "{case}");
    }
}

/// A route reflector, or a router of another link, passes on an address that has no meaning here.
#[test]
fn a_link_local_address_from_a_peer_elsewhere_is_not_used_for_forwarding() {
    let subnet = |text: &str| Some(text.parse::<Prefix>().unwrap());
    let (same, other, ipv4) = ("2001:db8:ff:1::/64", "2001:db8:ff:2::/64", "10.200.0.0/24");
    let (both, global) = (with_link_local(), ipv6(GLOBAL));
    for (case, received, shared_subnet, expected) in [
        ("on the link", both, subnet(same), both),
        ("on another link", both, subnet(other), global),
        ("behind a router", both, None, global),
        ("attached by IPv4", both, subnet(ipv4), global),
        ("without a link-local address", global, None, global),
    ] {
        for chain in [FilterChain::accept_all(), setting_by_prefix()] {
            let mut rib = forwarding_rib();
            let feed = with(options(4), |it| {
                it.own.shared_subnet = shared_subnet;
                it.rules.import = chain;
            });
            let feed = rib.peer_up(feed, None);
            announce(&mut rib, feed, received);
            assert_eq!(forwarded(&mut rib), [expected], "{case}");
        }
    }
}

#[test]
fn a_link_local_address_is_used_once_the_peer_is_attached_and_no_longer_afterwards() {
    let mut rib = forwarding_rib();
    let feed = rib.peer_up(with(options(4), |it| it.own.shared_subnet = None), None);
    announce(&mut rib, feed, with_link_local());
    assert_eq!(forwarded(&mut rib), [ipv6(GLOBAL)]);
    let own = options(4).own;
    for (subnet, expected) in [(Some("2001:db8:ff:1::/64"), with_link_local()), (None, ipv6(GLOBAL))] {
        let shared_subnet = subnet.map(|text| text.parse().unwrap());
        rib.set_own_next_hops([(feed, OwnNextHops { shared_subnet, ..own })]);
        assert_eq!(forwarded(&mut rib), [expected], "{subnet:?}");
    }
}

/// A session between link-local addresses says which link they are on; the kernel's routes do not.
#[test]
fn link_local_next_hops_of_a_link_local_peer_are_on_its_link() {
    let link: LinkName = "eth0".parse().unwrap();
    let (alone, both, global) = (ipv6("fe80::2"), with_link_local(), ipv6(GLOBAL));
    let rows = [
        (alone, Some(link), vec![Hop::OnLink(alone, link)]),
        (both, Some(link), vec![Hop::OnLink(both, link)]),
        (global, Some(link), vec![Hop::Gateway(global)]),
        (alone, None, vec![]),
    ];
    for (received, link, expected) in rows {
        for chain in [FilterChain::accept_all(), setting_by_prefix()] {
            let mut rib = forwarding_rib();
            let feed = rib.peer_up(on_link(4, link, chain), None);
            announce(&mut rib, feed, received);
            assert_eq!(forwarded_hops(&mut rib), expected, "{received} over {link:?}");
        }
    }
}

/// `fe80::2` on one link is another router than on the other.
#[test]
fn equal_link_local_next_hops_on_two_links_share_the_traffic() {
    let [one, other]: [LinkName; 2] = ["eth0", "eth1"].map(|name| name.parse().unwrap());
    let mut rib = forwarding_rib();
    let next_hop = ipv6("fe80::2");
    let feeds = [(4, one), (5, other)]
        .map(|(peer, link)| rib.peer_up(on_link(peer, Some(link), FilterChain::accept_all()), None));
    feeds.into_iter().for_each(|feed| announce(&mut rib, feed, next_hop));
    assert_eq!(forwarded_hops(&mut rib), [Hop::OnLink(next_hop, one), Hop::OnLink(next_hop, other)]);
    rib.peer_down(feeds[0], Departure::Final);
    assert_eq!(forwarded_hops(&mut rib), [Hop::OnLink(next_hop, other)]);
}

fn on_link(peer: usize, link: Option<LinkName>, import: FilterChain) -> PeerOptions {
    with(options(peer), |it| {
        it.session.link = link;
        it.own.shared_subnet = None;
        it.rules.import = import;
    })
}

fn forwarding_rib() -> Rib {
    let identifier = identifier(100);
    let mut rib = Rib::new(RibOptions {
        asn: LOCAL_ASN,
        confederation: None,
        identifier,
        reflector: ReflectorOptions::new(identifier),
        forwarding: Some(ForwardingOptions { multipath: 16, normal_metric: 1024 }),
        decision: DecisionRules::default(),
        hash_seed: 1,
    });
    let prefix = "2001:db8:ff:1::/64".parse().expect("a prefix");
    rib.set_ways(&[WayChange { prefix, way: Some(Way::Through { cost: 0 }) }]);
    rib
}

fn announce(rib: &mut Rib, feed: PeerIndex, next_hop: NextHop) {
    let Ok(Prefix::Ipv6(block)) = "2001:db8:66::/64".parse() else { unreachable!("an IPv6 prefix") };
    let update = Update::advertising(attributes(|_| {}), next_hop, false, [Nlri::new(block)]);
    rib.apply_update(feed, update);
}

/// The next hops that the kernel is given.
fn forwarded(rib: &mut Rib) -> Vec<NextHop> {
    forwarded_hops(rib).into_iter().filter_map(Hop::gateway).collect()
}

/// The same with their links; empty if there is no route.
fn forwarded_hops(rib: &mut Rib) -> Vec<Hop> {
    while rib.work(100) {}
    match &rib.poll_forwarding(100)[..] {
        [] => Vec::new(),
        [ForwardingChange { forwarding: Some(Forwarding { target: Target::Via(hops), .. }), .. }] => {
            hops.iter().map(|hop| hop.hop).collect()
        }
        other => panic!("{other:?}"),
    }
}
