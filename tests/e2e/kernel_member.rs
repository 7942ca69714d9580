//! The kernel's table through sudden deaths, and without root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use margay_lab::{
    Family, KernelRoute, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, kernel_routes,
    wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host};
use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, UPDATE, message, open_body, update_body};

/// Some fifteen seconds in all.
const ROUNDS: u32 = 100;
const PREFIXES: u32 = 400;

/// The daemon is killed while it installs what a peer announces, again and again. Each next run ends with exactly what
/// the peer announces then, and others' routes stay.
#[test]
fn the_kernel_is_exact_after_each_of_many_sudden_deaths() {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let [here, there] = ["margay", "peer"].map(|label| lab.namespace(label).unwrap());
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    wire.attach(&there, "eth0", &["172.16.0.2/24"]).unwrap();
    here.ip("route add 20.0.0.0/24 via 172.16.0.2 proto static metric 5").unwrap();
    here.ip("route add 203.0.113.0/24 via 172.16.0.2 proto static").unwrap();
    let foreign = || here.ip_output("route show proto static").unwrap();
    let before = foreign();
    let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
    settings.kernel = true;
    let mut peer = PeerSettings::new("peer", host(Family::Ipv4, 2), PEER_ASN);
    peer.passive = true;
    settings.peers.push(peer);
    let mut margay = Margay::new(&here, settings, &binaries());
    for round in 0..ROUNDS {
        margay.start().unwrap();
        let doomed = announce(&there, round.wrapping_mul(2_654_435_761));
        // A xorshift of the round spreads the moments over the time that the work takes.
        thread::sleep(Duration::from_micros(u64::from((round ^ round << 7).wrapping_mul(40_503) % 30_000)));
        margay.kill().unwrap();
        drop(doomed);
        margay.start().unwrap();
        let session = announce(&there, round);
        let expected = expected(round);
        wait_until(PATIENCE, &format!("round {round}"), || {
            let seen = kernel_routes(&here, Family::Ipv4, Margay::KERNEL_PROTOCOL);
            let seen = seen.map_err(|error| format!("{error:#}"))?;
            let differs = |(prefix, route): &(&String, &KernelRoute)| expected.get(*prefix) != Some(*route);
            match (seen.len() == expected.len(), seen.iter().find(differs)) {
                (true, None) => Ok(()),
                (_, other) => Err(format!("{} of {}: {other:?}", seen.len(), expected.len())),
            }
        });
        assert_eq!(foreign(), before, "round {round}");
        margay.kill().unwrap();
        drop(session);
    }
}

/// A session on which a part of the prefixes is announced, which one depending on the round.
fn announce(from: &Namespace, round: u32) -> RawSpeaker {
    let own = host(Family::Ipv4, 2);
    let mut speaker = RawSpeaker::dial(from, own, host(Family::Ipv4, 1)).unwrap();
    let asn = u16::try_from(PEER_ASN).unwrap();
    speaker.send(&message(OPEN, &open_body(4, asn, 90, [172, 16, 0, 2], &[]))).unwrap();
    speaker.read_kind(OPEN).unwrap();
    speaker.send(&message(KEEPALIVE, &[])).unwrap();
    speaker.read_kind(KEEPALIVE).unwrap();
    let [high, low] = asn.to_be_bytes();
    // ORIGIN, AS_PATH, NEXT_HOP.
    let attributes =
        [&[0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, high, low, 0x40, 3, 4][..], &[172, 16, 0, 2]].concat();
    let chosen: Vec<u32> = chosen(round).collect();
    for part in chosen.chunks(100) {
        let nlri: Vec<u8> =
            part.iter().flat_map(|&number| [24, 20, middle(number), low_octet(number)]).collect();
        speaker.send(&message(UPDATE, &update_body(&[], &attributes, &nlri))).unwrap();
    }
    speaker.send(&message(UPDATE, &update_body(&[], &[], &[]))).unwrap();
    speaker
}

fn chosen(round: u32) -> impl Iterator<Item = u32> {
    (0..PREFIXES).filter(move |number| (number.wrapping_mul(7).wrapping_add(round)) % 3 != 0)
}

fn expected(round: u32) -> BTreeMap<String, KernelRoute> {
    let route = || KernelRoute {
        via: BTreeSet::from([host(Family::Ipv4, 2)]),
        blackhole: false,
        metric: Margay::KERNEL_METRIC,
    };
    chosen(round)
        .map(|number| (format!("20.{}.{}.0/24", middle(number), low_octet(number)), route()))
        .collect()
}

fn middle(number: u32) -> u8 {
    u8::try_from(number / 200).expect("few prefixes")
}

fn low_octet(number: u32) -> u8 {
    u8::try_from(number % 200).expect("below 200")
}

/// A user with the two capabilities keeps the kernel's table, and one without any reflects.
#[test]
fn neither_the_kernel_nor_reflection_needs_root() {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let here = lab.namespace("margay").unwrap();
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    let folder = std::env::temp_dir().join(format!("margay-unprivileged-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let margayd = folder.join("margayd");
    fs::copy(binaries().margayd, &margayd).unwrap();
    let run = |name: &str, text: &str, capabilities: &str| -> Unprivileged {
        let configuration = folder.join(format!("{name}.toml"));
        let socket = folder.join(format!("{name}.sock"));
        fs::write(&configuration, text.replace("SOCKET", &socket.display().to_string())).unwrap();
        let mut command = here.command("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.args([
            "--inh-caps",
            capabilities,
            "--ambient-caps",
            capabilities,
            "--bounding-set",
            capabilities,
        ]);
        command.arg(&margayd).arg("--config").arg(&configuration).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        wait_until(PATIENCE, &format!("{name} listens"), || {
            if socket.exists() { Ok(()) } else { Err("not yet".to_owned()) }
        });
        Unprivileged(child)
    };
    let kernel = run(
        "kernel",
        "[global]\nasn = 64512\nrouter_id = \"172.16.0.1\"\nlisten = [\"172.16.0.1:179\"]\n\
         [control]\nsocket = \"SOCKET\"\n[kernel]\n[[network]]\nprefix = \"10.65.1.0/26\"\nblackhole = true\n",
        "-all,+net_admin,+net_bind_service",
    );
    wait_until(PATIENCE, "the blackhole", || {
        let shown = here.ip_output("route show proto 186").map_err(|error| format!("{error:#}"))?;
        if shown.contains("blackhole 10.65.1.0/26") { Ok(()) } else { Err(shown) }
    });
    // CAP_NET_BIND_SERVICE is bit 10, CAP_NET_ADMIN bit 12.
    assert_eq!(kernel.effective_capabilities(), 1 << 10 | 1 << 12);
    let reflector = run(
        "reflector",
        "[global]\nasn = 64512\nrouter_id = \"172.16.0.1\"\nlisten = [\"172.16.0.1:1790\"]\n[control]\nsocket = \"SOCKET\"\n",
        "-all",
    );
    assert_eq!(reflector.effective_capabilities(), 0);
    drop((kernel, reflector));
    fs::remove_dir_all(&folder).unwrap();
}

/// A daemon of another user; dropped, it is killed.
struct Unprivileged(Child);

impl Unprivileged {
    fn effective_capabilities(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    }
}

impl Drop for Unprivileged {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("process {}: {error}", self.0.id());
        }
    }
}
