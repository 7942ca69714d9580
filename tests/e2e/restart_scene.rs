//! A host behind margay, a host behind a router of another implementation, and packets between them while one of the two restarts.

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Stdio};
use std::time::Duration;

use margay_lab::{
    Attachment, Bird, Family, Frr, Gobgp, KernelRoute, Lab, Margay, Namespace, PeerSettings, Router,
    RouterSettings, Segment, kernel_routes, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};

/// A router with graceful restart, of some implementation.
pub(crate) trait RestartingRouter {
    /// Whether margay leaves it to the router to dial, which then has its networks from the start of the session on.
    const DIALS_ALONE: bool = false;

    /// Makes one that is not running. `restart_time` is how long it says that it may be away.
    fn new(namespace: &Namespace, settings: RouterSettings, restart_time: Duration) -> Self;

    /// Starts it, for the first time or after a restart.
    fn boot(&mut self, is_restart: bool);

    /// Ends it as its operators do for a restart; by force where there is no such way.
    fn end_in_order(&mut self) {
        self.crash();
    }

    fn crash(&mut self);

    /// Whether its session with margay is established.
    fn is_established(&self) -> bool;

    /// Whether it has a route over margay.
    fn has_route(&self, prefix: &str) -> bool;
}

impl RestartingRouter for Bird {
    fn new(namespace: &Namespace, mut settings: RouterSettings, restart_time: Duration) -> Self {
        let seconds = restart_time.as_secs();
        settings.peers[0].extra += &format!("graceful restart on; graceful restart time {seconds};");
        Self::new(namespace, settings)
    }

    fn boot(&mut self, is_restart: bool) {
        if is_restart { self.start_recovering() } else { self.start() }.unwrap();
    }

    fn end_in_order(&mut self) {
        self.end_for_restart().unwrap();
    }

    fn crash(&mut self) {
        self.kill().unwrap();
    }

    fn is_established(&self) -> bool {
        self.session_state(NAME).is_ok_and(|state| state == "established")
    }

    fn has_route(&self, prefix: &str) -> bool {
        has_kernel_route(self.namespace(), prefix)
            && self.birdc(&format!("show route {prefix}")).is_ok_and(|shown| shown.contains("via"))
    }
}

/// FRR's bgpd with zebra, which goes on when bgpd restarts.
pub(crate) struct FrrWithZebra {
    frr: Frr,
    namespace: Namespace,
}

impl RestartingRouter for FrrWithZebra {
    fn new(namespace: &Namespace, mut settings: RouterSettings, restart_time: Duration) -> Self {
        settings.extra += &format!(
            " bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n bgp graceful-restart restart-time {}\n",
            restart_time.as_secs()
        );
        Self { frr: Frr::with_zebra(namespace, settings), namespace: namespace.clone() }
    }

    fn boot(&mut self, _is_restart: bool) {
        self.frr.start().unwrap();
    }

    fn crash(&mut self) {
        self.frr.kill().unwrap();
    }

    fn is_established(&self) -> bool {
        self.frr.session_state(host(Family::Ipv4, 1)).is_ok_and(|state| state == "established")
    }

    fn has_route(&self, prefix: &str) -> bool {
        has_kernel_route(&self.namespace, prefix)
    }
}

/// GoBGP, which programs no kernel: the operator's static route stands for its forwarding.
impl RestartingRouter for Gobgp {
    const DIALS_ALONE: bool = true;

    fn new(namespace: &Namespace, mut settings: RouterSettings, restart_time: Duration) -> Self {
        settings.peers[0].extra += &format!(
            "[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true\n\
             [neighbors.graceful-restart.config]\nenabled = true\nnotification-enabled = true\nrestart-time = {}\n",
            restart_time.as_secs()
        );
        namespace.ip(&format!("route add {WEST_NETWORK} via {}", host(Family::Ipv4, 1))).unwrap();
        Self::new(namespace, settings)
    }

    fn boot(&mut self, is_restart: bool) {
        if is_restart { self.start_recovering() } else { self.start() }.unwrap();
    }

    fn crash(&mut self) {
        self.kill().unwrap();
    }

    fn is_established(&self) -> bool {
        self.session_state(NAME).is_ok_and(|state| state == "established")
    }

    fn has_route(&self, prefix: &str) -> bool {
        self.gobgp(&format!("global rib {prefix}")).is_ok_and(|shown| shown.contains("172.16.0.1"))
    }
}

/// The hosts, the two routers, and the wire between these.
pub(crate) struct Scene<R> {
    pub(crate) margay: Margay,
    pub(crate) router: R,
    pub(crate) here: Namespace,
    pub(crate) west: Namespace,
    /// Margay's end of the wire.
    pub(crate) cable: Attachment,
    /// What would be removed without an owner.
    _rest: (Lab, [Segment; 3], [Namespace; 2]),
}

pub(crate) const EAST_NETWORK: &str = "10.65.2.0/26";
pub(crate) const WEST_NETWORK: &str = "10.65.1.0/26";

/// What the other router calls margay.
const NAME: &str = "margay";

impl<R: RestartingRouter> Scene<R> {
    /// Sessions are up, and the hosts reach each other. `restart_time` is how long the router says that it may be away.
    pub(crate) fn new(restart_time: Duration) -> Self {
        Self::with(restart_time, ["", "", ""])
    }

    /// The same with further configuration of margay's side of the session, of the router's, and of the router as a whole.
    pub(crate) fn with(restart_time: Duration, [margay_peer, router_peer, router_extra]: [&str; 3]) -> Self {
        let lab = Lab::new().unwrap();
        let [wire, left, right] = ["wire", "left", "right"].map(|label| lab.segment(label).unwrap());
        let [here, there, west, east] =
            ["margay", "router", "west", "east"].map(|label| lab.namespace(label).unwrap());
        let cable = wire.attach(&here, "eth0", &[&with_length(host(Family::Ipv4, 1))]).unwrap();
        wire.attach(&there, "eth0", &[&with_length(host(Family::Ipv4, 2))]).unwrap();
        left.attach(&here, "eth1", &["10.65.1.1/26"]).unwrap();
        left.attach(&west, "eth0", &["10.65.1.2/26"]).unwrap();
        right.attach(&there, "eth1", &["10.65.2.1/26"]).unwrap();
        right.attach(&east, "eth0", &["10.65.2.2/26"]).unwrap();
        west.ip("route add default via 10.65.1.1").unwrap();
        east.ip("route add default via 10.65.2.1").unwrap();
        let mut margay = Margay::new(&here, settings(MARGAY_ASN, 1, 2, PEER_ASN), &binaries());
        margay.settings().peers[0].extra = margay_peer.to_owned();
        margay.settings().peers[0].passive = R::DIALS_ALONE;
        margay.settings().networks = vec![WEST_NETWORK.to_owned()];
        let mut theirs = settings(PEER_ASN, 2, 1, MARGAY_ASN);
        theirs.peers[0].extra = router_peer.to_owned();
        theirs.extra = router_extra.to_owned();
        theirs.networks = vec![EAST_NETWORK.to_owned()];
        let mut router = R::new(&there, theirs, restart_time);
        router.boot(false);
        margay.start().unwrap();
        let rest = (lab, [wire, left, right], [there, east]);
        let scene = Self { margay, router, here, west, cable, _rest: rest };
        wait_until(PATIENCE, "west reaches east", || scene.west.ping(east_host()));
        scene.wait_for_peer();
        scene
    }

    /// Waits until the session is up, margay knows the router's whole table, and the router has margay's route.
    pub(crate) fn wait_for_peer(&self) {
        wait_until(PATIENCE, "the session", || {
            let peer = self.margay.json("show peer router")?;
            let has_table =
                peer["end_of_rib_received"].as_array().is_some_and(|families| !families.is_empty());
            let is_up = peer["state"] == "established" && has_table && self.router.is_established();
            if is_up { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
        });
        wait_until(PATIENCE, "the router's route", || {
            if self.router.has_route(WEST_NETWORK) { Ok(()) } else { Err("none") }
        });
    }

    /// Waits until margay has lost the session.
    pub(crate) fn wait_for_loss(&self) {
        wait_until(PATIENCE, "margay notices", || {
            let peer = self.margay.json("show peer router")?;
            if peer["state"] == "established" { Err(anyhow::anyhow!("{peer}")) } else { Ok(()) }
        });
    }

    /// Waits until the router has lost the session.
    pub(crate) fn wait_for_loss_at_router(&self) {
        wait_until(PATIENCE, "the router notices", || {
            if self.router.is_established() { Err("established") } else { Ok(()) }
        });
    }

    /// Packets from west to east, a hundred a second.
    pub(crate) fn flood(&self) -> Flood {
        Flood::start(&self.west, east_host())
    }

    pub(crate) fn has_kernel_route(&self) -> bool {
        self.kernel_route().is_some()
    }

    /// Margay's route to the network behind the router in the kernel.
    pub(crate) fn kernel_route(&self) -> Option<KernelRoute> {
        kernel_routes(&self.here, Family::Ipv4, Margay::KERNEL_PROTOCOL).unwrap().remove(EAST_NETWORK)
    }
}

fn settings(asn: u32, number: u8, other: u8, other_asn: u32) -> RouterSettings {
    let name = if number == 1 { "router" } else { NAME };
    let mut peer = PeerSettings::new(name, host(Family::Ipv4, other), other_asn);
    peer.local_address = Some(host(Family::Ipv4, number));
    let mut settings = RouterSettings::new(asn, Ipv4Addr::new(10, 0, 0, number));
    settings.peers = vec![peer];
    settings.kernel = true;
    settings
}

/// Whether the kernel of a router leads packets for a prefix to margay.
fn has_kernel_route(namespace: &Namespace, prefix: &str) -> bool {
    let shown = namespace.ip_output(&format!("route show {prefix}")).unwrap();
    shown.contains(&format!("via {}", host(Family::Ipv4, 1)))
}

fn east_host() -> IpAddr {
    "10.65.2.2".parse().unwrap()
}

/// A running ping, a hundred packets a second.
pub(crate) struct Flood(Child);

impl Flood {
    pub(crate) fn start(from: &Namespace, to: IpAddr) -> Self {
        let mut command = from.command("ping");
        command.args(["-n", "-q", "-i", "0.01", "-w", "120"]).arg(to.to_string());
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Ends the ping and checks that every packet was answered.
    pub(crate) fn expect_no_loss(self, case: &str) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut numbers =
            text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| word.parse::<u64>().ok());
        assert!(text.contains(" 0% packet loss"), "{case}: {text}");
        assert!(numbers.any(|number| number > 100), "{case}: too few packets to tell: {text}");
    }
}
