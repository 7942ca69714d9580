//! BIRD 2.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use crate::command::{system, text};
use crate::daemon::Daemon;
use crate::namespace::Namespace;
use crate::router::{Family, PeerSettings, RouteInfo, Router, RouterSettings, Routes};

/// BIRD 2 in a namespace.
pub struct Bird {
    daemon: Daemon,
    settings: RouterSettings,
}

impl Bird {
    /// Makes a BIRD that is not running yet.
    #[must_use]
    pub fn new(namespace: &Namespace, settings: RouterSettings) -> Self {
        Self::named(namespace, "bird", settings)
    }

    /// The same with a name of its own, for several in one namespace.
    #[must_use]
    pub fn named(namespace: &Namespace, name: &str, settings: RouterSettings) -> Self {
        Self { daemon: Daemon::new(namespace, name), settings }
    }

    /// Runs a command in `birdc` and returns its output.
    ///
    /// # Errors
    ///
    /// BIRD does not answer.
    pub fn birdc(&self, words: &str) -> Result<String> {
        let socket = self.daemon.path("sock");
        text(system("birdc").arg("-s").arg(socket).args(words.split_whitespace()))
    }

    /// Starts it as after a restart: it keeps its kernel routes until the peers have sent theirs (RFC 4724
    /// §4.1).
    ///
    /// # Errors
    ///
    /// As for [`start`](Router::start).
    pub fn start_recovering(&mut self) -> Result<()> {
        self.start_with(&["-R"])
    }

    /// Ends it for a graceful restart: sessions close without a NOTIFICATION, and kernel routes stay.
    ///
    /// # Errors
    ///
    /// BIRD does not answer, or does not end.
    pub fn end_for_restart(&mut self) -> Result<()> {
        self.birdc("graceful restart")?;
        self.daemon.wait_for_end().map(drop)
    }

    fn start_with(&mut self, arguments: &[&str]) -> Result<()> {
        let configuration = self.daemon.write("conf", render(&self.settings))?;
        let socket = self.daemon.path("sock");
        let mut command = self.daemon.namespace().command("bird");
        command.args(arguments);
        command.args([
            "-f".as_ref(),
            "-c".as_ref(),
            configuration.as_path(),
            "-s".as_ref(),
            socket.as_path(),
        ]);
        command.args(["-P".as_ref(), self.daemon.path("pid").as_path()]);
        self.daemon.start(&mut command)?;
        self.daemon.wait_ready(|| answers(&socket))
    }

    /// Suspends its process: the kernel acknowledges segments, but they are not read.
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
}

impl fmt::Debug for Bird {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.daemon.fmt(f)
    }
}

impl Router for Bird {
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
        self.daemon.write("conf", render(&self.settings))?;
        let answer = self.birdc("configure")?;
        if !answer.contains("Reconfigur") {
            bail!("birdc configure: {answer}");
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.daemon.terminate().map(drop)
    }

    fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    fn session_state(&self, peer: &str) -> Result<String> {
        let answer = self.birdc(&format!("show protocols all {}", symbol(peer)))?;
        let state = answer.lines().find_map(|line| line.trim().strip_prefix("BGP state:"));
        Ok(state.with_context(|| format!("show protocols all {peer}: {answer}"))?.trim().to_lowercase())
    }

    fn routes(&self) -> Result<Routes> {
        parse_routes(&self.birdc("show route primary all where source = RTS_BGP")?)
    }
}

fn answers(socket: &Path) -> bool {
    text(system("birdc").arg("-s").arg(socket).args(["show", "status"])).is_ok()
}

/// The name of a peer in the configuration, where many short words are reserved.
fn symbol(peer: &str) -> String {
    format!("peer_{peer}")
}

fn render(settings: &RouterSettings) -> String {
    let mut conf = format!("log stderr all;\nrouter id {};\nprotocol device {{}}\n", settings.router_id);
    for (table, family) in [("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)] {
        // Connected subnets are imported to resolve iBGP next hops; only learned routes are exported to the
        // kernel.
        let export = if settings.kernel { "where source = RTS_BGP" } else { "none" };
        conf += &format!("protocol direct {{ {table}; }}\n");
        conf += &format!(
            "protocol kernel {{ learn; graceful restart; {table} {{ import all; export {export}; }}; }}\n"
        );
        // A network is originated even if it is a connected subnet, whose route would otherwise be preferred.
        conf += &format!("protocol static {{ {table} {{ preference 250; }};\n");
        for network in settings.networks.iter().filter(|network| Family::of_prefix(network) == family) {
            conf += &format!("  route {network} blackhole;\n");
        }
        conf += "}\n";
    }
    for peer in &settings.peers {
        render_peer(&mut conf, settings.asn, peer).expect("writing to a String cannot fail");
    }
    conf + &settings.extra
}

fn render_peer(conf: &mut String, asn: u32, peer: &PeerSettings) -> fmt::Result {
    let hold = peer.hold_time.as_secs();
    writeln!(conf, "protocol bgp {} {{", symbol(&peer.name))?;
    writeln!(
        conf,
        "  local{} as {asn};",
        peer.local_address.map(|own| format!(" {own}")).unwrap_or_default()
    )?;
    writeln!(conf, "  neighbor {} as {};", peer.address, peer.asn)?;
    writeln!(conf, "  {};", if peer.multihop || peer.asn == asn { "multihop" } else { "direct" })?;
    writeln!(conf, "  passive {};", if peer.passive { "on" } else { "off" })?;
    writeln!(conf, "  hold time {hold};")?;
    writeln!(
        conf,
        "  connect delay time 1; connect retry time 2; error wait time 1, 2; error forget time 2;"
    )?;
    writeln!(conf, "  graceful restart off;")?;
    if let Some(cluster) = peer.client_of {
        writeln!(conf, "  rr client; rr cluster id {cluster};")?;
    }
    writeln!(conf, "  {}", peer.extra)?;
    let paths = if peer.add_path { "add paths on; " } else { "" };
    for family in &peer.families {
        let table = match family {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        };
        writeln!(conf, "  {table} {{ import all; export where source ~ [ RTS_STATIC, RTS_BGP ]; {paths}}};")?;
    }
    writeln!(conf, "}}")
}

/// Parses the blocks of `show route all`: a line with the prefix, then indented lines of attributes.
fn parse_routes(answer: &str) -> Result<Routes> {
    let mut routes = Routes::new();
    let mut block: Option<(&str, Vec<&str>)> = None;
    for line in answer.lines() {
        if line.starts_with(char::is_whitespace) {
            block.iter_mut().for_each(|(_, lines)| lines.push(line.trim()));
            continue;
        }
        finish_block(block.take(), &mut routes)?;
        block = line
            .split_whitespace()
            .next()
            .filter(|word| word.contains('/'))
            .map(|prefix| (prefix, Vec::new()));
    }
    finish_block(block, &mut routes)?;
    Ok(routes)
}

fn finish_block(block: Option<(&str, Vec<&str>)>, routes: &mut Routes) -> Result<()> {
    let Some((prefix, lines)) = block else { return Ok(()) };
    let attribute = |name: &str| {
        let line =
            lines.iter().find_map(|line| line.strip_prefix("BGP.")?.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let next_hop = attribute("next_hop").and_then(|value| value.split_whitespace().next());
    let route = RouteInfo {
        next_hop: next_hop
            .and_then(|hop| hop.parse().ok())
            .with_context(|| format!("{prefix}: {lines:?}"))?,
        as_path: attribute("as_path")
            .unwrap_or_default()
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?,
        local_pref: attribute("local_pref").map(str::parse).transpose()?,
        med: attribute("med").map(str::parse).transpose()?,
        communities: attribute("community").map(parse_communities).unwrap_or_default(),
    };
    routes.insert(prefix.to_owned(), route);
    Ok(())
}

/// `(65001,100) (65001,200)`.
fn parse_communities(value: &str) -> BTreeSet<String> {
    value.split_whitespace().map(|pair| pair.trim_matches(['(', ')']).replace(',', ":")).collect()
}

#[cfg(test)]
mod tests {
    use super::parse_routes;

    #[test]
    fn parses_routes_of_both_families() {
        let answer = "BIRD 2.0.12 ready.\nTable master4:\n\
            10.0.0.0/24          unicast [one 04:48:02.110 from 172.16.0.1] * (100) [AS65002i]\n\
            \tvia 172.16.0.1 on eth0\n\
            \tType: BGP univ\n\
            \tBGP.origin: IGP\n\
            \tBGP.as_path: 65001 65002\n\
            \tBGP.next_hop: 172.16.0.1\n\
            \tBGP.med: 7\n\
            \tBGP.local_pref: 100\n\
            \tBGP.community: (65001,100) (65001,200)\n\
            \n\
            Table master6:\n\
            2001:db8::/64        unicast [one 04:48:02.110] * (100) [i]\n\
            \tvia fe80::1 on eth0\n\
            \tBGP.as_path: \n\
            \tBGP.next_hop: 2001:db8:1::1 fe80::1\n";
        let routes = parse_routes(answer).unwrap();
        assert_eq!(routes.len(), 2);
        let first = &routes["10.0.0.0/24"];
        assert_eq!(first.as_path, [65001, 65002]);
        assert_eq!((first.med, first.local_pref), (Some(7), Some(100)));
        assert!(first.communities.iter().eq(["65001:100", "65001:200"]));
        let second = &routes["2001:db8::/64"];
        assert_eq!(second.next_hop.to_string(), "2001:db8:1::1");
        assert!(second.as_path.is_empty());
    }
}
