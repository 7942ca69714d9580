//! Replies to `show route`: each recorded one is read into routes, and printed again.

use std::net::IpAddr;

use margay_bird_ctl::{
    BgpAttributes, Network, NextHopCost, Origin, Reply, Route, RouteDetail, RouteDetails, RouteRank,
    RouteTarget, UnixTime, WeightedGateway,
};

use super::{moment, recordings, status};

/// What a reply says after its routes.
const END: &str = "0000 ";

#[test]
fn routes_are_printed_as_recorded() {
    let (mut replies_read, mut routes_read) = (0, 0);
    for (path, replies) in recordings() {
        let now = status(&replies["show status"]).now;
        let of_routes = |(command, recorded): &(&String, &String)| {
            command.starts_with("show route") && recorded.starts_with("1007-")
        };
        for (command, recorded) in replies.iter().filter(of_routes) {
            let detail = if command.split(' ').any(|word| word == "all") {
                RouteDetail::All
            } else {
                RouteDetail::Line
            };
            let networks = networks(recorded, &now.to_string()[..10]);
            let mut reply = Reply::default();
            networks.iter().for_each(|network| network.write(detail, now, &mut reply));
            assert_eq!(&reply.end(0, ""), recorded, "{} {command}", path.display());
            replies_read += 1;
            routes_read += networks.iter().map(|network| network.routes.len()).sum::<usize>();
        }
    }
    assert!(replies_read == 0 || replies_read >= 20 && routes_read > 1000, "{replies_read} {routes_read}");
}

/// The networks of a reply; `date` is that of its times.
fn networks(reply: &str, date: &str) -> Vec<Network> {
    let mut networks: Vec<Network> = Vec::new();
    for line in reply.lines().take_while(|line| !line.starts_with(END)) {
        // A code, or a space for the same one.
        let text = line.strip_prefix(' ').unwrap_or_else(|| &line[5..]);
        match text.strip_prefix('\t') {
            Some(text) => {
                let network = networks.last_mut().unwrap();
                add_detail(network.routes.last_mut().unwrap(), text);
            }
            None => {
                let (prefix, rest) = text.split_once(' ').unwrap();
                if !prefix.is_empty() {
                    networks.push(Network { prefix: prefix.to_owned(), routes: Vec::new() });
                }
                networks.last_mut().unwrap().routes.push(route(rest.trim_start(), date));
            }
        }
    }
    networks
}

fn route(line: &str, date: &str) -> Route {
    let (target, rest) = line.split_once(" [").unwrap();
    let (origin, rest) = rest.split_once("] ").unwrap();
    let words: Vec<&str> = origin.split(' ').collect();
    let (rank, rest) = match (rest.strip_prefix("* "), rest.strip_prefix("! ")) {
        (Some(rest), _) => (RouteRank::Primary, rest),
        (None, Some(rest)) => (RouteRank::NotInstalled, rest),
        (None, None) => (RouteRank::Other, rest),
    };
    let (preference, bgp) = rest.trim_start_matches('(').split_once(')').unwrap();
    let (preference, cost) =
        preference.split_once('/').map_or((preference, None), |(preference, cost)| (preference, Some(cost)));
    let details = match cost {
        Some(cost) => RouteDetails::Bgp(Box::new(attributes(cost, bgp))),
        None if words[0].starts_with("kernel") => RouteDetails::Kernel { source: 0, metric: 0, scope: None },
        None if words[0].starts_with("direct") => RouteDetails::Device,
        None => RouteDetails::Static,
    };
    Route {
        target: route_target(target),
        protocol: words[0].to_owned(),
        since: moment(&format!("{date} {}", words[1])),
        from: words.get(3).map(|from| from.parse().unwrap()),
        rank,
        preference: preference.parse().unwrap(),
        details,
    }
}

fn route_target(text: &str) -> RouteTarget {
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["via", gateway, "on", interface] => {
            RouteTarget::Via { gateway: gateway.parse().unwrap(), interface: interface.to_owned() }
        }
        ["dev", interface] => RouteTarget::Device(interface.to_owned()),
        ["multipath"] => RouteTarget::Multipath(Vec::new()),
        ["blackhole"] => RouteTarget::Blackhole,
        ["unreachable"] => RouteTarget::Unreachable,
        ["prohibited"] => RouteTarget::Prohibited,
        _ => panic!("{text:?}"),
    }
}

/// The attributes that a line shows: `100` and ` [AS64999i]`.
fn attributes(cost: &str, text: &str) -> BgpAttributes {
    let text = text.trim_start().trim_start_matches('[').trim_end_matches(']');
    let (asn, origin) = text.split_at(text.len() - 1);
    BgpAttributes {
        cost: match cost {
            "?" => NextHopCost::Unknown,
            "-" => NextHopCost::Unreachable,
            cost => NextHopCost::Known(cost.parse().unwrap()),
        },
        origin: match origin {
            "i" => Origin::Igp,
            "e" => Origin::Egp,
            _ => Origin::Incomplete,
        },
        as_path: String::new(),
        first_asn: asn.strip_prefix("AS").map(|asn| asn.parse().unwrap()),
        next_hop: String::new(),
        med: None,
        local_pref: 0,
        is_atomic_aggregate: false,
        aggregator: None,
        communities: Vec::new(),
        originator_id: None,
        cluster_list: Vec::new(),
        extended_communities: Vec::new(),
        large_communities: Vec::new(),
        unknown: Vec::new(),
    }
}

/// A line after that of a route.
fn add_detail(route: &mut Route, text: &str) {
    if let RouteTarget::Multipath(gateways) = &mut route.target
        && let ["via", gateway, "on", interface, "weight", weight] = text.split(' ').collect::<Vec<_>>()[..]
    {
        let (gateway, weight) = (gateway.parse::<IpAddr>().unwrap(), weight.parse().unwrap());
        gateways.push(WeightedGateway { gateway, interface: interface.to_owned(), weight });
        return;
    }
    let (key, value) = text.split_once(": ").unwrap();
    match (&mut route.details, key) {
        (RouteDetails::Kernel { source, .. }, "Kernel.source") => *source = value.parse().unwrap(),
        (RouteDetails::Kernel { metric, .. }, "Kernel.metric") => *metric = value.parse().unwrap(),
        (RouteDetails::Kernel { scope, .. }, "Kernel.scope") => *scope = Some(value.parse().unwrap()),
        (RouteDetails::Bgp(attributes), key) if key.starts_with("BGP.") => set(attributes, &key[4..], value),
        // It follows from the kind of the details.
        (_, "Type") => {}
        (details, _) => panic!("{text:?} {details:?}"),
    }
}

fn set(attributes: &mut BgpAttributes, key: &str, value: &str) {
    let numbers = |item: &str| -> Vec<u32> {
        item.trim_matches(['(', ')']).split([',', ' ']).filter_map(|number| number.parse().ok()).collect()
    };
    match key {
        // The line of the route has it.
        "origin" => {}
        "as_path" => attributes.as_path = value.to_owned(),
        "next_hop" => attributes.next_hop = value.to_owned(),
        "med" => attributes.med = Some(value.parse().unwrap()),
        "local_pref" => attributes.local_pref = value.parse().unwrap(),
        "community" => {
            let pair = |item: &str| match numbers(item)[..] {
                [asn, value] => (u16::try_from(asn).unwrap(), u16::try_from(value).unwrap()),
                _ => panic!("{item:?}"),
            };
            attributes.communities = value.split(' ').map(pair).collect();
        }
        "originator_id" => attributes.originator_id = Some(value.parse().unwrap()),
        "cluster_list" => {
            attributes.cluster_list = value.split(' ').map(|cluster| cluster.parse().unwrap()).collect();
        }
        "large_community" => {
            let triple = |item: &str| match numbers(item)[..] {
                [a, b, c] => (a, b, c),
                _ => panic!("{item:?}"),
            };
            attributes.large_communities = value.split(") ").map(triple).collect();
        }
        key => {
            let number = key.strip_prefix('c').and_then(|key| key.strip_suffix(" [t]")).unwrap();
            let octets = value.split(' ').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
            attributes.unknown.push((u8::from_str_radix(number, 16).unwrap(), octets));
        }
    }
}

#[test]
fn a_time_of_another_day_is_its_date() {
    let now = UnixTime(1_780_272_000);
    let route = Route {
        target: RouteTarget::Blackhole,
        protocol: "static1".to_owned(),
        since: UnixTime(now.0 - 86_400),
        from: None,
        rank: RouteRank::Primary,
        preference: 200,
        details: RouteDetails::Static,
    };
    let mut reply = Reply::default();
    let network = Network { prefix: "10.65.0.0/16".to_owned(), routes: vec![route] };
    network.write(RouteDetail::All, now, &mut reply);
    assert_eq!(
        reply.end(0, ""),
        "1007-10.65.0.0/16       blackhole [static1 2026-05-31] * (200)\n1008-\tType: static unicast univ\n0000 \n"
    );
}
