//! BGP sessions whose path BFD monitors, with BIRD and FRR as peers: cuts, ends in order, and changes at run time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use margay_lab::{
    Attachment, Bird, Family, Frr, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment,
    wait_until,
};
use serde_json::Value;

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};

pub(crate) const FAST: &str = "bfd = { transmit = \"50ms\", receive = \"50ms\", multiplier = 3 }";

pub(crate) const BIRD_BFD: &str = "protocol bfd { interface \"*\" { min rx interval 50 ms; min tx interval 50 ms; idle tx interval 200 ms; \
                        multiplier 3; }; }\n";

fn settings(asn: u32, number: u8, peers: Vec<PeerSettings>) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, std::net::Ipv4Addr::new(192, 0, 2, number));
    settings.peers = peers;
    settings
}

fn peer(name: &str, number: u8, asn: u32, extra: &str) -> PeerSettings {
    let mut peer = PeerSettings::new(name, host(Family::Ipv4, number), asn);
    peer.extra = extra.to_owned();
    peer
}

fn wait_for_path(margay: &Margay, name: &str, what: &str, is_met: impl Fn(&Value) -> bool) {
    wait_until(PATIENCE, &format!("{name}'s session and path are {what}"), || {
        let peer = margay.json(&format!("show peer {name}"))?;
        if is_met(&peer) { Ok(()) } else { Err(anyhow::anyhow!("{peer}")) }
    });
}

fn is_up(peer: &Value) -> bool {
    peer["state"] == "established" && peer["path"]["session"]["state"] == "up"
}

/// margay and FRR with zebra and bfdd on a segment.
struct FrrPair {
    margay: Margay,
    frr: Frr,
    cable: Attachment,
    _rest: (Segment, Lab),
}

impl FrrPair {
    fn new() -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let (here, there) = (lab.namespace("margay").unwrap(), lab.namespace("frr").unwrap());
        segment.attach(&here, "eth0", &[&with_length(host(Family::Ipv4, 1))]).unwrap();
        let cable = segment.attach(&there, "eth0", &[&with_length(host(Family::Ipv4, 2))]).unwrap();
        let ours = settings(MARGAY_ASN, 1, vec![peer("frr", 2, PEER_ASN, FAST)]);
        let theirs = settings(
            PEER_ASN,
            2,
            vec![PeerSettings {
                // FRR begins its BFD session anew once it knows the source address.
                local_address: Some(host(Family::Ipv4, 2)),
                ..peer("margay", 1, MARGAY_ASN, "bfd profile fast")
            }],
        );
        let mut margay = Margay::new(&here, ours, &binaries());
        let mut frr = Frr::with_bfd(&there, theirs);
        frr.start().unwrap();
        margay.start().unwrap();
        let pair = Self { margay, frr, cable, _rest: (segment, lab) };
        wait_for_path(&pair.margay, "frr", "up", is_up);
        pair
    }
}

#[test]
fn a_cut_ends_the_session_with_frr_and_a_mended_cable_brings_it_back() {
    let pair = FrrPair::new();
    let brief = pair.frr.vtysh("show bfd peers brief").unwrap();
    assert!(brief.contains("up"), "{brief}");
    pair.cable.cut().unwrap();
    wait_for_path(&pair.margay, "frr", "down", |peer| peer["state"] != "established");
    let peer = pair.margay.json("show peer frr").unwrap();
    assert_eq!(peer["last_error"], "BFD: path down: detection time expired");
    pair.cable.restore().unwrap();
    wait_for_path(&pair.margay, "frr", "up", is_up);
}

/// The first session's end is not a failure of the path for FRR, which goes on monitoring it, nor does the second session fail
/// by what is left of the first.
#[test]
fn a_reset_with_frr_costs_one_session_and_no_more() {
    let pair = FrrPair::new();
    for _ in 0..2 {
        pair.margay.cli("peer frr reset").unwrap();
        wait_for_path(&pair.margay, "frr", "up", is_up);
        std::thread::sleep(Duration::from_secs(4));
        assert!(pair.margay.uptime_seconds("frr").unwrap() >= 3);
        let sessions = pair.margay.json("show bfd").unwrap();
        assert_eq!(sessions["sessions"][0]["failures"], 0, "{sessions}");
    }
    pair.margay.cli("peer frr disable").unwrap();
    wait_until(PATIENCE, "FRR's session is not up", || {
        let brief = pair.frr.vtysh("show bfd peers brief")?;
        if brief.contains(" up") { Err(anyhow::anyhow!("{brief}")) } else { Ok(()) }
    });
}

#[test]
fn other_intervals_and_a_turn_off_and_on_take_effect_in_the_running_session() {
    let mut pair = FrrPair::new();
    let started = Instant::now();
    for (extra, expected) in [
        ("bfd = { transmit = \"50ms\", receive = \"100ms\", multiplier = 3 }", Some(300_000)),
        ("bfd = false", None),
        (FAST, Some(150_000)),
    ] {
        pair.margay.settings().peers[0].extra = extra.to_owned();
        pair.margay.reload().unwrap();
        wait_for_path(&pair.margay, "frr", extra, |peer| match expected {
            Some(time) => is_up(peer) && peer["path"]["session"]["detection_time_microseconds"] == time,
            None => peer["path"].is_null(),
        });
    }
    let age = started.elapsed().as_secs();
    assert!(pair.margay.uptime_seconds("frr").unwrap() >= age, "the session stayed");
}

/// Some BIRDs, each on a segment of its own, and what the kernel's table loses.
struct Racks {
    margay: Margay,
    cables: Vec<Attachment>,
    removals: mpsc::Receiver<(String, Instant)>,
    monitor: Child,
    _rest: (Vec<Bird>, Vec<Segment>, Lab),
}

fn rack_network(rack: usize) -> String {
    format!("10.65.{rack}.0/24")
}

impl Racks {
    fn new(count: u8) -> Self {
        let lab = Lab::new().unwrap();
        let here = lab.namespace("margay").unwrap();
        let (mut birds, mut cables, mut segments, mut peers) = (vec![], vec![], vec![], vec![]);
        for rack in 0..count {
            let segment = lab.segment(&format!("wire{rack}")).unwrap();
            let there = lab.namespace(&format!("bird{rack}")).unwrap();
            segment.attach(&here, &format!("eth{rack}"), &[&format!("10.9.{rack}.1/24")]).unwrap();
            cables.push(segment.attach(&there, "eth0", &[&format!("10.9.{rack}.2/24")]).unwrap());
            segments.push(segment);
            let asn = PEER_ASN + u32::from(rack);
            let ours = PeerSettings::new("margay", format!("10.9.{rack}.1").parse().unwrap(), MARGAY_ASN);
            let mut theirs =
                settings(asn, 100 + rack, vec![PeerSettings { extra: "bfd on;".to_owned(), ..ours }]);
            theirs.networks = vec![rack_network(rack.into())];
            theirs.extra = BIRD_BFD.to_owned();
            let mut bird = Bird::new(&there, theirs);
            bird.start().unwrap();
            birds.push(bird);
            let address = format!("10.9.{rack}.2").parse().unwrap();
            let peer = PeerSettings::new(&format!("bird{rack}"), address, asn);
            peers.push(PeerSettings { extra: FAST.to_owned(), ..peer });
        }
        let mut ours = settings(MARGAY_ASN, 1, peers);
        ours.kernel = true;
        let mut margay = Margay::new(&here, ours, &binaries());
        margay.start().unwrap();
        let (monitor, removals) = monitor(&here);
        Self { margay, cables, removals, monitor, _rest: (birds, segments, lab) }
    }

    fn wait_for_rack(&self, rack: usize) {
        wait_for_path(&self.margay, &format!("bird{rack}"), "up", |peer| {
            is_up(peer) && peer["prefixes"]["accepted"] == 1
        });
        let network = rack_network(rack);
        wait_until(PATIENCE, "the kernel's route", || {
            let routes = self.margay.namespace().ip_output(&format!("route show {network}"))?;
            if routes.is_empty() { Err(anyhow::anyhow!("none")) } else { Ok(()) }
        });
    }

    /// Cuts a rack off, and returns after how long the kernel had no route to it.
    fn cut(&self, rack: usize) -> Duration {
        while self.removals.try_recv().is_ok() {}
        let cut = Instant::now();
        self.cables[rack].cut().unwrap();
        loop {
            let (network, at) = self.removals.recv_timeout(PATIENCE).expect("the route goes");
            if network == rack_network(rack) {
                return at - cut;
            }
        }
    }
}

impl Drop for Racks {
    fn drop(&mut self) {
        self.monitor.kill().and_then(|()| self.monitor.wait()).unwrap();
    }
}

/// The prefixes of routes that the kernel removes, as it does so.
fn monitor(namespace: &Namespace) -> (Child, mpsc::Receiver<(String, Instant)>) {
    let mut command = namespace.command("ip");
    command.args(["monitor", "route"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, removals) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some(prefix) = line.strip_prefix("Deleted ").and_then(|line| line.split(' ').next())
                && sender.send((prefix.to_owned(), Instant::now())).is_err()
            {
                return;
            }
        }
    });
    (child, removals)
}

/// The time from the cut to the kernel's table. `MARGAY_BFD_CUTS` sets the number of cuts: then the bound is that of an idle
/// machine, which others do not disturb.
#[test]
fn a_cut_reaches_the_kernel_in_little_more_than_the_detection_time() {
    const RACKS: usize = 10;
    let cuts = std::env::var("MARGAY_BFD_CUTS").ok().and_then(|cuts| cuts.parse::<usize>().ok());
    let bound = Duration::from_millis(if cuts.is_some() { 200 } else { 600 });
    let racks = Racks::new(u8::try_from(RACKS).unwrap());
    let mut times = Vec::new();
    for cut in 0..cuts.unwrap_or(RACKS) {
        let rack = cut % RACKS;
        racks.wait_for_rack(rack);
        times.push(racks.cut(rack));
        racks.cables[rack].restore().unwrap();
    }
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    eprintln!(
        "{} cuts: median {:?}, 99th percentile {:?}, longest {:?}",
        times.len(),
        percentile(50),
        percentile(99),
        percentile(100)
    );
    assert!(percentile(99) <= bound, "{times:?}");
}
