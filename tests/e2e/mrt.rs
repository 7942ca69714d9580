//! Files in MRT format, read by other programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bgpkit_parser::BgpkitParser;
use bgpkit_parser::models::ElemType;
use margay_lab::packages::{BGPDUMP, install_missing};
use margay_lab::{Bird, Margay, Router, wait_until};
use tempfile::TempDir;

use crate::pair::PATIENCE;
use crate::route_client::attribute;
use crate::wire::{Wire, WireClient, address, network, peer, plain, wait_for_networks};

#[test]
fn dumps_of_the_table_have_each_received_route_with_its_attributes() {
    let Scene { margay, folder, client: _client, _bird, _wire } = Scene::new("table_dump");
    wait_until(PATIENCE, "a dump with all routes", || {
        let files = finished(folder.path());
        let newest = files.last().ok_or("none yet")?;
        let dumped: BTreeSet<String> = bgpdump(newest).lines().map(comparable).collect();
        let expected = received(&margay);
        if dumped == expected { Ok(()) } else { Err(format!("{dumped:#?} instead of {expected:#?}")) }
    });
    let files = finished(folder.path());
    let elements = elements(&files[files.len() - 1]);
    assert_eq!(elements.len(), received(&margay).len());
    assert!(elements.iter().all(|(kind, ..)| *kind == ElemType::ANNOUNCE));
}

#[test]
fn files_of_updates_have_what_peers_sent_and_follow_one_another() {
    let Scene { margay, folder, mut client, _bird, _wire } = Scene::new("updates");
    client.announce_network(52);
    wait_until(PATIENCE, "the network", || has(&margay, 52).then_some(()).ok_or("not yet"));
    client.withdraw_network(52);
    drop(client);
    let expected = |kind: &str, rest: &str| format!("|{kind}|{}|64512|{rest}", address(11));
    let lines = [
        expected("STATE", "5|6"),
        expected("A", &network(50)),
        expected("A", &network(52)),
        expected("W", &network(52)),
        expected("STATE", "6|1"),
    ];
    wait_until(PATIENCE, "the updates", || {
        let text: String = finished(folder.path()).iter().map(|file| bgpdump(file)).collect();
        let mut rest = &text[..];
        for line in &lines {
            let found = rest.find(line.as_str()).ok_or_else(|| format!("no {line} in {rest}"))?;
            rest = &rest[found..];
        }
        Ok::<(), String>(())
    });
    wait_until(PATIENCE, "the next file", || match finished(folder.path()).len() {
        0 | 1 => Err("one file"),
        _ => Ok(()),
    });
    let all: Vec<_> = finished(folder.path()).iter().flat_map(|file| elements(file)).collect();
    let of = |kind: ElemType, number: u8| {
        all.iter().filter(|(it, prefix, _)| *it == kind && *prefix == network(number)).count()
    };
    assert_eq!(
        [of(ElemType::ANNOUNCE, 52), of(ElemType::WITHDRAW, 52), of(ElemType::WITHDRAW, 50)],
        [1, 1, 0]
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_reported_and_disturbs_nothing() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2)];
        settings.extra = "[mrt]\ntable_dump = \"/proc/none/%S\"\ntable_dump_interval = \"1s\"\n\
                          updates = \"/proc/none/%S\"\nupdates_interval = \"1s\"\n"
            .to_owned();
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(60)];
    });
    margay.start().unwrap();
    bird.start().unwrap();
    wait_for_networks(&margay, &[60]);
    wait_until(PATIENCE, "both reports", || {
        let log = margay.log().unwrap();
        let has_both = log.contains("no dump of the table") && log.contains("updates are not kept");
        has_both.then_some(()).ok_or(log)
    });
    assert_eq!(margay.json("show peer peer2").unwrap()["state"], "established");
}

/// A margay that writes files, with BIRD and a raw client, whose routes have many attributes.
struct Scene {
    margay: Margay,
    folder: TempDir,
    client: WireClient,
    _bird: Bird,
    _wire: Wire,
}

impl Scene {
    fn new(key: &str) -> Self {
        install_missing(&[BGPDUMP]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let wire = Wire::new();
        let mut margay = wire.margay("margay", 1, |settings| {
            settings.peers = vec![peer(2), peer(11)];
            settings.networks = vec![network(10)];
            let path = folder.path().join("%Y%m%d.%H%M%S.mrt");
            settings.extra = format!("[mrt]\n{key} = {path:?}\n{key}_interval = \"3s\"\n");
        });
        let mut bird = wire.bird("bird", 2, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks = vec![network(60), network(61)];
        });
        margay.start().unwrap();
        bird.start().unwrap();
        let mut client = wire.dial(&wire.place("raw", &[11]), 11, 1, false);
        client.announce_network(50);
        let mut attributes = plain();
        attributes.extend(attribute(0x80, 4, &7_u32.to_be_bytes()));
        attributes.extend(attribute(0xc0, 8, &[0xfc, 0, 0, 1, 0xfc, 0, 0, 2]));
        client.announce_with(51, &attributes);
        wait_until(PATIENCE, "all routes", || {
            [50, 51, 60, 61].iter().all(|&number| has(&margay, number)).then_some(()).ok_or("not yet")
        });
        Self { margay, folder, client, _bird: bird, _wire: wire }
    }
}

fn has(margay: &Margay, number: u8) -> bool {
    margay.routes().is_ok_and(|routes| routes.contains_key(&network(number)))
}

/// The received routes as margay shows them, in the form of [`comparable`].
fn received(margay: &Margay) -> BTreeSet<String> {
    let shown = margay.json("show routes --received").unwrap();
    let routes = shown["routes"].as_array().or(shown.as_array()).cloned().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let row = |route: &serde_json::Value| {
        let peer = match route["peer"].as_str() {
            Some(name) => address(name.trim_start_matches("peer").parse().unwrap()).to_string(),
            None => "0.0.0.0".to_owned(),
        };
        let communities: Vec<String> = route["communities"].as_array().unwrap().iter().map(text).collect();
        let next_hop = route["next_hop"].as_str().unwrap_or("0.0.0.0");
        let (prefix, as_path) = (text(&route["prefix"]), text(&route["as_path"]));
        let number = |key: &str| route[key].as_u64().unwrap_or_default();
        let origin = text(&route["origin"]).to_uppercase();
        let (local_pref, med) = (number("local_pref"), number("med"));
        format!("{peer}|{prefix}|{as_path}|{origin}|{next_hop}|{local_pref}|{med}|{}", communities.join(" "))
    };
    routes.iter().map(row).collect()
}

/// A line of bgpdump without time and AS of the peer.
fn comparable(line: &str) -> String {
    let fields: Vec<&str> = line.split('|').collect();
    [&fields[3..4], &fields[5..12]].concat().join("|")
}

/// The files that are complete, in the order of their names.
fn finished(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "mrt")).collect();
    files.sort();
    files
}

fn bgpdump(file: &Path) -> String {
    let output = Command::new(BGPDUMP.program).arg("-m").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What bgpkit-parser reads from a file: kind, prefix, address of the peer.
fn elements(file: &Path) -> Vec<(ElemType, String, String)> {
    let parser = BgpkitParser::from_reader(fs::File::open(file).unwrap());
    let elements = parser.into_elem_iter();
    elements.map(|it| (it.elem_type, it.prefix.to_string(), it.peer_ip.to_string())).collect()
}
