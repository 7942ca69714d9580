//! Foreign routes that are announced.

use bgp_codec::Prefix;
use margay_filter::PrefixCondition;
use tokio::time::timeout;

use super::{
    Daemon, PATIENCE, blackhole,
    namespace::{in_namespace, ip},
    options, prefix, wanted,
};
use crate::kernel::{FibOptions, ImportRule, InterfacePatterns, KernelRequest};

impl Daemon {
    /// Waits until exactly these routes are reported, with their metrics.
    async fn imported(&mut self, expected: &[(&str, u32, bool)]) {
        type Routes = std::collections::BTreeMap<Prefix, (u32, bool)>;
        let expected: Routes =
            expected.iter().map(|&(text, metric, announced)| (prefix(text), (metric, announced))).collect();
        let found = |daemon: &Self| -> Routes {
            let routes = daemon.kernel_routes.iter();
            routes.map(|(prefix, route)| (*prefix, (route.metric, route.announced))).collect()
        };
        while found(self) != expected {
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(event)) => self.follow(&event),
                other => panic!("{other:?} after {:?}, expected {expected:?}", self.kernel_routes),
            }
        }
    }
}

fn rule(table: u32, protocols: &[u8], interfaces: &[&str], within: Option<&str>) -> ImportRule {
    ImportRule {
        table,
        protocols: protocols.to_vec(),
        interfaces: InterfacePatterns(interfaces.iter().map(|&text| text.to_owned()).collect()),
        prefixes: PrefixCondition::new(within.map(prefix), None).unwrap(),
        metric: None,
    }
}

#[test]
fn routes_are_reported_by_table_protocol_interface_and_prefix() {
    in_namespace(async || {
        let imports = vec![
            ImportRule { metric: Some(300), ..rule(254, &[2], &["one"], None) },
            rule(254, &[80], &["!two"], Some("10.65.0.0/16")),
            rule(77, &[], &[], None),
        ];
        ip("route add 10.65.1.5/32 dev one proto 80 metric 1024");
        ip("route add 10.66.0.0/16 dev one proto 80");
        ip("route add 10.67.0.0/16 dev two table 77");
        let mut daemon = Daemon::start(FibOptions { imports, ..options() }).await;
        let subnets = [("10.0.0.0/24", 300, true), ("fd00::/64", 300, true)];
        let others = [("10.65.1.5/32", 1024, true), ("10.67.0.0/16", 0, true)];
        daemon.imported(&[&subnets[..], &others].concat()).await;

        ip("route add 10.65.1.6/32 dev two proto 80");
        ip("route add blackhole 10.65.1.64/26 proto 80");
        ip("route add 10.65.1.5/32 dev one proto 80 metric 512");
        ip("route del 10.67.0.0/16 table 77");
        let others = [("10.65.1.5/32", 512, true), ("10.65.1.64/26", 0, true)];
        daemon.imported(&[&subnets[..], &others].concat()).await;

        // Our own routes are not foreign.
        daemon.apply(vec![wanted("10.65.2.0/26", blackhole())]).await;
        daemon.settled().await;
        ip("link set one down");
        daemon.imported(&[("10.65.1.64/26", 0, true)]).await;
    });
}

#[test]
fn a_required_route_is_reported_though_it_is_not_announced() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        let required = [prefix("10.65.1.0/26"), prefix("10.65.2.0/26")].into();
        daemon.request(KernelRequest::Require(required)).await;
        daemon.apply(vec![wanted("10.65.2.0/26", blackhole())]).await;
        ip("route add blackhole 10.65.1.0/26 proto 80");
        daemon.imported(&[("10.65.1.0/26", 0, false)]).await;
        daemon.request(KernelRequest::Require([].into())).await;
        daemon.imported(&[]).await;
    });
}
