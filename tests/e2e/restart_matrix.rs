//! Restarts of margay and of BIRD, FRR and GoBGP, in order and by force: no packet is lost, and no route leaves the kernel.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use margay_lab::{
    Attachment, Bird, Family, Gobgp, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment,
    kernel_routes, wait_until,
};

use crate::kernel_watch::KernelWatch;
use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};
use crate::restart_scene::{Flood, FrrWithZebra, RestartingRouter, Scene, WEST_NETWORK};

/// How a daemon ends before it starts again.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As operators end it for a restart.
    InOrder,
    Killed,
}

/// Which side restarts.
#[derive(Clone, Copy, Debug)]
enum Side {
    Margay,
    Router,
}

/// Long enough for every restart here.
const RESTART_TIME: Duration = Duration::from_secs(120);

#[test]
fn margay_and_bird_restart_and_nothing_is_lost() {
    check::<Bird>(&[
        (Side::Margay, End::InOrder),
        (Side::Margay, End::Killed),
        (Side::Router, End::InOrder),
        (Side::Router, End::Killed),
    ]);
}

/// FRR has no order to end for a restart: upon SIGTERM, bgpd takes its routes out of the kernel.
#[test]
fn margay_and_frr_restart_and_nothing_is_lost() {
    check::<FrrWithZebra>(&[
        (Side::Margay, End::InOrder),
        (Side::Margay, End::Killed),
        (Side::Router, End::Killed),
    ]);
}

/// Nor has GoBGP.
#[test]
fn margay_and_gobgp_restart_and_nothing_is_lost() {
    check::<Gobgp>(&[(Side::Margay, End::InOrder), (Side::Margay, End::Killed), (Side::Router, End::Killed)]);
}

/// Restarts one side after the other as the rows say, in one scene.
fn check<R: RestartingRouter>(rows: &[(Side, End)]) {
    let mut scene = Scene::<R>::new(RESTART_TIME);
    for &(side, end) in rows {
        scene.restart(side, end);
    }
}

impl<R: RestartingRouter> Scene<R> {
    fn restart(&mut self, side: Side, end: End) {
        let case = format!("{side:?} {end:?}");
        let before = self.kernel_route();
        assert!(before.is_some(), "{case}");
        let (flood, watch) = (self.flood(), KernelWatch::start(&self.here));
        std::thread::sleep(Duration::from_millis(500));
        match side {
            Side::Margay => {
                self.end_margay(end);
                self.wait_for_loss_at_router();
                assert!(self.router.has_route(WEST_NETWORK), "{case}: the router keeps the route");
            }
            Side::Router => {
                match end {
                    End::InOrder => self.router.end_in_order(),
                    End::Killed => self.router.crash(),
                }
                self.wait_for_loss();
            }
        }
        assert_eq!(self.kernel_route(), before, "{case}: the kernel keeps the route");
        std::thread::sleep(Duration::from_secs(1));
        match side {
            Side::Margay => self.margay.start().unwrap(),
            Side::Router => self.router.boot(true),
        }
        self.wait_for_peer();
        // What is stale would be swept by now.
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(self.kernel_route(), before, "{case}: the same route as before");
        assert!(self.router.has_route(WEST_NETWORK), "{case}");
        watch.expect_no_loss(&case);
        flood.expect_no_loss(&case);
    }

    fn end_margay(&mut self, end: End) {
        match end {
            End::InOrder => self.margay.stop().unwrap(),
            End::Killed => self.margay.kill().unwrap(),
        }
    }
}

/// RFC 8538 §4: each side ends again before it has sent End-of-RIB in its second life, or just after.
#[test]
fn a_second_restart_inside_the_first_loses_nothing() {
    for side in [Side::Margay, Side::Router] {
        let mut scene = Scene::<Bird>::new(RESTART_TIME);
        let (flood, watch) = (scene.flood(), KernelWatch::start(&scene.here));
        let case = format!("{side:?} twice");
        std::thread::sleep(Duration::from_millis(500));
        for is_second in [false, true] {
            match side {
                Side::Margay => scene.end_margay(End::Killed),
                Side::Router => scene.router.crash(),
            }
            match side {
                Side::Margay => scene.margay.start().unwrap(),
                Side::Router => scene.router.boot(true),
            }
            if !is_second {
                wait_until(PATIENCE, "the second life's session", || scene.margay.uptime_seconds("router"));
            }
        }
        scene.wait_for_peer();
        std::thread::sleep(Duration::from_secs(2));
        assert!(scene.has_kernel_route() && scene.router.has_route(WEST_NETWORK), "{case}");
        watch.expect_no_loss(&case);
        flood.expect_no_loss(&case);
    }
}

/// The new file stands at another path, as after an upgrade of a package that keeps the old one.
#[test]
fn an_upgrade_of_the_daemon_loses_nothing() {
    let folder = std::env::temp_dir().join(format!("margay-upgrade-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let upgraded: PathBuf = folder.join("margayd");
    std::fs::copy(binaries().margayd, &upgraded).unwrap();
    let mut scene = Scene::<Bird>::new(RESTART_TIME);
    scene.margay.set_daemon(&upgraded);
    scene.restart(Side::Margay, End::InOrder);
    assert_eq!(scene.margay.executable().unwrap(), upgraded);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A stale route leads nowhere without its link: the kernel loses it at once, and has it again with the peer.
#[test]
fn a_link_that_fails_while_the_peer_restarts_takes_the_stale_route_with_it() {
    let mut scene = Scene::<Bird>::new(RESTART_TIME);
    scene.router.crash();
    scene.wait_for_loss();
    assert!(scene.has_kernel_route());
    scene.cable.unplug().unwrap();
    let unplugged = Instant::now();
    wait_until(PATIENCE, "the stale route leaves the kernel", || {
        if scene.has_kernel_route() { Err("still there") } else { Ok(()) }
    });
    assert!(unplugged.elapsed() < Duration::from_secs(5), "not at the end of the restart time");
    scene.cable.plug().unwrap();
    wait_until(PATIENCE, "the route is back with the link", || {
        if scene.has_kernel_route() { Ok(()) } else { Err("none") }
    });
    scene.router.boot(true);
    scene.wait_for_peer();
    wait_until(PATIENCE, "packets", || scene.west.ping("10.65.2.2".parse().unwrap()));
}

/// A rack: two nodes with a block and a pod each, sessions with each other and with the ToR, and a host behind that.
struct Rack {
    nodes: [Margay; 2],
    pods: [Namespace; 2],
    outside: Namespace,
    tor: Bird,
    /// What would be removed without an owner.
    _rest: (Vec<Attachment>, Vec<Segment>, Lab),
}

const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 65, 9, 2));

fn block(node: u8) -> String {
    format!("10.65.{node}.0/26")
}

fn pod(node: u8) -> IpAddr {
    Ipv4Addr::new(10, 65, node, 2).into()
}

impl Rack {
    fn new() -> Self {
        let lab = Lab::new().unwrap();
        let wire = lab.segment("wire").unwrap();
        let (mut cables, mut segments) = (Vec::new(), Vec::new());
        let mut attach_host = |router: &Namespace, name: &str, third: u8| {
            let segment = lab.segment(&format!("link{third}")).unwrap();
            let namespace = lab.namespace(name).unwrap();
            cables.push(segment.attach(router, "eth1", &[&format!("10.65.{third}.1/26")]).unwrap());
            cables.push(segment.attach(&namespace, "eth0", &[&format!("10.65.{third}.2/26")]).unwrap());
            namespace.ip(&format!("route add default via 10.65.{third}.1")).unwrap();
            segments.push(segment);
            namespace
        };
        let places = ["node1", "node2", "tor"].map(|label| lab.namespace(label).unwrap());
        let [pod1, pod2, outside] = [1, 2, 9].map(|third: u8| {
            let router = &places[usize::from(third.min(3) - 1)];
            attach_host(router, &format!("host{third}"), third)
        });
        for (number, place) in (1..).zip(&places) {
            cables.push(wire.attach(place, "eth0", &[&with_length(host(Family::Ipv4, number))]).unwrap());
        }
        segments.push(wire);
        let peer = |number: u8| {
            let asn = if number == 3 { PEER_ASN } else { MARGAY_ASN };
            PeerSettings::new(&format!("peer{number}"), host(Family::Ipv4, number), asn)
        };
        let settings = |number: u8, asn: u32, networks: Vec<String>| {
            let mut settings = RouterSettings::new(asn, Ipv4Addr::new(10, 0, 0, number));
            settings.kernel = true;
            settings.networks = networks;
            settings.peers = (1..=3).filter(|&other| other != number).map(peer).collect();
            settings
        };
        let nodes = [1, 2].map(|number: u8| {
            let place = &places[usize::from(number - 1)];
            Margay::new(place, settings(number, MARGAY_ASN, vec![block(number)]), &binaries())
        });
        let mut theirs = settings(3, PEER_ASN, vec![block(9)]);
        theirs.peers.iter_mut().for_each(|peer| "graceful restart on;".clone_into(&mut peer.extra));
        let tor = Bird::new(&places[2], theirs);
        Self { nodes, pods: [pod1, pod2], outside, tor, _rest: (cables, segments, lab) }
    }

    /// Waits until each router has announced its whole table to each other one.
    fn wait_for_sessions(&self) {
        for (node, others) in self.nodes.iter().zip([[2, 3], [1, 3]]) {
            for other in others {
                wait_until(PATIENCE, &format!("{node:?} has the table of peer{other}"), || {
                    let peer = node.json(&format!("show peer peer{other}"))?;
                    let ended = peer["end_of_rib_received"].as_array();
                    let is_up = peer["state"] == "established" && ended.is_some_and(|it| !it.is_empty());
                    if is_up { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
                });
            }
        }
    }

    fn kernels(&self) -> impl PartialEq + fmt::Debug + use<> {
        self.nodes
            .each_ref()
            .map(|node| kernel_routes(node.namespace(), Family::Ipv4, Margay::KERNEL_PROTOCOL).unwrap())
    }
}

#[test]
fn two_nodes_of_a_rack_restart_together_and_nothing_is_lost() {
    let mut rack = Rack::new();
    rack.tor.start().unwrap();
    rack.nodes.iter_mut().for_each(|node| node.start().unwrap());
    rack.wait_for_sessions();
    let paths = [(&rack.pods[0], pod(2)), (&rack.pods[0], OUTSIDE), (&rack.outside, pod(2))];
    for (from, to) in paths {
        wait_until(PATIENCE, &format!("{to} answers"), || from.ping(to));
    }
    let before = rack.kernels();
    for end in [End::InOrder, End::Killed] {
        let case = format!("both {end:?}");
        let paths = [(&rack.pods[0], pod(2)), (&rack.pods[0], OUTSIDE), (&rack.outside, pod(2))];
        let floods = paths.map(|(from, to)| (to, Flood::start(from, to)));
        let watches = rack.nodes.each_ref().map(|node| KernelWatch::start(node.namespace()));
        std::thread::sleep(Duration::from_millis(500));
        for node in &mut rack.nodes {
            match end {
                End::InOrder => node.stop().unwrap(),
                End::Killed => node.kill().unwrap(),
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        rack.nodes.iter_mut().for_each(|node| node.start().unwrap());
        rack.wait_for_sessions();
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(rack.kernels(), before, "{case}");
        watches.into_iter().for_each(|watch| watch.expect_no_loss(&case));
        floods.into_iter().for_each(|(to, flood)| flood.expect_no_loss(&format!("{case}, to {to}")));
    }
}
