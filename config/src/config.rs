//! The whole file.

use std::net::IpAddr;

use margay_filter::Filter;
use toml::de::DeTable;

use crate::config_error::{ConfigError, ReadFile, Report};
use crate::control::Control;
use crate::dynamic_peers::{self, DynamicPeers};
use crate::filters::{Filters, Sets};
use crate::global::Global;
use crate::kernel::Kernel;
use crate::network::{self, Network};
use crate::peer::{self, Peer};
use crate::section::Section;

/// A checked configuration: names resolve, nothing is there twice, groups and defaults are applied.
///
/// Comes from [`parse`] only, so whoever has one need not check again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    global: Global,
    control: Control,
    kernel: Option<Kernel>,
    networks: Vec<Network>,
    filters: Vec<Filter>,
    peers: Vec<Peer>,
    dynamic_peers: Vec<DynamicPeers>,
}

/// Reads the text of a configuration file. `file_name` only serves the errors.
///
/// # Errors
///
/// All errors of the file in their order. When it is not even TOML, only those of syntax: what a broken document means
/// would be guessed.
pub fn parse(file_name: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
    read(file_name, Report::new(text, None), text)
}

/// As [`parse`], and checks the files that the configuration names, which `read_file` reads: a password file that cannot be used
/// is an error, too.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_with_files<'t>(
    file_name: &str,
    text: &'t str,
    read_file: ReadFile<'t>,
) -> Result<Config, Vec<ConfigError>> {
    read(file_name, Report::new(text, Some(read_file)), text)
}

/// As [`parse_with_files`] without a check of password files: only what the configuration consists of is read, such as the
/// prefixes of a set.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_unchecked<'t>(
    file_name: &str,
    text: &'t str,
    read_file: ReadFile<'t>,
) -> Result<Config, Vec<ConfigError>> {
    read(file_name, Report::new(text, Some(read_file)).without_checks(), text)
}

fn read(file_name: &str, mut report: Report<'_>, text: &str) -> Result<Config, Vec<ConfigError>> {
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        report.add(error.span().map_or(0, |span| span.start), error.message());
    }
    if !report.is_empty() {
        return Err(report.into_errors(file_name));
    }
    let root = Section::new("the file", 0, document.get_ref());
    match Config::read(root, &mut report) {
        Some(config) if report.is_empty() => Ok(config),
        Some(_) | None => Err(report.into_errors(file_name)),
    }
}

impl Config {
    /// This speaker.
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// How operators reach the daemon.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The forwarding table to keep; `None` for a pure control plane.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_ref()
    }

    /// What this node originates, in the order of the prefixes.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// The named filters in the order of their names, unused ones too.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The peers in the order of the file.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The ranges from which peers may dial in that are not configured one by one, in the order of their addresses.
    pub fn dynamic_peers(&self) -> &[DynamicPeers] {
        &self.dynamic_peers
    }

    /// The range from which a peer of this address may dial in: of several, the smallest.
    pub fn dynamic_peers_at(&self, address: IpAddr) -> Option<&DynamicPeers> {
        let holding = self.dynamic_peers.iter().filter(|dynamic| dynamic.holds(address));
        holding.max_by_key(|dynamic| dynamic.range.length())
    }

    /// The peer of that name.
    pub fn peer(&self, name: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.name == name)
    }

    fn read(mut root: Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let global = root
            .require("global", report)
            .and_then(|value| value.table("[global]", report))
            .and_then(|section| Global::read(section, report));
        let control = root
            .get("control")
            .and_then(|value| value.table("[control]", report))
            .map(|section| Control::read(section, report));
        let kernel = root
            .get("kernel")
            .and_then(|value| value.table("[kernel]", report))
            .map(|section| Kernel::read(section, report));
        let networks = root.get("network").map(|value| network::read_all(value, report));
        let sets = Sets::read(&mut root, report);
        let filters = root.get("filter").map(|value| Filters::read(value, &sets, report)).unwrap_or_default();
        let groups = root
            .get("peer_group")
            .map(|value| peer::read_groups(value, &filters, report))
            .unwrap_or_default();
        let local_asn = global.as_ref().map(|global| global.asn);
        let peers =
            root.get("peer").map(|value| peer::read_peers(value, &groups, &filters, local_asn, report));
        let peers = peers.unwrap_or_default();
        let dynamic_peers = root.get("dynamic_peers").map(|value| {
            let dynamic_peers = dynamic_peers::read_all(value, &groups, local_asn, &peers, report);
            if global.as_ref().is_some_and(|global| global.listen.is_empty()) {
                report.add(value.offset(), "dynamic_peers: nobody can dial in where global.listen is empty");
            }
            dynamic_peers
        });
        root.finish(report);
        Some(Self {
            global: global?,
            control: control.unwrap_or_default(),
            kernel,
            networks: networks.unwrap_or_default(),
            filters: filters.into_filters(),
            peers,
            dynamic_peers: dynamic_peers.unwrap_or_default(),
        })
    }
}
