//! Files without errors, and what they mean.

use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use bgp_codec::{AddPathMode, Asn, ClusterId, Family, HoldTime, PeerKind};
use margay_bfd::{AuthenticationKind, Intervals};
use margay_config::{
    Bfd, BfdAuthentication, Config, GracefulRestart, Hold, Http, Kernel, LocalAsn, NextHopMode, Peer,
    PrivateAsns, RemoteAsn, WatchFile, parse,
};
use margay_filter::{FilterChain, LocalValues, RoutePath, RouteSource};

#[test]
fn the_reference_file_means_what_it_says() {
    let text = include_str!("../example.toml");
    let config = parsed(text);
    assert_eq!(config.global().asn, Asn(64512));
    assert_eq!(config.kernel(), Some(&Kernel::default()), "the file shows the defaults");
    assert_eq!(config.global().update_delay, Duration::from_secs(5));
    assert_eq!(config.networks().len(), 2);
    assert_eq!(config.networks()[0].hold, Some(Hold::Blackhole));
    assert_eq!(config.networks()[1].hold, None);
    assert_eq!(config.filters().len(), 1);
    let tor = config.peer("tor1").unwrap();
    // The rules are the three lines after the one that opens the list.
    let rules = text.lines().position(|line| line == "rules = [").unwrap() + 1;
    let (first, third) = (rules + 1, rules + 3);
    let accepted = format!("accepted by filter pods-only, rule 1 (line {first})");
    assert_eq!(verdict(&tor.import, "10.65.1.0/26"), accepted);
    let rejected = format!("rejected by filter pods-only, rule 3 (line {third})");
    assert_eq!(verdict(&tor.import, "10.65.1.0/25"), rejected);
    assert_eq!(tor.multihop, NonZeroU8::new(2));
    assert!(tor.ttl_security);
    let [dynamic] = config.dynamic_peers() else { panic!("one range") };
    assert_eq!((dynamic.range.to_string().as_str(), dynamic.limit), ("10.1.0.0/16", 5000));
    let node = config.peer("10.0.0.12").unwrap();
    assert_eq!(node.group.as_deref(), Some("mesh"));
    assert_eq!(node.remote_asn, RemoteAsn::Number(Asn(64512)));
    assert_eq!(node.hold_time, HoldTime::from_seconds(30).unwrap());
    assert_eq!(node.families, [Family::IPV4_UNICAST, Family::IPV6_UNICAST]);
}

#[test]
fn http_serves_the_loopback_addresses_unless_a_list_names_others() {
    let global = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n[control]\n";
    assert_eq!(parsed(global).control().http, None);
    let prefixes = |http: &Http| http.allow.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plain = parsed(&format!("{global}http = \"[::]:9179\"\n"));
    let http = plain.control().http.as_ref().unwrap();
    assert_eq!(http.listen, "[::]:9179".parse().unwrap());
    assert_eq!(
        (prefixes(http), http.token_file.as_deref()),
        (vec!["127.0.0.0/8".into(), "::1/128".into()], None)
    );
    let named = "http_allow = [\"10.0.0.0/8\"]\nhttp_token_file = \"/etc/margay/token\"\n";
    let named = parsed(&format!("{global}http = \"10.0.0.11:9179\"\n{named}"));
    let http = named.control().http.as_ref().unwrap();
    assert_eq!(prefixes(http), ["10.0.0.0/8"]);
    assert_eq!(http.token_file.as_deref(), Some("/etc/margay/token".as_ref()));
}

#[test]
fn a_reflector_reflects_for_its_own_cluster_unless_a_client_names_another() {
    let clients = "[peer_group.nodes]\nremote_asn = 64512\nrr_client = true\n[[peer]]\naddress = \"10.0.0.1\"\ngroup = \"nodes\"\n\
                   [[peer]]\naddress = \"10.0.0.2\"\ngroup = \"nodes\"\ncluster_id = \"0.0.0.2\"\n";
    let plain = parsed(&format!("[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n{clients}"));
    assert_eq!(plain.global().cluster_id, plain.global().router_id.into());
    assert!(plain.global().client_to_client && plain.peers().iter().all(|peer| peer.rr_client));
    let clusters: Vec<Option<ClusterId>> = plain.peers().iter().map(|peer| peer.cluster_id).collect();
    assert_eq!(clusters, [None, Some(ClusterId(2))]);
    let named = "cluster_id = \"0.0.0.9\"\nclient_to_client = false\n";
    let named = parsed(&format!("[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n{named}{clients}"));
    assert_eq!((named.global().cluster_id, named.global().client_to_client), (ClusterId(9), false));
}

#[test]
fn several_paths_are_for_the_families_that_say_so() {
    let (v4, v6) = (Family::IPV4_UNICAST, Family::IPV6_UNICAST);
    let both_families = "families = [\"ipv4-unicast\", \"ipv6-unicast\"]\n";
    type Row<'a> = (&'a str, &'a [(Family, AddPathMode)], Option<u16>);
    let rows: [Row<'_>; 6] = [
        (
            "add_path = \"both\"\nadd_path_send = \"all\"",
            &[(v4, AddPathMode::BOTH), (v6, AddPathMode::BOTH)],
            None,
        ),
        (
            "add_path = \"receive\"\nadd_path_send = 1",
            &[(v4, AddPathMode::RECEIVE), (v6, AddPathMode::RECEIVE)],
            Some(1),
        ),
        ("add_path = \"off\"\nadd_path_send = 65535", &[], Some(65535)),
        ("add_path = { ipv6-unicast = \"send\" }", &[(v6, AddPathMode::SEND)], None),
        (
            "add_path = { ipv4-unicast = \"both\", ipv6-unicast = \"receive\" }",
            &[(v4, AddPathMode::BOTH), (v6, AddPathMode::RECEIVE)],
            None,
        ),
        ("add_path = { ipv4-unicast = \"off\" }", &[], None),
    ];
    for (text, modes, limit) in rows {
        let config =
            parsed(&with_peer(&format!("address = \"10.0.0.1\"\nremote_asn = 1\n{both_families}{text}")));
        let [peer] = config.peers() else { panic!("{text}") };
        assert_eq!((&*peer.add_path, peer.add_path_send.map(NonZeroU16::get)), (modes, limit), "{text}");
    }
    let group = "[peer_group.g]\nremote_asn = 1\nadd_path = \"both\"\nadd_path_send = 4\n";
    let peers = "[[peer]]\naddress = \"10.0.0.1\"\ngroup = \"g\"\n\
                 [[peer]]\naddress = \"10.0.0.2\"\ngroup = \"g\"\nadd_path = \"off\"\nadd_path_send = \"all\"\n";
    let config = parsed(&format!("[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n{group}{peers}"));
    let settings =
        config.peers().iter().map(|peer| (peer.add_path.len(), peer.add_path_send.map(NonZeroU16::get)));
    assert_eq!(settings.collect::<Vec<_>>(), [(1, Some(4)), (0, None)]);
}

#[test]
fn dynamic_peers_have_the_settings_of_their_group() {
    let config = parsed(
        "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n[peer_group.nodes]\nremote_asn = 64512\nrr_client = true\n\
         hold_time = \"9s\"\n[peer_group.tors]\nremote_asn = 65001\n\
         [[dynamic_peers]]\nrange = \"10.0.0.0/16\"\ngroup = \"nodes\"\n\
         [[dynamic_peers]]\nrange = \"10.0.9.0/24\"\ngroup = \"tors\"\nlimit = 2\n\
         [[dynamic_peers]]\nrange = \"2001:db8::/32\"\ngroup = \"nodes\"\n",
    );
    // (address, range, limit)
    let rows = [
        ("10.0.8.255", Some(("10.0.0.0/16", 1000))),
        ("10.0.9.0", Some(("10.0.9.0/24", 2))),
        ("10.0.9.255", Some(("10.0.9.0/24", 2))),
        ("10.1.0.0", None),
        ("2001:db8::1", Some(("2001:db8::/32", 1000))),
        ("::ffff:10.0.0.1", None),
    ];
    for (address, expected) in rows {
        let dynamic = config.dynamic_peers_at(address.parse().unwrap());
        let seen = dynamic.map(|dynamic| (dynamic.range.to_string(), dynamic.limit));
        assert_eq!(seen, expected.map(|(range, limit)| (range.to_owned(), limit)), "{address}");
    }
    let address = "10.0.8.1".parse().unwrap();
    let peer = config.dynamic_peers_at(address).unwrap().peer(address);
    assert_eq!(
        (peer.name.as_str(), peer.address, peer.group.as_deref()),
        ("10.0.8.1", address, Some("nodes"))
    );
    assert!(peer.passive && peer.rr_client);
    assert_eq!((peer.families, peer.hold_time.duration().as_secs()), (vec![Family::IPV4_UNICAST], 9));
    let address = "2001:db8::7".parse().unwrap();
    let peer = config.dynamic_peers_at(address).unwrap().peer(address);
    assert_eq!((peer.name.as_str(), peer.families), ("2001:db8::7", vec![Family::IPV6_UNICAST]));
}

#[test]
fn a_minimal_file_gets_the_defaults() {
    let config = parsed(&with_peer("address = \"2001:db8::1\"\nremote_asn = 65001"));
    let listen: Vec<String> = config.global().listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:179", "[::]:179"]);
    assert_eq!(config.global().log, "info");
    assert_eq!(config.control().socket.to_str(), Some("/run/margay/control.sock"));
    assert_eq!(config.kernel(), None);
    assert!(config.networks().is_empty());
    let expected = Peer {
        name: "2001:db8::1".to_owned(),
        address: "2001:db8::1".parse().unwrap(),
        link: None,
        description: None,
        group: None,
        remote_asn: RemoteAsn::Number(Asn(65001)),
        local_asn: None,
        passive: false,
        import: Default::default(),
        export: Default::default(),
        families: vec![Family::IPV6_UNICAST],
        hold_time: HoldTime::from_seconds(90).unwrap(),
        min_hold_time: None,
        keepalive: None,
        connect_retry: Duration::from_secs(10),
        password_file: None,
        port: 179,
        source_address: None,
        multihop: None,
        ttl_security: false,
        next_hop: NextHopMode::Auto,
        extended_next_hop: false,
        remove_private_asns: None,
        route_server_client: false,
        rr_client: false,
        cluster_id: None,
        add_path: Vec::new(),
        default_originate: false,
        add_path_send: None,
        send_hold_time: None,
        prefix_limit: None,
        graceful_restart: Some(GracefulRestart::default()),
        bfd: None,
        advertise_hostname: false,
        advertise_software_version: false,
        allow_local_as: 0,
        enforce_first_as: false,
        refuse_as_sets: false,
        role: None,
        require_role: false,
    };
    assert_eq!(config.peers(), [expected]);
}

#[test]
fn what_a_peer_says_wins_over_its_group() {
    let text = with_peer(
        "address = \"172.16.0.1\"\ngroup = \"g\"\nhold_time = \"0s\"\nnext_hop = \"keep\"\nimport = []",
    ) + "[filter.none]\nrules = []\n[peer_group.g]\nremote_asn = 65001\nhold_time = \"30s\"\npassive = true\nport = 1790\n\
           next_hop = \"self\"\nimport = [\"none\"]\nexport = [\"none\"]\n";
    let config = parsed(&text);
    let peer = &config.peers()[0];
    assert_eq!((peer.hold_time, peer.next_hop), (HoldTime::ZERO, NextHopMode::Keep));
    assert_eq!((peer.passive, peer.port, peer.remote_asn), (true, 1790, RemoteAsn::Number(Asn(65001))));
    assert!(peer.import.filters().is_empty(), "an empty list is an answer");
    assert_eq!(peer.export.filters().len(), 1);
}

#[test]
fn inline_tables_and_dotted_keys_are_toml_as_any_other() {
    let config = parsed(
        "global.asn = 1\nglobal.router_id = '1.1.1.1'\npeer = [{address = '10.0.0.1', remote_asn = 2}]",
    );
    assert_eq!(config.peers()[0].remote_asn, RemoteAsn::Number(Asn(2)));
}

#[test]
fn the_kind_of_a_peer_follows_from_both_as_numbers() {
    let rows = [
        ("remote_asn = 65001", Some(PeerKind::Ebgp)),
        ("remote_asn = 1", Some(PeerKind::Ibgp)),
        ("remote_asn = \"external\"", Some(PeerKind::Ebgp)),
        ("remote_asn = \"internal\"", Some(PeerKind::Ibgp)),
        ("remote_asn = \"any\"", None),
        ("remote_asn = 65001\nlocal_asn = 65001", Some(PeerKind::Ibgp)),
        ("remote_asn = 1\nlocal_asn = { asn = 65001, prepend = false }", Some(PeerKind::Ebgp)),
    ];
    for (keys, kind) in rows {
        let config = parsed(&format!(
            "[global]\nasn = 1\nrouter_id = \"10.0.0.1\"\n[[peer]]\naddress = \"10.0.0.2\"\n{keys}\n"
        ));
        assert_eq!(config.peers()[0].kind(config.global()), kind, "{keys}");
    }
}

#[test]
fn members_of_a_confederation_know_each_other_by_their_own_numbers() {
    for (keys, kind, own) in [
        ("remote_asn = 64602", PeerKind::Confederation, 64601),
        ("remote_asn = 64601", PeerKind::Ibgp, 64601),
        ("remote_asn = \"internal\"", PeerKind::Ibgp, 64601),
        ("remote_asn = 65001", PeerKind::Ebgp, 65000),
        ("remote_asn = \"external\"", PeerKind::Ebgp, 65000),
        ("remote_asn = 65001\nlocal_asn = 64999", PeerKind::Ebgp, 64999),
    ] {
        let config = parsed(&format!(
            "[global]\nasn = 64601\nconfederation = {{ identifier = 65000, members = [64601, 64602] }}\n\
             router_id = \"10.0.0.1\"\n[[peer]]\naddress = \"10.0.0.2\"\n{keys}\n"
        ));
        let (peer, global) = (&config.peers()[0], config.global());
        assert_eq!((peer.kind(global), peer.own_asn(global)), (Some(kind), Asn(own)), "{keys}");
    }
}

#[test]
fn forms_of_peering_are_read_as_written() {
    let config = parsed(
        "[global]\nasn = 1\nrouter_id = \"10.0.0.1\"\nalways_compare_med = true\ncompare_router_id = false\n\
         deterministic_med = true\n\
         [[peer]]\naddress = \"10.0.0.2\"\ngroup = \"g\"\nnext_hop = \"2001:db8::7\"\n\
         [[peer]]\naddress = \"10.0.0.3\"\ngroup = \"g\"\nremove_private_asns = false\nlocal_asn = 8\n\
         [peer_group.g]\nremote_asn = \"external\"\nlocal_asn = { asn = 7, prepend = false, replace = true }\n\
         remove_private_asns = \"replace\"\nnext_hop = { ipv4 = \"192.0.2.7\", ipv6 = \"2001:db8::7\" }\n",
    );
    let [first, second] = config.peers() else { panic!("two peers") };
    assert_eq!(first.local_asn, Some(LocalAsn { asn: Asn(7), prepend: false, replace: true }));
    assert_eq!(second.local_asn, Some(LocalAsn { asn: Asn(8), prepend: true, replace: false }));
    assert_eq!((first.remove_private_asns, second.remove_private_asns), (Some(PrivateAsns::Replaced), None));
    let (ipv4, ipv6) = (Some([192, 0, 2, 7].into()), Some("2001:db8::7".parse().unwrap()));
    assert_eq!(first.next_hop, NextHopMode::Addresses { ipv4: None, ipv6 });
    assert_eq!(second.next_hop, NextHopMode::Addresses { ipv4, ipv6 });
    let decision = config.global().decision;
    assert_eq!(
        (decision.always_compare_med, decision.prefer_older, decision.compare_router_id),
        (true, false, false)
    );
}

#[test]
fn numbers_may_be_written_as_toml_allows() {
    let config = parsed("[global]\nasn = 4_200_000_000\nrouter_id = \"1.1.1.1\"\n[kernel]\ntable = 0x64\n");
    assert_eq!(config.global().asn, Asn(4_200_000_000));
    assert_eq!(config.kernel().unwrap().tables, [100]);
}

fn with_peer(settings: &str) -> String {
    format!("[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n[[peer]]\n{settings}\n")
}

fn parsed(text: &str) -> Config {
    parse("margay.toml", text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// LOCAL_PREF goes to internal peers only (RFC 4271 §5.1.5).
#[test]
fn a_filter_that_sets_local_pref_for_external_peers_is_warned_of() {
    let file = |group: &str, remote_asn: u32| {
        format!(
            "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n\
             [filter.all]\nrules = [{{ action = \"accept\" }}]\n\
             [filter.to-nodes]\nrules = [{{ action = \"accept\", set_local_pref = \"2147483647 - metric\" }}]\n\
             [peer_group.{group}]\nimport = [\"all\"]\nexport = [\"all\", \"to-nodes\"]\nremote_asn = {remote_asn}\n\
             [[peer]]\naddress = \"10.0.0.12\"\ngroup = \"{group}\"\n\
             [[dynamic_peers]]\nrange = \"10.1.0.0/16\"\ngroup = \"{group}\"\n"
        )
    };
    assert_eq!(parsed(&file("nodes", 64512)).warnings(), Vec::<String>::new());
    let said = |peer| {
        format!("peer {peer} is external and not sent LOCAL_PREF, which export filter \"to-nodes\" sets")
    };
    assert_eq!(parsed(&file("tors", 65001)).warnings(), ["10.0.0.12", "10.1.0.0/16"].map(said));
}

/// The verdict of a chain on a route with no attributes of note, in words.
fn verdict(chain: &FilterChain, prefix: &str) -> String {
    let prefix: bgp_codec::Prefix = prefix.parse().expect("a prefix");
    let attributes = bgp_codec::PathAttributesBuilder::new(bgp_codec::Origin::Igp).build();
    let path = RoutePath {
        family: prefix.family(),
        attributes: &attributes,
        next_hop: None,
        local: LocalValues::default(),
        source: RouteSource::Local,
        interface: None,
        is_stale: false,
    };
    chain.reason(&chain.evaluate(&path, &prefix.into())).to_string()
}

#[test]
fn a_prefix_limit_is_a_number_or_a_table() {
    let limit = |text: &str| {
        let text = with_peer(&format!("address = \"172.16.0.1\"\nremote_asn = 65001\nprefix_limit = {text}"));
        parsed(&text).peers()[0].prefix_limit.unwrap()
    };
    let usual = margay_config::PrefixLimit {
        received: Some(1000),
        accepted: None,
        warn_percent: 80,
        action: margay_config::LimitAction::Cease { restart: Duration::from_mins(5) },
    };
    assert_eq!(limit("1000"), usual);
    assert_eq!(limit("{ received = 1000 }"), usual);
    let all = limit("{ received = 1000, accepted = 800, warn = 0.5, restart = \"10s\" }");
    let expected = margay_config::PrefixLimit {
        accepted: Some(800),
        warn_percent: 50,
        action: margay_config::LimitAction::Cease { restart: Duration::from_secs(10) },
        ..usual
    };
    assert_eq!(all, expected);
    assert_eq!(limit("{ accepted = 1, warn = 1 }").warn_percent, 100);
    assert_eq!(limit("{ received = 1000, action = \"cease\" }"), usual);
    assert_eq!(limit("{ received = 1, action = \"refuse\" }").action, margay_config::LimitAction::Refuse);
}

/// Findings are of the filter; what they are found by is tested there.
#[test]
fn rules_that_do_nothing_are_warned_of_with_their_lines() {
    let text = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n\
                [filter.pods]\nrules = [\n\
                { match = { prefix = \"10.65.0.0/16\" }, action = \"accept\" },\n\
                { match = { prefix = \"10.65.1.0/24\", length = \"26\" }, log = true, action = \"reject\" },\n\
                { match = { prefix = \"10.66.0.0/16\" }, action = \"continue\" },\n\
                { match = { prefix = \"10.67.0.0/16\" }, log = true, action = \"continue\" },\n\
                ]\n";
    assert_eq!(
        parsed(text).warnings(),
        [
            "filter pods, rule 2 (line 7) is never reached: rule 1 (line 6) decides for all of its routes",
            "filter pods, rule 3 (line 8) has no effect: it sets and logs nothing, and goes on to the next rule",
        ]
    );
}

#[test]
fn graceful_restart_is_on_unless_the_file_says_otherwise() {
    let default = GracefulRestart::default();
    let seconds = Duration::from_secs;
    for (line, expected) in [
        ("", Some(default)),
        ("graceful_restart = true", Some(default)),
        ("graceful_restart = false", None),
        (
            "graceful_restart = { restart_time = \"60s\", long_lived = \"1h\" }",
            Some(GracefulRestart { restart_time: seconds(60), long_lived: Some(seconds(3600)), ..default }),
        ),
        (
            "graceful_restart = { helper_only = true, end_of_rib_wait = \"10s\" }",
            Some(GracefulRestart { helper_only: true, end_of_rib_wait: seconds(10), ..default }),
        ),
    ] {
        let text = with_peer(&format!("address = \"172.16.0.1\"\nremote_asn = 65001\n{line}"));
        assert_eq!(parsed(&text).peers()[0].graceful_restart, expected, "{line}");
    }
    let group = "[peer_group.g]\ngraceful_restart = false\n";
    let text = with_peer("address = \"172.16.0.1\"\nremote_asn = 65001\ngroup = \"g\"") + group;
    assert_eq!(parsed(&text).peers()[0].graceful_restart, None, "as its group says");
}

#[test]
fn bfd_is_a_boolean_or_a_table() {
    let bfd = |text: &str| {
        let text = with_peer(&format!("address = \"172.16.0.1\"\nremote_asn = 65001\nbfd = {text}"));
        parsed(&text).peers()[0].bfd.clone()
    };
    assert_eq!(bfd("false"), None);
    assert_eq!(bfd("true"), Some(Bfd::default()));
    assert_eq!(bfd("{}"), Some(Bfd::default()));
    let milliseconds = Duration::from_millis;
    let all = bfd("{ transmit = \"50ms\", receive = \"100ms\", multiplier = 5, multihop = true, \
                   password_file = \"/k\", authentication = \"simple\", key_id = 7 }");
    let expected = Bfd {
        intervals: Intervals::new(milliseconds(50), milliseconds(100), 5).unwrap(),
        multihop: Some(true),
        authentication: Some(BfdAuthentication {
            kind: AuthenticationKind::SimplePassword,
            key_id: 7,
            password_file: "/k".into(),
        }),
    };
    assert_eq!(all, Some(expected));
    let text = with_peer("address = \"172.16.0.1\"\ngroup = \"g\"\nbfd = false")
        + "[peer_group.g]\nremote_asn = 65001\nbfd = true\n";
    assert_eq!(parsed(&text).peers()[0].bfd, None, "what a peer says wins over its group");
}

#[test]
fn files_are_watched_when_that_is_asked_for() {
    let seconds = Duration::from_secs;
    let times =
        |quiet, longest| Some(WatchFile { quiet_time: seconds(quiet), longest_delay: seconds(longest) });
    let rows = [
        ("", None),
        ("watch_file = false", None),
        ("watch_file = true", times(1, 10)),
        ("watch_file = { quiet_time = \"3s\" }", times(3, 10)),
        ("watch_file = { quiet_time = \"30s\" }", times(30, 30)),
        ("watch_file = { quiet_time = \"0s\", longest_delay = \"2s\" }", times(0, 2)),
    ];
    for (key, expected) in rows {
        let text = format!("[global]\nasn = 1\nrouter_id = \"10.0.0.11\"\n{key}\n");
        assert_eq!(parsed(&text).global().watch_file, expected, "{key}");
    }
}

/// RFC 8212: an external peer without filters exchanges nothing, unless the file says otherwise.
#[test]
fn external_peers_without_filters_are_warned_of_unless_they_are_accepted() {
    let file = |global: &str, peer: &str| {
        format!(
            "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n{global}\n\
             [filter.all]\nrules = [{{ action = \"accept\" }}]\n\
             [[peer]]\nname = \"tor\"\naddress = \"10.0.0.1\"\n{peer}\n"
        )
    };
    let advice = |text: &str, missing: &str| {
        vec![format!(
            "{text}: it has no {missing} (RFC 8212): give it {missing}, or set global.ebgp_without_filters = \"accept\""
        )]
    };
    let external = "remote_asn = 65001\n";
    for (peer, expected) in [
        (external.to_owned(), advice("nothing is exchanged with peer tor, which is external", "filters")),
        (
            format!("{external}export = [\"all\"]"),
            advice("nothing is accepted from peer tor, which is external", "import filters"),
        ),
        (
            format!("{external}import = [\"all\"]"),
            advice("nothing is advertised to peer tor, which is external", "export filters"),
        ),
        (format!("{external}import = [\"all\"]\nexport = [\"all\"]"), Vec::new()),
        (
            "remote_asn = \"any\"".to_owned(),
            advice("nothing is exchanged with peer tor if it is external", "filters"),
        ),
        ("remote_asn = 64512".to_owned(), Vec::new()),
        ("remote_asn = \"internal\"".to_owned(), Vec::new()),
    ] {
        assert_eq!(parsed(&file("", &peer)).warnings(), expected, "{peer}");
        assert_eq!(parsed(&file("ebgp_without_filters = \"deny\"", &peer)).warnings(), expected, "{peer}");
        let accepting = file("ebgp_without_filters = \"accept\"", &peer);
        assert_eq!(parsed(&accepting).warnings(), Vec::<String>::new(), "{peer}");
    }
}
