//! The same filter in margay and in BIRD, on the same routes: a feed announces routes with many attributes to both.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use margay_lab::{Bird, Family, Lab, Margay, PeerSettings, Router, RouterSettings, Routes, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host};

/// What a rule asks for, in both languages. `{net}` is the rule's own block of prefixes.
const CONDITIONS: &[(&str, &str)] = &[
    (r#"length = "24..25""#, "net ~ [ {net}{24,25} ]"),
    (r#"length = "26..32""#, "net ~ [ {net}{26,32} ]"),
    (r#"community = "65001:100""#, "(65001,100) ~ bgp_community"),
    (r#"community = "65001:*""#, "bgp_community ~ [(65001,*)]"),
    (r#"community = "65001:150..250""#, "bgp_community ~ [(65001,150..250)]"),
    (r#"community = "large:64512:1:*""#, "bgp_large_community ~ [(64512,1,*)]"),
    (r#"community = "rt:64512:7""#, "(rt,64512,7) ~ bgp_ext_community"),
    (r#"as_path = "_65010_""#, "bgp_path ~ [= * 65010 * =]"),
    (r#"as_path = "^65010""#, "bgp_path ~ [= 65010 * =]"),
    (r#"as_path = "_65020$""#, "bgp_path ~ [= * 65020 =]"),
    (r#"as_path = "^$""#, "bgp_path.len = 0"),
    (r#"as_path_length = 2"#, "bgp_path.len = 2"),
    (r#"as_path_contains = ["65015..65025"]"#, "bgp_path ~ [ 65015..65025 ]"),
    (r#"med = "1..100""#, "defined(bgp_med) && bgp_med >= 1 && bgp_med <= 100"),
    (r#"local_pref = "150..""#, "bgp_local_pref >= 150"),
    (r#"origin = "incomplete""#, "bgp_origin = ORIGIN_INCOMPLETE"),
    (r#"not = { community = "65001:100" }"#, "! ((65001,100) ~ bgp_community)"),
    (
        r#"any = [{ as_path_contains = 65010 }, { community = "rt:64512:7" }]"#,
        "bgp_path ~ [ 65010 ] || (rt,64512,7) ~ bgp_ext_community",
    ),
    (
        r#"all = [{ length = "24..26" }, { as_path_contains = 65010 }]"#,
        "net ~ [ {net}{24,26} ] && bgp_path ~ [ 65010 ]",
    ),
    (r#"next_hop = "172.16.0.0/24""#, "bgp_next_hop ~ 172.16.0.0/24"),
];

/// What a rule sets, in both languages.
const EDITS: &[(&str, &str)] = &[
    ("local_pref = 321", "bgp_local_pref = 321;"),
    (r#"local_pref = "local_pref + 11""#, "bgp_local_pref = bgp_local_pref + 11;"),
    (r#"add_communities = ["64512:7"]"#, "bgp_community.add((64512,7));"),
    (r#"remove_communities = ["65001:*"]"#, "bgp_community.delete([(65001,*)]);"),
    (r#"communities = ["64512:8"]"#, "bgp_community.empty; bgp_community.add((64512,8));"),
    ("prepend = [64999, 64998]", "bgp_path.prepend(64998); bgp_path.prepend(64999);"),
    ("med = 7", "bgp_med = 7;"),
    (r#"med = "remove""#, "unset(bgp_med);"),
    (r#"next_hop = "172.16.0.77""#, "bgp_next_hop = 172.16.0.77;"),
];

/// What the feed sets in its routes, in BIRD's language.
const ATTRIBUTES: &[&str] = &[
    "",
    "bgp_community.add((65001,100));",
    "bgp_community.add((65001,100)); bgp_community.add((65001,200)); bgp_med = 50;",
    "bgp_med = 150;",
    "bgp_path.prepend(65010);",
    "bgp_path.prepend(65020); bgp_path.prepend(65010);",
    "bgp_path.prepend(65010); bgp_path.prepend(65020); bgp_local_pref = 200;",
    "bgp_large_community.add((64512,1,7)); bgp_origin = ORIGIN_INCOMPLETE;",
    "bgp_ext_community.add((rt,64512,7)); bgp_local_pref = 149;",
];

/// The block of a rule, and of its routes one for each set of attributes.
fn block(rule: usize) -> String {
    format!("10.{}.0.0/16", rule + 1)
}

fn prefix(rule: usize, attributes: usize) -> String {
    format!("10.{}.{attributes}.0/{}", rule + 1, 24 + attributes % 5)
}

#[test]
fn margay_and_bird_make_the_same_of_routes_with_the_same_filter() {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let [margay_at, bird_at, feed_at] = ["margay", "bird", "feed"].map(|label| lab.namespace(label).unwrap());
    for (namespace, number) in [(&margay_at, 1), (&bird_at, 2), (&feed_at, 3)] {
        wire.attach(namespace, "eth0", &[&format!("172.16.0.{number}/24")]).unwrap();
    }
    let address = |number: u8| Ipv4Addr::new(172, 16, 0, number);

    let mut feed = Bird::new(&feed_at, RouterSettings::new(MARGAY_ASN, address(3)));
    feed.settings().networks = (0..CONDITIONS.len())
        .flat_map(|rule| (0..ATTRIBUTES.len()).map(move |set| prefix(rule, set)))
        .collect();
    feed.settings().extra = feed_protocols(&[address(1), address(2)]);

    let mut bird = Bird::new(&bird_at, RouterSettings::new(MARGAY_ASN, address(2)));
    bird.settings().extra = bird_filter(address(3));

    let mut margay = Margay::new(&margay_at, RouterSettings::new(MARGAY_ASN, address(1)), &binaries());
    let mut peer = PeerSettings::new("feed", host(Family::Ipv4, 3), MARGAY_ASN);
    peer.extra = "import = [\"cases\"]\n".to_owned();
    margay.settings().peers.push(peer);
    margay.settings().extra = margay_filter();

    feed.start().unwrap();
    bird.start().unwrap();
    margay.start().unwrap();

    let total = CONDITIONS.len() * ATTRIBUTES.len();
    assert!(total >= 100, "{total} cases");
    wait_until(PATIENCE, "the same routes at both", || {
        let [found, expected] = [margay.routes(), bird.routes()];
        let (found, expected) = (normalised(found), normalised(expected));
        let rejected = total - expected.len();
        // Neither all nor nothing passes, or else the cases would show little.
        if expected.len() < total / 5 || rejected < total / 5 {
            return Err(format!("{} of {total} pass in BIRD", expected.len()));
        }
        let differences: Vec<String> = expected
            .keys()
            .chain(found.keys())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|prefix| found.get(*prefix) != expected.get(*prefix))
            .map(|prefix| {
                format!("{prefix}: margay {:?}, BIRD {:?}", found.get(prefix), expected.get(prefix))
            })
            .collect();
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    });
}

/// BIRD shows next hops of its own choice beside those of routes.
fn normalised(routes: anyhow::Result<Routes>) -> Routes {
    let mut routes = routes.unwrap_or_default();
    for route in routes.values_mut() {
        if route.next_hop == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
            route.next_hop = host(Family::Ipv4, 3);
        }
    }
    routes
}

/// The sessions of the feed, and the attributes of its routes.
fn feed_protocols(peers: &[Ipv4Addr]) -> String {
    let mut text = "filter announced {\n".to_owned();
    for (set, attributes) in ATTRIBUTES.iter().enumerate() {
        let prefixes: Vec<String> = (0..CONDITIONS.len()).map(|rule| prefix(rule, set)).collect();
        writeln!(text, "  if net ~ [ {} ] then {{ {attributes} accept; }}", prefixes.join(", ")).unwrap();
    }
    text += "  reject;\n}\n";
    for (number, peer) in peers.iter().enumerate() {
        writeln!(
            text,
            "protocol bgp to{number} {{ local as {MARGAY_ASN}; neighbor {peer} as {MARGAY_ASN}; connect delay time 1; \
             error wait time 1, 2; ipv4 {{ import none; export filter announced; }}; }}"
        )
        .unwrap();
    }
    text
}

fn bird_filter(feed: Ipv4Addr) -> String {
    let mut text = "filter cases {\n".to_owned();
    for (rule, (_, condition)) in CONDITIONS.iter().enumerate() {
        let (net, (_, edit)) = (block(rule), EDITS[rule % EDITS.len()]);
        let condition = condition.replace("{net}", &net);
        writeln!(text, "  if net ~ [ {net}+ ] && ({condition}) then {{ {edit} accept; }}").unwrap();
    }
    text += "  reject;\n}\n";
    text + &format!(
        "protocol bgp feed {{ local as {MARGAY_ASN}; neighbor {feed} as {MARGAY_ASN}; connect delay time 1; \
         error wait time 1, 2; ipv4 {{ import filter cases; export none; }}; }}\n"
    )
}

fn margay_filter() -> String {
    let mut text = "[filter.cases]\nrules = [\n".to_owned();
    for (rule, (condition, _)) in CONDITIONS.iter().enumerate() {
        let (net, (edit, _)) = (block(rule), EDITS[rule % EDITS.len()]);
        // A length asks for prefixes inside the block; beside others, the block is a condition of its own.
        writeln!(
            text,
            "  {{ match = {{ all = [{{ prefix = \"{net}\" }}, {{ {condition} }}] }}, set = {{ {edit} }}, action = \"accept\" }},"
        )
        .unwrap();
    }
    text + "]\n"
}
