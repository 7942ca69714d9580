//! `margay explain PREFIX`

use std::collections::BTreeMap;

use margay_control::{
    Advertisement, AskedRule, ExplainedPath, Explanation, FilterDirection, FilterPass, Installation,
    KernelRoute, PathStatus, Route,
};

use super::{fact, or_dash};

/// Every path with its status, then the kernel, then the peers.
pub(crate) fn explanation(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", explanation.prefix);
    if explanation.paths.is_empty() {
        text += "\nno path is known\n";
    }
    for path in &explanation.paths {
        text += &format!("\n{}", explained_path(path));
    }
    text += "\n";
    if let Some(installed) = &explanation.installation {
        text += &fact("kernel", installation(installed));
    }
    for route in &explanation.kernel_routes {
        text += &fact("  holds", kernel_route(route));
    }
    text += &advertisements(explanation);
    if explanation.filters.is_empty() { text } else { text + &filters(&explanation.filters) }
}

fn explained_path(path: &ExplainedPath) -> String {
    let route = &path.route;
    let status = match &path.status {
        PathStatus::Best => "best".to_owned(),
        PathStatus::Multipath => "shares the traffic with the best".to_owned(),
        PathStatus::Lost { step } => format!("lost at step \"{step}\""),
        PathStatus::Rejected { reason } => format!("not accepted: {reason}"),
        PathStatus::Unusable { reason } => format!("not usable: {reason}"),
    };
    let title = match (&route.peer, route.path_id) {
        (Some(peer), Some(path_id)) => format!("from {peer}, path {path_id}"),
        (Some(peer), None) => format!("from {peer}"),
        (None, _) => "this node's own network".to_owned(),
    };
    format!("{title}: {status}\n{}", attributes(route))
}

fn attributes(route: &Route) -> String {
    let as_path = if route.as_path.is_empty() { "(empty)" } else { &route.as_path };
    let mut text = [
        fact("  next hop", or_dash(route.next_hop.as_ref())),
        fact("  AS path", as_path),
        fact("  origin", &route.origin),
        fact("  local preference", or_dash(route.local_pref)),
        fact("  MED", or_dash(route.med)),
    ]
    .concat();
    let lists = [
        ("  communities", &route.communities),
        ("  large", &route.large_communities),
        ("  extended", &route.extended_communities),
        ("  cluster list", &route.cluster_list),
    ];
    for (name, values) in lists {
        if !values.is_empty() {
            text += &fact(name, values.join(" "));
        }
    }
    if let Some(originator) = &route.originator_id {
        text += &fact("  originator", originator);
    }
    text
}

fn installation(installation: &Installation) -> String {
    match installation {
        Installation::Installed { next_hops } => format!("installed {}", next_hops.join(", ")),
        Installation::NotInstalled { reason } => format!("not installed: {reason}"),
    }
}

fn kernel_route(route: &KernelRoute) -> String {
    let whose = if route.ours { "ours" } else { "another's" };
    let object = route.object.map_or_else(String::new, |object| format!(", object {object}"));
    let KernelRoute { table, protocol, metric, next_hops, .. } = route;
    format!("{} ({whose}: table {table}, protocol {protocol}, metric {metric}{object})", next_hops.join(", "))
}

/// The evaluation of each path by filters, rule by rule.
fn filters(passes: &[FilterPass]) -> String {
    let mut text = "\nfilters\n".to_owned();
    for pass in passes {
        let way = match pass.direction {
            FilterDirection::Import => "import from",
            FilterDirection::Export => "export to",
        };
        let path = pass.path_id.map(|id| format!(", path {id}")).unwrap_or_default();
        text += &format!("  {way} {}{path}: {}\n", names(pass.peers.clone()), pass.verdict);
        for AskedRule { filter, rule, line, matches } in &pass.rules {
            let place = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let matches = if *matches { "matches" } else { "does not match" };
            text += &format!("    filter {filter}, rule {rule}{place}: {matches}\n");
        }
    }
    text
}

/// All peers that it is advertised to in one line; the others in one line for each reason.
fn advertisements(explanation: &Explanation) -> String {
    let (mut advertised, mut withheld) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    for Advertisement { peer, withheld: reason, paths } in &explanation.advertisements {
        match (reason, paths) {
            (Some(reason), _) => withheld.entry(reason).or_default().push(peer.clone()),
            (None, Some(paths)) => advertised.push(format!("{peer} ({paths} paths)")),
            (None, None) => advertised.push(peer.clone()),
        }
    }
    let mut text =
        fact("advertised to", if advertised.is_empty() { "nobody".to_owned() } else { names(advertised) });
    for (reason, peers) in withheld {
        text += &fact("not advertised to", format_args!("{}: {reason}", names(peers)));
    }
    text
}

/// The names; of many, the first ones and a count: `--json` has them all.
fn names(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

/// Highest number of peers named in a line.
const MOST_NAMES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::routes::tests::learned;

    #[test]
    fn shows_paths_kernel_and_advertisements() {
        let best = Route {
            communities: vec!["65000:1".to_owned(), "no-export".to_owned()],
            med: Some(5),
            ..learned("10.65.2.0/26")
        };
        let reflected = Route {
            peer: Some("node2".to_owned()),
            path_id: Some(7),
            as_path: String::new(),
            originator_id: Some("10.0.0.12".to_owned()),
            cluster_list: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()],
            ..learned("10.65.2.0/26")
        };
        let answer = Explanation {
            prefix: "10.65.2.0/26".parse().unwrap(),
            paths: vec![
                ExplainedPath { route: best, status: PathStatus::Best },
                ExplainedPath {
                    route: reflected,
                    status: PathStatus::Lost { step: "eBGP over iBGP".to_owned() },
                },
            ],
            installation: Some(Installation::Installed {
                next_hops: vec!["via 172.16.0.1 dev eth0".to_owned(), "via 172.16.0.2 dev eth1".to_owned()],
            }),
            kernel_routes: vec![KernelRoute {
                table: 254,
                ours: false,
                protocol: "4 (static)".to_owned(),
                metric: 7,
                object: Some(12),
                next_hops: vec!["via 172.16.0.9 dev eth0".to_owned()],
            }],
            advertisements: vec![
                advertised("node2"),
                Advertisement {
                    peer: "tor1".to_owned(),
                    withheld: Some("it is where the route comes from".to_owned()),
                    paths: None,
                },
                Advertisement { paths: Some(2), ..advertised("node3") },
            ],
            filters: vec![
                FilterPass {
                    direction: FilterDirection::Import,
                    peers: vec!["node2".to_owned()],
                    path_id: Some(7),
                    rules: vec![asked("common", 1, false), asked("pods", 2, true)],
                    verdict: "accepted by filter pods, rule 2 (line 14)".to_owned(),
                },
                FilterPass {
                    direction: FilterDirection::Export,
                    peers: vec!["node2".to_owned(), "node3".to_owned()],
                    path_id: None,
                    rules: Vec::new(),
                    verdict: "rejected by filter none: no rule matches".to_owned(),
                },
            ],
        };
        assert_eq!(
            explanation(&answer),
            "\
10.65.2.0/26

from tor1: best
  next hop          172.16.0.1
  AS path           65001 65002
  origin            igp
  local preference  100
  MED               5
  communities       65000:1 no-export

from node2, path 7: lost at step \"eBGP over iBGP\"
  next hop          172.16.0.1
  AS path           (empty)
  origin            igp
  local preference  100
  MED               -
  cluster list      10.0.0.1 10.0.0.2
  originator        10.0.0.12

kernel              installed via 172.16.0.1 dev eth0, via 172.16.0.2 dev eth1
  holds             via 172.16.0.9 dev eth0 (another's: table 254, protocol 4 (static), metric 7, object 12)
advertised to       node2, node3 (2 paths)
not advertised to   tor1: it is where the route comes from

filters
  import from node2, path 7: accepted by filter pods, rule 2 (line 14)
    filter common, rule 1 (line 11): does not match
    filter pods, rule 2 (line 12): matches
  export to node2, node3: rejected by filter none: no rule matches
"
        );
    }

    #[test]
    fn peers_with_one_reason_share_a_line_with_the_first_names() {
        let reason = || Some("neither is a client".to_owned());
        let withheld = |number| Advertisement { withheld: reason(), ..advertised(&format!("node{number}")) };
        let mut answer = nothing();
        answer.advertisements = (1..=12).map(withheld).chain([advertised("a"), advertised("b")]).collect();
        let text = explanation(&answer);
        assert!(
            text.ends_with(
                "not advertised to   node1, node2, node3, node4, node5, node6, node7, node8, node9, \
                                 node10 and 2 more: neither is a client\n"
            ),
            "{text}"
        );
        assert!(text.contains("advertised to       a, b\n"), "{text}");
    }

    fn asked(filter: &str, rule: usize, matches: bool) -> AskedRule {
        AskedRule { filter: filter.to_owned(), rule, line: u32::try_from(10 + rule).ok(), matches }
    }

    fn advertised(peer: &str) -> Advertisement {
        Advertisement { peer: peer.to_owned(), withheld: None, paths: None }
    }

    #[test]
    fn says_that_nothing_is_known() {
        assert_eq!(
            explanation(&nothing()),
            "10.65.9.0/26\n\nno path is known\n\nadvertised to       nobody\n"
        );
    }

    fn nothing() -> Explanation {
        Explanation {
            prefix: "10.65.9.0/26".parse().unwrap(),
            paths: Vec::new(),
            installation: None,
            kernel_routes: Vec::new(),
            advertisements: Vec::new(),
            filters: Vec::new(),
        }
    }

    #[test]
    fn each_status_has_a_text() {
        let reason = || "why".to_owned();
        let rows = [
            (PathStatus::Multipath, "from tor1: shares the traffic with the best\n"),
            (PathStatus::Rejected { reason: reason() }, "from tor1: not accepted: why\n"),
            (PathStatus::Unusable { reason: reason() }, "from tor1: not usable: why\n"),
        ];
        for (status, expected) in rows {
            let text = explained_path(&ExplainedPath { route: learned("10.65.2.0/26"), status });
            assert!(text.starts_with(expected), "{text}");
        }
        let blackhole = Installation::Installed { next_hops: vec!["blackhole".to_owned()] };
        assert_eq!(installation(&blackhole), "installed blackhole");
        assert_eq!(installation(&Installation::NotInstalled { reason: reason() }), "not installed: why");
    }
}
