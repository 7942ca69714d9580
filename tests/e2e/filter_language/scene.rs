//! margay between a top-of-rack switch of another AS, a client and a third router of its own AS, with routes of all kinds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use margay_lab::{Bird, Family, Margay, Namespace, PeerSettings, Router};

use crate::pair::{MARGAY_ASN, PEER_ASN};
use crate::wire::{Wire, address, identifier};

/// A route: its label, its prefix, and what its origin sets in it, in BIRD's language.
pub(super) struct Offered {
    pub(super) label: char,
    pub(super) prefix: &'static str,
    attributes: &'static str,
}

const fn offered(label: char, prefix: &'static str, attributes: &'static str) -> Offered {
    Offered { label, prefix, attributes }
}

/// What `tor1` announces, of another AS.
const FROM_TOR: &[Offered] = &[
    offered('a', "10.1.0.0/16", ""),
    offered('b', "10.1.1.0/24", "bgp_community.add((65001,100));"),
    offered('c', "10.1.2.0/24", "bgp_large_community.add((64512,1,7));"),
    offered('d', "10.1.3.0/26", "bgp_ext_community.add((rt,64512,7)); bgp_origin = ORIGIN_EGP;"),
    offered('e', "10.2.0.0/24", "bgp_path.prepend(65020); bgp_path.prepend(65010);"),
    offered('f', "10.2.1.0/24", "bgp_path.prepend(65010); bgp_med = 50;"),
    offered('g', "10.2.2.0/24", "bgp_origin = ORIGIN_INCOMPLETE;"),
    offered('h', "10.3.0.0/24", "bgp_next_hop = 172.16.0.77;"),
    offered('x', "2001:db8:1::/48", ""),
];

/// What `node2` announces, a client.
const FROM_NODE: &[Offered] = &[
    offered('i', "10.4.0.0/24", "bgp_local_pref = 200;"),
    offered('j', "10.4.1.0/24", "bgp_local_pref = 149; bgp_med = 150;"),
];

/// What both announce, `node2`'s being preferred.
pub(super) const CONTESTED: &str = "10.6.0.0/24";

/// What margay has of its own: a network, a static route, a route of the kernel.
const OWN: &[Offered] =
    &[offered('k', "10.5.0.0/24", ""), offered('l', "10.5.1.0/24", ""), offered('m', "10.5.2.0/24", "")];

/// What `leaf` may learn from margay.
pub(super) fn offers() -> impl Iterator<Item = &'static Offered> {
    FROM_TOR.iter().chain(FROM_NODE).chain(OWN)
}

/// Whether a route comes from a peer, so that it is imported.
pub(super) fn is_imported(label: char) -> bool {
    !OWN.iter().any(|own| own.label == label)
}

/// Rules for each place in which margay evaluates filters; what they do not decide is accepted.
#[derive(Clone, Copy, Default)]
pub(super) struct Rules<'t> {
    /// For what `tor1` and `node2` announce.
    pub(super) import: &'t str,
    /// For what is advertised to `leaf` and `tor1`.
    pub(super) export: &'t str,
    /// For what is installed.
    pub(super) kernel: &'t str,
}

/// The routers, all of them running.
pub(super) struct Scene {
    pub(super) margay: Margay,
    /// margay's namespace.
    pub(super) place: Namespace,
    pub(super) tor: Bird,
    pub(super) node: Bird,
    pub(super) leaf: Bird,
    _wire: Wire,
}

/// The lines that a router shows of its best routes from peers, by prefix.
pub(super) type Shown = BTreeMap<String, Vec<String>>;

impl Scene {
    pub(super) fn new() -> Self {
        let wire = Wire::new();
        let place = dual_stack(&wire, "margay", 1);
        for words in [
            "link add rack1 type veth peer name rack1-end",
            "link set rack1 up",
            "link set rack1-end up",
            "route add 10.5.2.0/24 dev rack1 proto static metric 512",
        ] {
            place.ip(words).unwrap();
        }
        let families = [Family::Ipv4, Family::Ipv6];
        let mut margay = wire.margay_at(&place, 1, |settings| {
            settings.networks = vec![OWN[0].prefix.to_owned()];
            for (number, name, asn, group) in [
                (2, "tor1", PEER_ASN, "tors"),
                (3, "node2", MARGAY_ASN, "nodes"),
                (4, "leaf", MARGAY_ASN, "leaves"),
            ] {
                let mut peer = PeerSettings::new(name, address(number), asn);
                peer.families = families.into();
                peer.client_of = (name == "node2").then(|| identifier(1).into());
                peer.extra = format!("group = \"{group}\"\n");
                settings.peers.push(peer);
            }
        });
        let listed = margay.configuration_file().with_extension("txt");
        fs::create_dir_all(listed.parent().unwrap()).unwrap();
        fs::write(&listed, "# of another program\n10.3.0.0/16 16..24\n10.4.0.0/24\n10.5.1.0/24\n").unwrap();
        margay.settings().extra = configuration(&margay, Rules::default());

        let mut tor = announcing(&wire, "tor1", (2, PEER_ASN), FROM_TOR);
        let mut node = announcing(&wire, "node2", (3, MARGAY_ASN), FROM_NODE);
        let mut leaf = announcing(&wire, "leaf", (4, MARGAY_ASN), &[]);
        for bird in [&mut tor, &mut node, &mut leaf] {
            bird.start().unwrap();
        }
        margay.start().unwrap();
        Self { margay, place, tor, node, leaf, _wire: wire }
    }

    /// Puts rules in force.
    ///
    /// # Errors
    ///
    /// What margay says of them.
    pub(super) fn apply(&mut self, rules: Rules<'_>) -> Result<(), String> {
        self.margay.settings().extra = configuration(&self.margay, rules);
        self.margay.reload().map_err(|error| format!("{error:#}"))
    }
}

/// What a BIRD has learned.
pub(super) fn shown(bird: &Bird) -> Result<Shown, String> {
    let answer = bird.birdc("show route primary all where source = RTS_BGP");
    let mut shown = Shown::new();
    let mut prefix = String::new();
    for line in answer.map_err(|error| format!("{error:#}"))?.lines() {
        if line.starts_with(char::is_whitespace) {
            shown.entry(prefix.clone()).or_default().push(line.trim().to_owned());
        } else {
            prefix = line.split_whitespace().next().unwrap_or_default().to_owned();
        }
    }
    shown.retain(|prefix, _| prefix.contains('/'));
    Ok(shown)
}

/// Repeats a check until it holds, and returns what it said last otherwise.
pub(super) fn settle(mut check: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let started = Instant::now();
    loop {
        match check() {
            Err(seen) if started.elapsed() > SETTLE => return Err(seen),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
            Ok(()) => return Ok(()),
        }
    }
}

fn dual_stack(wire: &Wire, label: &str, number: u8) -> Namespace {
    let place = wire.place(label, &[number]);
    place.ip(&format!("address add 2001:db8::{number}/64 dev eth0 nodad")).unwrap();
    place
}

/// margay's objects: filters for all places, what they name, and own routes.
fn configuration(margay: &Margay, rules: Rules<'_>) -> String {
    let file = margay.configuration_file().with_extension("txt");
    let Rules { import, export, kernel } = rules;
    let mut text = format!(
        r#"
[prefix_set.inline]
prefixes = ["10.2.0.0/16", {{ prefix = "10.1.0.0/16", length = "16..23" }}]

[prefix_set.from-file]
file = "{}"

[prefix_set.gateways]
prefixes = ["172.16.0.64/26", "172.16.0.3/32"]

[community_set.tor]
communities = ["65001:*", "large:64512:1:*", "rt:64512:7"]

[as_set.customers]
asns = ["65005..65015"]

[filter.marks]
rules = [
  {{ match = {{ prefix_equal = "10.1.1.0/24" }}, set = {{ tag = 7 }}, action = "continue" }},
  {{ match = {{ prefix_equal = "10.1.2.0/24" }}, set = {{ weight = 5 }}, action = "continue" }},
  {{ match = {{ prefix_equal = "10.2.0.0/24" }}, set = {{ preference = 120 }}, action = "continue" }},
  {{ match = {{ prefix_equal = "10.2.1.0/24" }}, set = {{ metric = 77 }}, action = "continue" }},
  {{ action = "accept" }},
]

[filter.called]
rules = [{{ match = {{ community = "65001:100" }}, set = {{ local_pref = 444 }}, action = "accept" }}]

[[static]]
prefix = "10.5.1.0/24"
discard = "unreachable"

[kernel]
protocol = {}
export = ["row-kernel"]

[[kernel.import]]
protocol = ["static"]
"#,
        file.display(),
        Margay::KERNEL_PROTOCOL,
    );
    for (name, rules) in [("row-in", import), ("row-out", export), ("row-kernel", kernel)] {
        writeln!(text, "\n[filter.{name}]\nrules = [\n{rules}\n  {{ action = \"accept\" }},\n]").unwrap();
    }
    for (group, settings) in [
        ("tors", "import = [\"marks\", \"row-in\"]"),
        ("nodes", "import = [\"row-in\"]\ngraceful_restart = true"),
        ("leaves", ""),
    ] {
        writeln!(text, "\n[peer_group.{group}]\n{settings}\nexport = [\"row-out\"]").unwrap();
    }
    text
}

/// A BIRD that announces routes to margay, and the contested one unless it has no routes.
fn announcing(wire: &Wire, label: &str, (number, asn): (u8, u32), routes: &[Offered]) -> Bird {
    let place = dual_stack(wire, label, number);
    let mut settings = margay_lab::RouterSettings::new(asn, identifier(number).into());
    let mut filter = "filter announced {\n".to_owned();
    for Offered { prefix, attributes, .. } in routes {
        settings.networks.push((*prefix).to_owned());
        writeln!(filter, "  if net = {prefix} then {{ {attributes} accept; }}").unwrap();
    }
    if !routes.is_empty() {
        settings.networks.push(CONTESTED.to_owned());
        let local_pref = if asn == MARGAY_ASN { "bgp_local_pref = 200;" } else { "" };
        writeln!(filter, "  if net = {CONTESTED} then {{ {local_pref} accept; }}").unwrap();
    }
    let hop = if asn == MARGAY_ASN { "multihop" } else { "direct" };
    settings.extra = format!(
        "{filter}  reject;\n}}\nprotocol bgp margay {{ local {} as {asn}; neighbor {} as {MARGAY_ASN}; {hop}; \
         connect delay time 1; error wait time 1, 2; graceful restart on; \
         ipv4 {{ import all; export filter announced; }}; ipv6 {{ import all; export filter announced; }}; }}\n",
        address(number),
        address(1),
    );
    Bird::new(&place, settings)
}

/// Longer than any change takes to arrive on a loaded machine.
const SETTLE: Duration = Duration::from_secs(20);
