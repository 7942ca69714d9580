//! The whole configuration.

use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_filter::Filter;
use toml::de::DeTable;

use crate::aggregate::{self, Aggregate};
use crate::config_error::ConfigError;
use crate::control::Control;
use crate::dynamic_peers::{self, DynamicPeers};
use crate::filters::{Filters, Sets};
use crate::global::Global;
use crate::include;
use crate::kernel::Kernel;
use crate::left_out::{LeftOut, ObjectName};
use crate::mrt::Mrt;
use crate::network::{self, Network};
use crate::peer::Peer;
use crate::peer_group::PeerGroups;
use crate::peers;
use crate::report::Report;
use crate::root::Root;
use crate::rpki_cache::{self, RpkiCache};
use crate::section::Section;
use crate::sources::{Files, Sources};
use crate::static_route::{self, StaticRoute};

/// A checked configuration: names resolve, nothing is there twice, groups and defaults are applied.
///
/// Comes from [`parse`] and [`read`] only, so that it need not be checked again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    global: Global,
    control: Control,
    mrt: Mrt,
    kernel: Option<Kernel>,
    networks: Vec<Network>,
    static_routes: Vec<StaticRoute>,
    aggregates: Vec<Aggregate>,
    rpki_caches: Vec<RpkiCache>,
    filters: Vec<Filter>,
    peers: Vec<Peer>,
    dynamic_peers: Vec<DynamicPeers>,
    left_out: Vec<LeftOut>,
}

/// What came of reading a configuration.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The configuration, without the objects that have errors; `None` where an error is not one of a single object.
    pub config: Option<Config>,
    /// All errors of all files, in the order of the files.
    pub errors: Vec<ConfigError>,
    /// The files that were read, the operator's first.
    pub files: Vec<ConfigText>,
}

/// A file that a configuration consists of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigText {
    /// Its name, as the caller or an `include` gave it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Whether files are read of which only the names are needed now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NamedFiles {
    /// They are, so that a password that cannot be used is an error.
    Checked,
    /// They are not: only what the configuration consists of is read, such as the prefixes of a set.
    Unchecked,
}

impl Reading {
    /// The configuration, if it has no error at all.
    ///
    /// # Errors
    ///
    /// All errors.
    pub fn strict(self) -> Result<Config, Vec<ConfigError>> {
        match self.config {
            Some(config) if self.errors.is_empty() => Ok(config),
            Some(_) | None => Err(self.errors),
        }
    }
}

/// Reads the text of a configuration that consists of one file. `file_name` only serves the errors.
///
/// # Errors
///
/// All errors of the file in their order. When it is not even TOML, only those of syntax: what a broken document means
/// would be guessed.
pub fn parse(file_name: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
    read_sources(&Sources::new(file_name, text), None, NamedFiles::Unchecked).strict()
}

/// Reads a configuration: `text`, which stands in `file_name`, and the files that it includes and names.
///
/// An object with errors is left out, and so is what uses it; the rest is there. Errors of syntax, and those in `[global]`,
/// `[control]` and `[kernel]`, leave no configuration.
pub fn read(file_name: &str, text: &str, files: &mut dyn Files, named_files: NamedFiles) -> Reading {
    let mut sources = Sources::new(file_name, text);
    include::follow(&mut sources, files);
    read_sources(&sources, Some(files), named_files)
}

fn read_sources<'t>(
    sources: &'t Sources,
    files: Option<&'t mut dyn Files>,
    named_files: NamedFiles,
) -> Reading {
    let mut report = Report::new(sources, files, named_files == NamedFiles::Checked);
    let documents: Vec<_> = sources.iter().map(|source| DeTable::parse_recoverable(&source.text)).collect();
    for (source, (_, syntax_errors)) in sources.iter().zip(&documents) {
        for error in syntax_errors {
            let span = error.span().unwrap_or_default();
            report.add_at(source.base + span.start..source.base + span.end, error.message());
        }
    }
    let mut config = None;
    if !report.is_fatal() {
        let mut files = Vec::with_capacity(documents.len());
        for (source, (document, _)) in sources.iter().zip(&documents) {
            let mut root = Section::of_file(source.base, document.get_ref());
            include::check(&mut root, &source.name, sources, &mut report);
            files.push(root);
        }
        config = Config::read(Root::new(files), &mut report).filter(|_| !report.is_fatal());
    }
    let (errors, left_out) = report.finish();
    let files =
        sources.iter().map(|source| ConfigText { name: source.name.clone(), text: source.text.clone() });
    Reading { config: config.map(|config| Config { left_out, ..config }), errors, files: files.collect() }
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

    /// What is written into files in MRT format.
    #[must_use]
    pub fn mrt(&self) -> &Mrt {
        &self.mrt
    }

    /// The forwarding table to keep; `None` for a pure control plane.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_ref()
    }

    /// What this node originates, in the order of the prefixes.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// The static routes, in the order of the prefixes.
    pub fn static_routes(&self) -> &[StaticRoute] {
        &self.static_routes
    }

    /// The aggregates, in the order of the prefixes.
    pub fn aggregates(&self) -> &[Aggregate] {
        &self.aggregates
    }

    /// The RPKI caches, in the order of their addresses.
    pub fn rpki_caches(&self) -> &[RpkiCache] {
        &self.rpki_caches
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

    /// What is left out of the files, because it has errors or uses what has.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Adds what is left out and stands in a former configuration, as it stands there: an error in the file does not end what
    /// runs.
    pub fn keep_former(&mut self, former: &Self) {
        for left_out in &mut self.left_out {
            left_out.is_kept = match &left_out.object {
                ObjectName::Peer { name, address } => {
                    let found = former.peer_meant(name.as_deref(), address.as_deref());
                    keep_peer(&mut self.peers, found)
                }
                ObjectName::DynamicPeers(range) => {
                    let is_meant = |dynamic: &&DynamicPeers| Some(dynamic.range) == *range;
                    let found = former.dynamic_peers.iter().find(is_meant);
                    keep(&mut self.dynamic_peers, found, |dynamic| dynamic.range)
                }
                ObjectName::Network(prefix) => {
                    let is_meant = |network: &&Network| Some(network.prefix) == *prefix;
                    let found = former.networks.iter().find(is_meant);
                    keep(&mut self.networks, found, |network| network.prefix)
                }
                ObjectName::StaticRoute(prefix) => {
                    let is_meant = |route: &&StaticRoute| Some(route.prefix) == *prefix;
                    let found = former.static_routes.iter().find(is_meant);
                    keep(&mut self.static_routes, found, |route| route.prefix)
                }
                ObjectName::Aggregate(prefix) => {
                    let is_meant = |aggregate: &&Aggregate| Some(aggregate.prefix) == *prefix;
                    let found = former.aggregates.iter().find(is_meant);
                    keep(&mut self.aggregates, found, |aggregate| aggregate.prefix)
                }
                ObjectName::Named(..) | ObjectName::Section(_) => false,
            };
        }
        self.networks.sort_by_key(|network| network.prefix);
        self.static_routes.sort_by_key(|route| route.prefix);
        self.aggregates.sort_by_key(|aggregate| aggregate.prefix);
        self.dynamic_peers.sort_by_key(|dynamic| dynamic.range);
    }

    /// The peer at an address, where one is given; of several the one of that name. Otherwise the peer of that name.
    fn peer_meant(&self, name: Option<&str>, address: Option<&str>) -> Option<&Peer> {
        let is_named = |peer: &&Peer| Some(peer.name.as_str()) == name;
        let Some(address) = address else { return self.peers.iter().find(is_named) };
        let mut there = self.peers.iter().filter(|peer| peer.place().host() == address);
        let first = there.next()?;
        Some(std::iter::once(first).chain(there).find(is_named).unwrap_or(first))
    }

    fn read(mut root: Root<'_>, report: &mut Report<'_>) -> Option<Self> {
        let global = root
            .require("global", report)
            .and_then(|value| value.table("[global]", report))
            .and_then(|section| Global::read(section, report));
        let control = root
            .single("control", report)
            .and_then(|value| value.table("[control]", report))
            .map(|section| Control::read(section, report));
        let mrt = root
            .single("mrt", report)
            .and_then(|value| value.table("[mrt]", report))
            .map(|section| Mrt::read(section, report));
        let sets = Sets::read(&mut root, report);
        let filters = Filters::read(&mut root, &sets, report);
        let kernel = root
            .single("kernel", report)
            .and_then(|value| value.table("[kernel]", report))
            .map(|section| Kernel::read(section, &filters, report));
        let networks = network::read_all(root.items("network", report), report);
        let prefixes: Vec<Prefix> = networks.iter().map(|network| network.prefix).collect();
        let static_routes = static_route::read_all(root.items("static", report), &prefixes, report);
        let aggregates = aggregate::read_all(root.items("aggregate", report), &filters, report);
        let rpki_caches = rpki_cache::read_all(root.items("rpki_cache", report), report);
        let groups = PeerGroups::read(&mut root, &filters, report);
        let peers = peers::read_all(root.items("peer", report), &groups, &filters, global.as_ref(), report);
        let ranges = root.items("dynamic_peers", report);
        let dynamic_peers = dynamic_peers::read_all(ranges, &groups, global.as_ref(), &peers, report);
        root.finish(report);
        Some(Self {
            global: global?,
            control: control.unwrap_or_default(),
            mrt: mrt.unwrap_or_default(),
            kernel,
            networks,
            static_routes,
            aggregates,
            rpki_caches,
            filters: filters.into_filters(),
            peers,
            dynamic_peers,
            left_out: Vec::new(),
        })
    }
}

/// Adds a former peer unless another one keeps it out; returns whether it was added.
fn keep_peer(peers: &mut Vec<Peer>, former: Option<&Peer>) -> bool {
    let excludes = |peer: &Peer, former: &Peer| {
        peer.name == former.name || peer.address == former.address && peers::conflict(peer, former).is_some()
    };
    let Some(former) = former.filter(|former| !peers.iter().any(|peer| excludes(peer, former))) else {
        return false;
    };
    peers.push(former.clone());
    true
}

/// Adds a former object unless there is one with the same key; returns whether it was added.
fn keep<T: Clone, K: PartialEq>(objects: &mut Vec<T>, former: Option<&T>, key: impl Fn(&T) -> K) -> bool {
    let Some(former) = former.filter(|former| objects.iter().all(|object| key(object) != key(former))) else {
        return false;
    };
    objects.push(former.clone());
    true
}
