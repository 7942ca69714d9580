//! IPv4 routes over IPv6 next hops (RFC 8950) with BIRD and FRR: both ways, and into the kernels of both sides.

use margay_lab::{
    Bird, Family, Frr, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, wait_for_state, with_length};

/// Two hosts whose link has IPv6 addresses only. Each has one IPv4 address inside the network that it announces.
struct Scene {
    margay: Margay,
    here: Namespace,
    there: Namespace,
    _segment: Segment,
    _lab: Lab,
}

const OURS: &str = "10.65.1.0/24";
const THEIRS: &str = "10.65.2.0/24";

impl Scene {
    fn new(extended: bool) -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let (here, there) = (lab.namespace("margay").unwrap(), lab.namespace("peer").unwrap());
        for (namespace, number) in [(&here, 1), (&there, 2)] {
            segment.attach(namespace, "eth0", &[&with_length(host(Family::Ipv6, number))]).unwrap();
            namespace.ip(&format!("address add 10.65.{number}.1/32 dev lo")).unwrap();
        }
        let mut settings = settings(1, MARGAY_ASN, PEER_ASN, OURS);
        settings.peers[0].extra = format!("extended_next_hop = {extended}");
        let margay = Margay::new(&here, settings, &binaries());
        Self { margay, here, there, _segment: segment, _lab: lab }
    }

    /// Packets pass both ways over routes with IPv6 gateways, which go with the session.
    #[track_caller]
    fn check(&self) {
        wait_for_state(&self.margay, "other", |state| state == "established", "established");
        for (namespace, prefix, gateway) in
            [(&self.here, THEIRS, host(Family::Ipv6, 2)), (&self.there, OURS, host(Family::Ipv6, 1))]
        {
            wait_until(PATIENCE, &format!("a route to {prefix} over {gateway}"), || {
                let routes = namespace
                    .ip_output(&format!("route show {prefix}"))
                    .map_err(|error| error.to_string())?;
                // The link-local address of the same router, if it is announced beside the global one.
                let gateways = [format!("via inet6 {gateway} "), "via inet6 fe80::".to_owned()];
                let resolved = gateways.iter().any(|gateway| routes.contains(gateway));
                if resolved && routes.contains("dev eth0") { Ok(()) } else { Err(routes) }
            });
        }
        self.here.ping([10, 65, 2, 1].into()).unwrap();
        self.there.ping([10, 65, 1, 1].into()).unwrap();
        let detail = self.margay.json("show peer other").unwrap();
        let capabilities = detail["negotiated"]["capabilities"].to_string();
        assert!(capabilities.contains("\"IPv6 next hops for IPv4\""), "{capabilities}");
    }

    #[track_caller]
    fn wait_without_routes(&self) {
        wait_until(PATIENCE, "no route over the peer", || {
            let routes =
                self.here.ip_output(&format!("route show {THEIRS}")).map_err(|error| error.to_string())?;
            if routes.is_empty() { Ok(()) } else { Err(routes) }
        });
    }
}

#[test]
fn bird_and_margay_forward_ipv4_over_ipv6() {
    let mut scene = Scene::new(true);
    let mut bird = bird(&scene, true);
    bird.start().unwrap();
    scene.margay.start().unwrap();
    scene.check();
    bird.stop().unwrap();
    scene.wait_without_routes();
}

#[test]
fn frr_and_margay_forward_ipv4_over_ipv6() {
    let mut scene = Scene::new(true);
    let mut settings = settings(2, PEER_ASN, MARGAY_ASN, THEIRS);
    settings.peers[0].extra = "capability extended-nexthop".to_owned();
    let mut frr = Frr::with_bfd(&scene.there, settings);
    frr.start().unwrap();
    scene.margay.start().unwrap();
    scene.check();
    frr.kill().unwrap();
    scene.wait_without_routes();
}

/// Without the capability on our side, the peer has no way to announce its routes, and is not sent ours.
#[test]
fn without_the_capability_no_route_has_an_ipv6_next_hop() {
    let mut scene = Scene::new(false);
    let mut bird = bird(&scene, true);
    bird.start().unwrap();
    scene.margay.start().unwrap();
    wait_for_state(&scene.margay, "other", |state| state == "established", "established");
    wait_until(PATIENCE, "the reason why our network is not advertised", || {
        let text = scene.margay.cli(&format!("explain {OURS}")).map_err(|error| format!("{error:#}"))?;
        if text.contains("no own address of this family") { Ok(()) } else { Err(text) }
    });
    scene.wait_without_routes();
}

fn bird(scene: &Scene, extended: bool) -> Bird {
    let mut settings = settings(2, PEER_ASN, MARGAY_ASN, THEIRS);
    settings.peers[0].families.clear();
    let extended = if extended { "on" } else { "off" };
    settings.peers[0].extra = format!(
        "ipv4 {{ import all; export where source ~ [ RTS_STATIC, RTS_BGP ]; extended next hop {extended}; }};\n"
    );
    Bird::new(&scene.there, settings)
}

fn settings(number: u8, asn: u32, other_asn: u32, network: &str) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, [192, 0, 2, number].into());
    let mut other = PeerSettings::new("other", host(Family::Ipv6, 3 - number), other_asn);
    other.local_address = Some(host(Family::Ipv6, number));
    other.families = [Family::Ipv4].into();
    settings.peers.push(other);
    settings.networks = vec![network.to_owned()];
    settings.kernel = true;
    settings
}
