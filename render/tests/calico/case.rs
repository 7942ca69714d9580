//! The cases of the corpus.
#![allow(dead_code, reason = "each of the tests that share this file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use margay_cluster::document::read_json;
use margay_cluster::ipam::read_block_affinity;
use margay_cluster::key::{Key, ObjectKey};
use margay_cluster::object::{AnyObject, Kind};
use margay_cluster::schema::UnknownFields;
use margay_render::{Family, LocalWorkload, RouterIdSource, Secrets, Snapshot};
use serde_json::Value;

pub(crate) struct Case {
    pub(crate) case: String,
    pub(crate) nodename: String,
    whole: Value,
}

/// All cases, sorted; none where the corpus is absent.
pub(crate) fn read_all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/cases");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("{} is absent: nothing is compared", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| Case::read(path)).collect()
}

impl Case {
    #[allow(clippy::disallowed_methods, reason = "the crate reads no files, but its tests read the corpus")]
    fn read(path: &Path) -> Self {
        let whole: Value = serde_json::from_slice(&fs::read(path).expect("a case")).expect("JSON");
        let text = |name: &str| whole[name].as_str().expect("a text").to_owned();
        Self { case: text("case"), nodename: text("nodename"), whole }
    }

    /// What is recorded of a family; none for cases of which only the number of peers is known.
    pub(crate) fn expected(&self, family: Family) -> Option<&Value> {
        let expected = &self.whole["expect"][if family == Family::V4 { "v4" } else { "v6" }];
        expected.get("peers").is_some().then_some(expected)
    }

    /// The objects, read from the octets that would stand in the store.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot =
            Snapshot { secrets: self.secrets(), workloads: self.workloads(), ..Snapshot::default() };
        for ((kind, name), object) in self.objects() {
            snapshot.set(kind, &name, Some(&object));
        }
        for affinity in list(&self.whole["block_affinities"]) {
            let key = affinity["key"].as_str().expect("a key").parse();
            let Ok(Key::BlockAffinity(key)) = key else { panic!("{affinity}") };
            if key.owner == self.nodename {
                let value = serde_json::to_vec(&affinity["value"]).expect("JSON");
                snapshot.blocks.insert(key.block, read_block_affinity(&value).expect("an affinity"));
            }
        }
        if let Some(router_id) = self.router_id() {
            snapshot.router_id = RouterIdSource::Fixed(router_id.parse().expect("a router id"));
        }
        // Services are Kubernetes' own; what follows from them is given here.
        for family in ["v4", "v6"] {
            let statics = list(&self.whole["expect"][family]["statics"]);
            snapshot.service_routes.extend(statics.iter().map(|network| {
                network.as_str().expect("a network").parse::<ipnet::IpNet>().expect("a network")
            }));
        }
        snapshot
    }

    /// The objects by kind and name.
    pub(crate) fn objects(&self) -> BTreeMap<(Kind, String), AnyObject> {
        let decode = |resource: &Value| {
            let octets = serde_json::to_vec(resource).expect("JSON");
            let document = read_json(&octets).expect("JSON");
            let object = AnyObject::decode(&document, UnknownFields::Ignore)
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", self.case));
            ((object.kind(), object.metadata().name.as_str().to_owned()), object)
        };
        list(&self.whole["resources"]).iter().map(decode).collect()
    }

    /// What stands in the store: values by their keys.
    pub(crate) fn stored(&self) -> BTreeMap<String, Vec<u8>> {
        let octets = |value: &Value| serde_json::to_vec(value).expect("JSON");
        let objects = list(&self.whole["resources"]).iter().map(|resource| {
            let document = octets(resource);
            let node = read_json(&document).expect("JSON");
            let object = AnyObject::decode(&node, UnknownFields::Ignore).expect("an object");
            (ObjectKey::from(&object).to_string(), octets(resource))
        });
        let affinities = list(&self.whole["block_affinities"]).iter();
        let affinities = affinities.map(|affinity| {
            (affinity["key"].as_str().expect("a key").to_owned(), octets(&affinity["value"]))
        });
        objects.chain(affinities).collect()
    }

    /// The passwords by secret and key.
    pub(crate) fn passwords(&self) -> BTreeMap<(String, String), String> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let of_secret = |secret: &Value| -> Vec<_> {
            let data = secret["data"].as_object().expect("keys");
            data.iter().map(|(key, value)| ((text(&secret["name"]), key.clone()), text(value))).collect()
        };
        list(&self.whole["secrets"]).iter().flat_map(of_secret).collect()
    }

    /// The files about endpoints by their names.
    pub(crate) fn endpoint_files(&self) -> BTreeMap<String, String> {
        let files = self.whole["endpoint_status"].as_object().into_iter().flatten();
        files.map(|(name, file)| (name.clone(), file.to_string())).collect()
    }

    /// The BGP identifier that the environment of the node gives.
    pub(crate) fn router_id(&self) -> Option<&str> {
        self.whole["env"]["CALICO_ROUTER_ID"].as_str()
    }

    /// The sequence that it is a step of, and which step.
    pub(crate) fn sequence(&self) -> Option<(&str, u64)> {
        let sequence = &self.whole["sequence"];
        Some((sequence["name"].as_str()?, sequence["step"].as_u64()?))
    }

    fn secrets(&self) -> Secrets {
        let mut files = BTreeSet::new();
        for secret in list(&self.whole["secrets"]) {
            let name = secret["name"].as_str().expect("a name");
            let keys = secret["data"].as_object().expect("keys").keys();
            files.extend(keys.map(|key| (name.to_owned(), key.clone())));
        }
        Secrets { folder: "/secrets".to_owned(), files }
    }

    fn workloads(&self) -> BTreeSet<LocalWorkload> {
        let status = self.whole["endpoint_status"].as_object();
        let with_peer = status.into_iter().flat_map(|files| files.values()).filter_map(|status| {
            let peer = status["bgpPeerName"].as_str().filter(|name| !name.is_empty())?.to_owned();
            let networks = list(&status["ipv4Nets"]).iter().chain(list(&status["ipv6Nets"]));
            let networks =
                networks.map(|network| network.as_str().expect("a text").parse().expect("a network"));
            Some(LocalWorkload { peer, networks: networks.collect() })
        });
        with_peer.collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
