//! margay itself.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::{env, fs};

use anyhow::{Context as _, Result, anyhow};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::Value;

use crate::command::{output, system, text};
use crate::daemon::Daemon;
use crate::namespace::Namespace;
use crate::router::{PeerSettings, RouteInfo, Router, RouterSettings, Routes};

/// Route protocol number of margay's own routes in the kernel.
const KERNEL_PROTOCOL: u8 = 186;
/// Metric of margay's routes in the kernel.
const KERNEL_METRIC: u32 = 1024;

/// Paths of the two programs.
#[derive(Clone, Debug)]
pub struct MargayBinaries {
    /// The daemon.
    pub margayd: PathBuf,
    /// The command line client.
    pub margay: PathBuf,
}

/// margay in a namespace.
pub struct Margay {
    daemon: Daemon,
    settings: RouterSettings,
    binaries: MargayBinaries,
    records: bool,
}

impl MargayBinaries {
    /// The daemon at a path and the client in the same folder, which is built, once per process, if it is
    /// missing.
    ///
    /// # Errors
    ///
    /// The client cannot be built.
    pub fn beside(margayd: &Path) -> Result<Self> {
        static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let margay = BUILT.get_or_init(|| client_beside(margayd).map_err(|error| format!("{error:#}")));
        let margay = margay.clone().map_err(|error| anyhow!("building the client: {error}"))?;
        Ok(Self { margayd: margayd.to_path_buf(), margay })
    }
}

impl Margay {
    /// Route protocol number of its kernel routes.
    pub const KERNEL_PROTOCOL: u8 = KERNEL_PROTOCOL;
    /// Metric of its kernel routes.
    pub const KERNEL_METRIC: u32 = KERNEL_METRIC;

    /// Makes a margay that is not running yet.
    #[must_use]
    pub fn new(namespace: &Namespace, settings: RouterSettings, binaries: &MargayBinaries) -> Self {
        Self {
            daemon: Daemon::new(namespace, "margay"),
            settings,
            binaries: binaries.clone(),
            records: false,
        }
    }

    /// Starts it with a file of the caller's own, to which the control socket is added.
    ///
    /// # Errors
    ///
    /// As [`start`](Router::start).
    pub fn start_with(&mut self, configuration: &str) -> Result<()> {
        let socket = self.daemon.path("sock");
        self.launch(format!("{configuration}\n[control]\nsocket = \"{}\"\n", socket.display()))
    }

    fn launch(&mut self, configuration: String) -> Result<()> {
        let socket = self.daemon.path("sock");
        let configuration = self.daemon.write("toml", configuration)?;
        let mut command = self.daemon.namespace().command(&self.binaries.margayd);
        command.arg("--config").arg(configuration);
        if self.records {
            command.arg("--record").arg(self.daemon.path("recording"));
        }
        self.daemon.start(&mut command)?;
        let mut status = system(&self.binaries.margay);
        status.arg("--socket").arg(socket).args(["show", "peers"]);
        self.daemon.wait_ready(|| output(&mut status).is_ok())
    }

    /// Makes it record the inputs of its Rib from the next start on; returns the path of the recording.
    pub fn record(&mut self) -> PathBuf {
        self.records = true;
        self.daemon.path("recording")
    }

    /// Runs `margay` with these words and returns its output.
    ///
    /// # Errors
    ///
    /// It fails; the error contains its output.
    pub fn cli(&self, words: &str) -> Result<String> {
        let mut command = system(&self.binaries.margay);
        command.arg("--socket").arg(self.daemon.path("sock")).args(words.split_whitespace());
        text(&mut command)
    }

    /// Runs `margay --json` with these words and returns its output.
    ///
    /// # Errors
    ///
    /// It fails or does not print JSON.
    pub fn json(&self, words: &str) -> Result<Value> {
        let answer = self.cli(&format!("--json {words}"))?;
        serde_json::from_str(&answer).with_context(|| format!("margay --json {words}: {answer}"))
    }

    /// Seconds since a session was established.
    ///
    /// # Errors
    ///
    /// There is no such peer, or the session is down.
    pub fn uptime_seconds(&self, peer: &str) -> Result<u64> {
        let detail = self.json(&format!("show peer {peer}"))?;
        detail["uptime_seconds"].as_u64().with_context(|| format!("{peer} is down: {detail}"))
    }

    /// Writes the settings and sends SIGHUP, without waiting for the result.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or the daemon is not running.
    pub fn hang_up(&self) -> Result<()> {
        self.hang_up_with(&render(&self.settings, &self.daemon.path("sock")))
    }

    /// As [`hang_up`](Self::hang_up), with the caller's configuration.
    ///
    /// # Errors
    ///
    /// As [`hang_up`](Self::hang_up).
    pub fn hang_up_with(&self, configuration: &str) -> Result<()> {
        self.daemon.write("toml", configuration)?;
        self.daemon.signal(Signal::SIGHUP)
    }

    /// Writes a file of the caller's own and reloads it with `margay reload` and further words. Returns what that prints.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or the command fails, as it does for a file with errors.
    pub fn reload_with(&self, configuration: &str, words: &str) -> Result<String> {
        self.daemon.write("toml", configuration)?;
        self.cli(&format!("reload {words}"))
    }

    /// Writes a file beside the one that it reads.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_beside(&self, configuration: &str) -> Result<PathBuf> {
        self.daemon.write("other.toml", configuration)?;
        Ok(self.daemon.path("other.toml"))
    }

    /// Where its control socket is.
    pub fn control_socket(&self) -> PathBuf {
        self.daemon.path("sock")
    }

    /// Where the file is that it reads.
    pub fn configuration_file(&self) -> PathBuf {
        self.daemon.path("toml")
    }

    /// The file that it was last told to read.
    ///
    /// # Errors
    ///
    /// There is none yet.
    pub fn configuration(&self) -> Result<String> {
        let path = self.daemon.path("toml");
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// Sends SIGTERM and waits; returns the status of the process.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.daemon.terminate()
    }

    /// Runs another file as the daemon from the next start on.
    pub fn set_daemon(&mut self, margayd: &Path) {
        self.binaries.margayd = margayd.to_path_buf();
    }

    /// The file that its process runs.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn executable(&self) -> Result<PathBuf> {
        self.daemon.executable()
    }

    /// Suspends its process: what its peers send waits in the sockets.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn freeze(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGSTOP)
    }

    /// Undoes [`freeze`](Self::freeze).
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn thaw(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGCONT)
    }

    /// Whether its process is running.
    pub fn is_running(&mut self) -> bool {
        self.daemon.is_running()
    }

    /// Resident memory of its process, in octets.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn resident_octets(&self) -> Result<u64> {
        self.daemon.resident_octets()
    }

    /// Its log.
    ///
    /// # Errors
    ///
    /// It was never started.
    pub fn log(&self) -> Result<String> {
        self.daemon.log()
    }
}

impl fmt::Debug for Margay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.daemon.fmt(f)
    }
}

impl Router for Margay {
    fn namespace(&self) -> &Namespace {
        self.daemon.namespace()
    }

    fn settings(&mut self) -> &mut RouterSettings {
        &mut self.settings
    }

    fn start(&mut self) -> Result<()> {
        self.launch(render(&self.settings, &self.daemon.path("sock")))
    }

    fn reload(&mut self) -> Result<()> {
        self.daemon.write("toml", render(&self.settings, &self.daemon.path("sock")))?;
        self.cli("reload").map(drop)
    }

    fn stop(&mut self) -> Result<()> {
        self.terminate().map(drop)
    }

    fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    fn session_state(&self, peer: &str) -> Result<String> {
        let detail = self.json(&format!("show peer {peer}"))?;
        let state = detail["state"].as_str().with_context(|| format!("show peer {peer}: {detail}"))?;
        Ok(state.to_owned())
    }

    fn routes(&self) -> Result<Routes> {
        let page: ShownRoutes = serde_json::from_value(self.json("show routes")?)?;
        let learned = page.routes.into_iter().filter(|route| route.best && route.peer.is_some());
        learned.map(|route| Ok((route.prefix.clone(), route.info()?))).collect()
    }
}

/// The client in the daemon's folder, built there by cargo if it is missing.
fn client_beside(margayd: &Path) -> Result<PathBuf> {
    let folder = margayd.parent().context("the daemon's path has no folder")?;
    let margay = folder.join("margay");
    if !margay.exists() {
        let target = folder.parent().context("the daemon's folder is no target folder")?;
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--package", "margay-cli", "--target-dir"]).arg(target);
        build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        output(&mut build)?;
    }
    Ok(margay)
}

fn render(settings: &RouterSettings, socket: &Path) -> String {
    let mut conf = String::new();
    write_global(&mut conf, settings, socket).expect("writing to a String cannot fail");
    for network in &settings.networks {
        write_network(&mut conf, network, settings.kernel).expect("writing to a String cannot fail");
    }
    for peer in &settings.peers {
        write_peer(&mut conf, peer).expect("writing to a String cannot fail");
    }
    conf + "\n" + &settings.extra
}

fn write_global(conf: &mut String, settings: &RouterSettings, socket: &Path) -> fmt::Result {
    writeln!(conf, "[global]\nasn = {}\nrouter_id = \"{}\"", settings.asn, settings.router_id)?;
    writeln!(conf, "{}", settings.global)?;
    if !settings.global.contains("ebgp_without_filters") {
        writeln!(conf, "ebgp_without_filters = \"accept\"")?;
    }
    writeln!(conf, "listen = [\"0.0.0.0:179\", \"[::]:179\"]\nlog = \"info,margay=debug\"")?;
    writeln!(conf, "\n[control]\nsocket = \"{}\"\n{}", socket.display(), settings.control)?;
    if settings.kernel {
        writeln!(conf, "\n[kernel]\ntable = 254\nprotocol = {KERNEL_PROTOCOL}\nmetric = {KERNEL_METRIC}")?;
    }
    Ok(())
}

fn write_network(conf: &mut String, prefix: &str, blackhole: bool) -> fmt::Result {
    writeln!(conf, "\n[[network]]\nprefix = \"{prefix}\"\nblackhole = {blackhole}")
}

fn write_peer(conf: &mut String, peer: &PeerSettings) -> fmt::Result {
    writeln!(conf, "\n[[peer]]\nname = \"{}\"\naddress = \"{}\"", peer.name, peer.address)?;
    writeln!(conf, "remote_asn = {}\npassive = {}", peer.asn, peer.passive)?;
    writeln!(conf, "hold_time = \"{}s\"\nconnect_retry = \"2s\"", peer.hold_time.as_secs())?;
    let families: Vec<&str> = peer.families.iter().map(|family| family.name()).collect();
    writeln!(conf, "families = {families:?}")?;
    if let Some(own) = peer.local_address {
        writeln!(conf, "source_address = \"{own}\"")?;
    }
    if let Some(cluster) = peer.client_of {
        writeln!(conf, "rr_client = true\ncluster_id = \"{cluster}\"")?;
    }
    if peer.add_path {
        writeln!(conf, "add_path = \"both\"")?;
    }
    writeln!(conf, "{}", peer.extra)
}

#[derive(Deserialize)]
struct ShownRoutes {
    routes: Vec<ShownRoute>,
}

#[derive(Deserialize)]
struct ShownRoute {
    prefix: String,
    peer: Option<String>,
    next_hop: Option<String>,
    as_path: String,
    med: Option<u32>,
    local_pref: Option<u32>,
    #[serde(default)]
    communities: Vec<String>,
    best: bool,
}

impl ShownRoute {
    fn info(self) -> Result<RouteInfo> {
        let next_hop = self.next_hop.as_deref().and_then(|hops| hops.split_whitespace().next());
        let next_hop = next_hop.and_then(|hop| hop.parse::<IpAddr>().ok());
        let as_path = self.as_path.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        Ok(RouteInfo {
            next_hop: next_hop.with_context(|| format!("{}: next hop {:?}", self.prefix, self.next_hop))?,
            as_path: as_path.with_context(|| format!("{}: AS path {:?}", self.prefix, self.as_path))?,
            local_pref: self.local_pref,
            med: self.med,
            communities: self.communities.into_iter().collect(),
        })
    }
}
