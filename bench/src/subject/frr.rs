//! FRR's bgpd, as shipped or tuned for speed; with zebra if it is to keep the kernel's table.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::daemon::{Helper, Subject};
use super::topology::Topology;
use crate::peer::HOLD_SECONDS;

/// Its settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Frr {
    /// Its defaults, except for what a session needs.
    AsShipped,
    /// No delay to collect routes, no interval between advertisements, and as much work at a time as it allows.
    Tuned,
}

impl Subject for Frr {
    fn name(&self) -> &'static str {
        match self {
            Self::AsShipped => "FRR",
            Self::Tuned => "FRR tuned",
        }
    }

    fn program(&self) -> PathBuf {
        "/usr/lib/frr/bgpd".into()
    }

    fn install_hint(&self) -> &'static str {
        "it is in Debian's package frr"
    }

    fn render(&self, topology: &Topology, _folder: &Path) -> String {
        let mut conf = format!(
            "router bgp {}\n bgp router-id {}\n no bgp ebgp-requires-policy\n no bgp network import-check\n",
            topology.asn, topology.router_id
        );
        if *self == Self::Tuned {
            conf += " coalesce-time 0\n read-quanta 10\n write-quanta 64\n";
        }
        if let Some(cluster) = topology.cluster_address() {
            conf += &format!(" bgp cluster-id {cluster}\n");
        }
        // A group for each AS, so that work is shared among its peers.
        for asn in topology.peer_asns() {
            conf += &format!(
                " neighbor as{asn} peer-group\n neighbor as{asn} remote-as {asn}\n neighbor as{asn} passive\n \
                   neighbor as{asn} timers {} {HOLD_SECONDS}\n",
                HOLD_SECONDS / 3
            );
            if asn != topology.asn {
                conf += &format!(" neighbor as{asn} ebgp-multihop 255\n");
            }
            if *self == Self::Tuned {
                conf += &format!(" neighbor as{asn} advertisement-interval 0\n");
            }
        }
        for peer in &topology.peers {
            conf += &format!(" neighbor {} peer-group as{}\n", peer.address, peer.asn);
        }
        conf += " address-family ipv4 unicast\n";
        if topology.cluster.is_some() {
            conf += &format!("  neighbor as{} route-reflector-client\n", topology.asn);
        }
        if topology.has_kernel() {
            conf += "  maximum-paths 16\n";
        }
        conf
    }

    fn keeps_kernel(&self) -> bool {
        true
    }

    fn helpers(&self, topology: &Topology, folder: &Path) -> Vec<Helper> {
        if !topology.has_kernel() {
            return Vec::new();
        }
        let socket = zebra_socket(folder);
        let mut arguments: Vec<OsString> =
            ["-A", "127.0.0.1", "-P", "0", "-f", "/dev/null"].map(OsString::from).into();
        arguments.extend(["-z".into(), socket.clone().into(), "--vty_socket".into(), folder.into()]);
        arguments.extend(["-i".into(), folder.join("zebra.pid").into()]);
        vec![Helper { program: "/usr/lib/frr/zebra".into(), arguments, socket }]
    }

    fn arguments(&self, topology: &Topology, configuration: &Path, folder: &Path) -> Vec<OsString> {
        // It keeps its user, because another one would need folders of its own.
        let mut arguments: Vec<OsString> =
            ["-S", "-A", "127.0.0.1", "-P", "0", "--log", "stdout", "--log-level", "errors"]
                .map(OsString::from)
                .into();
        if topology.has_kernel() {
            arguments.extend(["-z".into(), zebra_socket(folder).into()]);
        } else {
            arguments.extend(["-Z".into(), "-n".into()]);
        }
        let [address, port] = [topology.listen.ip().to_string(), topology.listen.port().to_string()];
        arguments.extend(["-l".into(), address.into(), "-p".into(), port.into()]);
        arguments.extend(["--vty_socket".into(), folder.into(), "-i".into(), folder.join("pid").into()]);
        arguments.extend(["-f".into(), configuration.into()]);
        arguments
    }
}

/// Where bgpd finds zebra.
fn zebra_socket(folder: &Path) -> PathBuf {
    folder.join("zserv.api")
}
