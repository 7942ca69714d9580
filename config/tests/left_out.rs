//! Objects with errors: they are left out with what uses them, and the rest is there.

use std::path::Path;

use margay_config::{Config, Files, NamedFiles, Reading, parse, read};
use proptest::prelude::*;

const GLOBAL: &str = "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n";

#[test]
fn a_wrong_object_is_left_out_and_the_rest_is_there() {
    // (what stands after [global], what is left out, the peers that are there)
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "[[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\n\
             [[peer]]\nname = \"b\"\naddress = \"10.0.0.2\"\nremote_asn = 1\nhold_tiem = \"9s\"\n",
            &["peer b: f:11: unknown key \"hold_tiem\" in [[peer]]: did you mean \"hold_time\"?"],
            &["10.0.0.1"],
        ),
        (
            "[filter.pods]\nrules = [{ action = \"acept\" }]\n\
             [[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nimport = [\"pods\"]\n\
             [[peer]]\naddress = \"10.0.0.2\"\nremote_asn = 1\n",
            &[
                "filter pods: f:5: action: \"acept\" is not an action: write \"accept\", \"reject\" or \"continue\"",
                "peer 10.0.0.1: filter pods is left out",
            ],
            &["10.0.0.2"],
        ),
        (
            "[prefix_set.s]\nprefixes = [\"10.0.0.1/8\"]\n\
             [filter.a]\nrules = [{ match = { prefix_set = \"s\" }, action = \"accept\" }]\n\
             [filter.b]\nrules = [{ filter = \"a\" }]\n\
             [peer_group.g]\nremote_asn = 1\nexport = [\"b\"]\n\
             [[peer]]\naddress = \"10.0.0.1\"\ngroup = \"g\"\n",
            &[
                "prefix_set s: f:5: prefixes: host bits are set in 10.0.0.1/8: write 10.0.0.0/8",
                "filter a: prefix set s is left out",
                "filter b: filter a is left out",
                "peer_group g: filter b is left out",
                "peer 10.0.0.1: peer_group g is left out",
            ],
            &[],
        ),
        ("[peer]\n[[peer]]\n", &[], &[]),
        (
            "[peers]\n[[network]]\nprefix = \"10.0.0.0/33\"\n[[network]]\nprefix = \"10.1.0.0/16\"\n",
            &[
                "network without a valid prefix: f:6: prefix: the length of 10.0.0.0/33 is not possible: write /0 to /32",
                "section peers: f:4: unknown key \"peers\" in the file: did you mean \"peer\"?",
            ],
            &[],
        ),
        (
            "[[peer]]\nname = \"a\"\naddress = \"10.0.0.1\"\nremote_asn = 1\n\
             [[peer]]\nname = \"a\"\naddress = \"10.0.0.2\"\nremote_asn = 1\n\
             [[peer]]\nname = \"c\"\naddress = \"10.0.0.300\"\nremote_asn = 1\n",
            &[
                "peer a: f:9: name: \"a\" is the name of another peer on line 5: choose another",
                "peer c: f:14: address: \"10.0.0.300\" is not a valid address: write one such as \"172.16.0.1\" or \"2001:db8::1\"",
            ],
            &["a"],
        ),
    ];
    for (text, left_out, peers) in rows {
        let reading = reading(&[("f", &format!("{GLOBAL}{text}"))]);
        let Some(config) = reading.config else {
            assert!(left_out.is_empty(), "{:?}", reading.errors);
            continue;
        };
        let found: Vec<String> = config.left_out().iter().map(ToString::to_string).collect();
        assert_eq!(found, *left_out);
        assert_eq!(config.peers().iter().map(|peer| peer.name.as_str()).collect::<Vec<_>>(), *peers);
    }
}

#[test]
fn errors_of_the_daemon_itself_leave_no_configuration() {
    for text in [
        "[global]\nasn = 0\nrouter_id = \"10.0.0.11\"\n".to_owned(),
        format!("{GLOBAL}flavour = 1\n"),
        format!("{GLOBAL}[kernel]\nmetric = 0\n"),
        format!("{GLOBAL}[control]\nsocket = 1\n"),
        format!("{GLOBAL}[[peer]\n"),
        format!("include = [\"absent.toml\"]\n{GLOBAL}"),
    ] {
        let reading = reading(&[("f", &text)]);
        assert!(reading.config.is_none() && !reading.errors.is_empty(), "{text}");
    }
}

#[test]
fn what_ran_before_goes_on_as_it_was() {
    let peer = |name: &str, address: &str, more: &str| {
        format!("[[peer]]\nname = \"{name}\"\naddress = \"{address}\"\nremote_asn = 65001\n{more}")
    };
    let text = [GLOBAL, &peer("a", "10.0.0.1", ""), &peer("b", "10.0.0.2", "port = 1790\n")].concat();
    let former = parse("f", &text).unwrap();
    // (the file of the reload, the names of the peers then, what is said)
    let rows = [
        (
            [GLOBAL, &peer("a", "10.0.0.1", "passive = true\n"), &peer("b", "10.0.0.2", "port = 0\n")]
                .concat(),
            vec!["a", "b"],
            "peer b, and goes on as it was: f:13: port: 0 is out of range: write a number from 1 to 65535",
        ),
        // By its name, where the address is wrong.
        (
            [GLOBAL, &peer("a", "10.0.0.1", ""), &peer("b", "10.0.0.300", "")].concat(),
            vec!["a", "b"],
            "peer b, and goes on as it was: f:10:",
        ),
        // A new peer never ran.
        (
            [&text, &peer("c", "10.0.0.3", "port = 0\n")].map(String::as_str).concat(),
            vec!["a", "b"],
            "peer c: f:17:",
        ),
        // Its place belongs to another peer now.
        (
            [GLOBAL, &peer("x", "10.0.0.2", "port = 1790\n"), &peer("b", "10.0.0.2", "port = 1790\n")]
                .concat(),
            vec!["x"],
            "peer b: f:11:",
        ),
        // Another peer has come to its address, at another port.
        (
            [GLOBAL, &peer("x", "10.0.0.2", ""), &peer("b", "10.0.0.2", "")].concat(),
            vec!["x", "b"],
            "peer b, and goes on as it was: f:10:",
        ),
        // Its name is another peer's.
        (
            [GLOBAL, &peer("b", "10.0.0.3", ""), &peer("b", "10.0.0.2", "")].concat(),
            vec!["b"],
            "peer b: f:9:",
        ),
    ];
    for (text, names, said) in rows {
        let mut config = reading(&[("f", &text)]).config.unwrap();
        config.keep_former(&former);
        assert_eq!(config.peers().iter().map(|peer| peer.name.as_str()).collect::<Vec<_>>(), names, "{text}");
        let left_out = config.left_out()[0].to_string();
        assert!(left_out.starts_with(said), "{left_out}");
        if said.contains("goes on") {
            assert_eq!(config.peer("b"), former.peer("b"));
        }
    }
}

#[test]
fn groups_take_settings_from_groups() {
    let groups = "[peer_group.all]\nremote_asn = 65001\nport = 1790\nmultihop = 3\n\
                  [peer_group.rack]\ngroup = \"all\"\nport = 1791\n\
                  [[peer]]\naddress = \"10.0.0.1\"\ngroup = \"rack\"\nmultihop = 4\n";
    let config = parse("f", &format!("{GLOBAL}{groups}")).unwrap();
    let peer = &config.peers()[0];
    assert_eq!(
        (peer.remote_asn.to_string(), peer.port, peer.multihop.map(u8::from)),
        ("65001".to_owned(), 1791, Some(4))
    );
    let rows: [(&str, &[&str]); 3] = [
        (
            "[peer_group.a]\ngroup = \"b\"\n[peer_group.b]\ngroup = \"a\"\n",
            &[
                "f:7:9: group: groups take settings from each other in a circle: a takes settings from b takes settings from a",
            ],
        ),
        (
            "[peer_group.a]\ngroup = \"a\"\n",
            &["f:5:9: group: groups take settings from each other in a circle: a takes settings from a"],
        ),
        (
            "[peer_group.rack]\ngroup = \"al\"\n[peer_group.all]\n[[peer]]\naddress = \"10.0.0.1\"\ngroup = \"rack\"\n",
            &["f:5:9: group: there is no peer group \"al\": did you mean \"all\"?"],
        ),
    ];
    for (text, expected) in rows {
        let errors = parse("f", &format!("{GLOBAL}{text}")).unwrap_err();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn included_files_are_read_in_the_order_of_their_names() {
    let files = [
        (
            "/etc/margay/margay.toml",
            &*format!("include = [\"conf.d/*.toml\", \"/run/extra.toml\"]\n{GLOBAL}"),
        ),
        ("/etc/margay/conf.d/20.toml", "[[peer]]\naddress = \"10.0.0.2\"\ngroup = \"g\"\n"),
        ("/etc/margay/conf.d/10.toml", "[[peer]]\naddress = \"10.0.0.1\"\ngroup = \"g\"\n"),
        ("/etc/margay/conf.d/.hidden.toml", "[[[\n"),
        ("/etc/margay/conf.d/notes.txt", "[[[\n"),
        ("/run/extra.toml", "include = [\"more.toml\"]\n[peer_group.g]\nremote_asn = 1\n"),
        ("/run/more.toml", "[[peer]]\naddress = \"10.0.0.3\"\ngroup = \"g\"\n"),
    ];
    let reading = reading(&files);
    assert_eq!(reading.errors, []);
    let config = reading.config.unwrap();
    let names: Vec<&str> = config.peers().iter().map(|peer| peer.name.as_str()).collect();
    assert_eq!(names, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert_eq!(reading.files.len(), 5);
}

#[test]
fn errors_of_all_files_come_in_one_go_and_name_their_file() {
    let files = [
        (
            "/m.toml",
            &*format!(
                "include = [\"a.toml\", \"b.toml\", \"absent.toml\", \"c?/x.toml\", 7, \"none*.toml\"]\n{GLOBAL}[filter.x]\nrules = []\n"
            ),
        ),
        (
            "/a.toml",
            "[global]\nasn = 1\n[[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\nport = 0\n[filter.x]\n",
        ),
        ("/b.toml", "[[peer]]\naddress = \"10.0.0.1\"\nremote_asn = 1\n[peers]\n"),
    ];
    let errors: Vec<String> = reading(&files).errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "/m.toml:1:32: include: /absent.toml: no such file",
            "/m.toml:1:47: include: only the name of the file may be a pattern, not its folder",
            "/m.toml:1:60: include: expected a string, such as \"conf.d/*.toml\", found a number",
            "/a.toml:1:1: global: it stands on line 2 of /m.toml already: keep one of the two",
            "/a.toml:6:8: port: 0 is out of range: write a number from 1 to 65535",
            "/a.toml:7:9: filter x stands on line 5 of /m.toml already: keep one of the two",
            "/b.toml:2:11: address: 10.0.0.1 is the address of another peer on line 4 of /a.toml: keep one of them, or give one another port or source_address",
            "/b.toml:4:2: unknown key \"peers\" in the file: did you mean \"peer\"?",
        ]
    );
}

#[test]
fn files_may_include_each_other() {
    let files = [
        ("/m.toml", &*format!("include = [\"a.toml\", \"m.toml\", \"a.toml\"]\n{GLOBAL}")),
        ("/a.toml", "include = [\"m.toml\"]\n[[network]]\nprefix = \"10.0.0.0/8\"\n"),
    ];
    let reading = reading(&files);
    assert_eq!(reading.errors, []);
    assert_eq!(reading.config.unwrap().networks().len(), 1);
}

/// Files in memory.
struct MemoryFiles<'t>(&'t [(&'t str, &'t str)]);

impl Files for MemoryFiles<'_> {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| "no such file".to_owned())
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String> {
        let inside =
            self.0.iter().map(|(name, _)| Path::new(name)).filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }
}

/// Reads the first file.
fn reading(files: &[(&str, &str)]) -> Reading {
    read(files[0].0, files[0].1, &mut MemoryFiles(files), NamedFiles::Checked)
}

/// The objects of a file, each right or wrong.
fn objects() -> impl Strategy<Value = Vec<(u8, bool)>> {
    prop::collection::vec((0..40u8, any::<bool>()), 0..30)
}

proptest! {
    /// Whatever is wrong in a file: what is read is what the file without the wrong objects says.
    #[test]
    fn a_file_means_what_it_says_without_its_wrong_objects(objects in objects()) {
        let peer = |&(index, is_right): &(u8, bool)| {
            let more = if is_right { "" } else { "flavour = 1\n" };
            format!("[[peer]]\naddress = \"10.0.0.{}\"\nremote_asn = 1\n{more}", index + 1)
        };
        let mut seen = std::collections::BTreeSet::new();
        let objects: Vec<(u8, bool)> = objects.into_iter().filter(|(index, _)| seen.insert(*index)).collect();
        let all = objects.iter().map(peer).collect::<String>();
        let right = objects.iter().filter(|(_, is_right)| *is_right).map(peer).collect::<String>();
        let read: Config = reading(&[("f", &format!("{GLOBAL}{all}"))]).config.unwrap();
        let clean = parse("f", &format!("{GLOBAL}{right}")).unwrap();
        prop_assert_eq!(read.peers(), clean.peers());
        prop_assert_eq!(read.left_out().len(), objects.iter().filter(|(_, is_right)| !is_right).count());
    }
}
