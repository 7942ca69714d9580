//! What becomes of configurations of FRR.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{Asn, Origin, PathAttributesBuilder, PeerKind};
use margay_config::Config;
use margay_convert::{Conversion, RemarkKind, convert_frr};
use margay_filter::{AnyCommunity, Decision, FilterChain, LocalValues, RoutePath, RouteSource, Session};
use proptest::prelude::*;

const SAMPLE: &str = "frr version 9.1
frr defaults traditional
hostname r1
!
ip route 10.65.1.0/26 Null0
ip route 10.66.0.0/16 192.168.0.1
!
ip prefix-list PODS seq 5 deny 10.65.9.0/24 le 32
ip prefix-list PODS seq 10 permit 10.65.0.0/16 ge 24 le 26
ip prefix-list ANY seq 5 permit any
bgp community-list standard CUST seq 5 permit 65001:100
bgp as-path access-list OURS seq 5 permit ^65001_
!
router bgp 64512
 bgp router-id 10.0.0.1
 bgp cluster-id 1.0.0.1
 timers bgp 10 30
 neighbor RR peer-group
 neighbor RR remote-as internal
 neighbor RR update-source 10.0.0.1
 neighbor 10.0.0.2 peer-group RR
 neighbor 10.0.0.2 password secret
 neighbor 10.0.0.3 remote-as 65001
 neighbor 10.0.0.3 description the other side
 neighbor 10.0.0.3 ebgp-multihop 2
 neighbor 2001:db8::4 remote-as 65004
 neighbor eth0 interface remote-as external
 neighbor 10.0.0.9 remote-as 65009
 neighbor 10.0.0.9 shutdown
 bgp listen range 10.1.0.0/16 peer-group RR
 bgp listen limit 77
 !
 address-family ipv4 unicast
  network 10.64.0.0/16
  redistribute connected
  redistribute static
  neighbor RR route-reflector-client
  neighbor RR next-hop-self
  neighbor 10.0.0.3 route-map IN in
  neighbor 10.0.0.3 prefix-list PODS out
  neighbor 10.0.0.3 maximum-prefix 1000
  no neighbor 2001:db8::4 activate
  maximum-paths 8
 exit-address-family
 !
 address-family ipv6 unicast
  neighbor 2001:db8::4 activate
 exit-address-family
 !
 address-family l2vpn evpn
  advertise-all-vni
 exit-address-family
exit
!
route-map IN permit 10
 match ip address prefix-list PODS
 match community CUST
 set local-preference 200
 set community 64512:7 additive
exit
!
route-map IN deny 20
 match as-path OURS
 match probability 50
exit
!
route-map IN permit 30
 match evpn vni 10
exit
!
route-map IN permit 40
 on-match next
 set metric +5
exit
!
route-map IN permit 50
 match ip address prefix-list ANY
exit
";

fn converted(text: &str) -> (Conversion, Config) {
    let conversion = convert_frr("frr.conf", text, None).unwrap();
    let config = margay_config::parse("m", &conversion.toml)
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
    (conversion, config)
}

#[test]
fn sessions_groups_and_networks() {
    let (conversion, config) = converted(SAMPLE);
    assert_eq!((config.global().asn.0, config.global().cluster_id.to_string().as_str()), (64512, "1.0.0.1"));
    let [client, other, ipv6] = config.peers() else { panic!("{}", conversion.toml) };
    assert_eq!(
        (client.group.as_deref(), client.rr_client, client.remote_asn.to_string().as_str()),
        (Some("RR"), true, "64512")
    );
    assert_eq!((client.hold_time.seconds(), client.next_hop), (30, margay_config::NextHopMode::Own));
    assert_eq!((other.multihop.map(u8::from), other.remote_asn.to_string().as_str()), (Some(2), "65001"));
    assert_eq!(other.description.as_deref(), Some("the other side"));
    assert_eq!(other.prefix_limit.and_then(|limit| limit.received), Some(1000));
    assert_eq!(ipv6.families.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ipv6-unicast"]);
    // An external peer without filters exchanges nothing (RFC 8212).
    assert_eq!(verdict(&ipv6.import, "2001:db8::/64", &[], "65004"), "-");
    assert_eq!(config.dynamic_peers()[0].limit, 77);
    let networks: Vec<String> = config.networks().iter().map(|network| network.prefix.to_string()).collect();
    assert_eq!(networks, ["10.64.0.0/16", "10.65.1.0/26"]);
    assert!(config.networks()[0].require_route && config.networks()[1].hold.is_some());
    assert_eq!(config.kernel().map(|kernel| (kernel.multipath, kernel.imports.len())), Some((8, 2)));
    let lines: Vec<usize> = conversion
        .remarks
        .iter()
        .filter(|remark| remark.kind == RemarkKind::LeftOut)
        .map(|remark| remark.line)
        .collect();
    let line = |text: &str| 1 + SAMPLE.lines().position(|line| line.contains(text)).unwrap();
    for lost in [
        "ip route 10.66",
        "password secret",
        "interface remote-as",
        "l2vpn",
        "advertise-all-vni",
        "probability",
        "evpn vni",
        "IN permit 30",
    ] {
        assert!(lines.contains(&line(lost)), "{lost}: {:#?}", conversion.remarks);
    }
}

/// Keys of a peer with these lines, and the same lines of a group.
#[test]
fn lines_of_a_neighbor_become_settings() {
    // (lines of the router, lines of the neighbor, the key, its value)
    for (router, neighbor, key, value) in [
        ("", "", "graceful_restart", "{ helper_only = true }"),
        ("", "graceful-restart", "graceful_restart", "true"),
        ("bgp graceful-restart", "", "graceful_restart", "true"),
        ("bgp graceful-restart", "graceful-restart-helper", "graceful_restart", "{ helper_only = true }"),
        ("bgp graceful-restart", "graceful-restart-disable", "graceful_restart", "false"),
        ("bgp graceful-restart-disable", "", "graceful_restart", "false"),
        // A time alone does not make it restart.
        ("bgp graceful-restart restart-time 60", "", "graceful_restart", "{ helper_only = true }"),
        (
            "bgp graceful-restart\n bgp graceful-restart restart-time 60\n bgp long-lived-graceful-restart stale-time 600",
            "",
            "graceful_restart",
            "{ restart_time = \"60s\", long_lived = \"600s\" }",
        ),
        ("", "local-role rs-client", "role", "\"rs-client\""),
        ("", "local-role provider strict-mode", "require_role", "true"),
    ] {
        for name in ["10.0.0.3", "G"] {
            let line =
                if neighbor.is_empty() { String::new() } else { format!(" neighbor {name} {neighbor}\n") };
            let (conversion, _) = converted(&format!(
                "router bgp 64512\n bgp router-id 10.0.0.1\n {router}\n neighbor G peer-group\n neighbor 10.0.0.3 remote-as 65001\n \
                 neighbor 10.0.0.3 peer-group G\n{line}exit\n"
            ));
            let line = format!("{key} = {value}");
            let is_said = conversion.toml.lines().any(|other| other == line);
            assert!(is_said, "{router}, {name} {neighbor}: {line}\n{}", conversion.toml);
            assert!(conversion.remarks.is_empty(), "{:?}", conversion.remarks);
        }
    }
}

#[test]
fn a_confederation_stays_one() {
    let (conversion, config) = converted(
        "router bgp 64601\n bgp router-id 10.0.0.1\n bgp confederation identifier 65000\n bgp confederation peers 64602 64603\n \
         neighbor 10.0.0.2 remote-as 64602\n neighbor 10.0.0.4 remote-as 65004\nexit\n",
    );
    let kind = |name: &str| config.peer(name).unwrap().kind(config.global());
    assert_eq!(kind("10.0.0.2"), Some(PeerKind::Confederation));
    assert_eq!(kind("10.0.0.4"), Some(PeerKind::Ebgp));
    assert_eq!((config.global().asn, config.global().external_asn()), (Asn(64601), Asn(65000)));
    // FRR asks for policies towards other ASes only.
    let denied = |name: &str| config.peer(name).unwrap().export.filters().len();
    assert_eq!((denied("10.0.0.2"), denied("10.0.0.4")), (0, 1), "{}", conversion.toml);
}

#[test]
fn route_maps_and_lists() {
    let (_, config) = converted(SAMPLE);
    let peer = config.peer("10.0.0.3").unwrap();
    let rows = [
        // (prefix, communities, path, what import makes of it)
        ("10.65.1.0/26", &["65001:100"][..], "65001 7", "+ lp=200"),
        ("10.65.1.0/27", &["65001:100"], "65001 7", "-"),
        ("10.65.9.0/26", &["65001:100"], "65001 7", "-"),
        ("10.65.9.0/26", &["65001:100"], "65002 7", "+ med=5"),
        ("10.65.1.0/26", &[], "65001", "-"),
        ("10.65.1.0/26", &[], "65002", "+ med=5"),
    ];
    for (prefix, communities, path, expected) in rows {
        assert_eq!(verdict(&peer.import, prefix, communities, path), expected, "{prefix} {path}");
    }
    for (prefix, expected) in
        [("10.65.1.0/26", "+"), ("10.65.1.0/28", "-"), ("10.65.9.0/26", "-"), ("10.0.0.0/8", "-")]
    {
        assert_eq!(verdict(&peer.export, prefix, &[], "65001"), expected, "{prefix}");
    }
}

#[test]
fn a_file_of_another_kind_is_an_error() {
    let error = convert_frr("x", "protocol bgp a { }\n", None).unwrap_err();
    assert_eq!(error.to_string(), "x:1: there is no \"router bgp\"");
}

/// `+` and what is set, or `-`.
fn verdict(chain: &FilterChain, prefix: &str, communities: &[&str], as_path: &str) -> String {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = as_path.parse().unwrap();
    for community in communities {
        if let AnyCommunity::Standard(community) = community.parse().unwrap() {
            builder.communities.push(community);
        }
    }
    let attributes = builder.build();
    let prefix: bgp_codec::Prefix = prefix.parse().unwrap();
    let session = Session {
        name: "q".into(),
        group: None,
        address: "10.0.0.3".parse().unwrap(),
        kind: PeerKind::Ebgp,
        is_client: false,
    };
    let path = RoutePath {
        family: prefix.family(),
        attributes: &attributes,
        next_hop: Some("10.0.0.9".parse().unwrap()),
        local: LocalValues::default(),
        source: RouteSource::Peer(&session),
        interface: None,
        is_stale: false,
    };
    let verdict = chain.evaluate(&path, &prefix.into());
    if verdict.decision == Decision::Reject {
        return "-".to_owned();
    }
    let numbers = [("lp", verdict.edits.local_pref), ("med", verdict.edits.med.flatten())];
    let set = numbers.iter().filter_map(|(name, value)| value.map(|value| format!(" {name}={value}")));
    format!("+{}", set.collect::<String>())
}

proptest! {
    /// Whatever lines stand in a file, and in whatever order, the result has no errors.
    #[test]
    fn any_lines_become_a_good_file(picks in prop::collection::vec((0..90usize, 0..8usize, ".{0,6}"), 0..60)) {
        let lines: Vec<&str> = SAMPLE.lines().collect();
        let mut text = String::from("router bgp 1\n");
        for (line, word, noise) in picks {
            let line = lines[line % lines.len()];
            // Every few lines, a word is replaced by noise.
            let words: Vec<&str> = line.split(' ').enumerate().map(|(index, found)| if index == word && word > 5 { noise.as_str() } else { found }).collect();
            text += &words.join(" ");
            text.push('\n');
        }
        if let Ok(conversion) = convert_frr("f", &text, None) {
            prop_assert!(margay_config::parse("m", &conversion.toml).is_ok(), "{}\n{}\n{:?}", text, conversion.toml, margay_config::parse("m", &conversion.toml));
        }
    }
}
