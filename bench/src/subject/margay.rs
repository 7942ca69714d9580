//! margay.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Subject, Topology};
use crate::peer::HOLD_SECONDS;

pub(super) struct Margay {
    margayd: PathBuf,
}

impl Margay {
    /// The program given, or the one beside this program: cargo puts both into the same folder.
    pub(super) fn new(margayd: Option<&Path>) -> Result<Self> {
        let beside = || {
            let own = env::current_exe().context("this program's path")?;
            anyhow::Ok(own.with_file_name("margayd"))
        };
        Ok(Self { margayd: margayd.map_or_else(beside, |given| Ok(given.to_owned()))? })
    }
}

impl Subject for Margay {
    fn name(&self) -> &'static str {
        "margay"
    }

    fn program(&self) -> PathBuf {
        self.margayd.clone()
    }

    fn install_hint(&self) -> &'static str {
        "`cargo build --release` makes it"
    }

    fn render(&self, topology: &Topology, folder: &Path) -> String {
        let mut conf = format!(
            "[global]\nasn = {}\nrouter_id = \"{}\"\nlisten = [\"{}\"]\nlog = \"warn\"\n",
            topology.asn, topology.router_id, topology.listen,
        );
        if let Some(cluster) = topology.cluster_address() {
            conf += &format!("cluster_id = \"{cluster}\"\n");
        }
        conf += &format!("\n[control]\nsocket = \"{}\"\n", folder.join("control.sock").display());
        if topology.has_kernel() {
            conf += "\n[kernel]\n";
        }
        for peer in &topology.peers {
            conf += &format!(
                "\n[[peer]]\nname = \"{}\"\naddress = \"{}\"\nremote_asn = {}\n\
                 passive = true\nhold_time = \"{HOLD_SECONDS}s\"\n",
                peer.name, peer.address, peer.asn,
            );
            conf += match topology.cluster {
                Some(_) if peer.asn == topology.asn => "rr_client = true\n",
                _ if peer.asn == topology.asn => "",
                _ => "multihop = 255\n",
            };
        }
        conf
    }

    fn keeps_kernel(&self) -> bool {
        true
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, _folder: &Path) -> Vec<OsString> {
        vec!["--config".into(), configuration.into()]
    }
}
