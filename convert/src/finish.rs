//! The last step of a conversion: what is missing, and a check that the result is right.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::model::{Speaker, quoted};
use crate::remark::{Remark, RemarkKind};
use crate::{Conversion, Secret, toml_text};

/// A conversion under way.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) speaker: Speaker,
    pub(crate) remarks: BTreeSet<Remark>,
    pub(crate) secrets: Vec<Secret>,
    /// The file that was converted.
    pub(crate) file: String,
}

/// Completes what has to be there, and leaves out what the operator's file cannot hold: rules that no route meets.
pub(crate) fn finish(mut draft: Draft) -> Conversion {
    if draft.speaker.router_id.is_none() {
        draft.speaker.router_id = Some(PLACEHOLDER);
        let text = format!("there is no router id: replace {PLACEHOLDER} by an address of this node");
        draft.add(RemarkKind::LeftOut, text);
    }
    if draft.speaker.asn.is_none() {
        draft.speaker.asn = Some(ANY_ASN);
        draft.add(RemarkKind::LeftOut, format!("there is no AS number: replace {ANY_ASN}"));
    }
    let toml = loop {
        let toml = toml_text::write(&draft.speaker);
        let Err(errors) = margay_config::parse("margay.toml", &toml) else { break toml };
        // Lines from the last one on, so that those before keep their numbers.
        let places: BTreeMap<usize, String> =
            errors.into_iter().map(|error| (error.line, error.text)).collect();
        let mut is_better = false;
        for (line, text) in places.into_iter().rev() {
            is_better |= draft.drop_rule(&toml, line, &text) || draft.drop_object(&toml, line, &text);
        }
        if !is_better {
            break toml;
        }
    };
    Conversion { toml, remarks: draft.remarks.into_iter().collect(), secrets: draft.secrets }
}

impl Draft {
    pub(crate) fn add(&mut self, kind: RemarkKind, text: String) {
        self.remarks.insert(Remark { file: self.file.clone(), line: 1, kind, text });
    }

    /// Leaves out what a line of `[global]` or `[kernel]` says. An AS number and a router id are replaced, as there has to be one.
    fn drop_setting(&mut self, table: &str, line: &str) -> bool {
        let key = line.split(" =").next().unwrap_or_default();
        let speaker = &mut self.speaker;
        match (table, key) {
            ("[global]", "asn") if speaker.asn != Some(ANY_ASN) => speaker.asn = Some(ANY_ASN),
            ("[global]", "router_id") if speaker.router_id != Some(PLACEHOLDER) => {
                speaker.router_id = Some(PLACEHOLDER);
            }
            ("[global]", "confederation") => speaker.confederation.identifier = None,
            ("[global]", "cluster_id") => speaker.cluster_id = None,
            ("[global]", "listen") => speaker.listen.clear(),
            ("[kernel]", key) => {
                let Some(kernel) = &mut speaker.kernel else { return false };
                match key {
                    "table" => kernel.tables.clear(),
                    "metric" => kernel.metric = None,
                    "multipath" => kernel.multipath = None,
                    "export" => kernel.export.clear(),
                    _ => return false,
                }
            }
            _ => return false,
        }
        true
    }

    /// Leaves out the network, static route, import of the kernel's routes, or set whose table a line of the result belongs to.
    fn drop_part(&mut self, table: &str, index: usize) -> Option<String> {
        let speaker = &mut self.speaker;
        match table {
            "[[network]]" => {
                let prefix = *speaker.networks.keys().nth(index)?;
                speaker.networks.remove(&prefix);
                Some(format!("network {prefix}"))
            }
            "[[static]]" => {
                let prefix = *speaker.statics.keys().nth(index)?;
                speaker.statics.remove(&prefix);
                Some(format!("static route {prefix}"))
            }
            "[[kernel.import]]" => {
                let imports = &mut speaker.kernel.as_mut()?.imports;
                (index < imports.len()).then(|| imports.remove(index))?;
                Some("routes of the kernel".to_owned())
            }
            _ => {
                let kinds = [
                    ("prefix_set", &mut speaker.prefix_sets),
                    ("community_set", &mut speaker.community_sets),
                    ("as_set", &mut speaker.as_sets),
                ];
                kinds.into_iter().find_map(|(kind, sets)| {
                    let is_meant = |name: &&String| {
                        table == format!("[{kind}.{name}]") || table == format!("[{kind}.{}]", quoted(name))
                    };
                    let name = sets.keys().find(is_meant).cloned()?;
                    sets.remove(&name);
                    Some(name)
                })
            }
        }
    }

    /// Leaves out the object whose table a line of the result belongs to, or the setting that stands on it.
    fn drop_object(&mut self, toml: &str, line: usize, error: &str) -> bool {
        let lines: Vec<&str> = toml.lines().take(line).collect();
        let Some(table) = lines.iter().rev().find(|line| line.starts_with('[')) else { return false };
        let index = lines.iter().filter(|line| *line == table).count() - 1;
        let setting = lines.last().copied().unwrap_or_default();
        if self.drop_setting(table, setting) {
            self.add(RemarkKind::LeftOut, format!("{setting}: {error}"));
            return true;
        }
        if let Some(name) = self.drop_part(table, index) {
            self.add(RemarkKind::LeftOut, format!("{name}: {error}"));
            return true;
        }
        let speaker = &mut self.speaker;
        let name = match *table {
            "[[peer]]" if index < speaker.peers.len() => {
                let peer = speaker.peers.remove(index);
                peer.name.unwrap_or_else(|| peer.address.to_string())
            }
            "[[dynamic_peers]]" if index < speaker.ranges.len() => {
                speaker.ranges.remove(index).range.to_string()
            }
            table => {
                let is_meant = |name: &String| {
                    table == format!("[peer_group.{name}]")
                        || table == format!("[peer_group.{}]", quoted(name))
                };
                let Some(name) = speaker.groups.keys().find(|name| is_meant(name)).cloned() else {
                    return false;
                };
                speaker.groups.remove(&name);
                name
            }
        };
        self.add(RemarkKind::LeftOut, format!("{name}: {error}"));
        true
    }

    /// Leaves out the rule that stands on a line of the result.
    fn drop_rule(&mut self, toml: &str, line: usize, error: &str) -> bool {
        let Some(found) = toml.lines().nth(line - 1) else { return false };
        let found = found.trim().trim_end_matches(',');
        for rules in self.speaker.filters.values_mut() {
            if let Some(index) = rules.iter().position(|rule| rule.to_toml() == found) {
                rules.remove(index);
                // A rule for no route changes nothing; of others, the operator has to know.
                if !error.contains("no route matches") {
                    let (found, text) = (found.to_owned(), error.to_owned());
                    self.add(RemarkKind::LeftOut, format!("{text}: {found}"));
                }
                return true;
            }
        }
        false
    }
}

/// An address of TEST-NET-1 (RFC 5737), which no node has.
const PLACEHOLDER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A private AS number, where none is known.
const ANY_ASN: u32 = 64512;
