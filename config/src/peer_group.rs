//! `[peer_group.NAME]`: settings that peers have in common.

use std::collections::BTreeMap;

use margay_suggestion::did_you_mean;

use crate::filters::Filters;
use crate::left_out::ObjectName;
use crate::name;
use crate::peer_settings::{Given, PeerSettings};
use crate::report::Report;
use crate::root::Root;
use crate::section::Value;

/// The groups of all files by name, each with what it takes from the group that it names itself.
#[derive(Default)]
pub(crate) struct PeerGroups(BTreeMap<String, PeerGroup>);

#[derive(Clone, Default)]
struct PeerGroup {
    settings: PeerSettings,
    /// Whether it has no errors, and no group that it takes settings from has one.
    is_right: bool,
}

impl PeerGroups {
    /// Reads all `[peer_group.NAME]` tables.
    pub(crate) fn read(root: &mut Root<'_>, filters: &Filters, report: &mut Report<'_>) -> Self {
        let tables = root.named("peer_group", report);
        let sources = tables.iter().map(|&(value, offset)| (value.key(), (value, offset))).collect();
        let mut reader = GroupReader { sources, filters, done: BTreeMap::new(), under_way: Vec::new() };
        for (value, _) in tables {
            reader.group(value.key(), report);
        }
        Self(reader.done)
    }

    /// The settings of the group that a value names. What uses a group with errors is left out with it.
    pub(crate) fn settings(&self, name: &str, value: Value<'_>, report: &mut Report<'_>) -> PeerSettings {
        let Some(group) = self.0.get(name) else {
            let suggestion = did_you_mean(name, self.0.keys().map(String::as_str));
            value.reject(report, format_args!("there is no peer group {name:?}{suggestion}"));
            return unknown_settings();
        };
        if !group.is_right {
            report.miss(format_args!("peer_group {name} is left out"));
        }
        group.settings.clone()
    }
}

/// The group might have given the AS: its users are not to be blamed for the absence of one.
fn unknown_settings() -> PeerSettings {
    PeerSettings { remote_asn: Given::Wrong, ..PeerSettings::default() }
}

/// Reads groups in the order in which they take settings from each other.
struct GroupReader<'t, 'f> {
    sources: BTreeMap<&'t str, (Value<'t>, usize)>,
    filters: &'f Filters,
    done: BTreeMap<String, PeerGroup>,
    /// The groups that wait for one that they take settings from.
    under_way: Vec<&'t str>,
}

impl<'t> GroupReader<'t, '_> {
    /// The group of this name, which is in the files.
    fn group(&mut self, name: &'t str, report: &mut Report<'_>) -> PeerGroup {
        if let Some(group) = self.done.get(name) {
            return group.clone();
        }
        let Some(&(value, key_offset)) = self.sources.get(name) else { return PeerGroup::default() };
        // A group that is read first, because this one names it, has its own errors.
        let parent = self.parent(name, value, report);
        let mark = report.mark();
        if let Err(text) = name::check(name) {
            report.add(key_offset, text);
        }
        let settings = self.read(value, parent, report);
        let is_right = report.close(mark, || ObjectName::Named("peer_group", name.to_owned()));
        let group = PeerGroup { settings: settings.unwrap_or_default(), is_right };
        self.done.insert(name.to_owned(), group.clone());
        group
    }

    /// Reads the group that a group names before itself; `None` where it names none that there is.
    fn parent(&mut self, name: &'t str, value: Value<'t>, report: &mut Report<'_>) -> Option<PeerGroup> {
        let parent = value.text_under("group")?;
        if !self.sources.contains_key(parent) || parent == name || self.under_way.contains(&parent) {
            return None;
        }
        self.under_way.push(name);
        let group = self.group(parent, report);
        self.under_way.pop();
        Some(group)
    }

    fn read(
        &self,
        value: Value<'t>,
        parent: Option<PeerGroup>,
        report: &mut Report<'_>,
    ) -> Option<PeerSettings> {
        let name = value.key();
        let mut section = value.table(format!("[peer_group.{name}]"), report)?;
        let named =
            section.get("group").and_then(|value| value.string("mesh", report).map(|name| (name, value)));
        let own = PeerSettings::read(&mut section, self.filters, report);
        section.finish(report);
        let Some((parent_name, place)) = named else { return Some(own) };
        let Some(parent) = parent else {
            self.reject_parent(name, parent_name, place, report);
            return Some(own.or(unknown_settings()));
        };
        if !parent.is_right {
            report.miss(format_args!("peer_group {parent_name} is left out"));
        }
        Some(own.or(parent.settings))
    }

    fn reject_parent(&self, name: &str, parent: &str, place: Value<'_>, report: &mut Report<'_>) {
        if self.sources.contains_key(parent) {
            let circle = self.under_way.iter().copied().chain([name, parent]).collect::<Vec<_>>();
            let circle = circle.join(" takes settings from ");
            place.reject(report, format_args!("groups take settings from each other in a circle: {circle}"));
        } else {
            let suggestion = did_you_mean(parent, self.sources.keys().copied());
            place.reject(report, format_args!("there is no peer group {parent:?}{suggestion}"));
        }
    }
}
