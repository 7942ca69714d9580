//! BIRD 2.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::Subject;
use super::term;
use super::topology::{Direction, Topology};
use crate::peer::{HOLD_SECONDS, PeerSettings};

pub(super) struct Bird;

impl Subject for Bird {
    fn name(&self) -> &'static str {
        "BIRD"
    }

    fn program(&self) -> PathBuf {
        // Debian's path is not in every PATH.
        let installed = Path::new("/usr/sbin/bird");
        if installed.exists() { installed.into() } else { "bird".into() }
    }

    fn install_hint(&self) -> &'static str {
        "it is in Debian's package bird2"
    }

    fn render(&self, topology: &Topology, _folder: &Path) -> String {
        let mut conf = "log stderr { warning, error, auth, fatal, bug };\n".to_owned();
        conf += &format!("router id {};\nprotocol device {{}}\n", topology.router_id);
        if topology.has_kernel() {
            let interfaces: Vec<String> =
                topology.interfaces.iter().map(|interface| format!("\"{interface}\"")).collect();
            conf += &format!(
                "protocol direct {{ ipv4; interface {}; check link yes; }}\n\
                 protocol kernel {{ metric 1024; merge paths on; ipv4 {{ export where source = RTS_BGP; }}; }}\n",
                interfaces.join(", ")
            );
        }
        let cluster = match topology.cluster_address() {
            Some(cluster) => format!("  rr client; rr cluster id {cluster};\n"),
            None => String::new(),
        };
        if let Some((_, terms)) = &topology.terms {
            conf += &term::for_bird("terms", terms);
        }
        for peer in &topology.peers {
            // "multihop" because the peers' addresses belong to no interface, and need not be resolved.
            conf += &format!(
                "protocol bgp {name} {{\n  \
                   local {local} port {port} as {asn};\n  \
                   neighbor {address} as {peer_asn};\n\
                   {reflection}  \
                   multihop; passive on; hold time {HOLD_SECONDS};\n  \
                   ipv4 {{ import {import}; export {export}; }};\n\
                 }}\n",
                name = peer.name,
                local = topology.listen.ip(),
                port = topology.listen.port(),
                asn = topology.asn,
                address = peer.address,
                peer_asn = peer.asn,
                import = import(topology, peer),
                export = refusals(topology, peer, Direction::Export),
                reflection = if peer.asn == topology.asn { &cluster } else { "" },
            );
        }
        conf
    }

    fn keeps_kernel(&self) -> bool {
        true
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, folder: &Path) -> Vec<OsString> {
        let control = folder.join("control.sock");
        let pid = folder.join("pid");
        ["-f", "-c"]
            .map(OsString::from)
            .into_iter()
            .chain([configuration.into(), "-s".into(), control.into(), "-P".into(), pid.into()])
            .collect()
    }

    fn reload_command(&self, folder: &Path) -> Option<Command> {
        let mut command = Command::new("birdc");
        command.arg("-s").arg(folder.join("control.sock")).arg("configure");
        Some(command)
    }
}

/// What is done with the routes of a peer.
fn import(topology: &Topology, peer: &PeerSettings) -> String {
    match &topology.terms {
        Some((address, _)) if *address == peer.address => "filter terms".to_owned(),
        _ => refusals(topology, peer, Direction::Import),
    }
}

/// `all`, or all but what is refused.
fn refusals(topology: &Topology, peer: &PeerSettings, direction: Direction) -> String {
    let refused = topology.refusals.iter().filter(|it| it.peer == peer.address && it.direction == direction);
    let conditions: Vec<String> = refused.map(|refusal| format!("net !~ [ {}+ ]", refusal.within)).collect();
    if conditions.is_empty() { "all".to_owned() } else { format!("where {}", conditions.join(" && ")) }
}
