//! `margay diff FILE`: what a reload of the file would do to whom.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use margay_config::{Config, ConfigDiff, Files, NamedFiles, PeerEffect, diff};
use margay_control::{ConfigurationFiles, ObjectChangeKind, Request};
use serde_json::json;

use super::disk_files::{self, DiskFiles};
use crate::client::{Client, understand};
use crate::run_error::RunError;
use crate::table::{Align, Table};

pub(crate) fn run(
    client: &Client,
    file: &Path,
    json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let running: ConfigurationFiles = understand(client.ask(&Request::Configuration)?)?;
    let new = disk_files::read(file, NamedFiles::Checked)?;
    for error in &new.errors {
        writeln!(out, "{}\n", error.snippet())?;
    }
    let (Some(old), Some(mut config)) = (running_config(running), new.config) else {
        writeln!(out, "{}: cannot be compared with what is in force", file.display())?;
        return Ok(ExitCode::FAILURE);
    };
    config.keep_former(&old);
    let consequences = consequences(&diff(&old, &config), &config);
    if json {
        writeln!(out, "{:#}", as_json(&consequences))?;
    } else {
        write_text(&consequences, &config, out)?;
    }
    Ok(if new.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the daemon reads from its files, as far as this machine has the files that they name.
fn running_config(running: ConfigurationFiles) -> Option<Config> {
    let mut files: BTreeMap<String, String> =
        running.files.iter().map(|file| (file.name.clone(), file.text.clone())).collect();
    let first = running.files.into_iter().next()?;
    files.remove(&first.name);
    margay_config::read(&first.name, &first.text, &mut RunningFiles { files }, NamedFiles::Unchecked).config
}

/// The files that the daemon has read; others are read where they are.
struct RunningFiles {
    files: BTreeMap<String, String>,
}

impl Files for RunningFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        match self.files.get(&path.display().to_string()) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => DiskFiles.read(path),
        }
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String> {
        let inside = |name: &&String| Path::new(name).parent() == Some(folder);
        let names = self.files.keys().filter(inside).filter_map(|name| Path::new(name).file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }
}

/// What happens to an object.
struct Consequence {
    object: String,
    /// Such as `new session`.
    what: String,
    /// The keys whose values differ.
    keys: Vec<&'static str>,
}

/// All that happens to any object, in the order in which a reload does it; what nothing happens to is not there.
fn consequences(changes: &ConfigDiff, new: &Config) -> Vec<Consequence> {
    let mut found = Vec::new();
    let mut note = |object: String, what: String, keys: Vec<&'static str>| {
        found.push(Consequence { object, what, keys });
    };
    for left_out in new.left_out() {
        let what = if left_out.is_kept { "left out, goes on as it was" } else { "left out" };
        note(left_out.object.to_string(), what.to_owned(), Vec::new());
    }
    if !changes.global_changed.is_empty() {
        note("global".to_owned(), "changed, sessions kept".to_owned(), changes.global_changed.clone());
    }
    let (added, removed) = (ObjectChangeKind::Added, ObjectChangeKind::Removed);
    let networks = changes.networks_removed.iter().map(|network| (network, removed));
    let networks = networks.chain(changes.networks_added.iter().map(|network| (network, added)));
    let changed = changes.networks_changed.iter().map(|network| (network, ObjectChangeKind::Changed));
    for (network, what) in networks.chain(changed) {
        note(format!("network {}", network.prefix), what.to_string(), Vec::new());
    }
    for (name, what) in local_routes(changes) {
        note(name, what.to_string(), Vec::new());
    }
    if changes.kernel_export_changed {
        note("kernel".to_owned(), "changed, routes looked at again".to_owned(), vec!["kernel.export"]);
    }
    let ranges = changes.dynamic_peers_removed.iter().map(|range| (range, removed));
    for (range, what) in ranges.chain(changes.dynamic_peers_added.iter().map(|range| (range, added))) {
        note(format!("dynamic peers {}", range.range), what.to_string(), Vec::new());
    }
    for change in &changes.dynamic_peers_changed {
        let range = format!("dynamic peers {}", change.new.range);
        note(range, "changed, sessions may close".to_owned(), change.keys.clone());
    }
    for peer in &changes.peers_removed {
        note(format!("peer {}", peer.name), removed.to_string(), Vec::new());
    }
    for change in &changes.peers_changed {
        let effects: Vec<&str> = change.effects().into_iter().map(effect_text).collect();
        note(format!("peer {}", change.new.name), effects.join(", "), change.keys.clone());
    }
    for peer in &changes.peers_added {
        note(format!("peer {}", peer.name), added.to_string(), Vec::new());
    }
    for key in &changes.needs_restart {
        note("daemon".to_owned(), "needs a restart".to_owned(), vec![key]);
    }
    found
}

/// What happens to static routes and aggregates.
fn local_routes(changes: &ConfigDiff) -> impl Iterator<Item = (String, ObjectChangeKind)> {
    let statics = [
        (&changes.static_routes_removed, ObjectChangeKind::Removed),
        (&changes.static_routes_added, ObjectChangeKind::Added),
        (&changes.static_routes_changed, ObjectChangeKind::Changed),
    ];
    let aggregates = [
        (&changes.aggregates_removed, ObjectChangeKind::Removed),
        (&changes.aggregates_added, ObjectChangeKind::Added),
        (&changes.aggregates_changed, ObjectChangeKind::Changed),
    ];
    let statics = statics
        .into_iter()
        .flat_map(|(routes, what)| routes.iter().map(move |it| (format!("static {}", it.prefix), what)));
    let aggregates = aggregates
        .into_iter()
        .flat_map(|(all, what)| all.iter().map(move |it| (format!("aggregate {}", it.prefix), what)));
    statics.chain(aggregates)
}

fn effect_text(effect: PeerEffect) -> &'static str {
    match effect {
        PeerEffect::Shown => "nothing",
        PeerEffect::FiltersIn => "filters in",
        PeerEffect::FiltersOut => "filters out",
        PeerEffect::InSession => "changed in the session",
        PeerEffect::NewSession => "new session",
    }
}

fn write_text(consequences: &[Consequence], new: &Config, out: &mut impl Write) -> Result<(), RunError> {
    let mut table = Table::new([("OBJECT", Align::Left), ("EFFECT", Align::Left), ("KEYS", Align::Left)]);
    for Consequence { object, what, keys } in consequences {
        table.row([object.clone(), what.clone(), keys.join(", ")]);
    }
    if !table.is_empty() {
        write!(out, "{table}")?;
    }
    let concerned = |name: &str| consequences.iter().any(|found| found.object == format!("peer {name}"));
    let others = new.peers().iter().filter(|peer| !concerned(&peer.name)).count();
    writeln!(out, "{others} {}: nothing", if others == 1 { "other peer" } else { "other peers" })?;
    Ok(())
}

fn as_json(consequences: &[Consequence]) -> serde_json::Value {
    let listed = consequences
        .iter()
        .map(|found| json!({"object": found.object, "effect": found.what, "keys": found.keys}));
    json!({ "changes": listed.collect::<serde_json::Value>() })
}
