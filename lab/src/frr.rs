//! FRR's bgpd: alone, to reflect routes, or with zebra and bfdd.

use std::fmt::{self, Write as _};
use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::{output, system, text};
use crate::daemon::Daemon;
use crate::namespace::Namespace;
use crate::router::{Family, PeerSettings, RouterSettings};

/// FRR's bgpd in a namespace.
#[derive(Debug)]
pub struct Frr {
    daemon: Daemon,
    settings: RouterSettings,
    /// zebra, and bfdd where it is needed, in the order of their start.
    companions: Vec<Companion>,
}

/// A daemon that bgpd works with.
#[derive(Debug)]
struct Companion {
    program: &'static str,
    daemon: Daemon,
}

impl Frr {
    /// Makes a bgpd that is not running yet, with one cluster: that of its clients.
    #[must_use]
    pub fn new(namespace: &Namespace, settings: RouterSettings) -> Self {
        Self { daemon: Daemon::new(namespace, "frr"), settings, companions: Vec::new() }
    }

    /// The same with zebra, which keeps the kernel's routes, and bfdd. BFD sessions have a profile `fast`: 50 ms, three packets.
    #[must_use]
    pub fn with_bfd(namespace: &Namespace, settings: RouterSettings) -> Self {
        let companion = |program| Companion { program, daemon: Daemon::new(namespace, program) };
        Self { companions: vec![companion("zebra"), companion("bfdd")], ..Self::new(namespace, settings) }
    }

    /// The same with zebra alone.
    #[must_use]
    pub fn with_zebra(namespace: &Namespace, settings: RouterSettings) -> Self {
        let companion = Companion { program: "zebra", daemon: Daemon::new(namespace, "zebra") };
        Self { companions: vec![companion], ..Self::new(namespace, settings) }
    }

    /// Settings for the next start.
    pub fn settings(&mut self) -> &mut RouterSettings {
        &mut self.settings
    }

    /// Kills bgpd alone, as a crash does; the others go on.
    ///
    /// # Errors
    ///
    /// When the process cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// State of a session in FRR's terms, in lower case.
    ///
    /// # Errors
    ///
    /// It does not answer, or has no such peer.
    pub fn session_state(&self, peer: IpAddr) -> Result<String> {
        let answer = self.vtysh(&format!("show bgp neighbors {peer} json"))?;
        let neighbors: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let state = neighbors[peer.to_string()]["bgpState"].as_str();
        Ok(state.with_context(|| answer.clone())?.to_lowercase())
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It does not come up; the error contains its log.
    pub fn start(&mut self) -> Result<()> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder)?;
        std::fs::set_permissions(&folder, Permissions::from_mode(0o777))?;
        for companion in &mut self.companions {
            companion.start(&folder)?;
        }
        let configuration = self.daemon.write("conf", render(&self.settings))?;
        let mut command = command(self.daemon.namespace(), "bgpd", &folder);
        if self.companions.is_empty() {
            command.args(["-Z", "-n"]);
        }
        self.daemon.start(command.arg("-f").arg(configuration))?;
        self.daemon.wait_ready(|| answers(&folder, "bgpd"))
    }

    /// Runs a command in `vtysh` and returns its output.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn vtysh(&self, words: &str) -> Result<String> {
        let program = if words.contains("bfd peers") { "bfdd" } else { "bgpd" };
        text(vtysh(&self.folder(), program).args(["-c", words]))
    }

    fn folder(&self) -> PathBuf {
        self.daemon.path("vty")
    }
}

impl Companion {
    /// Starts it unless it runs, and returns when it answers.
    fn start(&mut self, folder: &Path) -> Result<()> {
        if self.daemon.is_running() {
            return Ok(());
        }
        let program = self.program;
        let profile = "bfd\n profile fast\n  receive-interval 50\n  transmit-interval 50\n";
        let configuration = self.daemon.write("conf", if program == "bfdd" { profile } else { "" })?;
        let mut command = command(self.daemon.namespace(), program, folder);
        if program == "bfdd" {
            command.arg("--bfdctl").arg(folder.join("bfdctl"));
        }
        self.daemon.start(command.arg("-f").arg(configuration))?;
        self.daemon.wait_ready(|| answers(folder, program))
    }
}

/// A daemon of FRR with all its sockets in `folder`, where possible without a change of user.
fn command(namespace: &Namespace, program: &str, folder: &Path) -> std::process::Command {
    let mut command = namespace.command(Path::new(PROGRAMS).join(program));
    // The others do not know -S: they change to the user of their package.
    command.args((program == "bgpd").then_some("-S"));
    command.args(["-A", "127.0.0.1", "-P", "0", "--log", "stdout"]);
    command.arg("--vty_socket").arg(folder).arg("-i").arg(folder.join(format!("{program}.pid")));
    command.arg("-z").arg(folder.join("zserv"));
    command
}

fn answers(folder: &Path, program: &str) -> bool {
    output(vtysh(folder, program).args(["-c", "show version"])).is_ok()
}

fn vtysh(folder: &Path, program: &str) -> std::process::Command {
    let mut command = system("vtysh");
    command.arg("--vty_socket").arg(folder).args(["-d", program]);
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
    if !settings.networks.is_empty() {
        conf += " no bgp network import-check\n";
    }
    write_peers(&mut conf, settings).expect("writing to a String cannot fail");
    conf + &settings.extra
}

fn write_peers(conf: &mut String, settings: &RouterSettings) -> fmt::Result {
    let peers: &[PeerSettings] = &settings.peers;
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
        for line in peer.extra.lines() {
            writeln!(conf, " neighbor {address} {line}")?;
        }
    }
    for (name, family) in [("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)] {
        writeln!(conf, " address-family {name} unicast")?;
        for network in settings.networks.iter().filter(|network| Family::of_prefix(network) == family) {
            writeln!(conf, "  network {network}")?;
        }
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
const PROGRAMS: &str = "/usr/lib/frr";
