//! Configurations of FRR's bgpd.

mod graceful_restart;
mod lists;
mod neighbors;
mod route_map;
mod router;

use std::collections::BTreeMap;

use crate::finish::{Draft, finish};
use crate::model::{Kernel, KernelImport};
use crate::remark::{Remark, RemarkKind};
use crate::{Conversion, ConvertError};

use lists::Lists;
use neighbors::Neighbors;
use route_map::{Entry, RouteMaps};

/// Converts a configuration of FRR: `router bgp` with its neighbors and peer groups, prefix lists, route maps, lists of
/// communities and of AS paths. Passwords are treated as [`convert_bird`](crate::convert_bird) does.
///
/// # Errors
///
/// There is no `router bgp` in it.
pub fn convert_frr(
    name: &str,
    text: &str,
    password_folder: Option<&str>,
) -> Result<Conversion, ConvertError> {
    let mut reader = Reader::new(name, password_folder);
    for (line, text) in (1..).zip(text.lines()) {
        reader.read_line(Line { number: line, words: text.split_whitespace().collect() });
    }
    if reader.draft.speaker.asn.is_none() {
        let text = "there is no \"router bgp\"".to_owned();
        return Err(ConvertError { file: name.to_owned(), line: 1, text });
    }
    Ok(finish(reader.into_draft()))
}

/// A line by its words.
#[derive(Clone)]
struct Line<'t> {
    number: usize,
    words: Vec<&'t str>,
}

impl Line<'_> {
    /// What follows some words, if the line begins with these.
    fn after(&self, words: &str) -> Option<&[&str]> {
        let words: Vec<&str> = words.split(' ').collect();
        self.words.starts_with(&words).then(|| &self.words[words.len()..])
    }
}

/// Which lines belong together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Context {
    #[default]
    Top,
    Router,
    /// `address-family ipv4 unicast` and the like; `None` for families that margay does not have.
    Family(Option<&'static str>),
    RouteMap(String),
    /// A block of another daemon or a virtual router, which is skipped.
    Other,
}

struct Reader {
    draft: Draft,
    context: Context,
    lists: Lists,
    route_maps: RouteMaps,
    neighbors: Neighbors,
    password_folder: Option<String>,
    /// Whether external peers without a filter exchange nothing (RFC 8212).
    requires_policy: bool,
    checks_networks: bool,
    is_datacenter: bool,
    /// Static routes to nowhere, and whether they are advertised.
    discards: BTreeMap<ipnet::IpNet, &'static str>,
    redistributes_static: bool,
}

impl Reader {
    fn new(name: &str, password_folder: Option<&str>) -> Self {
        let mut draft = Draft { file: name.to_owned(), ..Draft::default() };
        draft.speaker.kernel = Some(Kernel::default());
        Self {
            draft,
            context: Context::Top,
            lists: Lists::default(),
            route_maps: RouteMaps::default(),
            neighbors: Neighbors::default(),
            password_folder: password_folder.map(str::to_owned),
            requires_policy: true,
            checks_networks: true,
            is_datacenter: false,
            discards: BTreeMap::new(),
            redistributes_static: false,
        }
    }

    fn remark(&mut self, line: usize, kind: RemarkKind, text: impl std::fmt::Display) {
        let file = self.draft.file.clone();
        self.draft.remarks.insert(Remark { file, line, kind, text: text.to_string() });
    }

    fn left_out(&mut self, line: &Line<'_>) {
        let text = format!("{:?} has no counterpart", line.words.join(" "));
        self.remark(line.number, RemarkKind::LeftOut, text);
    }

    fn read_line(&mut self, line: Line<'_>) {
        let Some(first) = line.words.first().copied() else { return };
        if first.starts_with('!') || first.starts_with('#') {
            return;
        }
        match (&self.context, first) {
            (_, "exit" | "end" | "exit-vrf") => self.context = Context::Top,
            (_, "exit-address-family") => self.context = Context::Router,
            (_, "router" | "route-map" | "interface" | "vrf" | "line" | "bfd" | "key" | "rpki") => {
                self.begin(&line);
            }
            (Context::Top, _) => self.top(&line),
            (Context::Router, "address-family") => self.begin(&line),
            (Context::Family(_), "address-family") => self.begin(&line),
            (Context::Router | Context::Family(_), _) => {
                if is_top(&line) {
                    self.context = Context::Top;
                    self.top(&line);
                } else {
                    self.router_line(&line);
                }
            }
            (Context::RouteMap(name), _) => {
                let name = name.clone();
                if is_top(&line) {
                    self.context = Context::Top;
                    self.top(&line);
                } else if let Some(entry) = self.route_maps.last_entry(&name) {
                    entry
                        .lines
                        .push((line.number, line.words.iter().map(|word| (*word).to_owned()).collect()));
                }
            }
            (Context::Other, _) => {
                if is_top(&line) {
                    self.context = Context::Top;
                    self.top(&line);
                }
            }
        }
    }

    /// A line that begins a block.
    fn begin(&mut self, line: &Line<'_>) {
        self.context = match line.words.as_slice() {
            ["router", "bgp", asn] => {
                self.draft.speaker.asn = asn.parse().ok();
                Context::Router
            }
            ["router", ..] | ["vrf", ..] | ["bfd", ..] | ["rpki", ..] => {
                self.left_out(line);
                Context::Other
            }
            ["route-map", name, action @ ("permit" | "deny"), sequence] => {
                let entry = Entry {
                    line: line.number,
                    permits: *action == "permit",
                    sequence: sequence.parse().unwrap_or(u32::MAX),
                    lines: Vec::new(),
                };
                self.route_maps.add(name, entry);
                Context::RouteMap((*name).to_owned())
            }
            ["address-family", "ipv4"] | ["address-family", "ipv4", "unicast"] => {
                Context::Family(Some("ipv4-unicast"))
            }
            ["address-family", "ipv6"] | ["address-family", "ipv6", "unicast"] => {
                Context::Family(Some("ipv6-unicast"))
            }
            ["address-family", ..] => {
                self.left_out(line);
                Context::Family(None)
            }
            _ => Context::Other,
        };
    }

    /// A line outside of blocks.
    fn top(&mut self, line: &Line<'_>) {
        match line.words.as_slice() {
            ["frr", "defaults", "datacenter"] => {
                (self.is_datacenter, self.requires_policy) = (true, false);
            }
            ["ip" | "ipv6", "route", prefix, "Null0" | "blackhole"] => {
                self.discard(prefix, "blackhole", line)
            }
            ["ip" | "ipv6", "route", prefix, "reject"] => self.discard(prefix, "unreachable", line),
            ["ip" | "ipv6", "route", ..] => self.left_out(line),
            ["ip" | "ipv6", "prefix-list", ..]
            | ["bgp" | "ip", "community-list" | "as-path" | "large-community-list", ..] => {
                if let Err(text) = self.lists.read(&line.words) {
                    self.remark(line.number, RemarkKind::LeftOut, text);
                }
            }
            [
                "frr" | "hostname" | "log" | "service" | "password" | "enable" | "debug" | "line" | "agentx"
                | "banner" | "domainname" | "no" | "Building" | "Current" | "ipv6" | "ip",
                ..,
            ] => {
                let matters = line.after("ip access-list").or_else(|| line.after("access-list")).is_some();
                if matters {
                    self.left_out(line);
                }
            }
            _ => self.left_out(line),
        }
    }

    fn discard(&mut self, prefix: &str, hold: &'static str, line: &Line<'_>) {
        match prefix.parse::<ipnet::IpNet>() {
            Ok(net) => {
                self.discards.insert(net.trunc(), hold);
            }
            Err(_) => self.left_out(line),
        }
    }

    fn import_kernel(&mut self, protocols: &[&str]) {
        let protocols = protocols.iter().map(|name| crate::model::quoted(name)).collect();
        let import = KernelImport { protocols, ..KernelImport::default() };
        let kernel = self.draft.speaker.kernel.get_or_insert_with(Kernel::default);
        if !kernel.imports.contains(&import) {
            kernel.imports.push(import);
        }
    }

    fn into_draft(mut self) -> Draft {
        if self.redistributes_static {
            for (net, hold) in std::mem::take(&mut self.discards) {
                let network = self.draft.speaker.networks.entry(net).or_default();
                (network.hold, network.require_route) = (Some(hold), false);
            }
        }
        self.write_neighbors();
        self.draft
    }
}

/// Whether a line of a block belongs outside of blocks: FRR does not indent everywhere, nor end every block.
fn is_top(line: &Line<'_>) -> bool {
    matches!(
        line.words.as_slice(),
        ["ip" | "ipv6", "route" | "prefix-list" | "forwarding", ..]
            | ["bgp", "community-list" | "as-path" | "large-community-list", ..]
            | ["ip", "as-path" | "community-list", ..]
            | ["access-list" | "hostname" | "log" | "frr" | "service", ..]
    )
}
