//! The facts of a plan, in the form that the corpus records them in.

use std::collections::BTreeMap;

use ipnet::IpNet;
use margay_cluster::value::Community;
use margay_render::{
    ExportRule, Family, FilterDirection, FilterPlan, FilterUse, KernelOwner, KernelRule, KernelVerdict,
    LOCAL_PREF_BASE, LogDetail, NextHop, Operator, PeerPlan, RuleEdit, RulePlan, Speaker, TunnelUse,
};
use serde_json::{Value, json};

/// The facts of one family; none when the node does not have it.
pub(crate) fn of(speaker: &Speaker, family: Family) -> BTreeMap<&'static str, Value> {
    let own = match family {
        Family::V4 => &speaker.ipv4,
        Family::V6 => &speaker.ipv6,
    };
    let Some(own) = own else { return BTreeMap::new() };
    let networks =
        |networks: Vec<IpNet>| sorted(networks.iter().map(|network| json!(network.to_string())).collect());
    let routes = own.static_routes.iter();
    let routes =
        routes.map(|route| json!({"cidr": route.destination.to_string(), "via": route.via.to_string()}));
    BTreeMap::from([
        ("router_id", json!(speaker.router_id.to_string())),
        (
            "listen",
            json!({"address": own.listen_address.map(|address| address.to_string()), "port": speaker.listen_port}),
        ),
        ("local_as", json!(speaker.asn.0)),
        ("debug", json!(speaker.log == LogDetail::Debug)),
        ("direct", json!(speaker.ignored_interfaces)),
        ("communities", communities(speaker, family)),
        ("filters", sorted(own.filters.iter().map(filter).collect())),
        ("peers", json!(own.peers.iter().map(|each| peer(speaker, each)).collect::<Vec<_>>())),
        (
            "blocks",
            networks(own.aggregates.iter().filter(|own| own.is_originated).map(|own| own.block).collect()),
        ),
        ("aggregation", networks(own.aggregates.iter().map(|own| own.block).collect())),
        ("statics", networks(own.services.clone())),
        ("peer_routes", sorted(routes.collect())),
        ("export_rules", json!(own.export_rules.iter().map(export_rule).collect::<Vec<_>>())),
        ("kernel_rules", kernel_rules(own.priority, &own.kernel_rules)),
    ])
}

/// A recorded fact without what is the same in all cases, and in one order where the order says nothing.
pub(crate) fn normal(fact: &str, expected: &Value) -> Value {
    let recorded = &expected[fact];
    let list = || recorded.as_array().cloned().unwrap_or_default();
    match fact {
        "debug" => json!(recorded["protocols"] == "all"),
        "direct" => {
            let patterns = recorded["interfaces"].as_array().cloned().unwrap_or_default();
            let patterns: Vec<Value> = patterns.into_iter().map(|row| row["pattern"].clone()).collect();
            json!(patterns.strip_suffix(&["cali*", "kube-ipvs*", "*"].map(|glob| json!(glob))))
        }
        "communities" => {
            let mut rows = list();
            for row in &mut rows {
                row["add"] = sorted(row["add"].as_array().cloned().unwrap_or_default());
            }
            sorted(rows)
        }
        "filters" => {
            let used = list().into_iter().filter(|row| is_used(row, &expected["peers"]));
            sorted(used.map(|row| normal_filter(without(row, &["function", "takes_peer_type"]))).collect())
        }
        "peers" => json!(list().into_iter().map(normal_peer).collect::<Vec<_>>()),
        "blocks" | "statics" => sorted(list()),
        "aggregation" => sorted(list().into_iter().map(|row| row["cidr"].clone()).collect()),
        "peer_routes" => sorted(list().into_iter().map(|row| without(row, &["scope"])).collect()),
        _ => recorded.clone(),
    }
}

/// Whether a peer has a filter. Those that none has are in Calico's file, too, and not in ours.
fn is_used(filter: &Value, peers: &Value) -> bool {
    let direction = filter["direction"].as_str().unwrap_or_default();
    let names = |peer: &Value| peer[direction]["filters"].as_array().cloned().unwrap_or_default();
    peers
        .as_array()
        .into_iter()
        .flatten()
        .any(|peer| names(peer).iter().any(|used| used["name"] == filter["name"]))
}

/// Networks are recorded as the author of the case wrote them: `5000::0/64`.
fn normal_filter(mut filter: Value) -> Value {
    for rule in filter["rules"].as_array_mut().into_iter().flatten() {
        if let Some(network) = rule["match"].get_mut("cidr") {
            let parsed: IpNet = network.as_str().unwrap_or_default().parse().expect("a network");
            *network = json!(parsed.to_string());
        }
    }
    filter
}

fn normal_peer(mut peer: Value) -> Value {
    for direction in ["import", "export"] {
        let filters = peer[direction]["filters"].as_array().cloned().unwrap_or_default();
        peer[direction]["filters"] = filters.into_iter().map(|filter| filter["name"].clone()).collect();
    }
    // Which secret it came from is what is planned; the cases have one password for each.
    peer["password"] = json!(peer["password"].is_string());
    peer
}

fn peer(speaker: &Speaker, peer: &PeerPlan) -> Value {
    let own = match Family::of(peer.address) {
        Family::V4 => &speaker.ipv4,
        Family::V6 => &speaker.ipv6,
    };
    let priority = own.as_ref().map_or(0, |own| own.priority);
    let names = |uses: &[FilterUse]| -> Vec<String> {
        let name = |filter: &FilterUse| match filter {
            FilterUse::Named(name) => name.clone(),
            FilterUse::RejectAll(name) => format!("all rejected for {name}"),
        };
        uses.iter().map(name).collect()
    };
    json!({
        "name": peer.name,
        "ip": peer.address.to_string(),
        "port": peer.port,
        "remote_as": peer.remote_asn.0,
        "local_as": peer.effective_local_asn(speaker.asn).0,
        "local_as_override": peer.local_asn.map(|asn| asn.0),
        "source_address": peer.source_address.map(|address| address.to_string()),
        "passive": peer.passive,
        "multihop": true,
        "multihop_ttl": peer.ttl_security,
        "ttl_security": peer.ttl_security.is_some(),
        "rr_client": peer.reflected.is_some(),
        "rr_cluster_id": peer.reflected.map(|cluster| cluster.0.to_string()),
        "password": peer.password.is_some(),
        "next_hop": match peer.next_hop {
            NextHop::Auto => "auto",
            NextHop::Own => "self",
            NextHop::Keep => "keep",
        },
        "allow_local_as": peer.allow_local_as,
        "graceful_restart_time": peer.restart_time.map(|time| time.0.as_secs()),
        "keepalive_time": peer.keepalive.map(|time| time.0.as_secs()),
        "import": {
            "filters": names(&peer.import),
            "elevated": {"local_pref_above": LOCAL_PREF_BASE - priority, "preference": 200},
            "default": "accept",
        },
        "export": {
            "filters": names(&peer.export),
            "metric_base": LOCAL_PREF_BASE,
            "default_metric": priority,
            "same_as": peer.is_internal(speaker.asn),
            "default": "reject",
        },
    })
}

fn communities(speaker: &Speaker, family: Family) -> Value {
    let own = match family {
        Family::V4 => &speaker.ipv4,
        Family::V6 => &speaker.ipv6,
    };
    let rows = own.iter().flat_map(|own| &own.communities).map(|addition| {
        let added = addition.communities.iter().map(|community| numbers(*community)).collect();
        json!({"cidr": addition.network.to_string(), "add": sorted(added)})
    });
    sorted(rows.collect())
}

fn filter(filter: &FilterPlan) -> Value {
    let direction = match filter.direction {
        FilterDirection::Import => "import",
        FilterDirection::Export => "export",
    };
    let rules: Vec<Value> = filter.rules.iter().map(rule).collect();
    json!({"name": filter.name, "direction": direction, "rules": rules})
}

fn rule(rule: &RulePlan) -> Value {
    let matches = &rule.matches;
    let mut wanted = serde_json::Map::new();
    if let Some((operator, network, lengths)) = &matches.network {
        wanted.insert("cidr".to_owned(), json!(network.to_string()));
        let operator = match operator {
            Operator::Equal => "Equal",
            Operator::NotEqual => "NotEqual",
            Operator::In => "In",
            Operator::NotIn => "NotIn",
        };
        wanted.insert("operator".to_owned(), json!(operator));
        if let Some(lengths) = lengths {
            wanted.insert("prefix_length".to_owned(), json!([lengths.start(), lengths.end()]));
        }
    }
    if matches.from_peers {
        wanted.insert("source".to_owned(), json!("RemotePeers"));
    }
    if let Some(interface) = &matches.interface {
        wanted.insert("interface".to_owned(), json!(interface));
    }
    match matches.community {
        Some(community @ Community::Standard(..)) => {
            drop(wanted.insert("community".to_owned(), numbers(community)))
        }
        Some(community @ Community::Large(..)) => {
            drop(wanted.insert("large_community".to_owned(), numbers(community)));
        }
        None => (),
    }
    if !matches.as_path_prefix.is_empty() {
        let asns: Vec<u32> = matches.as_path_prefix.iter().map(|asn| asn.0).collect();
        wanted.insert("as_path_prefix".to_owned(), json!(asns));
    }
    if let Some(local_pref) = matches.local_pref {
        wanted.insert("local_pref".to_owned(), json!(local_pref));
    }
    if let Some(is_internal) = matches.is_internal {
        wanted.insert("peer_type".to_owned(), json!(if is_internal { "iBGP" } else { "eBGP" }));
    }
    let mut fact = json!({"match": wanted, "action": if rule.accepts { "accept" } else { "reject" }});
    let edits: Vec<Value> = rule.edits.iter().flat_map(edit).collect();
    if !edits.is_empty() {
        fact["set"] = json!(edits);
    }
    fact
}

fn edit(edit: &RuleEdit) -> Vec<Value> {
    match edit {
        RuleEdit::AddCommunity(community @ Community::Standard(..)) => {
            vec![json!({"add_community": numbers(*community)})]
        }
        RuleEdit::AddCommunity(community @ Community::Large(..)) => {
            vec![json!({"add_large_community": numbers(*community)})]
        }
        // BIRD puts one number before the path at a time, so the last comes first.
        RuleEdit::Prepend(asns) => asns.iter().rev().map(|asn| json!({"prepend": asn.0})).collect(),
        RuleEdit::SetLocalPref(value) => vec![json!({"set_local_pref": value})],
    }
}

fn export_rule(rule: &ExportRule) -> Value {
    let net = |network: &IpNet, action: &str, section: &str| json!({"match": {"net_in": network.to_string()}, "action": action, "section": section});
    match rule {
        ExportRule::HiddenPool(network) => net(network, "reject", "disabled_pool"),
        ExportRule::InternalInterfaces(globs) => {
            json!({"match": {"same_as": true, "interface_any": globs}, "action": "reject", "section": "tunnel"})
        }
        ExportRule::LocalInterfaces(globs) => {
            json!({"match": {"interface_any": globs}, "action": "reject", "section": "local"})
        }
        ExportRule::Communities => json!({"call": "communities"}),
        ExportRule::Aggregates => json!({"call": "aggregation"}),
        ExportRule::Service(network) => net(network, "accept", "static"),
        ExportRule::LoadBalancer(network) => net(network, "accept", "rr_loadbalancer"),
        ExportRule::External(network) => net(network, "accept", "rr_external"),
        ExportRule::Pool(network) => net(network, "accept", "pool"),
    }
}

fn kernel_rules(priority: u32, rules: &[KernelRule]) -> Value {
    let metric = json!({
        "match": {"source": "bgp", "metric_defined": false},
        "metric": {"default": priority, "base_minus_local_pref": LOCAL_PREF_BASE},
        "elevated": {"metric_below": priority, "preference": 200},
        "section": "metric",
    });
    let rule = |rule: &KernelRule| {
        let matches = json!({"net_in": rule.network.to_string()});
        match rule.verdict {
            KernelVerdict::Install => json!({"match": matches, "action": "accept", "section": "pool"}),
            KernelVerdict::Tunnel(TunnelUse::Always) => {
                json!({"match": matches, "tunnel": "tunl0", "action": "accept", "section": "pool"})
            }
            KernelVerdict::Tunnel(TunnelUse::Unless(own)) => json!({
                "match": matches,
                "tunnel": {"next_hop_in": own.to_string(), "then": "", "else": "tunl0"},
                "action": "accept",
                "section": "pool",
            }),
            KernelVerdict::LeaveTo(KernelOwner::Agent) => {
                json!({"match": matches, "action": "reject", "section": "pool", "owner": "felix"})
            }
            KernelVerdict::LeaveTo(KernelOwner::AgentVxlan) => {
                json!({"match": matches, "action": "reject", "section": "pool", "owner": "felix-vxlan"})
            }
            KernelVerdict::LeaveTo(KernelOwner::Services) => {
                json!({"match": matches, "action": "reject", "section": "static"})
            }
        }
    };
    let last = json!({"match": {}, "action": "accept", "section": "default"});
    std::iter::once(metric).chain(rules.iter().map(rule)).chain([last]).collect()
}

fn numbers(community: Community) -> Value {
    match community {
        Community::Standard(first, second) => json!([first, second]),
        Community::Large(first, second, third) => json!([first, second, third]),
    }
}

fn without(mut row: Value, names: &[&str]) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|name, _| !names.contains(&name.as_str()));
    }
    row
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(ToString::to_string);
    Value::Array(values)
}
