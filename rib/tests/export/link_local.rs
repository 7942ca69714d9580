//! Link-local next hops: advertised only where the link is the same (RFC 2545 §3).

use bgp_codec::{
    AsPathBuf, Family, Ipv6Prefix, Message, NextHop, Nlri, Prefix, Update, decode_message, frame_length,
};
use margay_rib::{NextHopMode, PeerOptions, Rib};

use super::by_hand::{attributes, poll_export, rib};
use super::cast::{context, options, with};

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
    let mut rib: Rib = rib();
    let feed =
        rib.peer_up(with(options(if from_external { 0 } else { 4 }), |it| it.own.shared_subnet = None), None);
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
