//! BIRD 2.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::daemon::Subject;
use super::topology::Topology;
use crate::peer::HOLD_SECONDS;

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
        for peer in &topology.peers {
            // "multihop" because the peers' addresses belong to no interface, and need not be resolved.
            conf += &format!(
                "protocol bgp {name} {{\n  \
                   local {local} port {port} as {asn};\n  \
                   neighbor {address} as {peer_asn};\n\
                   {reflection}  \
                   multihop; passive on; hold time {HOLD_SECONDS};\n  \
                   ipv4 {{ import all; export all; }};\n\
                 }}\n",
                name = peer.name,
                local = topology.listen.ip(),
                port = topology.listen.port(),
                asn = topology.asn,
                address = peer.address,
                peer_asn = peer.asn,
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
}
