//! Every action of the language: what peers, the kernel and the log get to see of it.

use super::scene::Rules;

/// Rules, and what they lead to.
pub(super) struct Act {
    pub(super) rules: Rules<'static>,
    pub(super) sees: &'static [Sees],
}

/// What is seen, of the route with a label.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sees {
    /// `leaf`, of this AS, has the route with this line.
    Leaf(char, &'static str),
    /// `leaf` has the route, without a line that begins like this.
    LeafLacks(char, &'static str),
    /// `leaf` does not have the route.
    NotAtLeaf(char),
    /// `tor1`, of another AS, has the route with this line.
    Tor(char, &'static str),
    /// The route of the kernel, as `ip route` shows it, contains this.
    Kernel(char, &'static str),
    /// There is no such route in the kernel.
    NotInKernel(char),
    /// A line of the log has all of these words.
    Log(&'static [&'static str]),
}

use Sees::*;

const fn import(import: &'static str, sees: &'static [Sees]) -> Act {
    Act { rules: Rules { import, export: "", kernel: "" }, sees }
}

const fn export(export: &'static str, sees: &'static [Sees]) -> Act {
    Act { rules: Rules { import: "", export, kernel: "" }, sees }
}

const fn kernel(kernel: &'static str, sees: &'static [Sees]) -> Act {
    Act { rules: Rules { import: "", export: "", kernel }, sees }
}

/// `?` is the contested route: without rules, that of `node2` is the best.
pub(super) const ACTS: &[Act] = &[
    // What a rule is made of.
    import(
        r#"{ match = { prefix = "10.1.0.0/16", length = "24..32" }, action = "reject" },"#,
        &[NotAtLeaf('b'), NotAtLeaf('c'), NotAtLeaf('d'), Leaf('a', "BGP.as_path: 65001"), NotInKernel('b')],
    ),
    export(
        r#"{ match = { prefix = "10.1.1.0/24" }, action = "accept" }, { match = { prefix = "10.1.0.0/16" }, action = "reject" },"#,
        &[Leaf('b', "BGP.as_path: 65001"), NotAtLeaf('a'), NotAtLeaf('c'), Kernel('a', "via 172.16.0.2")],
    ),
    import(
        r#"{ set = { local_pref = 300 }, action = "continue" }, { match = { local_pref = 300, origin = "egp" }, set = { local_pref = 301 }, action = "continue" },"#,
        &[Leaf('a', "BGP.local_pref: 300"), Leaf('d', "BGP.local_pref: 301")],
    ),
    import(
        r#"{ filter = "called" }, { set = { local_pref = 445 }, action = "accept" },"#,
        &[Leaf('b', "BGP.local_pref: 444"), Leaf('a', "BGP.local_pref: 445")],
    ),
    import(
        r#"{ match = { prefix = "10.3.0.0/24" }, log = true, action = "accept" },"#,
        &[Log(&["10.3.0.0/24", "row-in"])],
    ),
    export(
        r#"{ match = { prefix = "10.2.2.0/24" }, log = true, action = "reject" },"#,
        &[NotAtLeaf('g'), Log(&["10.2.2.0/24", "row-out"])],
    ),
    import(r#"{ set_local_pref = 222, action = "accept" },"#, &[Leaf('a', "BGP.local_pref: 222")]),
    import(
        r#"{ set_metric = 55, action = "accept" },"#,
        &[Kernel('a', "metric 55 "), Kernel('f', "metric 55 ")],
    ),
    import(
        r#"{ match = { peer = "tor1" }, set_preference = 150, action = "accept" },"#,
        &[Leaf('?', "BGP.as_path: 65001")],
    ),
    // Numbers.
    import(
        r#"{ set = { local_pref = 321 }, action = "accept" },"#,
        &[Leaf('a', "BGP.local_pref: 321"), Leaf('i', "BGP.local_pref: 321")],
    ),
    export(
        r#"{ set = { local_pref = "(local_pref or 100) * 2 + 11" }, action = "accept" },"#,
        &[Leaf('i', "BGP.local_pref: 411"), Leaf('a', "BGP.local_pref: 211")],
    ),
    import(
        r#"{ set = { local_pref = "+10", med = "max(med, 60)" }, action = "accept" },"#,
        &[
            Leaf('i', "BGP.local_pref: 210"),
            Leaf('f', "BGP.med: 60"),
            Leaf('j', "BGP.med: 150"),
            LeafLacks('a', "BGP.med"),
        ],
    ),
    export(
        r#"{ set = { med = 8 }, action = "accept" },"#,
        &[Leaf('a', "BGP.med: 8"), Tor('i', "BGP.med: 8")],
    ),
    import(
        r#"{ set = { med = "remove" }, action = "accept" },"#,
        &[LeafLacks('f', "BGP.med"), LeafLacks('j', "BGP.med")],
    ),
    import(
        r#"{ match = { prefix = "10.1.1.0/24" }, set = { metric = 55 }, action = "accept" },"#,
        &[Kernel('b', "metric 55 "), Kernel('a', "metric 1024 "), Kernel('f', "metric 77 ")],
    ),
    import(
        r#"{ match = { source_peer = "tor1" }, set = { preference = 150 }, action = "accept" },"#,
        &[Leaf('?', "BGP.as_path: 65001")],
    ),
    import(
        r#"{ match = { source_peer = "tor1" }, set = { weight = 1 }, action = "accept" },"#,
        &[Leaf('?', "BGP.as_path: 65001")],
    ),
    // Without the rules before it, the contested route is the client's.
    import(r#"{ set = { weight = 1 }, action = "accept" },"#, &[LeafLacks('?', "BGP.as_path: 65001")]),
    Act {
        rules: Rules {
            import: r#"{ match = { as_path = "_65010_" }, set = { tag = 9 }, action = "accept" },"#,
            export: r#"{ match = { not = { tag = 9 } }, action = "reject" },"#,
            kernel: "",
        },
        sees: &[
            Leaf('e', "BGP.origin: IGP"),
            Leaf('f', "BGP.origin: IGP"),
            NotAtLeaf('a'),
            NotAtLeaf('b'),
            NotAtLeaf('k'),
        ],
    },
    import(
        r#"{ match = { origin = "igp" }, set = { origin = "egp" }, action = "accept" },"#,
        &[Leaf('a', "BGP.origin: EGP"), Leaf('g', "BGP.origin: Incomplete")],
    ),
    export(
        r#"{ match = { origin = "egp" }, set = { origin = "igp" }, action = "continue" }, { match = { prefix = "10.5.0.0/24" }, set = { origin = "incomplete" }, action = "accept" },"#,
        &[Leaf('d', "BGP.origin: IGP"), Leaf('k', "BGP.origin: Incomplete")],
    ),
    // The next hop.
    import(
        r#"{ match = { prefix = "10.1.1.0/24" }, set = { next_hop = "172.16.0.88" }, action = "accept" },"#,
        &[
            Leaf('b', "BGP.next_hop: 172.16.0.88"),
            Leaf('c', "BGP.next_hop: 172.16.0.2"),
            Kernel('b', "via 172.16.0.88 "),
        ],
    ),
    import(
        r#"{ set = { next_hop = "peer" }, action = "accept" },"#,
        &[
            Leaf('h', "BGP.next_hop: 172.16.0.2"),
            Leaf('i', "BGP.next_hop: 172.16.0.3"),
            // The peer's address is not one for IPv6 routes.
            Leaf('x', "BGP.as_path: 65001"),
            Kernel('h', "via 172.16.0.2 "),
        ],
    ),
    export(
        r#"{ set = { next_hop = "self" }, action = "accept" },"#,
        &[
            Leaf('a', "BGP.next_hop: 172.16.0.1"),
            Leaf('i', "BGP.next_hop: 172.16.0.1"),
            Tor('i', "BGP.next_hop: 172.16.0.1"),
        ],
    ),
    export(
        r#"{ set = { next_hop = "keep" }, action = "accept" },"#,
        &[Leaf('h', "BGP.next_hop: 172.16.0.77"), Tor('i', "BGP.next_hop: 172.16.0.3")],
    ),
    export(
        r#"{ match = { peer = "tor1" }, set = { next_hop = "172.16.0.99" }, action = "accept" },"#,
        &[Leaf('i', "BGP.next_hop: 172.16.0.3"), Tor('i', "BGP.next_hop: 172.16.0.99")],
    ),
    // Communities and the path.
    export(
        r#"{ set = { add_communities = ["64512:7", "large:64512:9:9", "rt:64512:9", "no-export"] }, action = "accept" },"#,
        &[
            Leaf('b', "BGP.community: (65001,100) (64512,7) (65535,65281)"),
            Leaf('c', "BGP.large_community: (64512, 1, 7) (64512, 9, 9)"),
            Leaf('d', "BGP.ext_community: (rt, 64512, 7) (rt, 64512, 9)"),
        ],
    ),
    import(
        r#"{ set = { remove_communities = ["65001:*", "large:64512:*:7"] }, action = "accept" },"#,
        &[
            LeafLacks('b', "BGP.community"),
            LeafLacks('c', "BGP.large_community"),
            Leaf('d', "BGP.ext_community: (rt, 64512, 7)"),
        ],
    ),
    export(
        r#"{ set = { remove_communities = ["tor"] }, action = "accept" },"#,
        &[
            LeafLacks('b', "BGP.community"),
            LeafLacks('c', "BGP.large_community"),
            LeafLacks('d', "BGP.ext_community"),
        ],
    ),
    import(
        r#"{ set = { communities = ["64512:8"] }, action = "accept" },"#,
        &[
            Leaf('b', "BGP.community: (64512,8)"),
            Leaf('c', "BGP.community: (64512,8)"),
            LeafLacks('c', "BGP.large_community"),
        ],
    ),
    import(
        r#"{ match = { as_path_length = "..1" }, set = { prepend = [64999, 64998] }, action = "accept" },"#,
        &[
            Leaf('a', "BGP.as_path: 64999 64998 65001"),
            Leaf('f', "BGP.as_path: 65001 65010"),
            Tor('i', "BGP.as_path: 64512 64999 64998"),
        ],
    ),
    export(
        r#"{ match = { peer_kind = "external" }, set = { prepend = 64512 }, action = "accept" },"#,
        &[Tor('i', "BGP.as_path: 64512 64512"), LeafLacks('i', "BGP.as_path: 64512")],
    ),
    // Packets.
    import(
        r#"{ match = { community = "65001:100" }, set = { blackhole = true }, action = "accept" },"#,
        &[Kernel('b', "blackhole 10.1.1.0/24 "), Kernel('a', "via 172.16.0.2 ")],
    ),
    export(
        r#"{ match = { community = "65001:100" }, set = { blackhole = true }, action = "accept" },"#,
        &[Leaf('b', "BGP.community: (65001,100) (65535,666)"), Kernel('b', "via 172.16.0.2 ")],
    ),
    kernel(
        r#"{ match = { prefix = "10.1.0.0/16", length = "24" }, action = "reject" }, { match = { prefix_equal = "10.1.0.0/16" }, set = { link = "rack1" }, action = "accept" },"#,
        &[
            NotInKernel('b'),
            NotInKernel('c'),
            Kernel('a', "via 172.16.0.2 dev rack1 "),
            Leaf('b', "BGP.as_path: 65001"),
        ],
    ),
    kernel(
        r#"{ match = { source_kind = "client" }, set = { metric = 9 }, action = "accept" }, { match = { next_hop = "172.16.0.77" }, set = { next_hop = "172.16.0.4" }, action = "accept" }, { match = { origin = "egp" }, set = { blackhole = true }, action = "accept" },"#,
        &[
            Kernel('i', "metric 9 "),
            Kernel('h', "via 172.16.0.4 "),
            Kernel('d', "blackhole 10.1.3.0/26 "),
            Leaf('h', "BGP.next_hop: 172.16.0.77"),
        ],
    ),
];
