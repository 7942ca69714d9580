//! Graceful restart of margay and of BIRD, under packets between hosts behind both.

use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use margay_lab::{
    Bird, Family, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, kernel_routes,
    wait_until,
};

use crate::bfd_sessions::{BIRD_BFD, FAST};
use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};

/// A host behind margay, a host behind BIRD, and a wire between the two routers.
struct Scene {
    margay: Margay,
    bird: Bird,
    here: Namespace,
    west: Namespace,
    /// What would be removed without an owner.
    _rest: (Lab, [Segment; 3], [Namespace; 2]),
}

const EAST_NETWORK: &str = "10.65.2.0/26";
const WEST_NETWORK: &str = "10.65.1.0/26";

impl Scene {
    /// Sessions are up, and the hosts reach each other. `restart_time` is how long BIRD says it may be away.
    fn new(restart_time: Duration) -> Self {
        Self::with(restart_time, ["graceful_restart = true", "", ""])
    }

    /// The same with what margay's side of the session, BIRD's, and BIRD as a whole are configured with beyond.
    fn with(restart_time: Duration, [margay_peer, bird_peer, bird_extra]: [&str; 3]) -> Self {
        let lab = Lab::new().unwrap();
        let [wire, left, right] = ["wire", "left", "right"].map(|label| lab.segment(label).unwrap());
        let [here, there, west, east] =
            ["margay", "bird", "west", "east"].map(|label| lab.namespace(label).unwrap());
        wire.attach(&here, "eth0", &[&with_length(host(Family::Ipv4, 1))]).unwrap();
        wire.attach(&there, "eth0", &[&with_length(host(Family::Ipv4, 2))]).unwrap();
        left.attach(&here, "eth1", &["10.65.1.1/26"]).unwrap();
        left.attach(&west, "eth0", &["10.65.1.2/26"]).unwrap();
        right.attach(&there, "eth1", &["10.65.2.1/26"]).unwrap();
        right.attach(&east, "eth0", &["10.65.2.2/26"]).unwrap();
        west.ip("route add default via 10.65.1.1").unwrap();
        east.ip("route add default via 10.65.2.1").unwrap();
        let mut margay = Margay::new(&here, router(MARGAY_ASN, 1, 2, PEER_ASN), &binaries());
        margay.settings().peers[0].extra = margay_peer.to_owned();
        margay.settings().networks = vec![WEST_NETWORK.to_owned()];
        let mut bird = Bird::new(&there, router(PEER_ASN, 2, 1, MARGAY_ASN));
        bird.settings().peers[0].extra =
            format!("graceful restart on; graceful restart time {}; {bird_peer}", restart_time.as_secs());
        bird.settings().extra = bird_extra.to_owned();
        bird.settings().networks = vec![EAST_NETWORK.to_owned()];
        bird.start().unwrap();
        margay.start().unwrap();
        let rest = (lab, [wire, left, right], [there, east]);
        let scene = Self { margay, bird, here, west, _rest: rest };
        wait_until(PATIENCE, "west reaches east", || scene.west.ping(east_host()));
        scene.wait_for_peer();
        scene
    }

    /// Waits until the session is up and margay knows BIRD's whole table.
    fn wait_for_peer(&self) {
        wait_until(PATIENCE, "the session", || {
            let peer = self.margay.json("show peer bird")?;
            let has_table =
                peer["end_of_rib_received"].as_array().is_some_and(|families| !families.is_empty());
            if peer["state"] == "established" && has_table { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
        });
    }

    /// Packets from west to east, a hundred a second.
    fn flood(&self) -> Flood {
        let mut command = self.west.command("ping");
        command.args(["-n", "-q", "-i", "0.01", "-w", "120"]).arg(east_host().to_string());
        Flood(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn has_kernel_route(&self) -> bool {
        let routes = kernel_routes(&self.here, Family::Ipv4, 186).unwrap();
        routes.contains_key(EAST_NETWORK)
    }

    /// Whether BIRD has margay's route.
    fn bird_has_route(&self) -> bool {
        self.bird
            .birdc(&format!("show route {WEST_NETWORK} protocol peer_margay"))
            .is_ok_and(|routes| routes.contains("via"))
    }
}

fn router(asn: u32, number: u8, other: u8, other_asn: u32) -> RouterSettings {
    let name = if number == 1 { "bird" } else { "margay" };
    let peer = PeerSettings::new(name, host(Family::Ipv4, other), other_asn);
    let mut settings = RouterSettings::new(asn, std::net::Ipv4Addr::new(10, 0, 0, number));
    settings.peers = vec![peer];
    settings.kernel = true;
    settings
}

fn east_host() -> IpAddr {
    "10.65.2.2".parse().unwrap()
}

/// A running ping.
struct Flood(Child);

impl Flood {
    /// Ends the ping and checks that every packet was answered.
    fn expect_no_loss(self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut numbers =
            text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| word.parse::<u64>().ok());
        assert!(text.contains(" 0% packet loss"), "{text}");
        assert!(numbers.any(|number| number > 100), "too few packets to tell: {text}");
    }
}

#[test]
fn margay_restarts_in_order_and_by_force_and_no_packet_is_lost() {
    margay_restarts(Scene::new(Duration::from_secs(120)));
}

/// The BFD session ends with the daemon, which BIRD is to take for a restart, too (RFC 5882 §4.3).
#[test]
fn margay_restarts_under_bfd_and_no_packet_is_lost() {
    let margay_peer = format!("graceful_restart = true\n{FAST}");
    let scene = Scene::with(Duration::from_secs(120), [&margay_peer, "bfd graceful;", BIRD_BFD]);
    wait_until(PATIENCE, "the path is monitored", || {
        let peer = scene.margay.json("show peer bird")?;
        if peer["path"]["session"]["state"] == "up" { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
    });
    margay_restarts(scene);
}

fn margay_restarts(mut scene: Scene) {
    for is_killed in [false, true] {
        let flood = scene.flood();
        std::thread::sleep(Duration::from_millis(500));
        if is_killed {
            scene.margay.kill().unwrap();
        } else {
            scene.margay.stop().unwrap();
        }
        wait_until(PATIENCE, "BIRD notices", || {
            let state = scene.bird.session_state("margay")?;
            if state == "established" { Err(anyhow::anyhow!("{state}")) } else { Ok(()) }
        });
        assert!(scene.bird_has_route(), "BIRD keeps the route, killed: {is_killed}");
        assert!(scene.has_kernel_route(), "the kernel keeps the route, killed: {is_killed}");
        std::thread::sleep(Duration::from_secs(1));
        scene.margay.start().unwrap();
        scene.wait_for_peer();
        std::thread::sleep(Duration::from_secs(2));
        assert!(scene.bird_has_route());
        flood.expect_no_loss();
    }
}

#[test]
fn bird_restarts_and_no_packet_is_lost() {
    let mut scene = Scene::new(Duration::from_secs(120));
    let flood = scene.flood();
    std::thread::sleep(Duration::from_millis(500));
    scene.bird.kill().unwrap();
    wait_until(PATIENCE, "margay notices", || {
        let peer = scene.margay.json("show peer bird")?;
        if peer["state"] == "established" { Err(anyhow::anyhow!("{peer}")) } else { Ok(()) }
    });
    std::thread::sleep(Duration::from_secs(1));
    assert!(scene.has_kernel_route(), "the route of a peer that restarts stays");
    scene.bird.start_recovering().unwrap();
    scene.wait_for_peer();
    std::thread::sleep(Duration::from_secs(2));
    assert!(scene.has_kernel_route());
    flood.expect_no_loss();
}

#[test]
fn routes_of_a_peer_that_does_not_come_back_go_when_its_restart_time_is_over() {
    let mut scene = Scene::new(Duration::from_secs(3));
    scene.bird.kill().unwrap();
    wait_until(PATIENCE, "margay notices", || {
        let peer = scene.margay.json("show peer bird")?;
        if peer["state"] == "established" { Err(anyhow::anyhow!("{peer}")) } else { Ok(()) }
    });
    assert!(scene.has_kernel_route(), "it has three seconds");
    let start = std::time::Instant::now();
    wait_until(PATIENCE, "the stale route goes", || {
        if scene.has_kernel_route() { Err("still there") } else { Ok(()) }
    });
    let elapsed = start.elapsed();
    assert!(elapsed > Duration::from_secs(1) && elapsed < Duration::from_secs(8), "after {elapsed:?}");
}

/// The restart times of both are two seconds, after which routes are kept as a last resort.
fn long_lived(stale_time: &str) -> Scene {
    let margay = "graceful_restart = { restart_time = \"2s\", long_lived = \"1h\" }";
    let bird = format!("long lived graceful restart on; long lived stale time {stale_time};");
    Scene::with(Duration::from_secs(2), [margay, &bird, ""])
}

#[test]
fn routes_of_bird_are_a_last_resort_after_its_restart_time_until_it_is_back() {
    let mut scene = long_lived("3600");
    let flood = scene.flood();
    scene.bird.kill().unwrap();
    wait_until(PATIENCE, "the route is a last resort", || {
        let peer = scene.margay.json("show peer bird")?;
        if peer["absence"]["long_lived"] == true { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
    });
    assert!(scene.has_kernel_route());
    let routes = scene.margay.json("show routes --received --peer bird").unwrap();
    assert_eq!(routes["routes"][0]["stale"], true, "{routes}");
    std::thread::sleep(Duration::from_secs(1));
    scene.bird.start_recovering().unwrap();
    scene.wait_for_peer();
    std::thread::sleep(Duration::from_secs(1));
    assert!(scene.has_kernel_route());
    let routes = scene.margay.json("show routes --received --peer bird").unwrap();
    assert_eq!(routes["routes"][0]["stale"], false, "{routes}");
    flood.expect_no_loss();
}

#[test]
fn a_last_resort_goes_when_its_stale_time_is_over() {
    let mut scene = long_lived("3");
    scene.bird.kill().unwrap();
    let killed = std::time::Instant::now();
    wait_until(PATIENCE, "the stale route goes", || {
        if scene.has_kernel_route() { Err("still there") } else { Ok(()) }
    });
    let elapsed = killed.elapsed();
    assert!(elapsed > Duration::from_secs(4) && elapsed < Duration::from_secs(10), "after {elapsed:?}");
}

#[test]
fn bird_keeps_routes_of_margay_as_a_last_resort() {
    let mut scene = long_lived("3600");
    let flood = scene.flood();
    scene.margay.kill().unwrap();
    wait_until(PATIENCE, "BIRD marks the route", || {
        let routes = scene.bird.birdc(&format!("show route {WEST_NETWORK} all"))?;
        // LLGR_STALE
        if routes.contains("(65535,6)") { Ok(()) } else { Err(anyhow::anyhow!("{routes}")) }
    });
    scene.margay.start().unwrap();
    scene.wait_for_peer();
    wait_until(PATIENCE, "the mark is gone", || {
        let routes = scene.bird.birdc(&format!("show route {WEST_NETWORK} all"))?;
        let is_marked = routes.contains("(65535,6)");
        if routes.contains("via") && !is_marked { Ok(()) } else { Err(anyhow::anyhow!("{routes}")) }
    });
    flood.expect_no_loss();
}
