//! BIRD's commands on a socket: with BIRD's own client, margay's, and the checks of Calico's readiness.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use margay_lab::{Bird, Margay, Router, packages, wait_until};

use crate::pair::{PATIENCE, binaries};
use crate::wire::{Wire, address, network, peer, wait_for_networks};

struct Served {
    margay: Margay,
    bird: Bird,
    folder: PathBuf,
    _wire: Wire,
}

impl Served {
    /// margay with a peer that comes up and one that does not, under names as Calico gives them.
    fn new(label: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("margay-bird-{label}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let wire = Wire::new();
        let mut margay = wire.margay("margay", 1, |settings| {
            settings.peers = vec![peer(2), peer(3)];
            settings.peers[0].name = name(2);
            settings.peers[1].name = name(3);
            settings.peers[1].passive = true;
            settings.kernel = true;
            settings.networks = vec![network(50)];
            let [v4, v6] = ["bird.ctl", "bird6.ctl"].map(|file| folder.join(file).display().to_string());
            settings.control = format!("bird_socket = {v4:?}\nbird6_socket = {v6:?}");
        });
        let mut bird = wire.bird("bird", 2, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks = vec![network(60)];
        });
        margay.start().unwrap();
        bird.start().unwrap();
        wait_for_networks(&margay, &[60]);
        Self { margay, bird, folder, _wire: wire }
    }

    fn await_recovery(&self) {
        wait_until(PATIENCE, "the recovery is over", || {
            let status = self.ask("show status");
            let is_over = status.iter().all(|line| !line.starts_with("0024"));
            if is_over { Ok(()) } else { Err(format!("{status:?}")) }
        });
    }

    fn ask(&self, command: &str) -> Vec<String> {
        ask(&self.folder.join("bird.ctl"), command)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Calico's name of the session with a router.
fn name(number: u8) -> String {
    format!("Mesh_{}", address(number).to_string().replace('.', "_"))
}

/// The lines of a reply, with their codes.
fn ask(socket: &Path, command: &str) -> Vec<String> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{command}").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let banner = lines.next().unwrap();
    assert!(banner.starts_with("0001 BIRD ") && banner.ends_with(" ready."), "{banner}");
    let mut reply = Vec::new();
    for line in lines {
        let code =
            line.split_at_checked(4).filter(|(code, _)| code.bytes().all(|octet| octet.is_ascii_digit()));
        let is_last = code.is_some_and(|(_, rest)| rest.starts_with(' '));
        reply.push(line);
        if is_last {
            break;
        }
    }
    reply
}

/// States of the sessions by their names, read as Calico's node agent reads them.
fn sessions(reply: &[String]) -> Vec<(String, String)> {
    let title = reply[0].strip_prefix("2002-").unwrap();
    let columns: Vec<&str> = title.split_whitespace().collect();
    assert_eq!(columns, ["name", "proto", "table", "state", "since", "info"]);
    assert_eq!(reply.last().unwrap(), "0000 ");
    let rows = reply[1..reply.len() - 1].iter().map(|line| {
        line.strip_prefix("1002-").or_else(|| line.strip_prefix(' ')).unwrap_or_else(|| panic!("{line:?}"))
    });
    let words = rows.map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let sessions = words.filter(|words| words.len() >= 6 && words[1] == "BGP");
    sessions.map(|words| (words[0].clone(), words[5].clone())).collect()
}

#[test]
fn calicos_checks_read_the_sessions_and_their_details() {
    let served = Served::new("checks");
    let expected = [(name(2), "Established".to_owned()), (name(3), "Passive".to_owned())];
    wait_until(PATIENCE, "the sessions are shown", || {
        let shown = sessions(&served.ask("show protocols"));
        if shown == expected { Ok(()) } else { Err(format!("{shown:?}")) }
    });
    assert!(sessions(&ask(&served.folder.join("bird6.ctl"), "show protocols")).is_empty());
    let details = served.ask(&format!("show protocols all {}", name(2))).join("\n");
    assert!(details.contains("BGP state:          Established"), "{details}");
    assert!(details.contains(&format!("Neighbor address: {}", address(2))), "{details}");
    assert!(details.contains("1 imported, 1 exported"), "{details}");
    served.await_recovery();
    let status = served.ask("show status");
    assert_eq!(status.len(), 6, "{status:?}");
    assert!(status[0].starts_with("1000-BIRD ") && status[1].starts_with("1011-Router ID is "), "{status:?}");
    assert_eq!(status[5], "0013 Daemon is up and running");
    assert_eq!(served.ask("show nonsense"), ["9001 syntax error"]);
    assert_eq!(served.ask("show protocols all nosuch"), ["9002 nosuch is not a protocol"]);

    served.margay.cli(&format!("peer {} disable", name(2))).unwrap();
    wait_until(PATIENCE, "the disabled peer is down", || {
        let rows = served.ask(&format!("show protocols {}", name(2)));
        if rows[1].contains(" down ") && !rows[1].contains("Established") {
            Ok(())
        } else {
            Err(rows.join("\n"))
        }
    });
}

/// The end of a line without the times, which differ.
fn without_times(line: &str) -> String {
    let is_time = |word: &&str| word.trim_end_matches(']').split(':').count() == 3;
    line.split_whitespace()
        .map(|word| if is_time(&word) { "TIME]" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn routes_are_shown_with_their_interfaces() {
    let served = Served::new("routes");
    let (peer, gateway) = (name(2), address(2));
    let learned = format!("{} via {gateway} on eth0 [{peer} TIME] * (100/0) [i]", network(60));
    let own = format!("{} blackhole [static1 TIME] * (200)", network(50));
    let shown = |command: &str| -> Vec<String> {
        let reply = served.ask(command);
        // The code stands before the first line, and a space before those with the same one.
        let lines = reply.iter().map(|line| line.strip_prefix("1007-").unwrap_or(line));
        lines.map(without_times).collect()
    };
    wait_until(PATIENCE, "the route is in the kernel", || {
        let kernel = served.margay.json("show kernel").map_err(|error| format!("{error:#}"))?;
        if kernel["installed"] == 2 { Ok(()) } else { Err(kernel.to_string()) }
    });
    let rows = shown("show route");
    assert_eq!(rows, [own.as_str(), &learned, "0000"]);
    assert_eq!(shown(&format!("show route protocol {peer}")), [learned.as_str(), "0000"]);
    assert_eq!(shown("show route protocol static1 primary"), [own.as_str(), "0000"]);
    let inside = network(60).replace(".0/24", ".7");
    assert_eq!(shown(&format!("show route for {inside}")), [learned.as_str(), "0000"]);
    assert_eq!(shown(&format!("show route {}", network(60))), [learned.as_str(), "0000"]);
    assert_eq!(shown(&format!("show route export {peer}")), [own.as_str(), "0000"]);
    assert_eq!(shown("show route count"), ["0014 2 of 2 routes for 2 networks"]);
    assert_eq!(shown("show route for 203.0.113.1"), ["8001 Network not in table"]);
    assert_eq!(shown("show route for 2001:db8::1"), ["9001 syntax error"]);
    assert_eq!(shown("show route protocol nosuch"), ["9002 nosuch is not a protocol"]);
    let all = served.ask(&format!("show route {} all", network(60)));
    assert_eq!(all[1], "1008-\tType: BGP unicast univ");
    assert_eq!(all[2], "1012-\tBGP.origin: IGP");
    assert_eq!(all[4], format!(" \tBGP.next_hop: {gateway}"));
    assert_eq!(ask(&served.folder.join("bird6.ctl"), "show route"), ["0000 "]);
}

#[test]
fn configure_reads_the_file_again() {
    let mut served = Served::new("configure");
    served.margay.settings().peers[1].passive = false;
    let file = served.margay.configuration_file();
    let changed = served.margay.configuration().unwrap().replace("passive = true", "passive = false");
    std::fs::write(&file, changed).unwrap();
    let reply = served.ask("configure");
    assert!(reply[0].starts_with("0002-Reading configuration from "), "{reply:?}");
    assert_eq!(reply[1], "0003 Reconfigured");
    let third = sessions(&served.ask(&format!("show protocols {}", name(3))));
    assert!(third[0].1 != "Passive", "{third:?}");
    std::fs::write(&file, "[global]\nasn = ").unwrap();
    let reply = served.ask("configure");
    assert!(reply[1].starts_with("8002 ") && reply[1].contains("toml:2"), "{reply:?}");
    wait_for_networks(&served.margay, &[60]);
}

#[test]
fn birds_client_and_margays_print_the_same() {
    packages::install_missing(&[packages::BIRD]).unwrap();
    let served = Served::new("clients");
    let own = served.folder.join("birdcl");
    symlink(&binaries().margay, &own).unwrap();
    let socket = served.folder.join("bird.ctl");
    let printed = |client: &Path, words: &[&str]| {
        let output = Command::new(client).arg("-s").arg(&socket).args(words).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    served.await_recovery();
    let birds = Path::new("/usr/sbin/birdcl");
    for words in [&["show", "protocols"][..], &["show", "protocols", "all", &name(2)], &["show", "status"]] {
        let ((_, by_bird), (is_success, by_margay)) = (printed(birds, words), printed(&own, words));
        let without_clock = |text: &str| {
            text.lines().filter(|line| !line.contains("server time")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(is_success && by_margay.starts_with("BIRD "), "{by_margay}");
        assert_eq!(without_clock(&by_bird), without_clock(&by_margay), "{words:?}");
    }
    assert!(!printed(&own, &["frobnicate"]).0);
}

#[test]
fn healthz_tells_a_live_daemon_from_a_ready_one() {
    let mut served = Served::new("healthz");
    wait_until(PATIENCE, "ready", || {
        served.margay.cli("healthz --ready").map(drop).map_err(|error| format!("{error:#}"))
    });
    served.bird.stop().unwrap();
    wait_until(PATIENCE, "no session, so not ready", || match served.margay.cli("healthz --ready") {
        Ok(said) => Err(said),
        Err(_) => Ok(()),
    });
    assert!(served.margay.cli("healthz --live").unwrap().starts_with("live"));
    served.margay.terminate().unwrap();
    assert!(served.margay.cli("healthz --live").is_err());
    assert!(!served.folder.join("bird.ctl").exists(), "the socket stays behind");
}
