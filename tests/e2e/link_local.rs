//! Peers at link-local addresses, with BIRD and FRR: sessions, next hops in both directions, and forwarding.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use margay_lab::{
    Attachment, Bird, Frr, Lab, Margay, Namespace, Router, RouterSettings, Segment, holds_for, wait_until,
};

use crate::bfd_sessions::{BIRD_BFD, FAST};
use crate::pair::{MARGAY_ASN, PATIENCE, binaries, wait_for_state};
use crate::password_rotation::KeyFile;

/// That of all sessions.
const HOLD_TIME: Duration = Duration::from_secs(90);

/// A margay with a link to each of two routers. No link has addresses but the link-local ones.
struct Scene {
    margay: Margay,
    here: Namespace,
    /// Two routers, of which router `n` has the networks `n`.
    routers: [Namespace; 2],
    /// The interfaces of margay.
    attachments: Vec<Attachment>,
    _segments: [Segment; 2],
    _lab: Lab,
}

/// What happens to the first link.
#[derive(Clone, Copy)]
enum Failure {
    /// It loses its carrier.
    Carrier,
    /// Its interface is set down.
    Interface,
}

impl Scene {
    /// Both routers have the same link-local address, if that is `shared`.
    fn new(shared: Option<&str>) -> Self {
        let lab = Lab::new().unwrap();
        let here = lab.namespace("margay").unwrap();
        let routers = ["one", "two"].map(|name| lab.namespace(name).unwrap());
        let segments = ["wire1", "wire2"].map(|name| lab.segment(name).unwrap());
        let mut attachments = Vec::new();
        for (index, (segment, router)) in segments.iter().zip(&routers).enumerate() {
            attachments.push(segment.attach(&here, &format!("eth{index}"), &[]).unwrap());
            segment.attach(router, "eth0", &[]).unwrap();
            if let Some(address) = shared {
                router.ip("-6 address flush dev eth0").unwrap();
                router.ip(&format!("address add {address}/64 dev eth0 nodad")).unwrap();
            }
            add_networks(router, index + 1);
        }
        add_networks(&here, 9);
        let settings = RouterSettings::new(MARGAY_ASN, [192, 0, 2, 9].into());
        let margay = Margay::new(&here, settings, &binaries());
        Self { margay, here, routers, attachments, _segments: segments, _lab: lab }
    }

    /// The link-local address of margay towards a router.
    fn own(&self, router: usize) -> IpAddr {
        link_local(&self.here, &format!("eth{router}"))
    }

    fn start(&mut self, keys: &str) {
        let peer = |index: usize| {
            let address = link_local(&self.routers[index], "eth0");
            format!(
                "[[peer]]\nname = \"router{}\"\naddress = \"{address}%eth{index}\"\nremote_asn = {}\n\
                 families = [\"ipv4-unicast\", \"ipv6-unicast\"]\nextended_next_hop = true\nttl_security = true\n\
                 connect_retry = \"2s\"\n{keys}\n",
                index + 1,
                65_001 + index
            )
        };
        let text = format!(
            "[global]\nasn = {MARGAY_ASN}\nrouter_id = \"192.0.2.9\"\nlog = \"info,margay=debug\"\n\
             ebgp_without_filters = \"accept\"\n[kernel]\n\
             [[network]]\nprefix = \"10.65.9.0/24\"\n[[network]]\nprefix = \"2001:db8:9::/48\"\n{}{}",
            peer(0),
            peer(1)
        );
        self.margay.start_with(&text).unwrap();
    }

    fn fail(&self, failure: Failure) {
        match failure {
            Failure::Carrier => self.attachments[0].unplug().unwrap(),
            Failure::Interface => self.here.ip("link set eth0 down").unwrap(),
        }
    }

    fn mend(&self, failure: Failure) {
        match failure {
            Failure::Carrier => self.attachments[0].plug().unwrap(),
            Failure::Interface => self.here.ip("link set eth0 up").unwrap(),
        }
    }

    /// Each router's networks are reached over its link, in both families and both ways.
    #[track_caller]
    fn check(&self) {
        for (index, router) in self.routers.iter().enumerate() {
            let (name, number) = (format!("router{}", index + 1), index + 1);
            wait_for_state(&self.margay, &name, |state| state == "established", "established");
            let theirs = link_local(router, "eth0");
            let way = format!("via inet6 {theirs} dev eth{index}");
            wait_for_route(&self.here, &format!("10.65.{number}.0/24"), &way);
            let way = format!("via {theirs} dev eth{index}");
            wait_for_route(&self.here, &format!("2001:db8:{number}::/48"), &way);
            let ours = self.own(index);
            wait_for_route(router, "10.65.9.0/24", &format!("via inet6 {ours} dev eth0"));
            wait_for_route(router, "2001:db8:9::/48", &format!("via {ours} dev eth0"));
            let last = u8::try_from(number).unwrap();
            self.here.ping([10, 65, last, 1].into()).unwrap();
            router.ping([10, 65, 9, 1].into()).unwrap();
            self.here.ping(format!("2001:db8:{number}::1").parse().unwrap()).unwrap();
            router.ping("2001:db8:9::1".parse().unwrap()).unwrap();
            let shown = self.margay.cli(&format!("show peer {name}")).unwrap();
            assert!(shown.contains(&format!("{theirs}%eth{index}")), "{shown}");
        }
        // From one router to the other.
        wait_for_route(&self.routers[0], "10.65.2.0/24", &format!("via inet6 {} dev eth0", self.own(0)));
    }
}

/// `fe80::1` is another router on each link.
#[test]
fn two_birds_with_one_link_local_address_on_two_links() {
    let mut scene = Scene::new(Some("fe80::1"));
    let mut birds: Vec<Bird> = (0..2).map(|index| bird(&scene, index, "")).collect();
    birds.iter_mut().for_each(|bird| bird.start().unwrap());
    scene.start("");
    scene.check();
    // By its address with the link.
    let shown = scene.margay.json("show peer fe80::1%eth1").unwrap();
    assert_eq!((&shown["name"], &shown["interface"]), (&"router2".into(), &"eth1".into()));
    // One goes, with its routes alone.
    birds[0].stop().unwrap();
    wait_until(PATIENCE, "the other router's routes alone", || {
        let routes = scene.here.ip_output("route show proto 186").map_err(|error| error.to_string())?;
        if routes.contains("10.65.2.0/24") && !routes.contains("10.65.1.0/24") { Ok(()) } else { Err(routes) }
    });
}

#[test]
fn frr_and_bird_at_link_local_addresses() {
    let mut scene = Scene::new(None);
    let mut settings = RouterSettings::new(65_001, [192, 0, 2, 1].into());
    let ours = scene.own(0);
    settings.extra = format!(
        " neighbor {ours} remote-as {MARGAY_ASN}\n neighbor {ours} interface eth0\n neighbor {ours} ttl-security hops 1\n \
         neighbor {ours} capability extended-nexthop\n no bgp network import-check\n \
         address-family ipv4 unicast\n  network 10.65.1.0/24\n  neighbor {ours} activate\n exit-address-family\n \
         address-family ipv6 unicast\n  network 2001:db8:1::/48\n  neighbor {ours} activate\n exit-address-family\n"
    );
    let mut frr = Frr::with_bfd(&scene.routers[0], settings);
    frr.start().unwrap();
    let mut bird = bird(&scene, 1, "");
    bird.start().unwrap();
    scene.start("");
    scene.check();
}

/// The hold timer would take 90 seconds to notice.
#[test]
fn a_session_ends_with_its_link_and_returns_with_it() {
    let mut scene = Scene::new(Some("fe80::1"));
    let mut birds: Vec<Bird> = (0..2).map(|index| bird(&scene, index, "")).collect();
    birds.iter_mut().for_each(|bird| bird.start().unwrap());
    scene.start("");
    scene.check();
    let (since, begin) = (scene.margay.uptime_seconds("router2").unwrap(), Instant::now());
    for failure in [Failure::Carrier, Failure::Interface] {
        let cut_at = Instant::now();
        scene.fail(failure);
        wait_until(PATIENCE, "the end of the session", || {
            let peer = scene.margay.json("show peer router1").unwrap();
            let has_ended = peer["state"] != "established" && peer["last_error"] == "link down";
            if has_ended { Ok(()) } else { Err(peer.to_string()) }
        });
        assert!(cut_at.elapsed() < HOLD_TIME / 2, "as late as by the hold timer: {:?}", cut_at.elapsed());
        scene.mend(failure);
        scene.check();
    }
    let passed = begin.elapsed().as_secs();
    assert!(scene.margay.uptime_seconds("router2").unwrap() >= since + passed, "the other session stays");
}

#[test]
fn a_session_at_link_local_addresses_has_a_password_and_bfd() {
    let mut scene = Scene::new(None);
    let mut birds: Vec<Bird> =
        (0..2).map(|index| bird(&scene, index, "password \"sesame\"; bfd on;")).collect();
    birds.iter_mut().for_each(|bird| bird.start().unwrap());
    let key = KeyFile::new("link-local", "another one");
    scene.start(&format!("{}\n{FAST}", key.setting()));
    holds_for(Duration::from_secs(3), "no session with another password", || {
        let peers = scene.margay.json("show peers").unwrap();
        let is_up = |peer: &serde_json::Value| peer["state"] == "established";
        if peers["peers"].as_array().unwrap().iter().any(is_up) { Err(peers.to_string()) } else { Ok(()) }
    });
    key.write("sesame");
    scene.margay.cli("reload").unwrap();
    scene.check();
    wait_until(PATIENCE, "both paths are monitored", || {
        let shown = scene.margay.json("show bfd").unwrap();
        let sessions = shown["sessions"].as_array().unwrap();
        let are_up = sessions.len() == 2 && sessions.iter().all(|session| session["state"] == "up");
        if are_up { Ok(()) } else { Err(shown.to_string()) }
    });
    // Packets are lost while the link stays up: BFD notices.
    scene.attachments[1].cut().unwrap();
    wait_until(PATIENCE, "the end of the session", || {
        let peer = scene.margay.json("show peer router2").unwrap();
        let error = peer["last_error"].as_str().unwrap_or_default();
        let has_ended = peer["state"] != "established" && error.contains("BFD");
        if has_ended { Ok(()) } else { Err(peer.to_string()) }
    });
    scene.attachments[1].restore().unwrap();
    scene.check();
}

/// `options` are those of its session; BFD is there for sessions that ask for it.
fn bird(scene: &Scene, index: usize, options: &str) -> Bird {
    let number = index + 1;
    let mut settings = RouterSettings::new(
        u32::try_from(65_000 + number).unwrap(),
        [192, 0, 2, u8::try_from(number).unwrap()].into(),
    );
    settings.networks = vec![format!("10.65.{number}.0/24"), format!("2001:db8:{number}::/48")];
    settings.kernel = true;
    let (theirs, ours) = (link_local(&scene.routers[index], "eth0"), scene.own(index));
    let channel = "import all; export where source ~ [ RTS_STATIC, RTS_BGP ];";
    settings.extra = format!(
        "{BIRD_BFD}protocol bgp peer_margay {{ {options} local {theirs} as {}; neighbor {ours} % 'eth0' as {MARGAY_ASN}; direct; ttl security on;\n\
         connect delay time 1; connect retry time 2; error wait time 1, 2;\n\
         ipv4 {{ {channel} extended next hop on; }}; ipv6 {{ {channel} }}; }}\n",
        65_000 + number
    );
    Bird::new(&scene.routers[index], settings)
}

/// An address of each family inside the networks of a router.
fn add_networks(namespace: &Namespace, number: usize) {
    namespace.ip(&format!("address add 10.65.{number}.1/32 dev lo")).unwrap();
    namespace.ip(&format!("address add 2001:db8:{number}::1/128 dev lo nodad")).unwrap();
}

fn link_local(namespace: &Namespace, interface: &str) -> IpAddr {
    let shown = namespace.ip_output(&format!("-6 -o address show dev {interface} scope link")).unwrap();
    let address = shown.split_whitespace().find_map(|word| word.split_once('/')).expect("an address").0;
    address.parse().unwrap()
}

#[track_caller]
fn wait_for_route(namespace: &Namespace, prefix: &str, way: &str) {
    let family = if prefix.contains(':') { "-6 " } else { "" };
    wait_until(PATIENCE, &format!("{prefix} {way} in {}", namespace.label()), || {
        let routes = namespace
            .ip_output(&format!("{family}route show {prefix}"))
            .map_err(|error| error.to_string())?;
        if routes.contains(way) { Ok(()) } else { Err(routes) }
    });
}
