//! FRR's bgpd without zebra and kernel, to reflect routes.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::{output, system, text};
use crate::daemon::Daemon;
use crate::namespace::Namespace;
use crate::router::{Family, PeerSettings, RouterSettings};

/// FRR's bgpd in a namespace.
#[derive(Debug)]
pub struct Frr {
    daemon: Daemon,
    settings: RouterSettings,
}

impl Frr {
    /// Makes a bgpd that is not running yet. It has no networks of its own, and one cluster: that of its
    /// clients.
    #[must_use]
    pub fn new(namespace: &Namespace, settings: RouterSettings) -> Self {
        Self { daemon: Daemon::new(namespace, "frr"), settings }
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It does not come up; the error contains its log.
    pub fn start(&mut self) -> Result<()> {
        let configuration = self.daemon.write("conf", render(&self.settings))?;
        let folder = self.folder();
        std::fs::create_dir_all(&folder)?;
        let mut command = self.daemon.namespace().command(BGPD);
        // It keeps its user, because another one would need folders of its own.
        command.args(["-Z", "-n", "-S", "-A", "127.0.0.1", "-P", "0", "--log", "stdout"]);
        command.arg("--vty_socket").arg(&folder).arg("-i").arg(folder.join("pid"));
        self.daemon.start(command.arg("-f").arg(configuration))?;
        self.daemon.wait_ready(|| output(vtysh(&folder).args(["-c", "show bgp summary"])).is_ok())
    }

    /// Runs a command in `vtysh` and returns its output.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn vtysh(&self, words: &str) -> Result<String> {
        text(vtysh(&self.folder()).args(["-c", words]))
    }

    fn folder(&self) -> PathBuf {
        self.daemon.path("vty")
    }
}

fn vtysh(folder: &Path) -> std::process::Command {
    let mut command = system("vtysh");
    command.arg("--vty_socket").arg(folder).args(["-d", "bgpd"]);
    command
}

fn render(settings: &RouterSettings) -> String {
    let mut conf = format!(
        "router bgp {}\n bgp router-id {}\n no bgp ebgp-requires-policy\n bgp bestpath compare-routerid\n bgp deterministic-med\n \
         coalesce-time 0\n",
        settings.asn, settings.router_id
    );
    if let Some(cluster) = settings.peers.iter().find_map(|peer| peer.client_of) {
        conf += &format!(" bgp cluster-id {cluster}\n");
    }
    write_peers(&mut conf, &settings.peers).expect("writing to a String cannot fail");
    conf
}

fn write_peers(conf: &mut String, peers: &[PeerSettings]) -> fmt::Result {
    for peer in peers {
        let (address, hold) = (peer.address, peer.hold_time.as_secs());
        writeln!(conf, " neighbor {address} remote-as {}", peer.asn)?;
        writeln!(conf, " neighbor {address} timers {} {hold}", hold / 3)?;
        writeln!(conf, " neighbor {address} advertisement-interval 0")?;
        if peer.passive {
            writeln!(conf, " neighbor {address} passive")?;
        }
        if let Some(own) = peer.local_address {
            writeln!(conf, " neighbor {address} update-source {own}")?;
        }
    }
    for (name, family) in [("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)] {
        writeln!(conf, " address-family {name} unicast")?;
        for peer in peers {
            let takes = peer.families.contains(&family);
            writeln!(conf, "  {}neighbor {} activate", if takes { "" } else { "no " }, peer.address)?;
            if takes && peer.client_of.is_some() {
                writeln!(conf, "  neighbor {} route-reflector-client", peer.address)?;
            }
        }
        writeln!(conf, " exit-address-family")?;
    }
    Ok(())
}

/// Path in Debian's package.
const BGPD: &str = "/usr/lib/frr/bgpd";
