//! The operator's file as text.

use crate::model::{Confederation, Kernel, Peer, Settings, Speaker, StaticHop, name, quoted, quoted_list};

/// The text of the file: every filter by its name, groups, then peers in the order in which they were given.
pub(crate) fn write(speaker: &Speaker) -> String {
    let mut text = String::new();
    let sections = [
        global(speaker),
        speaker.kernel.as_ref().map(kernel).unwrap_or_default(),
        networks(speaker),
        statics(speaker),
        sets(speaker),
        filters(speaker),
        groups(speaker),
        peers(speaker),
    ];
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += section;
    }
    text
}

fn global(speaker: &Speaker) -> String {
    let mut text = String::from("[global]\n");
    entry(&mut text, "asn", speaker.asn.map(|asn| asn.to_string()));
    let Confederation { identifier, members } = &speaker.confederation;
    let members = members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let confederation =
        identifier.map(|identifier| format!("{{ identifier = {identifier}, members = [{members}] }}"));
    entry(&mut text, "confederation", confederation);
    entry(&mut text, "router_id", speaker.router_id.map(|id| quoted(&id.to_string())));
    entry(&mut text, "cluster_id", speaker.cluster_id.map(|id| quoted(&id.to_string())));
    entry(&mut text, "client_to_client", speaker.client_to_client.map(|is_on| is_on.to_string()));
    // Without filters everything is exchanged there; where it is not, there is a filter that says so.
    let settings = speaker.peers.iter().map(|peer| &peer.settings);
    let mut settings = settings.chain(speaker.groups.values().map(|group| &group.settings));
    let is_unfiltered =
        |settings: &Settings| !["import", "export"].iter().all(|key| settings.contains_key(key));
    let accept = settings.any(is_unfiltered).then(|| quoted("accept"));
    entry(&mut text, "ebgp_without_filters", accept);
    let listen: Vec<String> = speaker.listen.iter().map(ToString::to_string).collect();
    entry(&mut text, "listen", Some(quoted_list(&listen)).filter(|_| !listen.is_empty()));
    text
}

fn kernel(kernel: &Kernel) -> String {
    let mut text = String::from("[kernel]\n");
    let tables = match kernel.tables.as_slice() {
        [] => None,
        [table] => Some(table.to_string()),
        tables => Some(format!("{tables:?}")),
    };
    entry(&mut text, "table", tables);
    entry(&mut text, "protocol", kernel.protocol.map(|protocol| protocol.to_string()));
    entry(&mut text, "metric", kernel.metric.map(|metric| metric.to_string()));
    entry(&mut text, "multipath", kernel.multipath.map(|multipath| multipath.to_string()));
    entry(&mut text, "export", Some(quoted_list(&kernel.export)).filter(|_| !kernel.export.is_empty()));
    for import in &kernel.imports {
        text += "\n[[kernel.import]]\n";
        let protocols = format!("[{}]", import.protocols.join(", "));
        entry(&mut text, "protocol", Some(protocols).filter(|_| !import.protocols.is_empty()));
        let interfaces = quoted_list(&import.interfaces);
        entry(&mut text, "interface", Some(interfaces).filter(|_| !import.interfaces.is_empty()));
        entry(&mut text, "metric", import.metric.map(|metric| metric.to_string()));
    }
    text
}

fn networks(speaker: &Speaker) -> String {
    let networks = speaker.networks.iter().map(|(prefix, network)| {
        let mut text = format!("[[network]]\nprefix = {}\n", quoted(&prefix.to_string()));
        match network.hold {
            Some("blackhole") => entry(&mut text, "blackhole", Some("true".to_owned())),
            hold => entry(&mut text, "hold", hold.map(quoted)),
        }
        entry(&mut text, "require_route", network.require_route.then(|| "true".to_owned()));
        text
    });
    networks.collect::<Vec<_>>().join("\n")
}

fn statics(speaker: &Speaker) -> String {
    let routes = speaker.statics.iter().map(|(prefix, route)| {
        let mut text = format!("[[static]]\nprefix = {}\n", quoted(&prefix.to_string()));
        entry(&mut text, "discard", route.discard.map(quoted));
        match route.hops.as_slice() {
            [] => {}
            [StaticHop { address: None, interface, .. }] => {
                entry(&mut text, "interface", interface.as_deref().map(quoted));
            }
            [hop] => entry(&mut text, "via", Some(static_hop(hop))),
            hops => {
                let hops: Vec<String> = hops.iter().map(static_hop).collect();
                entry(&mut text, "via", Some(format!("[{}]", hops.join(", "))));
            }
        }
        text
    });
    routes.collect::<Vec<_>>().join("\n")
}

fn static_hop(hop: &StaticHop) -> String {
    let address = hop.address.map(|address| quoted(&address.to_string()));
    if let (Some(address), None, None) = (&address, &hop.interface, hop.weight) {
        return address.clone();
    }
    let keys = [
        ("address", address),
        ("interface", hop.interface.as_deref().map(quoted)),
        ("weight", hop.weight.map(|weight| weight.to_string())),
    ];
    let keys = keys.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?)));
    format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
}

fn sets(speaker: &Speaker) -> String {
    let mut tables = Vec::new();
    for (name, members) in &speaker.prefix_sets {
        tables.push(list_table("prefix_set", name, "prefixes", members));
    }
    for (name, patterns) in &speaker.community_sets {
        let members: Vec<String> = patterns.iter().map(|pattern| quoted(pattern)).collect();
        tables.push(list_table("community_set", name, "communities", &members));
    }
    for (name, members) in &speaker.as_sets {
        tables.push(list_table("as_set", name, "asns", members));
    }
    tables.join("\n")
}

fn filters(speaker: &Speaker) -> String {
    let tables = speaker.filters.iter().map(|(name, rules)| {
        let mut text = format!("[filter.{}]\nrules = [\n", table_key(name));
        for rule in rules {
            if let Some(comment) = &rule.comment {
                let comment: String = comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                text += &format!("  # {comment}\n");
            }
            text += &format!("  {},\n", rule.to_toml());
        }
        text + "]\n"
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn groups(speaker: &Speaker) -> String {
    let tables = speaker.groups.iter().map(|(name, group)| {
        let mut text = format!("[peer_group.{}]\n", table_key(name));
        for (key, value) in &group.settings {
            entry(&mut text, key, Some(value.clone()));
        }
        text
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn peers(speaker: &Speaker) -> String {
    let peers = speaker.peers.iter().map(|peer| peer_table(speaker, peer));
    let ranges = speaker.ranges.iter().map(|range| {
        let mut text = format!("[[dynamic_peers]]\nrange = {}\n", quoted(&range.range.to_string()));
        entry(&mut text, "group", Some(quoted(&range.group)));
        entry(&mut text, "limit", range.limit.map(|limit| limit.to_string()));
        text
    });
    peers.chain(ranges).collect::<Vec<_>>().join("\n")
}

fn peer_table(speaker: &Speaker, peer: &Peer) -> String {
    let mut text = String::from("[[peer]]\n");
    entry(&mut text, "name", peer.name.as_deref().map(|text| quoted(&name(text))));
    entry(&mut text, "description", peer.description.as_deref().map(quoted));
    entry(&mut text, "address", Some(quoted(&peer.address.to_string())));
    entry(&mut text, "group", peer.group.as_deref().map(quoted));
    let group = peer.group.as_ref().and_then(|group| speaker.groups.get(group));
    for (key, value) in &peer.settings {
        if group.and_then(|group| group.settings.get(key)) != Some(value) {
            entry(&mut text, key, Some(value.clone()));
        }
    }
    text
}

fn entry(text: &mut String, key: &str, value: Option<String>) {
    if let Some(value) = value {
        *text += &format!("{key} = {value}\n");
    }
}

fn list_table(kind: &str, name: &str, key: &str, members: &[String]) -> String {
    let mut text = format!("[{kind}.{}]\n{key} = [\n", table_key(name));
    for member in members {
        text += &format!("  {member},\n");
    }
    text + "]\n"
}

/// A name as a key of a table.
fn table_key(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_bare { name.to_owned() } else { quoted(name) }
}
