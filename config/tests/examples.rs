//! The example configurations: they have no errors, and their filters do what their comments say.

use bgp_codec::{AsPathBuf, Community, NextHop, Origin, PathAttributesBuilder, Prefix};
use margay_config::{Config, parse};
use margay_filter::{FilterChain, LocalValues, RoutePath, RouteSource, Verdict};

#[test]
fn every_example_is_without_errors_and_warnings() {
    let examples = [
        include_str!("../../examples/dual-tor-rack.toml"),
        include_str!("../../examples/mesh-node.toml"),
        include_str!("../../examples/node-with-tors.toml"),
        include_str!("../../examples/reflector.toml"),
        include_str!("../../examples/reflectors-with-tors.toml"),
        include_str!("../../examples/route-server.toml"),
    ];
    for text in examples {
        assert_eq!(example(text).warnings(), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_mesh_shares_metrics_as_calico_does() {
    let config = example(include_str!("../../examples/mesh-node.toml"));
    let node = config.peer("Mesh_10_0_0_12").expect("the peer");
    let import = |local_pref| {
        let verdict = Route { local_pref, ..Route::of("10.65.2.0/26") }.through(&node.import);
        (verdict.edits.metric, verdict.edits.preference)
    };
    assert_eq!(import(Some(2_147_482_623)), (Some(1024), None), "an ordinary route");
    assert_eq!(import(Some(2_147_483_135)), (Some(512), Some(201)), "a route that moves with its pod");
    assert_eq!(import(Some(100)), (Some(2_147_483_547), None));
    assert_eq!(import(None), (Some(2_147_483_547), None), "LOCAL_PREF is 100 where there is none");

    let kernel = Route { source: RouteSource::Kernel, ..Route::of("10.65.1.7/32") };
    let export = |metric, interface| Route { metric, interface, ..kernel }.through(&node.export);
    assert_eq!(export(Some(1024), Some("cali12")).edits.local_pref, Some(2_147_482_623));
    assert_eq!(export(Some(512), Some("cali12")).edits.local_pref, Some(2_147_483_135));
    assert!(!export(Some(1024), Some("bpfin.cali")).is_accepted());
    assert!(
        !Route { source: RouteSource::Local, ..Route::of("192.168.0.0/24") }
            .through(&node.export)
            .is_accepted()
    );
}

#[test]
fn tors_get_blocks_and_give_the_fabric() {
    let config = example(include_str!("../../examples/node-with-tors.toml"));
    let tor = config.peer("tor-a").expect("the peer");
    assert!(!Route::of("10.65.9.0/26").through(&tor.import).is_accepted());
    assert!(Route::of("0.0.0.0/0").through(&tor.import).is_accepted());
    assert!(!Route::of("10.0.0.0/8").through(&tor.import).is_accepted());
    let leaving = Route { community: Some("graceful-shutdown"), ..Route::of("172.16.9.0/24") };
    assert_eq!(leaving.through(&tor.import).edits.local_pref, Some(0));
    let own = Route { source: RouteSource::Local, ..Route::of("10.65.1.0/26") }.through(&tor.export);
    assert!(own.is_accepted() && own.edits.lists().is_some());
}

#[test]
fn reflectors_keep_the_fabric_from_the_fabric() {
    let config = example(include_str!("../../examples/reflectors-with-tors.toml"));
    let tor = config.peer("tor-a").expect("the peer");
    assert!(
        Route { as_path: "65001 65002", ..Route::of("172.20.0.0/16") }.through(&tor.import).is_accepted()
    );
    assert!(
        !Route { as_path: "65001 3356", ..Route::of("172.20.0.0/16") }.through(&tor.import).is_accepted()
    );
    assert!(Route::of("10.65.1.0/26").through(&tor.export).is_accepted());
    assert!(!Route::of("10.65.1.7/32").through(&tor.export).is_accepted(), "single pods stay inside");
}

fn example(text: &str) -> Config {
    parse("example", text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// A route with few properties.
#[derive(Clone, Copy)]
struct Route {
    prefix: &'static str,
    local_pref: Option<u32>,
    as_path: &'static str,
    community: Option<&'static str>,
    metric: Option<u32>,
    interface: Option<&'static str>,
    source: RouteSource<'static>,
}

impl Route {
    fn of(prefix: &'static str) -> Self {
        Self {
            prefix,
            local_pref: None,
            as_path: "",
            community: None,
            metric: None,
            interface: None,
            source: RouteSource::Local,
        }
    }

    fn through(self, chain: &FilterChain) -> Verdict {
        let prefix: Prefix = self.prefix.parse().expect("a prefix");
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.local_pref = self.local_pref;
        builder.as_path = self.as_path.parse::<AsPathBuf>().expect("an AS path");
        builder
            .communities
            .extend(self.community.map(|text| text.parse::<Community>().expect("a community")));
        let attributes = builder.build();
        let path = RoutePath {
            family: prefix.family(),
            attributes: &attributes,
            next_hop: Some(NextHop::Ipv4([10, 0, 0, 12].into())),
            local: LocalValues { preference: 100, metric: self.metric, ..LocalValues::default() },
            source: self.source,
            interface: self.interface,
            is_stale: false,
        };
        chain.evaluate(&path, &prefix.into())
    }
}
