//! OpenBGPD.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::daemon::Subject;
use super::topology::Topology;
use crate::peer::HOLD_SECONDS;

pub(super) struct OpenBgpd;

impl Subject for OpenBgpd {
    fn name(&self) -> &'static str {
        "OpenBGPD"
    }

    fn program(&self) -> PathBuf {
        "/usr/sbin/bgpd".into()
    }

    fn install_hint(&self) -> &'static str {
        "it is in Debian's package openbgpd"
    }

    fn version_argument(&self) -> &'static str {
        "-V"
    }

    fn prepare(&self) -> Result<()> {
        // Its processes confine themselves to this folder, which its service unit would create.
        fs::create_dir_all(HOME).context(HOME)
    }

    fn render(&self, topology: &Topology, folder: &Path) -> String {
        let mut conf = format!(
            "AS {}\nrouter-id {}\nlisten on {} port {}\nsocket \"{}\"\nfib-update no\nholdtime {HOLD_SECONDS}\n",
            topology.asn,
            topology.router_id,
            topology.listen.ip(),
            topology.listen.port(),
            folder.join("control.sock").display(),
        );
        for asn in topology.peer_asns() {
            conf += &format!("group \"as{asn}\" {{\n  remote-as {asn}\n  passive\n");
            if asn != topology.asn {
                conf += "  multihop 255\n";
            } else if let Some(cluster) = topology.cluster_address() {
                conf += &format!("  route-reflector {cluster}\n");
            }
            for peer in topology.peers.iter().filter(|peer| peer.asn == asn) {
                conf += &format!("  neighbor {}\n", peer.address);
            }
            conf += "}\n";
        }
        conf + "allow from any\nallow to any\n"
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, _folder: &Path) -> Vec<OsString> {
        vec!["-d".into(), "-f".into(), configuration.into()]
    }
}

const HOME: &str = "/run/openbgpd";
