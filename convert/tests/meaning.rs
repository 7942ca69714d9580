//! What converted filters do with routes: what BIRD does with them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{Origin, PathAttributesBuilder};
use margay_convert::{BirdFile, Conversion, RemarkKind, convert_bird, convert_birds};
use margay_filter::{AnyCommunity, Decision, LocalValues, RoutePath, RouteSource, Session};
use proptest::prelude::*;

/// A route that comes to a filter.
#[derive(Clone, Copy)]
struct Route<'t> {
    prefix: &'t str,
    as_path: &'t str,
    communities: &'t [&'t str],
    local_pref: Option<u32>,
    /// `None` for a route of a peer; otherwise one of the kernel, over this interface and with this metric.
    kernel: Option<(&'t str, Option<u32>)>,
}

const ROUTE: Route<'_> = Route {
    prefix: "10.0.0.0/16",
    as_path: "65001 65002 65003",
    communities: &["65001:100"],
    local_pref: None,
    kernel: None,
};

/// `+` and what is set, or `-`.
fn outcome(definitions: &str, direction: &str, filter: &str, route: &Route<'_>) -> String {
    let text = format!(
        "router id 10.0.0.1;\n{definitions}\nprotocol bgp p {{\n local as 64512; neighbor 10.0.0.2 as 64512;\n {direction} filter {{ {filter} }};\n}}\n"
    );
    let conversion = converted(&text);
    let config = margay_config::parse("m", &conversion.toml)
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
    let peer = &config.peers()[0];
    let chain = if direction == "import" { &peer.import } else { &peer.export };
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = route.as_path.parse().unwrap();
    builder.local_pref = route.local_pref;
    for community in route.communities {
        match community.parse().unwrap() {
            AnyCommunity::Standard(community) => builder.communities.push(community),
            AnyCommunity::Large(community) => builder.large_communities.push(community),
            AnyCommunity::Extended(community) => builder.extended_communities.push(community),
        }
    }
    let attributes = builder.build();
    let prefix: bgp_codec::Prefix = route.prefix.parse().unwrap();
    let session = Session {
        name: "q".into(),
        group: None,
        address: "10.0.0.3".parse().unwrap(),
        kind: bgp_codec::PeerKind::Ibgp,
        is_client: false,
    };
    let path = RoutePath {
        family: prefix.family(),
        attributes: &attributes,
        next_hop: Some("10.0.0.9".parse().unwrap()),
        local: LocalValues { metric: route.kernel.and_then(|(_, metric)| metric), ..LocalValues::default() },
        source: if route.kernel.is_some() { RouteSource::Kernel } else { RouteSource::Peer(&session) },
        interface: route.kernel.map(|(interface, _)| interface),
        is_stale: false,
    };
    let verdict = chain.evaluate(&path, &prefix.into());
    if verdict.decision == Decision::Reject {
        return "-".to_owned();
    }
    let edits = verdict.edits;
    let numbers = [
        ("lp", edits.local_pref),
        ("metric", edits.metric),
        ("pref", edits.preference),
        ("med", edits.med.flatten()),
    ];
    let set = numbers.iter().filter_map(|(name, value)| value.map(|value| format!(" {name}={value}")));
    format!("+{}", set.collect::<String>())
}

fn converted(text: &str) -> Conversion {
    convert_bird("bird.conf", text, None, &mut |_, _| Err("no files".to_owned()))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn import_filters_do_what_birds_do() {
    let definitions = "define NETS = [ 10.0.0.0/8{16,24}, 192.168.0.0/16-, 172.16.0.0/12 ];\n\
        define ASN = 65002;\ndefine BAD = [ 1, 64000..64999, ASN ];\n\
        function is_bogon() { if net ~ [ 0.0.0.0/0 ] then return true; return net ~ NETS && net.len > 16; }\n\
        function raise(int by) { if (65001,100) ~ bgp_community then bgp_local_pref = by; }\n\
        function early() { if net.len = 16 then return; reject; }\n\
        function two() { if bgp_path.len > 2 then { bgp_med = 7; return; } bgp_med = 8; }\n";
    let route = |prefix| Route { prefix, ..ROUTE };
    let low = Route { local_pref: Some(50), ..ROUTE };
    let rows: Vec<(&str, Route<'_>, &str)> = vec![
        ("accept;", ROUTE, "+"),
        ("reject;", ROUTE, "-"),
        ("bgp_med = 5;", ROUTE, "-"),
        ("if net ~ NETS then accept; reject;", ROUTE, "+"),
        ("if net ~ NETS then accept; reject;", route("10.0.0.0/15"), "-"),
        ("if net ~ NETS then accept; reject;", route("10.1.2.0/25"), "-"),
        ("if net ~ NETS then accept; reject;", route("192.168.0.0/16"), "+"),
        ("if net ~ NETS then accept; reject;", route("192.0.0.0/8"), "+"),
        ("if net ~ NETS then accept; reject;", route("192.168.1.0/24"), "-"),
        ("if net ~ NETS then accept; reject;", route("172.16.0.0/12"), "+"),
        ("if net ~ NETS then accept; reject;", route("172.16.0.0/13"), "-"),
        ("if net ~ 10.0.0.0/8 && net.len >= 17 then accept; reject;", ROUTE, "-"),
        ("if net = 10.0.0.0/16 then accept; reject;", ROUTE, "+"),
        ("if net != 10.0.0.0/16 then accept; reject;", ROUTE, "-"),
        ("if is_bogon() then reject; accept;", ROUTE, "+"),
        ("if is_bogon() then reject; accept;", route("10.0.0.0/24"), "-"),
        ("if is_bogon() then reject; accept;", route("0.0.0.0/0"), "-"),
        ("if !is_bogon() then accept;", route("10.0.0.0/24"), "-"),
        ("raise(300); accept;", ROUTE, "+ lp=300"),
        ("raise(300); accept;", Route { communities: &[], ..ROUTE }, "+"),
        ("early(); accept;", ROUTE, "+"),
        ("early(); accept;", route("10.0.0.0/17"), "-"),
        ("two(); accept;", ROUTE, "+ med=7"),
        ("two(); accept;", Route { as_path: "65001", ..ROUTE }, "+ med=8"),
        ("if bgp_path ~ [= * 65003 =] then accept; reject;", ROUTE, "+"),
        ("if bgp_path ~ [= 65003 * =] then accept; reject;", ROUTE, "-"),
        ("if bgp_path ~ [= 65001 ? 65003 =] then accept; reject;", ROUTE, "+"),
        ("if bgp_path ~ [= 65001 ? =] then accept; reject;", ROUTE, "-"),
        ("if bgp_path ~ [= 65001 * 65003 =] then accept; reject;", ROUTE, "+"),
        ("if bgp_path ~ [= * 65001..65002 65003 * =] then accept; reject;", ROUTE, "+"),
        ("if bgp_path ~ [= * [65009, 65008] * =] then accept; reject;", ROUTE, "-"),
        ("if bgp_path ~ BAD then reject; accept;", ROUTE, "-"),
        ("if bgp_path.first = 65001 && bgp_path.last = 65003 then accept; reject;", ROUTE, "+"),
        ("if bgp_path.len > 3 then accept; reject;", ROUTE, "-"),
        ("if bgp_local_pref > 99 then accept; reject;", ROUTE, "+"),
        ("if bgp_local_pref > 99 then accept; reject;", low, "-"),
        ("if bgp_local_pref = 50 then { bgp_local_pref = 60; accept; } reject;", low, "+ lp=60"),
        ("bgp_local_pref = bgp_local_pref + 10; accept;", low, "+ lp=60"),
        ("bgp_local_pref = bgp_local_pref + 10; if bgp_local_pref = 60 then accept; reject;", low, "+ lp=60"),
        ("if bgp_community ~ [ (65001, 50..150) ] then accept; reject;", ROUTE, "+"),
        ("if bgp_community ~ [ (65001, *) ] && (1,2) !~ bgp_community then accept; reject;", ROUTE, "+"),
        ("if (65001, 1, 2) ~ bgp_large_community then accept; reject;", ROUTE, "-"),
        ("bgp_community.add((1,2)); if (1,2) ~ bgp_community then accept; reject;", ROUTE, "+"),
        (
            "bgp_community.delete([(65001,*)]); if (65001,100) ~ bgp_community then reject; accept;",
            ROUTE,
            "+",
        ),
        ("if source = RTS_BGP then accept; reject;", ROUTE, "+"),
        ("if source ~ [ RTS_STATIC, RTS_DEVICE ] then accept; reject;", ROUTE, "-"),
        ("if ifname ~ \"eth*\" then accept; reject;", ROUTE, "-"),
        ("case net.len { 8: reject; 16, 17: bgp_med = 1; accept; else: reject; }", ROUTE, "+ med=1"),
        ("case net.len { 8: reject; 9: accept; else: reject; }", ROUTE, "-"),
        ("int x; x = 5; if x = 5 then accept; reject;", ROUTE, "+"),
        ("preference = 200; accept;", ROUTE, "+ pref=160"),
        ("if true && !false then accept; reject;", ROUTE, "+"),
        ("{ if net.len = 16 then print \"x\"; } accept;", ROUTE, "+"),
        ("if net.len = 16 then { if bgp_path.len = 3 then accept; else reject; } else accept;", ROUTE, "+"),
    ];
    for (filter, route, expected) in rows {
        assert_eq!(outcome(definitions, "import", filter, &route), expected, "{filter} for {}", route.prefix);
    }
}

#[test]
fn export_filters_do_what_calicos_do() {
    let definitions = "function aggr() { if net = 10.0.0.0/16 then accept; \
        if net ~ 10.0.0.0/16 && krt_metric < 1024 then accept; if net ~ 10.0.0.0/16 then reject; }";
    let filter = "if (defined(source) && source = RTS_BGP && defined(bgp_local_pref)) then { krt_metric = 2147483647 - bgp_local_pref; } \
        else { if (!defined(krt_metric)) then { krt_metric = 1024; } bgp_local_pref = 2147483647 - krt_metric; } \
        if net = 10.8.0.0/16 && defined(bgp_local_pref) && bgp_local_pref = 2147483547 then bgp_med = 1; \
        aggr(); if ifname ~ \"cali*\" then reject; accept;";
    let kernel = |prefix, interface, metric| Route { prefix, kernel: Some((interface, metric)), ..ROUTE };
    let learned = |prefix, local_pref| Route { prefix, local_pref, ..ROUTE };
    let rows = [
        (kernel("10.0.0.0/16", "eth0", None), "+ lp=2147482623"),
        (kernel("10.0.5.0/24", "cali1", Some(1024)), "-"),
        (kernel("10.0.5.0/24", "cali1", Some(512)), "+ lp=2147483135"),
        (kernel("10.9.0.0/16", "cali1", None), "-"),
        (kernel("10.9.0.0/16", "eth0", Some(7)), "+ lp=2147483640"),
        (learned("10.0.5.0/24", Some(2_147_483_135)), "+"),
        (learned("10.0.5.0/24", Some(2_147_482_623)), "-"),
        (learned("10.0.5.0/24", None), "-"),
        (learned("10.9.0.0/16", Some(100)), "+"),
        (learned("10.8.0.0/16", Some(2_147_483_547)), "+ med=1"),
        (kernel("10.8.0.0/16", "eth0", Some(100)), "+ lp=2147483547 med=1"),
        (kernel("10.8.0.0/16", "eth0", Some(101)), "+ lp=2147483546"),
    ];
    for (route, expected) in rows {
        assert_eq!(outcome(definitions, "export", filter, &route), expected, "{}", route.prefix);
    }
}

#[test]
fn what_cannot_be_said_is_remarked_and_never_accepts_more() {
    // (the filter, how the remark begins, what becomes of a route)
    let rows = [
        ("if bgp_next_hop = from then reject; accept;", "only a constant address", "-"),
        ("if gw = 10.0.0.1 then accept; reject;", "gw cannot be asked for", "-"),
        ("krt_tunnel = \"tunl0\"; accept;", "krt_tunnel cannot be set", "+"),
        ("bgp_path.delete(65001); accept;", "bgp_path.delete has no counterpart", "+"),
        ("for int x in bgp_path do { reject; } accept;", "\"for\" is not understood", "-"),
        ("unheard_of(); accept;", "there is no function \"unheard_of\"", "-"),
        ("again(); accept;", "again calls itself", "-"),
    ];
    for (filter, remark, expected) in rows {
        let definitions = "function again() { again(); }";
        assert_eq!(outcome(definitions, "import", filter, &ROUTE), expected, "{filter}");
        let text = format!(
            "{definitions}\nprotocol bgp p {{ local as 1; neighbor 10.0.0.2 as 1;\nimport filter {{\n{filter}\n}};\n}}\n"
        );
        let remarks = converted(&text).remarks;
        assert!(
            remarks.iter().any(|found| found.kind == RemarkKind::LeftOut
                && found.line <= 4
                && found.text.starts_with(remark)),
            "{filter}: {remarks:?}"
        );
    }
}

#[test]
fn sessions_keep_their_settings() {
    let text = "router id 10.0.0.1;\ndefine MY = 64512;\ntemplate bgp base { local as MY; hold time 30; multihop; rr client; }\n\
        template bgp rr from base { rr cluster id 1.0.0.1; add paths rx; }\n\
        protocol bgp a from rr { neighbor 10.0.0.2 as MY; passive on; description \"a b\"; }\n\
        protocol bgp b { local 10.0.0.1 as MY; neighbor 10.0.0.3 port 1790 as 65001; ttl security on; password \"x\";\n\
          ipv4 { import all; export none; next hop self; import limit 10 action warn; }; ipv6 { import where net.len < 49; }; }\n\
        protocol bgp c from base { neighbor range 10.1.0.0/16 as MY; }\n";
    let conversion = converted(text);
    let config = margay_config::parse("m", &conversion.toml).unwrap();
    let [a, b] = config.peers() else { panic!("{}", conversion.toml) };
    assert_eq!((a.group.as_deref(), a.rr_client, a.passive), (Some("rr"), true, true));
    assert_eq!(a.cluster_id.map(|cluster| cluster.to_string()).as_deref(), Some("1.0.0.1"));
    assert_eq!((a.multihop.map(u8::from), a.hold_time.seconds()), (Some(64), 30));
    assert_eq!((b.port, b.ttl_security, b.families.len(), b.hold_time.seconds()), (1790, true, 2, 240));
    assert_eq!(b.prefix_limit.and_then(|limit| limit.accepted), Some(10));
    assert_eq!(config.dynamic_peers().len(), 1);
    assert_eq!(conversion.secrets.len(), 1);
    let said: Vec<&str> = conversion.remarks.iter().map(|remark| remark.text.as_str()).collect();
    assert!(said.iter().any(|text| text.starts_with("the password of b")), "{said:?}");
    assert!(!format!("{conversion:?}").contains("\"x\""), "a password is shown");
}

/// The value of a key of the operator's file, as text.
fn found(toml: &str, key: &str) -> Vec<String> {
    let start = format!("{key} = ");
    toml.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
}

#[test]
fn options_of_sessions_become_settings_of_peers() {
    // (the option, inside the channel or not, the key, its value)
    let rows = [
        (
            "local as 65000; neighbor 10.0.0.3 as 65001;",
            "local_asn",
            "{ asn = 65000, prepend = false, replace = true }",
        ),
        ("neighbor 10.0.0.3 internal;", "remote_asn", "\"internal\""),
        ("neighbor 10.0.0.3 external;", "remote_asn", "\"external\""),
        ("bfd;", "bfd", "{ receive = \"100ms\", transmit = \"100ms\" }"),
        ("bfd graceful;", "bfd", "{ receive = \"100ms\", transmit = \"100ms\" }"),
        ("bfd off;", "bfd", "false"),
        (
            "bfd { min rx interval 50 ms; min tx interval 2 s; multiplier 5; };",
            "bfd",
            "{ multiplier = 5, receive = \"50ms\", transmit = \"2s\" }",
        ),
        ("keepalive time 20;", "keepalive", "\"20s\""),
        ("min hold time 9;", "min_hold_time", "\"9s\""),
        ("allow local as 2;", "allow_local_as", "2"),
        ("allow local as;", "allow_local_as", "10"),
        ("enforce first as on;", "enforce_first_as", "true"),
        ("rs client;", "route_server_client", "true"),
        ("local role rs_client;", "role", "\"rs-client\""),
        ("local role provider; require roles;", "require_role", "true"),
        ("advertise hostname on;", "advertise_hostname", "true"),
        ("graceful restart on;", "graceful_restart", "true"),
        ("graceful restart off;", "graceful_restart", "false"),
        ("", "graceful_restart", "{ helper_only = true }"),
        ("long lived stale time 600;", "graceful_restart", "{ helper_only = true, long_lived = \"600s\" }"),
        (
            "graceful restart on; graceful restart time 60; long lived stale time 600;",
            "graceful_restart",
            "{ restart_time = \"60s\", long_lived = \"600s\" }",
        ),
        ("ipv4 { next hop address 10.0.0.99; };", "next_hop", "\"10.0.0.99\""),
        ("ipv4 { next hop keep; };", "next_hop", "\"keep\""),
        ("multihop 2;", "next_hop", "\"self\""),
        ("multihop 2; ipv4 { next hop keep; };", "next_hop", "\"keep\""),
        ("ipv4 { extended next hop on; };", "extended_next_hop", "true"),
        (
            "ipv4 { receive limit 100; import limit 50 action disable; };",
            "prefix_limit",
            "{ received = 100, accepted = 50 }",
        ),
    ];
    for (option, key, value) in rows {
        let text = format!(
            "router id 10.0.0.1;\nprotocol bfd {{ interface \"eth*\" {{ interval 1 s; }}; multihop {{ interval 100 ms; }}; }}\n\
             protocol bgp a {{ local as 64512; neighbor 10.0.0.2 as 64512; bfd off; graceful restart off; }}\n\
             protocol bgp b {{ local as 64512; neighbor 10.0.0.4 as 64512; bfd off; graceful restart off; }}\n\
             protocol bgp p {{ local as 64512; neighbor 10.0.0.3 as 65001; {option} }}\n"
        );
        let conversion = converted(&text);
        margay_config::parse("m", &conversion.toml)
            .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
        let peer = conversion.toml.split("[[peer]]").last().unwrap();
        assert_eq!(found(peer, key), [value], "{option}\n{}", conversion.toml);
    }
}

#[test]
fn a_confederation_of_bird_stays_one() {
    let text = "router id 10.0.0.1;\n\
        protocol bgp a { local as 64601; neighbor 10.0.0.2 as 64602; confederation 65000; confederation member yes; ipv4 { import all; export all; }; }\n\
        protocol bgp b { local as 64601; neighbor 10.0.0.4 as 65004; confederation 65000; ipv4 { import all; export all; }; }\n";
    let conversion = converted(text);
    let line = "confederation = { identifier = 65000, members = [64602] }";
    assert!(conversion.toml.lines().any(|other| other == line), "{}", conversion.toml);
    assert!(conversion.remarks.is_empty(), "{:?}", conversion.remarks);
}

#[test]
fn static_routes_keep_their_next_hops() {
    let rows = [
        ("via 10.0.0.9", "via = \"10.0.0.9\""),
        ("recursive 10.0.0.9", "via = \"10.0.0.9\""),
        ("via \"eth1\"", "interface = \"eth1\""),
        ("via 10.0.0.9 dev \"eth1\" onlink", "via = { address = \"10.0.0.9\", interface = \"eth1\" }"),
        ("via 10.0.0.9%eth1", "via = { address = \"10.0.0.9\", interface = \"eth1\" }"),
        (
            "via 10.0.0.9 weight 3 bfd on via 10.0.0.8",
            "via = [{ address = \"10.0.0.9\", weight = 3 }, \"10.0.0.8\"]",
        ),
        (
            "multipath via 10.0.0.9 weight 3 via 10.0.0.8",
            "via = [{ address = \"10.0.0.9\", weight = 3 }, \"10.0.0.8\"]",
        ),
        ("blackhole", "discard = \"blackhole\""),
        ("unreachable", "discard = \"unreachable\""),
        ("prohibit", "discard = \"prohibit\""),
    ];
    for (route, expected) in rows {
        let text = format!(
            "router id 10.0.0.1;\nprotocol static {{ route 10.9.0.0/16 {route}; }}\n\
             protocol bgp p {{ local as 1; neighbor 10.0.0.2 as 1; }}\n"
        );
        let conversion = converted(&text);
        let config = margay_config::parse("m", &conversion.toml)
            .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
        assert_eq!(config.static_routes().len(), 1, "{}", conversion.toml);
        assert!(
            conversion.toml.contains(&format!("prefix = \"10.9.0.0/16\"\n{expected}\n")),
            "{}",
            conversion.toml
        );
        assert_eq!(conversion.remarks, [], "{route}");
    }
    let left_out = converted(
        "router id 10.0.0.1;\nprotocol static { route 10.9.0.0/16 mpls 7;\n route 10.8.0.0/16 blackhole { krt_metric = 5; };\n}\n\
         protocol bgp p { local as 1; neighbor 10.0.0.2 as 1; }\n",
    );
    let lines: Vec<usize> = left_out.remarks.iter().map(|remark| remark.line).collect();
    assert_eq!(lines, [2, 3], "{:?}", left_out.remarks);
}

/// What the kernel gets: the metric of each route, or nothing.
#[test]
fn the_filter_towards_the_kernel_decides_what_is_installed() {
    let text = |export: &str| {
        format!(
            "router id 10.0.0.1;\nfilter kernel {{\n\
               if source = RTS_BGP && !defined(krt_metric) then {{ krt_metric = 1024; if defined(bgp_local_pref) then krt_metric = 2147483647 - bgp_local_pref; \
                 if krt_metric < 1024 then preference = 200; }}\n\
               if net ~ 10.1.0.0/16 then {{ reject; }}\n\
               if net ~ 10.2.0.0/16 then {{ if defined(bgp_next_hop) && bgp_next_hop ~ 10.0.0.0/24 then krt_tunnel = \"\"; else krt_tunnel = \"tunl0\"; accept; }}\n\
               accept;\n}}\n\
             protocol kernel {{ {export} }}\nprotocol bgp p {{ local as 1; neighbor 10.0.0.2 as 1; }}\n"
        )
    };
    let conversion = converted(&text("export filter kernel;"));
    assert_eq!(conversion.remarks, [], "{}", conversion.toml);
    let config = margay_config::parse("m", &conversion.toml).unwrap();
    let kernel = config.kernel().unwrap();
    assert_eq!(kernel.protocol, 12, "the routes of the last run of BIRD are taken over");
    let session = Session {
        name: "p".into(),
        group: None,
        address: "10.0.0.2".parse().unwrap(),
        kind: bgp_codec::PeerKind::Ibgp,
        is_client: false,
    };
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.local_pref = Some(2_147_482_623);
    let attributes = builder.build();
    let installed = |prefix: &str, next_hop: &str, source| {
        let prefix: bgp_codec::Prefix = prefix.parse().unwrap();
        let path = RoutePath {
            family: prefix.family(),
            attributes: &attributes,
            next_hop: Some(next_hop.parse().unwrap()),
            local: LocalValues::default(),
            source,
            interface: None,
            is_stale: false,
        };
        let verdict = kernel.export.evaluate(&path, &prefix.into());
        (verdict.decision == Decision::Accept)
            .then(|| (verdict.edits.metric, verdict.edits.link.map(|link| link.to_string())))
    };
    let peer = RouteSource::Peer(&session);
    assert_eq!(installed("10.1.5.0/24", "10.0.0.9", peer), None);
    assert_eq!(installed("10.2.5.0/24", "10.0.0.9", peer), Some((Some(1024), None)));
    assert_eq!(installed("10.2.5.0/24", "10.0.9.9", peer), Some((Some(1024), Some("tunl0".to_owned()))));
    assert_eq!(installed("10.3.5.0/24", "10.0.9.9", peer), Some((Some(1024), None)));
    assert_eq!(installed("10.3.5.0/24", "10.0.9.9", RouteSource::Static), Some((None, None)));

    let nothing = converted(&text(""));
    let config = margay_config::parse("m", &nothing.toml).unwrap();
    assert!(
        nothing.toml.contains("export = [\"none\"]"),
        "BIRD installs nothing by default: {}",
        nothing.toml
    );
    assert!(config.kernel().is_some());
    let some = converted(&text("export where net ~ 10.1.0.0/16;"));
    assert_eq!(some.remarks, []);
}

/// An interface is not known of routes from peers: what may reject them rejects, and what may accept them does not.
#[test]
fn routes_of_peers_are_not_accepted_by_an_interface_that_is_not_known() {
    let peers = Route { local_pref: Some(100), ..ROUTE };
    let rows = [
        ("if source = RTS_BGP && ifname ~ \"eth0\" then reject; accept;", "-"),
        ("if source = RTS_BGP && ifname ~ \"eth0\" then accept; reject;", "-"),
        ("if ifname ~ \"cali*\" then reject; accept;", "+"),
    ];
    for (filter, expected) in rows {
        assert_eq!(outcome("", "export", filter, &peers), expected, "{filter}");
    }
}

/// BIRD ranks routes of peers above those of the kernel, and gives those of other ASes LOCAL_PREF 100.
#[test]
fn learned_routes_are_ranked_as_bird_ranks_them() {
    let text = |kernel: &str, export: &str| {
        format!(
            "router id 10.0.0.1;\nprotocol kernel {{ {kernel} export all; }}\n\
             protocol bgp p {{ local as 64512; neighbor 10.0.0.2 as 65001; import where net.len < 25; export where {export}; }}\n"
        )
    };
    let attributes = PathAttributesBuilder::new(Origin::Igp).build();
    let session = Session {
        name: "p".into(),
        group: None,
        address: "10.0.0.2".parse().unwrap(),
        kind: bgp_codec::PeerKind::Ebgp,
        is_client: false,
    };
    let rows = [
        ("", "net.len < 25", (None, None)),
        ("", "bgp_local_pref = 100", (Some(100), None)),
        ("learn;", "net.len < 25", (Some(100), Some(155))),
    ];
    for (kernel, export, expected) in rows {
        let conversion = converted(&text(kernel, export));
        let config = margay_config::parse("m", &conversion.toml)
            .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
        let import = config.peers()[0].import.for_session(&session);
        let prefix: bgp_codec::Prefix = "10.65.0.0/16".parse().unwrap();
        let path = RoutePath {
            family: prefix.family(),
            attributes: &attributes,
            next_hop: None,
            local: LocalValues::default(),
            source: RouteSource::Peer(&session),
            interface: None,
            is_stale: false,
        };
        let edits = import.evaluate(&path, &prefix.into()).edits;
        assert_eq!((edits.local_pref, edits.preference), expected, "{kernel} {export}\n{}", conversion.toml);
    }
}

#[test]
fn the_files_of_two_birds_become_one_configuration() {
    let of = |neighbor: &str, metric: &str| {
        format!(
            "router id 10.0.0.1;\nlisten bgp port 1790;\nfilter f {{ krt_metric = {metric}; accept; }}\n\
             protocol kernel {{ learn; export filter f; }}\n\
             template bgp t {{ local as 64512; hold time {metric}; }}\n\
             protocol bgp p_{metric} from t {{ neighbor {neighbor} as 64512; import where bgp_med < {metric}; }}\n"
        )
    };
    let (four, six) = (of("10.0.0.2", "44"), of("2001:db8::2", "66"));
    let sources = [BirdFile { name: "bird.cfg", text: &four }, BirdFile { name: "bird6.cfg", text: &six }];
    let conversion = convert_birds(&sources, None, &mut |_, _| Err("no files".to_owned())).unwrap();
    let config = margay_config::parse("m", &conversion.toml)
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
    let seconds: Vec<u16> = config.peers().iter().map(|peer| peer.hold_time.seconds()).collect();
    assert_eq!(seconds, [44, 66]);
    let listen: Vec<String> = config.global().listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:1790"]);
    let attributes = PathAttributesBuilder::new(Origin::Igp).build();
    let kernel = config.kernel().unwrap();
    for (prefix, metric) in [("10.1.0.0/16", 44), ("2001:db8:1::/48", 66)] {
        let prefix: bgp_codec::Prefix = prefix.parse().unwrap();
        let path = RoutePath {
            family: prefix.family(),
            attributes: &attributes,
            next_hop: None,
            local: LocalValues::default(),
            source: RouteSource::Static,
            interface: None,
            is_stale: false,
        };
        assert_eq!(kernel.export.evaluate(&path, &prefix.into()).edits.metric, Some(metric), "{prefix}");
    }
    assert_eq!(kernel.imports.len(), 1);
}

/// A peer has nothing of a template that its own options take back, and its own AS where that of the template is another.
#[test]
fn a_peer_does_not_inherit_what_its_options_take_back() {
    let text = "router id 10.0.0.1;\ntemplate bgp t { local as 64512; passive on; rs client; }\n\
        protocol bgp a from t { neighbor 10.0.0.2 as 65001; }\n\
        protocol bgp b from t { neighbor 10.0.0.3 as 65002; passive off; rs client off; local as 65000; }\n";
    let conversion = converted(text);
    let config = margay_config::parse("m", &conversion.toml).unwrap();
    let [a, b] = config.peers() else { panic!("{}", conversion.toml) };
    assert_eq!((a.passive, a.route_server_client, a.local_asn), (true, true, None), "{}", conversion.toml);
    assert_eq!((b.passive, b.route_server_client), (false, false), "{}", conversion.toml);
    assert_eq!(b.local_asn.map(|local| local.asn.0), Some(65000));
    assert_eq!(config.global().asn.0, 64512);
}

/// Routes of interfaces have no metric in BIRD, and that of the filters' default here.
#[test]
fn routes_of_interfaces_count_as_the_filters_say() {
    let text = "router id 10.0.0.1;\nprotocol direct { interface \"eth*\"; }\nprotocol bgp p { local as 1; neighbor 10.0.0.2 as 1;\n\
        export filter { if !defined(krt_metric) then krt_metric = 777; bgp_local_pref = 2147483647 - krt_metric; accept; }; }\n";
    let conversion = converted(text);
    let config = margay_config::parse("m", &conversion.toml).unwrap();
    let metrics: Vec<Option<u32>> =
        config.kernel().unwrap().imports.iter().map(|import| import.metric).collect();
    assert_eq!(metrics, [Some(777)], "{}", conversion.toml);
}

const SAMPLE: &str = "router id 10.0.0.1; include \"x\";\n# comment\n/* another */ define A = [ 10.0.0.0/8{16,24}, 2001:db8::/32+ ];\n\
    function f(int a; bool b) -> bool { if a > 1 && b then return net ~ A; case a { 1: accept; else: reject; } }\n\
    filter g { if f(1, true) then { bgp_community.add((1,2)); bgp_path.prepend(A); } reject; }\n\
    template bgp t { local as 64512; ipv4 { import filter g; export where source = RTS_STATIC; }; }\n\
    protocol bgp p from t { neighbor 10.0.0.2 as 65001; }\nprotocol static { route 10.0.0.0/8 blackhole; }\n";

proptest! {
    /// Whatever a file holds, the result is an error with a line, or a file without errors.
    #[test]
    fn any_text_is_an_error_or_becomes_a_good_file(cuts in prop::collection::vec((0..SAMPLE.len(), 0..SAMPLE.len()), 0..6), noise in ".{0,8}") {
        let mut text = SAMPLE.to_owned();
        for (from, to) in cuts {
            let (from, to) = (text.floor_char_boundary(from), text.floor_char_boundary(to));
            let piece = text[from.min(to)..from.max(to)].to_owned();
            text.insert_str(text.floor_char_boundary(from / 2), &piece);
            let at = text.floor_char_boundary(to);
            text.truncate(text.floor_char_boundary(4000));
            if at < text.len() {
                text.insert_str(at, &noise);
            }
        }
        match convert_bird("b", &text, None, &mut |_, _| Ok(Vec::new())) {
            Err(error) => prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{error}"),
            Ok(conversion) => prop_assert!(margay_config::parse("m", &conversion.toml).is_ok(), "{}\n{}", text, conversion.toml),
        }
    }
}

#[test]
fn settings_that_the_file_cannot_hold_are_replaced_or_left_out() {
    let conversion = converted(
        "router id 0.0.0.0;\nprotocol bgp p {\n local as 0; neighbor 10.0.0.2 as 65001;\n import none; export none;\n}\n",
    );
    margay_config::parse("m", &conversion.toml)
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", conversion.toml));
    let left_out = conversion.remarks.iter().filter(|remark| remark.kind == RemarkKind::LeftOut);
    let texts: Vec<&str> = left_out.map(|remark| remark.text.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("asn = 0")), "{texts:?}");
}
