//! Capabilities: octets to values and back, and text.

use super::*;

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

#[test]
fn every_capability_has_its_octets_and_its_name() {
    let unknown = |code, value: &[u8]| Capability::Unknown { code, value: value.to_vec() };
    let restart = GracefulRestart {
        restarted: true,
        survives_notification: true,
        restart_time_seconds: 120,
        families: vec![GracefulRestartFamily { family: V4, forwarding_preserved: true }],
    };
    let long_lived = LongLivedFamily { family: V6, forwarding_preserved: false, stale_time_seconds: 86_400 };
    let fqdn = Fqdn { host: "rr1".to_owned(), domain: "example".to_owned() };
    let over_ipv6 = ExtendedNextHopFamily { family: V4, next_hop: Afi::IPV6 };
    let rows: [(Capability, &[u8], &str); 14] = [
        (Capability::Multiprotocol(V6), &[1, 4, 0, 2, 0, 1], "ipv6-unicast"),
        (Capability::RouteRefresh, &[2, 0], "route refresh"),
        (
            Capability::ExtendedNextHop(vec![over_ipv6]),
            &[5, 6, 0, 1, 0, 1, 0, 2],
            "extended next hop ipv4-unicast over IPv6",
        ),
        (Capability::ExtendedMessage, &[6, 0], "extended messages"),
        (
            Capability::MultipleLabels(vec![LabelledFamily { family: V4, labels: 3 }]),
            &[8, 4, 0, 1, 1, 3],
            "multiple labels ipv4-unicast 3",
        ),
        (Capability::Role(Role::CUSTOMER), &[9, 1, 3], "role customer"),
        (
            Capability::GracefulRestart(restart),
            &[64, 6, 0xc0, 120, 0, 1, 1, 0x80],
            "graceful restart 120 s, restarted, survives notifications, ipv4-unicast forwarding preserved",
        ),
        (Capability::FourOctetAs(Asn(70_000)), &[65, 4, 0, 1, 0x11, 0x70], "4-octet AS number 70000"),
        (
            Capability::AddPath(vec![(V4, AddPathMode::BOTH), (V6, AddPathMode::RECEIVE)]),
            &[69, 8, 0, 1, 1, 3, 0, 2, 1, 1],
            "ADD-PATH receive and send ipv4-unicast, receive ipv6-unicast",
        ),
        (Capability::EnhancedRouteRefresh, &[70, 0], "enhanced route refresh"),
        (
            Capability::LongLivedGracefulRestart(vec![long_lived]),
            &[71, 7, 0, 2, 1, 0, 1, 0x51, 0x80],
            "long-lived graceful restart ipv6-unicast 86400 s",
        ),
        (Capability::Fqdn(fqdn), b"\x49\x0c\x03rr1\x07example", "host name rr1.example"),
        (Capability::SoftwareVersion("margay".to_owned()), b"\x4b\x07\x06margay", "software version margay"),
        (unknown(3, &[0, 1]), &[3, 2, 0, 1], "capability 3"),
    ];
    for (capability, octets, text) in rows {
        let mut out = BytesMut::new();
        capability.encode(&mut out);
        assert_eq!(out, octets, "{capability:?}");
        assert_eq!(Capability::decode(octets[0], &octets[2..]), Some(capability.clone()));
        assert_eq!(capability.to_string(), text);
    }
}

#[test]
fn a_wrong_length_is_malformed_where_the_value_matters() {
    for (code, value) in [
        (1, &[0, 1, 0][..]),
        (5, &[0, 1, 0, 1, 0]),
        (8, &[0, 1, 1]),
        (9, &[]),
        (9, &[3, 3]),
        (64, &[0]),
        (64, &[0, 0, 0, 1, 1]),
        (65, &[0, 1]),
        (69, &[0, 1, 1]),
        (71, &[0, 1, 1, 0, 0, 0]),
    ] {
        assert_eq!(Capability::decode(code, value), None, "{code} {value:?}");
    }
}

#[test]
fn padding_in_place_of_a_value_is_ignored() {
    for (code, expected) in [
        (2, Capability::RouteRefresh),
        (6, Capability::ExtendedMessage),
        (70, Capability::EnhancedRouteRefresh),
    ] {
        assert_eq!(Capability::decode(code, &[0, 0]), Some(expected));
    }
}

#[test]
fn invalid_values_that_may_be_ignored_are_kept_unread() {
    for (code, value) in [(73, &[9, b'a'][..]), (73, &[1, 0xff, 0]), (75, &[5]), (75, &[])] {
        let expected = Capability::Unknown { code, value: value.to_vec() };
        assert_eq!(Capability::decode(code, value), Some(expected), "{value:?}");
    }
}

#[test]
fn queries_search_all_capabilities() {
    let restart = |restart_time_seconds| {
        Capability::GracefulRestart(GracefulRestart {
            restarted: false,
            survives_notification: false,
            restart_time_seconds,
            families: vec![],
        })
    };
    let add_path = |mode| Capability::AddPath(vec![(V4, mode)]);
    let capabilities = Capabilities(vec![
        restart(1),
        add_path(AddPathMode::SEND),
        add_path(AddPathMode::BOTH),
        restart(2),
        Capability::Role(Role::PEER),
        Capability::ExtendedNextHop(vec![ExtendedNextHopFamily { family: V4, next_hop: Afi::IPV6 }]),
    ]);
    assert_eq!(capabilities.graceful_restart().map(|restart| restart.restart_time_seconds), Some(2));
    assert_eq!(capabilities.add_path(V4), Some(AddPathMode::BOTH));
    assert_eq!(capabilities.add_path(V6), None);
    assert_eq!(capabilities.role(), Some(Role::PEER));
    assert!(capabilities.extended_next_hop(V4, Afi::IPV6) && !capabilities.extended_next_hop(V6, Afi::IPV4));
    assert!(!capabilities.enhanced_route_refresh());
}

#[test]
fn elements_that_do_not_fit_are_left_out_whole() {
    let encoded = |capability: Capability| {
        let mut out = BytesMut::new();
        capability.encode(&mut out);
        Capability::decode(out[0], &out[2..]).unwrap()
    };
    let modes = vec![(V4, AddPathMode::SEND); 100];
    assert_eq!(encoded(Capability::AddPath(modes.clone())), Capability::AddPath(modes[..63].to_vec()));
    let long = "ä".repeat(200);
    assert_eq!(
        encoded(Capability::SoftwareVersion(long.clone())),
        Capability::SoftwareVersion("ä".repeat(127))
    );
    let fqdn = Fqdn { host: long.clone(), domain: long };
    let short = "ä".repeat(32);
    assert_eq!(
        encoded(Capability::Fqdn(fqdn)),
        Capability::Fqdn(Fqdn { host: short.clone(), domain: short })
    );
}

#[test]
fn roles_match_as_in_the_table() {
    let roles = [Role::PROVIDER, Role::ROUTE_SERVER, Role::ROUTE_SERVER_CLIENT, Role::CUSTOMER, Role::PEER];
    let partner = [3, 2, 1, 0, 4];
    for (ours, partner) in roles.into_iter().zip(partner) {
        for theirs in roles {
            assert_eq!(ours.matches(theirs), theirs.0 == partner, "{ours} and {theirs}");
        }
    }
}
