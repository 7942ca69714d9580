//! What Calico's daemon was recorded to announce and to install.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// The runs of one configuration.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) golden: String,
    /// The cases that have it.
    pub(crate) cases: Vec<String>,
    pub(crate) inputs: Inputs,
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
    pub(crate) phase1: Option<Phase>,
    pub(crate) phase2: Option<Phase>,
    pub(crate) phase3: Option<Phase>,
}

#[derive(Debug, Deserialize)]
struct Session {
    open: Option<Opened>,
}

#[derive(Debug, Deserialize)]
struct Opened {
    router_id: Ipv4Addr,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Inputs {
    #[serde(default)]
    pub(crate) interfaces: Vec<String>,
    #[serde(default)]
    pub(crate) addresses: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) kernel_routes: BTreeMap<String, Vec<InputRoute>>,
    #[serde(default)]
    pub(crate) speakers: BTreeMap<String, Vec<SpeakerInput>>,
    #[serde(default)]
    pub(crate) phase2: BTreeMap<String, Changes>,
    #[serde(default)]
    pub(crate) phase3: Ended,
}

/// A route of the kernel that was there, in the words of `ip route`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct InputRoute {
    pub(crate) dst: String,
    pub(crate) via: Option<String>,
    pub(crate) dev: Option<String>,
    pub(crate) metric: Option<u32>,
    pub(crate) proto: Option<String>,
    #[serde(default)]
    pub(crate) onlink: bool,
    #[serde(default)]
    pub(crate) nexthops: Vec<Hop>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) table: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Hop {
    pub(crate) via: String,
    pub(crate) dev: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SpeakerInput {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    pub(crate) asn: u32,
    pub(crate) router_id: Ipv4Addr,
    pub(crate) node_ip: IpAddr,
    pub(crate) node_port: u16,
    pub(crate) mode: Mode,
    pub(crate) ttl: u32,
    pub(crate) routes: Vec<Route>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Listen,
    Dial,
}

/// A route of a peer.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Route {
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) path_id: u32,
    pub(crate) origin: String,
    pub(crate) as_path: Vec<PathElement>,
    pub(crate) next_hop: String,
    pub(crate) local_pref: Option<u32>,
    pub(crate) med: Option<u32>,
    #[serde(default)]
    pub(crate) communities: Vec<[u16; 2]>,
    #[serde(default)]
    pub(crate) large_communities: Vec<[u32; 3]>,
    pub(crate) originator_id: Option<Ipv4Addr>,
    #[serde(default)]
    pub(crate) cluster_list: Vec<Ipv4Addr>,
    /// Flags, type and value in hexadecimal digits.
    #[serde(default)]
    pub(crate) unknown: Vec<(u8, u8, String)>,
}

/// A part of an AS path.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(untagged)]
pub(crate) enum PathElement {
    Asn(u32),
    Set(Vec<u32>),
}

/// What is changed for the second phase.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    pub(crate) kernel: KernelChanges,
    pub(crate) bgp: BTreeMap<String, PeerChanges>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct KernelChanges {
    pub(crate) del: Vec<InputRoute>,
    pub(crate) add: Vec<InputRoute>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PeerChanges {
    pub(crate) withdraw: Vec<(String, u32)>,
    pub(crate) announce: Vec<Route>,
}

/// The peers that end their sessions before the third phase.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Ended {
    #[serde(default)]
    pub(crate) cease: Vec<String>,
}

/// What stood where after a phase.
#[derive(Debug, Deserialize)]
pub(crate) struct Phase {
    /// By peer.
    pub(crate) announced: BTreeMap<String, Vec<Route>>,
    /// By family.
    pub(crate) kernel: BTreeMap<String, Vec<KernelRow>>,
}

/// A route that the daemon put into the kernel.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct KernelRow {
    pub(crate) dst: String,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    #[serde(alias = "gateway")]
    pub(crate) via: Option<String>,
    pub(crate) dev: Option<String>,
    pub(crate) metric: Option<u32>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    #[serde(default)]
    pub(crate) nexthops: Vec<RowHop>,
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RowHop {
    #[serde(alias = "gateway")]
    pub(crate) via: Option<String>,
    pub(crate) dev: String,
}

/// All recordings; none where the corpus is absent.
pub(crate) fn read_all() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/behaviours");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("{} is absent: nothing is compared", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

impl Recording {
    /// The identifiers that the recorded daemon had in its sessions.
    pub(crate) fn router_ids(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.sessions.values().filter_map(|session| Some(session.open.as_ref()?.router_id))
    }

    /// Leaves out the prefixes whose routes come with AS_SETs, which are not to be announced any more (RFC 9774).
    fn without_sets(mut self) -> Self {
        let has_set = |route: &&Route| route.as_path.iter().any(|part| matches!(part, PathElement::Set(_)));
        let inputs = self.inputs.speakers.values().flatten().flat_map(|speaker| &speaker.routes);
        let prefixes: BTreeSet<String> = inputs.filter(has_set).map(|route| route.prefix.clone()).collect();
        let is_kept = |route: &Route| !prefixes.contains(&route.prefix);
        for speaker in self.inputs.speakers.values_mut().flatten() {
            speaker.routes.retain(is_kept);
        }
        for changes in self.inputs.phase2.values_mut().flat_map(|changes| changes.bgp.values_mut()) {
            changes.announce.retain(is_kept);
            changes.withdraw.retain(|(prefix, _)| !prefixes.contains(prefix));
        }
        for phase in [&mut self.phase1, &mut self.phase2, &mut self.phase3].into_iter().flatten() {
            phase.announced.values_mut().for_each(|routes| routes.retain(is_kept));
            phase.kernel.values_mut().for_each(|rows| rows.retain(|row| !prefixes.contains(&row.prefix())));
        }
        self
    }
}

impl KernelRow {
    /// The destination with its length, which `ip` leaves out for hosts.
    pub(crate) fn prefix(&self) -> String {
        let host = if self.dst.contains(':') { "/128" } else { "/32" };
        if self.dst.contains('/') { self.dst.clone() } else { format!("{}{host}", self.dst) }
    }
}

fn read(path: &Path) -> Recording {
    let output = Command::new("gzip").arg("-dc").arg(path).output().expect("gzip");
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let recording: Recording =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    recording.without_sets()
}
