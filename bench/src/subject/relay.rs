//! The lower bound: this program as a bare relay.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::daemon::Subject;
use super::topology::Topology;

pub(super) struct Relay;

impl Subject for Relay {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn program(&self) -> PathBuf {
        env::current_exe().unwrap_or_else(|_| "margay-bench".into())
    }

    fn install_hint(&self) -> &'static str {
        "it is this program"
    }

    fn version(&self) -> Result<String> {
        Ok("(no daemon)".to_owned())
    }

    fn is_relay(&self) -> bool {
        true
    }

    /// The address to listen on, the AS number, and a line for each peer whose octets are relayed.
    fn render(&self, topology: &Topology, _folder: &Path) -> String {
        let mut conf = format!("{}\n{}\n", topology.listen, topology.asn);
        for source in &topology.relayed {
            conf += &format!("{source}\n");
        }
        conf
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, _folder: &Path) -> Vec<OsString> {
        vec!["--relay".into(), configuration.into()]
    }
}
