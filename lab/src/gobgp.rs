//! GoBGP.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::iter;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::text;
use crate::daemon::Daemon;
use crate::mrt_table;
use crate::namespace::Namespace;
use crate::router::{Family, PeerSettings, RouteInfo, Router, RouterSettings, Routes};

/// GoBGP in a namespace.
pub struct Gobgp {
    daemon: Daemon,
    settings: RouterSettings,
}

impl Gobgp {
    /// Makes a GoBGP that is not running yet.
    #[must_use]
    pub fn new(namespace: &Namespace, settings: RouterSettings) -> Self {
        Self { daemon: Daemon::new(namespace, "gobgp"), settings }
    }

    /// Starts it as after a restart: it waits for the routes of its peers before it sends its own (RFC 4724 §4.1).
    ///
    /// # Errors
    ///
    /// As for [`start`](Router::start).
    pub fn start_recovering(&mut self) -> Result<()> {
        self.start_with(&["--graceful-restart"])
    }

    fn start_with(&mut self, arguments: &[&str]) -> Result<()> {
        let configuration = self.daemon.write("toml", render(&self.settings))?;
        let namespace = self.daemon.namespace().clone();
        let mut command = namespace.command("gobgpd");
        command.args(["--log-plain", "--log-level", "info", "--pprof-disable", "--api-hosts", API]);
        command.args(arguments).arg("-f").arg(configuration);
        self.daemon.start(&mut command)?;
        self.daemon.wait_ready(|| {
            text(client(&namespace).arg("global")).is_ok_and(|said| said.contains("Router-ID"))
        })?;
        self.originate()
    }

    /// Runs its client with these words and returns its output.
    ///
    /// # Errors
    ///
    /// GoBGP does not answer.
    pub fn gobgp(&self, words: &str) -> Result<String> {
        text(client(self.daemon.namespace()).args(words.split_whitespace()))
    }

    /// Adds the routes of the settings, none of which exist yet.
    ///
    /// The client adds one route per call, so they are injected as a table dump. The client ends its stream
    /// without waiting for the daemon, which then drops what it has not read: so the dump repeats its last
    /// route, and is injected again if routes are missing nevertheless.
    fn originate(&self) -> Result<()> {
        const ATTEMPTS: usize = 5;
        for family in [Family::Ipv4, Family::Ipv6] {
            let of_family = |prefix: &&str| Family::of_prefix(prefix) == family;
            let wanted: Vec<&str> =
                self.settings.networks.iter().map(String::as_str).filter(of_family).collect();
            let expected = self.destinations(family)? + wanted.len();
            let mut attempts = 0;
            while self.destinations(family)? < expected {
                if attempts == ATTEMPTS {
                    bail!("{self:?} does not accept its {} networks of {family:?}", wanted.len());
                }
                attempts += 1;
                self.inject(family, &wanted)?;
            }
        }
        Ok(())
    }

    fn inject(&self, family: Family, prefixes: &[&str]) -> Result<()> {
        const REPETITIONS: usize = 2_000;
        let Some(last) = prefixes.last() else { return Ok(()) };
        let own_address = self.settings.peers.iter().find_map(|peer| peer.local_address);
        let own = own_address.context("GoBGP needs the local address of a peer as next hop")?;
        let padded: Vec<&str> = prefixes.iter().chain(iter::repeat_n(last, REPETITIONS)).copied().collect();
        let dump = self.daemon.write("mrt", mrt_table::encode(self.settings.router_id, own, &padded)?)?;
        let others = match family {
            Family::Ipv4 => "--no-ipv6",
            Family::Ipv6 => "--no-ipv4",
        };
        self.gobgp(&format!("mrt inject global {} {others} --nexthop {own}", dump.display())).map(drop)
    }

    /// Number of prefixes with a route, including own ones.
    fn destinations(&self, family: Family) -> Result<usize> {
        let answer = self.gobgp(&format!("global rib summary -a {}", short_name(family)))?;
        let number = answer.split_once("Destination: ").and_then(|(_, rest)| rest.split(',').next());
        number.and_then(|number| number.parse().ok()).with_context(|| format!("summary: {answer}"))
    }

    /// The best routes, including own ones. Parsed from text, because the output in JSON is some hundred
    /// times as long.
    fn table(&self, family: Family) -> Result<Routes> {
        parse_table(&self.gobgp(&format!("global rib -a {}", short_name(family)))?)
    }
}

impl fmt::Debug for Gobgp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.daemon.fmt(f)
    }
}

impl Router for Gobgp {
    fn namespace(&self) -> &Namespace {
        self.daemon.namespace()
    }

    fn settings(&mut self) -> &mut RouterSettings {
        &mut self.settings
    }

    fn start(&mut self) -> Result<()> {
        self.start_with(&[])
    }

    fn reload(&mut self) -> Result<()> {
        for family in ["ipv4", "ipv6"] {
            self.gobgp(&format!("global rib del all -a {family}"))?;
        }
        self.originate()
    }

    fn stop(&mut self) -> Result<()> {
        self.daemon.terminate().map(drop)
    }

    fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    fn session_state(&self, peer: &str) -> Result<String> {
        let known = self.settings.peers.iter().find(|known| known.name == peer);
        let address = known.with_context(|| format!("no peer {peer}"))?.address;
        let answer = self.gobgp(&format!("neighbor {address}"))?;
        let state = answer.lines().find_map(|line| line.trim().strip_prefix("BGP state = "));
        let state = state.and_then(|state| state.split([',', ' ']).next());
        Ok(state.with_context(|| format!("neighbor {address}: {answer}"))?.to_lowercase())
    }

    fn routes(&self) -> Result<Routes> {
        let own: BTreeSet<&String> = self.settings.networks.iter().collect();
        let mut routes = self.table(Family::Ipv4)?;
        routes.extend(self.table(Family::Ipv6)?);
        routes.retain(|prefix, _| !own.contains(prefix));
        Ok(routes)
    }

    // The list takes ten seconds of CPU for 10,000 IPv6 routes, because each contains the whole MP_REACH_NLRI
    // of its message.
    fn route_count(&self) -> Result<usize> {
        let count = self.destinations(Family::Ipv4)? + self.destinations(Family::Ipv6)?;
        count.checked_sub(self.settings.networks.len()).context("own routes are missing")
    }
}

fn short_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

fn client(namespace: &Namespace) -> Command {
    namespace.command("gobgp")
}

fn render(settings: &RouterSettings) -> String {
    let mut conf =
        format!("[global.config]\nas = {}\nrouter-id = \"{}\"\n", settings.asn, settings.router_id);
    for peer in &settings.peers {
        render_peer(&mut conf, peer).expect("writing to a String cannot fail");
    }
    conf + &settings.extra
}

fn render_peer(conf: &mut String, peer: &PeerSettings) -> fmt::Result {
    let hold = peer.hold_time.as_secs();
    writeln!(conf, "[[neighbors]]")?;
    writeln!(conf, "[neighbors.config]\nneighbor-address = \"{}\"\npeer-as = {}", peer.address, peer.asn)?;
    writeln!(conf, "[neighbors.timers.config]\nhold-time = {hold}\nkeepalive-interval = {}", hold / 3)?;
    writeln!(conf, "connect-retry = 2\nidle-hold-time-after-reset = 1")?;
    writeln!(conf, "[neighbors.transport.config]\npassive-mode = {}", peer.passive)?;
    if let Some(own) = peer.local_address {
        writeln!(conf, "local-address = \"{own}\"")?;
    }
    if peer.multihop {
        writeln!(conf, "[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 8")?;
    }
    if let Some(cluster) = peer.client_of {
        writeln!(conf, "[neighbors.route-reflector.config]\nroute-reflector-client = true")?;
        writeln!(conf, "route-reflector-cluster-id = \"{cluster}\"")?;
    }
    for family in &peer.families {
        writeln!(
            conf,
            "[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{}\"",
            family.name()
        )?;
        if peer.add_path {
            writeln!(conf, "[neighbors.afi-safis.add-paths.config]\nreceive = true\nsend-max = 16")?;
        }
    }
    writeln!(conf, "{}", peer.extra)
}

/// Parses a table with lines of a mark, prefix, next hop, AS path, age, and attributes as `[{Med: 7} {..}]`.
fn parse_table(answer: &str) -> Result<Routes> {
    let best = answer.lines().filter_map(|line| line.strip_prefix("*>"));
    best.map(|line| parse_line(line).with_context(|| format!("global rib: {line}"))).collect()
}

fn parse_line(line: &str) -> Option<(String, RouteInfo)> {
    let (columns, attributes) = line.split_once('[')?;
    let columns: Vec<&str> = columns.split_whitespace().collect();
    let [prefix, next_hop, as_path @ .., _age] = columns.as_slice() else { return None };
    let attribute =
        |name: &str| attributes.split_once(&format!("{{{name}: "))?.1.split_once('}').map(|(value, _)| value);
    let route = RouteInfo {
        next_hop: next_hop.parse().ok()?,
        as_path: as_path.iter().map(|asn| asn.parse().ok()).collect::<Option<_>>()?,
        local_pref: attribute("LocalPref").map(|value| value.parse().ok()).unwrap_or_default(),
        med: attribute("Med").map(|value| value.parse().ok()).unwrap_or_default(),
        communities: attribute("Communities").map(parse_communities).unwrap_or_default(),
    };
    Some(((*prefix).to_owned(), route))
}

fn parse_communities(value: &str) -> BTreeSet<String> {
    value.split(", ").map(str::to_owned).collect()
}

/// On the loopback interface of the namespace, so it can be the same for every GoBGP.
const API: &str = "127.0.0.1:50051";

#[cfg(test)]
mod tests {
    use super::parse_table;

    #[test]
    fn parses_the_best_routes_of_a_table() {
        let answer = "   Network              Next Hop             AS_PATH              Age        Attrs\n\
            *> 10.0.0.0/24          10.0.0.1             65001 65002          00:00:00   \
            [{Origin: ?} {Med: 7} {LocalPref: 100} {Communities: 65001:100, no-export}]\n\
            *  10.0.0.0/24          10.0.0.9             65001 65002          00:00:00   [{Origin: ?}]\n\
            *> 2001:db8::/64        2001:db8:1::2                             00:01:00   [{Origin: i}]\n";
        let routes = parse_table(answer).unwrap();
        assert_eq!(routes.len(), 2);
        let first = &routes["10.0.0.0/24"];
        assert_eq!(first.next_hop.to_string(), "10.0.0.1");
        assert_eq!(first.as_path, [65001, 65002]);
        assert_eq!((first.med, first.local_pref), (Some(7), Some(100)));
        assert!(first.communities.iter().eq(["65001:100", "no-export"]));
        assert!(routes["2001:db8::/64"].as_path.is_empty());
    }
}
