//! GoBGP.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::daemon::Subject;
use super::topology::Topology;
use crate::peer::HOLD_SECONDS;

pub(super) struct Gobgp;

impl Subject for Gobgp {
    fn name(&self) -> &'static str {
        "GoBGP"
    }

    fn program(&self) -> PathBuf {
        "gobgpd".into()
    }

    fn install_hint(&self) -> &'static str {
        "it is in Debian's package gobgpd"
    }

    fn render(&self, topology: &Topology, _folder: &Path) -> String {
        let mut conf = format!(
            "[global.config]\nas = {}\nrouter-id = \"{}\"\nport = {}\nlocal-address-list = [\"{}\"]\n",
            topology.asn,
            topology.router_id,
            topology.listen.port(),
            topology.listen.ip(),
        );
        for peer in &topology.peers {
            conf += &format!(
                "\n[[neighbors]]\n\
                 [neighbors.config]\nneighbor-address = \"{}\"\npeer-as = {}\n\
                 [neighbors.transport.config]\npassive-mode = true\nlocal-address = \"{}\"\n\
                 [neighbors.timers.config]\nhold-time = {HOLD_SECONDS}\n",
                peer.address,
                peer.asn,
                topology.listen.ip(),
            );
            if let Some(cluster) = topology.cluster_address()
                && peer.asn == topology.asn
            {
                conf += &format!(
                    "[neighbors.route-reflector.config]\nroute-reflector-client = true\n\
                     route-reflector-cluster-id = \"{cluster}\"\n"
                );
            }
            if peer.asn != topology.asn {
                conf += "[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 255\n";
            }
        }
        conf
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, folder: &Path) -> Vec<OsString> {
        let api = format!("unix://{}", folder.join("control.sock").display());
        let words = ["--config-type=toml", "--log-level=warn", "--pprof-disable", "--api-hosts"];
        words
            .map(OsString::from)
            .into_iter()
            .chain([api.into(), "--config-file".into(), configuration.into()])
            .collect()
    }
}
