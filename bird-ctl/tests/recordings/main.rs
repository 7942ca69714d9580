//! Replies are what Calico's BIRD was recorded to send, octet for octet where margay knows as much.

#![expect(clippy::disallowed_methods, reason = "the recordings are files")]
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails its test")]

mod routes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use margay_bird_ctl::{
    BgpSession, Protocol, ProtocolKind, ProtocolState, Recovery, Status, UnixTime, banner, details, table,
};

/// Replies of one recording by their commands.
type Replies = BTreeMap<String, String>;

/// The recordings beside the checkout; empty, with a note, where they are not.
fn recordings() -> Vec<(PathBuf, Replies)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/control");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("{} is absent: nothing is compared", folder.display());
        return Vec::new();
    };
    let paths = files.map(|file| file.unwrap().path());
    let recordings: Vec<_> =
        paths.map(|path| (path.clone(), replies(&fs::read_to_string(path).unwrap()))).collect();
    assert!(recordings.len() >= 10, "{} recordings", recordings.len());
    recordings
}

fn replies(text: &str) -> Replies {
    let mut replies = Replies::new();
    let mut command = String::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("@@ ") {
            Some(note) => {
                let note = note.trim_end_matches('\n');
                command = note.strip_prefix("sent: ").unwrap_or(note).to_owned();
            }
            None => *replies.entry(command.clone()).or_default() += line,
        }
    }
    replies
}

/// The moment that `2026-11-30 16:34:22` names, found by trying.
fn moment(text: &str) -> UnixTime {
    let (mut low, mut high) = (0, 1 << 33);
    while low < high {
        let middle = (low + high) / 2;
        if UnixTime(middle).to_string().as_str() < text { low = middle + 1 } else { high = middle }
    }
    assert_eq!(UnixTime(low).to_string(), text);
    UnixTime(low)
}

fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| Some(line.split_once(key)?.1.trim_start()))
}

fn status(text: &str) -> Status {
    let timer = value(text, "Wait timer is ").and_then(|timer| timer.split_once('/'));
    Status {
        version: value(text, "1000-BIRD ").unwrap().to_owned(),
        router_id: value(text, "Router ID is ").unwrap().parse().unwrap(),
        now: moment(value(text, "Current server time is ").unwrap()),
        started: moment(value(text, "Last reboot on ").unwrap()),
        configured: moment(value(text, "Last reconfiguration on ").unwrap()),
        recovery: value(text, "Waiting for ").map(|waiting| Recovery {
            waiting: waiting.split(' ').next().unwrap().parse().unwrap(),
            timer: timer.map(|(left, all)| (left.parse().unwrap(), all.parse().unwrap())),
        }),
    }
}

/// A row of the table; `date` is that of its time.
fn protocol(row: &str, date: &str) -> Protocol {
    let row = row.strip_prefix("1002-").or_else(|| row.strip_prefix(' ')).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    let kinds = [
        ProtocolKind::Static,
        ProtocolKind::Kernel,
        ProtocolKind::Device,
        ProtocolKind::Direct,
        ProtocolKind::Bgp,
    ];
    let states = [ProtocolState::Up, ProtocolState::Wait, ProtocolState::Start, ProtocolState::Down];
    let session = words.get(5).map(|state| BgpSession {
        state: (*state).to_owned(),
        last_error: (words.len() > 6).then(|| words[6..].join(" ")),
        routes: (0, 0),
        address: [0, 0, 0, 0].into(),
        asn: None,
        router_id: None,
        source: None,
        restart_timer: None,
    });
    Protocol {
        name: words[0].to_owned(),
        kind: kinds.into_iter().find(|kind| kind.to_string() == words[1]).unwrap(),
        state: states.into_iter().find(|state| state.to_string() == words[3]).unwrap(),
        since: moment(&format!("{date} {}", words[4])),
        description: None,
        session,
    }
}

fn described(text: &str, date: &str) -> Protocol {
    let row = text.lines().nth(1).unwrap();
    let mut protocol = protocol(row, date);
    protocol.description = value(text, "Description:").map(str::to_owned);
    if let Some(session) = &mut protocol.session {
        let mut routes = value(text, "Routes:").unwrap().split(' ').filter_map(|word| word.parse().ok());
        session.routes = (routes.next().unwrap(), routes.next().unwrap());
        session.address = value(text, "Neighbor address:").unwrap().parse().unwrap();
        session.asn = value(text, "Neighbor AS:").map(|asn| asn.parse().unwrap());
        session.router_id = value(text, "Neighbor ID:").map(|id| id.parse().unwrap());
        session.source = value(text, "Source address:").map(|source| source.parse().unwrap());
        session.restart_timer =
            value(text, "Restart timer:").map(|timer| timer.trim_end_matches("/-").parse().unwrap());
    }
    protocol
}

#[test]
fn the_banner_and_the_status_are_as_recorded() {
    for (path, replies) in recordings() {
        let recorded = &replies["show status"];
        let status = status(recorded);
        assert_eq!(&status.reply(), recorded, "{}", path.display());
        assert_eq!(banner(&status.version), replies["on connect:"], "{}", path.display());
    }
}

#[test]
fn the_table_of_protocols_is_as_recorded() {
    for (path, replies) in recordings() {
        let now = status(&replies["show status"]).now;
        let date = now.to_string()[..10].to_owned();
        let recorded = &replies["show protocols"];
        let rows = recorded.lines().skip(1).take_while(|line| !line.starts_with("0000"));
        let protocols: Vec<Protocol> = rows.map(|row| protocol(row, &date)).collect();
        assert!(protocols.len() >= 4, "{}", path.display());
        assert_eq!(&table(&protocols, now), recorded, "{}", path.display());
    }
}

#[test]
fn what_is_said_of_a_session_is_said_in_the_recorded_lines() {
    let mut sessions = 0;
    for (path, replies) in recordings() {
        let now = status(&replies["show status"]).now;
        let date = now.to_string()[..10].to_owned();
        let details_of = |(command, _): &(&String, &String)| {
            command.starts_with("show protocols all ") && !command.ends_with("nosuch")
        };
        for (command, recorded) in replies.iter().filter(details_of) {
            let protocol = described(recorded, &date);
            let printed = details(std::slice::from_ref(&protocol), now);
            let mut rest = recorded.lines();
            for line in printed.lines() {
                let is_same = |recorded: &str| {
                    // margay does not count routes that are preferred to others.
                    recorded == line || line.contains("Routes:") && recorded.starts_with(line)
                };
                let found = rest.any(is_same);
                assert!(found, "{} {command}: {line:?} is not in the rest of\n{recorded}", path.display());
            }
            sessions += 1;
        }
    }
    assert!(sessions == 0 || sessions >= 20, "{sessions}");
}
