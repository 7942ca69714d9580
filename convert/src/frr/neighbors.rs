//! `neighbor`: peers and peer groups.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::Secret;
use crate::model::{self, Action, Condition, Group, Peer, Rule, Settings, quoted, quoted_list};
use crate::remark::RemarkKind;

use super::Reader;
use super::graceful_restart::{Restart, RestartMode};

/// All neighbors and groups in the order in which they were named first.
pub(super) struct Neighbors {
    list: Vec<(String, Neighbor)>,
    pub(super) activates_ipv4: bool,
    pub(super) listen_limit: Option<u32>,
    pub(super) hold_seconds: Option<u32>,
    pub(super) restart: Restart,
}

/// What neighbors have that say nothing else.
#[derive(Clone, Copy)]
struct Defaults {
    activates_ipv4: bool,
    hold_seconds: u32,
    restart: Restart,
}

impl Default for Neighbors {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            activates_ipv4: true,
            listen_limit: None,
            hold_seconds: None,
            restart: Restart::default(),
        }
    }
}

#[derive(Clone, Default)]
struct Neighbor {
    line: usize,
    is_group: bool,
    group: Option<String>,
    remote_as: Option<RemoteAs>,
    description: Option<String>,
    /// With its line.
    password: Option<(usize, String)>,
    settings: Settings,
    /// Families that were turned on or off.
    active: BTreeMap<&'static str, bool>,
    /// The filters of a direction: (family, filter) in the order in which they are asked.
    import: Vec<(&'static str, String)>,
    export: Vec<(&'static str, String)>,
    is_shut_down: bool,
    restart: Option<RestartMode>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum RemoteAs {
    Number(u32),
    Internal,
    /// Any other than the own one, which margay has no word for.
    External,
}

impl Neighbors {
    fn named(&mut self, name: &str, line: usize) -> &mut Neighbor {
        let index = self.list.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
            self.list.push((name.to_owned(), Neighbor { line, ..Neighbor::default() }));
            self.list.len() - 1
        });
        &mut self.list[index].1
    }

    pub(super) fn activate(&mut self, name: &str, family: &'static str, is_active: bool) {
        self.named(name, 1).active.insert(family, is_active);
    }
}

impl Reader {
    /// A line about a neighbor; `false` if it is not understood.
    pub(super) fn neighbor_line(
        &mut self,
        name: &str,
        words: &[&str],
        family: &'static str,
        line: usize,
    ) -> bool {
        if let Some((direction, filter)) = filter_of_line(words) {
            let neighbor = self.neighbors.named(name, line);
            let list = if direction == "in" { &mut neighbor.import } else { &mut neighbor.export };
            list.push((family, filter));
            return true;
        }
        let neighbor = self.neighbors.named(name, line);
        if let Some(mode) = RestartMode::parse(words) {
            neighbor.restart = Some(mode);
            return true;
        }
        let mut set = |key: &'static str, value: String| {
            neighbor.settings.insert(key, value);
        };
        match words {
            ["remote-as", "internal"] => neighbor.remote_as = Some(RemoteAs::Internal),
            ["remote-as", "external"] => neighbor.remote_as = Some(RemoteAs::External),
            ["remote-as", asn] => neighbor.remote_as = asn.parse().ok().map(RemoteAs::Number),
            ["peer-group"] => neighbor.is_group = true,
            ["peer-group", group] => neighbor.group = Some((*group).to_owned()),
            ["description", text @ ..] => neighbor.description = Some(text.join(" ")),
            ["password", password] => neighbor.password = Some((line, (*password).to_owned())),
            ["shutdown", ..] => neighbor.is_shut_down = true,
            ["activate"] => {
                neighbor.active.insert(family, true);
            }
            ["update-source", address] if address.parse::<IpAddr>().is_ok() => {
                set("source_address", quoted(address))
            }
            ["ebgp-multihop"] => set("multihop", "255".to_owned()),
            ["ebgp-multihop", hops] if hops.parse::<u8>().is_ok() => set("multihop", (*hops).to_owned()),
            ["ttl-security", "hops", hops] if hops.parse::<u8>().is_ok() => {
                set("ttl_security", "true".to_owned());
                set("multihop", (*hops).to_owned());
            }
            ["timers", "connect", seconds] => set("connect_retry", quoted(&format!("{seconds}s"))),
            ["timers", _, hold] => set("hold_time", quoted(&format!("{hold}s"))),
            ["passive"] => set("passive", "true".to_owned()),
            ["port", port] if port.parse::<u16>().is_ok() => set("port", (*port).to_owned()),
            ["bfd", ..] => set("bfd", "true".to_owned()),
            ["next-hop-self", ..] => set("next_hop", quoted("self")),
            ["route-reflector-client"] => set("rr_client", "true".to_owned()),
            ["attribute-unchanged", ..] => set("next_hop", quoted("keep")),
            ["maximum-prefix", limit, ..] if limit.parse::<u32>().is_ok() => {
                set("prefix_limit", (*limit).to_owned())
            }
            [
                "local-role",
                role @ ("provider" | "customer" | "peer" | "rs-server" | "rs-client"),
                strict @ ..,
            ] => {
                set("role", quoted(role));
                if strict == ["strict-mode"] {
                    set("require_role", "true".to_owned());
                }
            }
            ["addpath-tx-all-paths"] => set("add_path", quoted("both")),
            ["send-community" | "soft-reconfiguration" | "capability" | "advertisement-interval", ..] => {}
            _ => return false,
        }
        true
    }

    /// The filter of `route-map NAME` and the like.
    fn filter_of(&mut self, text: &str, line: usize) -> String {
        let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
        if kind == "route-map" {
            return self.route_map(name, line);
        }
        let condition =
            if kind == "prefix-list" { self.lists.prefix_list(name) } else { self.lists.as_path_list(name) };
        let condition = condition.unwrap_or_else(|text| {
            self.remark(line, RemarkKind::LeftOut, format_args!("{text}: everything is rejected"));
            Condition::Never
        });
        let filter = model::name(&format!("{kind}-{name}"));
        let rules = vec![Rule::new(condition, Action::Accept), Rule::new(Condition::Always, Action::Reject)];
        let rules = rules.into_iter().filter(|rule| rule.condition != Condition::Never).collect();
        self.draft.speaker.filters.insert(filter.clone(), rules);
        filter
    }

    /// Turns all neighbors into peers and groups.
    pub(super) fn write_neighbors(&mut self) {
        let Neighbors { list, activates_ipv4, listen_limit, hold_seconds, restart } =
            std::mem::take(&mut self.neighbors);
        let groups: BTreeMap<String, Neighbor> =
            list.iter().filter(|(_, neighbor)| neighbor.is_group).cloned().collect();
        let hold_seconds = hold_seconds.unwrap_or(if self.is_datacenter { 9 } else { 180 });
        let defaults = Defaults { activates_ipv4, hold_seconds, restart };
        for (name, group) in &groups {
            let address = self.draft.speaker.ranges.iter().find(|range| range.group == model::name(name));
            let is_ipv6 = address.is_some_and(|range| range.range.addr().is_ipv6());
            let settings = self.settings(name, group, is_ipv6, defaults);
            self.draft.speaker.groups.insert(model::name(name), Group { settings });
        }
        for range in &mut self.draft.speaker.ranges {
            range.limit = listen_limit;
        }
        for (name, own) in list.into_iter().filter(|(_, neighbor)| !neighbor.is_group) {
            self.write_peer(&name, own, &groups, defaults);
        }
    }

    fn write_peer(
        &mut self,
        name: &str,
        own: Neighbor,
        groups: &BTreeMap<String, Neighbor>,
        defaults: Defaults,
    ) {
        let line = own.line;
        let Ok(address) = name.parse::<IpAddr>() else {
            self.remark(
                line,
                RemarkKind::LeftOut,
                format_args!("neighbor {name}: a peer on an interface has no counterpart"),
            );
            return;
        };
        let merged = match own.group.as_ref().and_then(|group| groups.get(group)) {
            Some(group) => merged(group, own),
            None => own,
        };
        if merged.is_shut_down {
            self.remark(line, RemarkKind::Note, format_args!("neighbor {name} is shut down"));
            return;
        }
        if !matches!(merged.remote_as, Some(RemoteAs::Number(_) | RemoteAs::Internal)) {
            self.remark(
                line,
                RemarkKind::LeftOut,
                format_args!("neighbor {name}: its AS number is not known"),
            );
            return;
        }
        let mut settings = self.settings(name, &merged, address.is_ipv6(), defaults);
        if let Some((line, password)) = merged.password {
            let peer = model::name(name);
            match &self.password_folder {
                Some(folder) => {
                    settings.insert("password_file", quoted(&format!("{folder}/{peer}")));
                }
                None => {
                    let text = format!("the password of {name} belongs in a file: password_file");
                    self.remark(line, RemarkKind::LeftOut, text);
                }
            }
            self.draft.secrets.push(Secret { peer, password });
        }
        let group = merged.group.filter(|group| groups.contains_key(group)).map(|group| model::name(&group));
        let description = merged.description;
        self.draft.speaker.peers.push(Peer { name: None, description, address, group, settings });
    }

    /// The settings of a peer or group with all that it inherits.
    fn settings(&mut self, name: &str, neighbor: &Neighbor, is_ipv6: bool, defaults: Defaults) -> Settings {
        let mut settings = neighbor.settings.clone();
        let local = self.draft.speaker.asn;
        let remote = match neighbor.remote_as {
            Some(RemoteAs::Number(asn)) => Some(asn),
            Some(RemoteAs::Internal) => local,
            Some(RemoteAs::External) | None => None,
        };
        if let Some(asn) = remote {
            settings.insert("remote_asn", asn.to_string());
        }
        if remote != local {
            settings.remove("rr_client");
        }
        settings.entry("hold_time").or_insert_with(|| quoted(&format!("{}s", defaults.hold_seconds)));
        let restart = defaults.restart.setting(neighbor.restart);
        settings.insert("graceful_restart", restart);
        let mut families: BTreeSet<&'static str> =
            neighbor.active.iter().filter(|(_, is_active)| **is_active).map(|(family, _)| *family).collect();
        if defaults.activates_ipv4 && neighbor.active.get("ipv4-unicast") != Some(&false) {
            families.insert("ipv4-unicast");
        }
        let own = if is_ipv6 { "ipv6-unicast" } else { "ipv4-unicast" };
        if !families.is_empty() && families.iter().copied().ne([own]) {
            let names: Vec<String> = families.iter().map(|family| (*family).to_owned()).collect();
            settings.insert("families", quoted_list(&names));
        }
        let is_member = match neighbor.remote_as {
            Some(RemoteAs::Number(asn)) => self.draft.speaker.confederation.members.contains(&asn),
            Some(RemoteAs::Internal | RemoteAs::External) | None => false,
        };
        let needs_policy = self.requires_policy && remote.is_some() && remote != local && !is_member;
        for (key, filters) in [("import", &neighbor.import), ("export", &neighbor.export)] {
            let chain = self.chain(name, key, filters, &families, needs_policy, neighbor.line);
            if !chain.is_empty() {
                settings.insert(key, quoted_list(&chain));
            }
        }
        settings
    }

    /// The filters of a direction. Those of one family of several stand in a filter that asks for the family.
    fn chain(
        &mut self,
        name: &str,
        key: &str,
        filters: &[(&'static str, String)],
        families: &BTreeSet<&'static str>,
        needs_policy: bool,
        line: usize,
    ) -> Vec<String> {
        let mut by_family: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for family in families {
            let own: Vec<String> = filters
                .iter()
                .filter(|(of, _)| of == family)
                .map(|(_, text)| self.filter_of(text, line))
                .collect();
            let is_missing = own.is_empty() && needs_policy;
            by_family.insert(family, if is_missing { vec![self.reject_all()] } else { own });
        }
        let mut chains = by_family.values();
        let first = chains.next().cloned().unwrap_or_default();
        if chains.all(|other| *other == first) {
            return first;
        }
        let longest = by_family.values().map(Vec::len).max().unwrap_or_default();
        let links = (0..longest).map(|index| {
            let rules = by_family.iter().map(|(family, chain)| {
                let action = chain.get(index).map_or(Action::Accept, |filter| Action::Call(filter.clone()));
                Rule::new(Condition::text("family", family), action)
            });
            let filter = model::name(&format!("{name}-{key}-{index}"));
            self.draft.speaker.filters.insert(filter.clone(), rules.collect());
            filter
        });
        links.collect()
    }

    fn reject_all(&mut self) -> String {
        let reject = Rule::new(Condition::Always, Action::Reject);
        self.draft.speaker.filters.insert("none".to_owned(), vec![reject]);
        "none".to_owned()
    }
}

/// The direction and the filter of a line that names one. Lists may stand after their use: the filter is made at the end.
fn filter_of_line<'l>(words: &[&'l str]) -> Option<(&'l str, String)> {
    match words {
        [kind @ ("route-map" | "prefix-list" | "filter-list"), name, direction @ ("in" | "out")] => {
            Some((direction, format!("{kind} {name}")))
        }
        _ => None,
    }
}

/// A neighbor with what its group says where it says nothing.
fn merged(group: &Neighbor, own: Neighbor) -> Neighbor {
    let mut settings = group.settings.clone();
    settings.extend(own.settings);
    let mut active = group.active.clone();
    active.extend(own.active);
    let pick = |own: Vec<(&'static str, String)>, group: &Vec<(&'static str, String)>| {
        let inherited = group.iter().filter(|(family, _)| own.iter().all(|(other, _)| other != family));
        inherited.cloned().collect::<Vec<_>>().into_iter().chain(own.clone()).collect()
    };
    Neighbor {
        remote_as: own.remote_as.or(group.remote_as),
        description: own.description.or_else(|| group.description.clone()),
        password: own.password.or_else(|| group.password.clone()),
        import: pick(own.import, &group.import),
        export: pick(own.export, &group.export),
        is_shut_down: own.is_shut_down || group.is_shut_down,
        restart: own.restart.or(group.restart),
        settings,
        active,
        ..own
    }
}
