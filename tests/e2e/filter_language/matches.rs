//! Every condition of the language: which routes it holds for, as the file says it, on import and on export.

/// A condition, and the routes that meet it.
pub(super) struct Match {
    /// The content of `match = { … }`.
    pub(super) text: &'static str,
    /// The labels of the routes from peers that meet it on import; `None` where the file may not ask for it there.
    pub(super) import: Option<&'static str>,
    /// The labels of the routes that meet it on export to `leaf`.
    pub(super) export: &'static str,
}

const fn both(text: &'static str, import: &'static str, export: &'static str) -> Match {
    Match { text, import: Some(import), export }
}

const fn on_export(text: &'static str, export: &'static str) -> Match {
    Match { text, import: None, export }
}

/// While all peers are there. The labels are those of `scene::ROUTES`: a to h and x come from `tor1`, i and j from `node2`, k to m
/// are this node's own.
pub(super) const MATCHES: &[Match] = &[
    both(r#"prefix = "10.1.0.0/16""#, "abcd", "abcd"),
    both(r#"prefix = ["10.1.1.0/24", "10.2.0.0/16", "10.5.0.0/24"]"#, "befg", "befgk"),
    both(r#"prefix = "10.1.0.0/16", length = "24..32""#, "bcd", "bcd"),
    both(r#"length = "26""#, "d", "d"),
    both(r#"prefix_equal = ["10.1.0.0/16", "10.4.1.0/24"]"#, "aj", "aj"),
    both(r#"prefix_not_in = ["10.0.0.0/14"]"#, "ijx", "ijklmx"),
    both(r#"prefix_covering = "10.1.1.128/25""#, "ab", "ab"),
    both(r#"prefix_set = "inline""#, "aefg", "aefg"),
    both(r#"prefix_set = ["from-file", "inline"]"#, "aefghi", "aefghil"),
    both(r#"family = "ipv6-unicast""#, "x", "x"),
    both(r#"family = "ipv4-unicast""#, "abcdefghij", "abcdefghijklm"),
    both(r#"source = "peer""#, "abcdefghijx", "abcdefghijx"),
    both(r#"source = ["local", "static"]"#, "", "kl"),
    both(r#"source = "kernel""#, "", "m"),
    both(r#"peer = "tor*""#, "abcdefghx", ""),
    both(r#"peer = ["le?f", "node2"]"#, "ij", "abcdefghijklmx"),
    both(r#"peer_group = "tors""#, "abcdefghx", ""),
    both(r#"peer_kind = "external""#, "abcdefghx", ""),
    both(r#"peer_kind = "internal""#, "ij", "abcdefghijklmx"),
    both(r#"peer_kind = "client""#, "ij", ""),
    both(r#"peer_kind = ["confederation", "external"]"#, "abcdefghx", ""),
    both(r#"source_peer = "tor1""#, "abcdefghx", "abcdefghx"),
    both(r#"source_group = ["nod*"]"#, "ij", "ij"),
    both(r#"source_kind = "external""#, "abcdefghx", "abcdefghx"),
    both(r#"source_kind = ["internal", "client"]"#, "ij", "ij"),
    both(r#"source_kind = "confederation""#, "", ""),
    on_export(r#"interface = "rack*""#, "m"),
    both(r#"next_hop = "172.16.0.77""#, "h", "h"),
    both(r#"next_hop = ["172.16.0.64/26", "172.16.0.3"]"#, "hij", "hij"),
    both(r#"next_hop_set = "gateways""#, "hij", "hij"),
    both(r#"community = "65001:100""#, "b", "b"),
    both(r#"community = ["large:64512:1:*", "rt:64512:1..9"]"#, "cd", "cd"),
    both(r#"community_set = "tor""#, "bcd", "bcd"),
    both(r#"as_path = "_65010_""#, "ef", "ef"),
    both(r#"as_path = ["^65001_65010$", "_65020$"]"#, "ef", "ef"),
    both(r#"as_path = "^$""#, "ij", "ijklm"),
    both(r#"as_path_contains = [65020, "65030..65040"]"#, "e", "e"),
    both(r#"as_path_only = ["65001..65010"]"#, "abcdfghijx", "abcdfghijklmx"),
    both(r#"originated_by = "customers""#, "f", "f"),
    both(r#"received_from = 65001"#, "abcdefghx", "abcdefghx"),
    both(r#"as_path_starts_with = [65001, 65010]"#, "ef", "ef"),
    both(r#"as_path_length = "2..""#, "ef", "ef"),
    both(r#"local_pref = "150..250""#, "i", "i"),
    both(r#"local_pref = 149"#, "j", "j"),
    both(r#"med = "1..100""#, "f", "f"),
    both(r#"metric = 77"#, "f", "f"),
    both(r#"metric = "500..600""#, "", "m"),
    both(r#"preference = 120"#, "e", "e"),
    both(r#"weight = "1..""#, "c", "c"),
    both(r#"tag = 7"#, "b", "b"),
    both(r#"origin = "incomplete""#, "g", "g"),
    both(r#"origin = "egp""#, "d", "d"),
    both(r#"origin = ["igp"]"#, "abcefhijx", "abcefhijklmx"),
    both(r#"rpki = "unknown""#, "abcdefghijx", "abcdefghijklmx"),
    both(r#"rpki = ["not-found", "valid", "invalid"]"#, "", ""),
    both(r#"any = [{ community = "65001:100" }, { as_path = "_65010_" }]"#, "bef", "bef"),
    both(r#"all = [{ prefix = "10.1.0.0/16" }, { origin = "egp" }]"#, "d", "d"),
    both(r#"not = { as_path_contains = 65001 }"#, "ij", "ijklm"),
    both(r#"stale = true"#, "", ""),
];

/// After `node2` has been killed, which keeps its routes through a restart.
pub(super) const MATCHES_AFTER_A_CRASH: &[Match] =
    &[both(r#"stale = true"#, "ij", "ij"), both(r#"stale = false"#, "abcdefghx", "abcdefghklmx")];
