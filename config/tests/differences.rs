//! What changes from one file to the next.

use margay_config::{Config, ConfigDiff, Peer, diff, parse};

const BASE: &str = r#"
[global]
asn = 64512
router_id = "10.0.0.11"
[kernel]
[[network]]
prefix = "10.65.1.0/26"
[filter.pods]
rules = [{ match = { prefix = "10.65.0.0/16" }, action = "accept" }]
[peer_group.mesh]
remote_asn = 64512
[[peer]]
name = "tor1"
address = "172.16.0.1"
remote_asn = 65001
import = ["pods"]
[[peer]]
name = "node2"
address = "10.0.0.12"
group = "mesh"
"#;

#[test]
fn the_same_file_in_other_words_is_no_change() {
    assert!(diff_after(&[]).is_empty());
    let reworded =
        [("[kernel]", "[kernel]\nmetric = 1_024"), ("group = \"mesh\"", "group = \"mesh\"\nport = 179")];
    assert!(diff_after(&reworded).is_empty());
}

#[test]
fn peers_come_and_go_by_address() {
    let diff = diff_after(&[("\"10.0.0.12\"", "\"10.0.0.13\"")]);
    assert_eq!(names(&diff.peers_added), ["10.0.0.13"]);
    assert_eq!(names(&diff.peers_removed), ["10.0.0.12"]);
    assert!(diff.peers_changed.is_empty() && diff.needs_restart.is_empty());
}

#[test]
fn changed_peers_table() {
    // (what, by what, the peer, its keys, the session stays)
    let rows: &[(&str, &str, &str, &[&str], bool)] = &[
        ("name = \"tor1\"", "name = \"tor2\"", "tor2", &["name"], true),
        ("import = [\"pods\"]", "", "tor1", &["import"], true),
        ("import = [\"pods\"]", "export = [\"pods\"]", "tor1", &["import", "export"], true),
        ("import = [\"pods\"]", "passive = true", "tor1", &["passive", "import"], false),
        ("10.65.0.0/16", "10.66.0.0/16", "tor1", &["import"], true),
        (
            "group = \"mesh\"",
            "group = \"mesh\"\nnext_hop = \"self\"\nrr_client = true\ncluster_id = \"0.0.0.9\"\nadd_path_send = 2",
            "node2",
            &["next_hop", "rr_client", "cluster_id", "add_path_send"],
            true,
        ),
        (
            "remote_asn = 65001",
            "remote_asn = 65002\npassive = true",
            "tor1",
            &["remote_asn", "passive"],
            false,
        ),
        ("remote_asn = 64512", "remote_asn = 64512\nhold_time = \"9s\"", "node2", &["hold_time"], false),
        ("remote_asn = 64512", "remote_asn = 64512\nkeepalive = \"9s\"", "node2", &["keepalive"], false),
        (
            "group = \"mesh\"",
            "group = \"mesh\"\nadd_path = \"both\"\nadd_path_send = 2",
            "node2",
            &["add_path", "add_path_send"],
            false,
        ),
        (
            "remote_asn = 64512",
            "remote_asn = 64512\nsend_hold_time = \"20s\"",
            "node2",
            &["send_hold_time"],
            false,
        ),
        ("remote_asn = 64512", "remote_asn = 64512\nprefix_limit = 10", "node2", &["prefix_limit"], true),
        ("remote_asn = 64512", "remote_asn = 64512\nbfd = true", "node2", &["bfd"], true),
        ("remote_asn = 64512", "remote_asn = 64512\nallow_local_as = 1", "node2", &["allow_local_as"], true),
        ("group = \"mesh\"", "remote_asn = 64512", "node2", &["group"], true),
        ("group = \"mesh\"", "group = \"mesh\"\npassword_file = \"/k\"", "node2", &["password_file"], false),
    ];
    for &(what, by_what, peer, keys, keeps_session) in rows {
        let diff = diff_after(&[(what, by_what)]);
        let [change] = diff.peers_changed.as_slice() else { panic!("{what} -> {by_what}: {diff:#?}") };
        assert_eq!((change.new.name.as_str(), change.keys.as_slice()), (peer, keys), "{what} -> {by_what}");
        assert_eq!(change.keeps_session(), keeps_session, "{what} -> {by_what}");
        assert_ne!(change.old, change.new);
    }
}

/// Two peers at one address, of which another port or own address, or another name, makes the same peer or another one.
#[test]
fn peers_at_one_address_are_the_same_by_place_then_by_name() {
    let config = |peers: &[(&str, u16)]| {
        let peer = |(name, port): &(&str, u16)| {
            format!("[[peer]]\nname = \"{name}\"\naddress = \"192.0.2.1\"\nremote_asn = 1\nport = {port}\n")
        };
        parsed(&[BASE.to_owned(), peers.iter().map(peer).collect()].concat())
    };
    type Peers = &'static [(&'static str, u16)];
    // (before, after, the changes as "old > new: keys", added, removed)
    type Names = &'static [&'static str];
    type Row = (Peers, Peers, Names, Names, Names);
    let rows: [Row; 8] = [
        (&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)], &[], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("a", 1), ("b", 3)], &["b > b: port"], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("a", 1), ("c", 2)], &["b > c: name"], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("a", 2), ("b", 1)], &["a > b: name", "b > a: name"], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("a", 3), ("b", 4)], &["a > a: port", "b > b: port"], &[], &[]),
        // The only one left at the address.
        (&[("a", 1)], &[("c", 3)], &["a > c: name, port"], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("a", 1), ("c", 3)], &["b > c: name, port"], &[], &[]),
        (&[("a", 1), ("b", 2)], &[("c", 3), ("d", 4)], &[], &["c", "d"], &["a", "b"]),
    ];
    for (before, after, changes, added, removed) in rows {
        let diff = diff(&config(before), &config(after));
        let change = |it: &margay_config::PeerChange| {
            format!("{} > {}: {}", it.old.name, it.new.name, it.keys.join(", "))
        };
        let of_name = |peers: &[Peer]| peers.iter().map(|peer| peer.name.clone()).collect::<Vec<_>>();
        let changed: Vec<String> = diff.peers_changed.iter().map(change).collect();
        assert_eq!(changed, changes, "{before:?} {after:?}");
        assert_eq!(of_name(&diff.peers_added), added, "{before:?} {after:?}");
        assert_eq!(of_name(&diff.peers_removed), removed, "{before:?} {after:?}");
    }
}

#[test]
fn ranges_of_dynamic_peers_come_go_and_change() {
    let range = "[[dynamic_peers]]\nrange = \"10.1.0.0/16\"\ngroup = \"mesh\"\n";
    let base = format!("{BASE}{range}");
    let with = |what: &str, by_what: &str| {
        assert!(base.contains(what), "{what} is not in the file");
        diff(&parsed(&base), &parsed(&base.replacen(what, by_what, 1)))
    };
    let diff_added = diff(&parsed(BASE), &parsed(&base));
    assert_eq!(diff_added.dynamic_peers_added[0].range.to_string(), "10.1.0.0/16");
    assert_eq!(with(range, "").dynamic_peers_removed, diff_added.dynamic_peers_added);
    // (what, by what, the keys)
    let rows: &[(&str, &str, &[&str])] = &[
        ("16\"\ngroup", "16\"\nlimit = 5\ngroup", &["limit"]),
        ("16\"\ngroup", "16\"\nlimit = 1000\ngroup", &[]),
        ("remote_asn = 64512", "remote_asn = 64512\nhold_time = \"9s\"", &["hold_time"]),
        ("remote_asn = 64512", "remote_asn = 64512\npassive = true", &[]),
    ];
    for &(what, by_what, keys) in rows {
        let diff = with(what, by_what);
        let seen: Vec<&str> =
            diff.dynamic_peers_changed.iter().flat_map(|change| change.keys.clone()).collect();
        assert_eq!(seen, keys, "{what} -> {by_what}");
        assert!(
            diff.dynamic_peers_added.is_empty() && diff.dynamic_peers_removed.is_empty(),
            "{what} -> {by_what}"
        );
    }
}

#[test]
fn networks_come_go_and_change() {
    let diff = diff_after(&[(
        "\"10.65.1.0/26\"",
        "\"10.65.1.64/26\"\n[[network]]\nprefix = \"10.65.1.0/26\"\nblackhole = true",
    )]);
    assert_eq!(diff.networks_added[0].prefix.to_string(), "10.65.1.64/26");
    assert_eq!(diff.networks_changed[0].hold, Some(margay_config::Hold::Blackhole));
    assert_eq!(
        (diff.networks_added.len(), diff.networks_changed.len(), diff.networks_removed.len()),
        (1, 1, 0)
    );
    let diff = diff_after(&[("[[network]]\nprefix = \"10.65.1.0/26\"", "")]);
    assert_eq!(diff.networks_removed[0].prefix.to_string(), "10.65.1.0/26");
}

#[test]
fn reflection_and_decision_change_without_a_restart() {
    let with = |keys: &str| diff_after(&[("[kernel]", &format!("{keys}\n[kernel]"))]);
    let rows: [(&str, &[&str]); 7] = [
        (
            "always_compare_med = true\nprefer_older = true\ncompare_router_id = false",
            &["global.always_compare_med", "global.prefer_older", "global.compare_router_id"],
        ),
        ("cluster_id = \"10.0.0.11\"\nclient_to_client = true", &[]),
        ("cluster_id = \"0.0.0.9\"", &["global.cluster_id"]),
        ("client_to_client = false", &["global.client_to_client"]),
        ("watch_file = true", &["global.watch_file"]),
        ("watch_file = false", &[]),
        (
            "cluster_id = \"0.0.0.9\"\nclient_to_client = false",
            &["global.cluster_id", "global.client_to_client"],
        ),
    ];
    for (keys, changed) in rows {
        let expected = ConfigDiff { global_changed: changed.to_vec(), ..ConfigDiff::default() };
        assert_eq!(with(keys), expected, "{keys}");
    }
}

#[test]
fn settings_of_the_daemon_itself_need_a_restart() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("asn = 64512\nrouter_id", "asn = 64513\nrouter_id", &["global.asn"]),
        (
            "\"10.0.0.11\"",
            "\"10.0.0.10\"\nlisten = []\nlog_format = \"json\"\nupdate_delay = \"0s\"",
            &["global.router_id", "global.listen", "global.update_delay", "global.log_format"],
        ),
        ("[kernel]", "", &["kernel"]),
        (
            "[kernel]",
            "[kernel]\ntable = 100\nrestart_window = \"5s\"",
            &["kernel.table", "kernel.restart_window"],
        ),
        ("[kernel]", "[kernel]\n[control]\nsocket = \"/s\"", &["control.socket"]),
        ("[kernel]", "[kernel]\n[control]\nhttp = \"127.0.0.1:9179\"", &["control.http"]),
        (
            "[kernel]",
            "[kernel]\n[control]\nbird_socket = \"/b\"\nbird6_socket = \"/b6\"",
            &["control.bird_socket", "control.bird6_socket"],
        ),
    ];
    for &(what, by_what, keys) in rows {
        let expected = ConfigDiff { needs_restart: keys.to_vec(), ..ConfigDiff::default() };
        assert_eq!(diff_after(&[(what, by_what)]), expected, "{what} -> {by_what}");
    }
}

fn names(peers: &[Peer]) -> Vec<String> {
    peers.iter().map(|peer| peer.address.to_string()).collect()
}

fn diff_after(replacements: &[(&str, &str)]) -> ConfigDiff {
    let mut text = BASE.to_owned();
    for (what, by_what) in replacements {
        assert!(text.contains(what), "{what} is not in the file");
        text = text.replacen(what, by_what, 1);
    }
    diff(&parsed(BASE), &parsed(&text))
}

fn parsed(text: &str) -> Config {
    parse("margay.toml", text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}
