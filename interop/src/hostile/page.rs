//! The table of attacks.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::attack::{Attack, PREFIX_LIMIT, TIME};
use super::bystanders::Latency;
use crate::daemon::Kind;

/// What an attack has cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Connections and messages of the attacker.
    pub(super) acts: usize,
    pub(super) before: Latency,
    pub(super) during: Latency,
    pub(super) after: Latency,
    /// Peak of resident memory above that before the attack.
    pub(super) grown_kib: u64,
    /// Whether a session of the others has ended.
    pub(super) closed: bool,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acts, before, during, after, grown_kib, closed } = self;
        let lost = if *closed { ", sessions of others lost" } else { "" };
        write!(
            f,
            "{acts}: {} → {} → {}, +{} MiB{lost}",
            before.text(),
            during.text(),
            after.text(),
            grown_kib / 1024
        )
    }
}

/// The table in Markdown.
pub(super) fn table(rows: &[(Attack, Kind, Figures)], kinds: &[Kind]) -> String {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.adapter().title()).collect();
    let mut text = format!("| attack | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(kinds.len()));
    for attack in Attack::ALL {
        text += &format!("| {} |", attack.name());
        for kind in kinds {
            let found = rows.iter().find(|row| (row.0, row.1) == (attack, *kind));
            text += &format!(" {} |", found.map(|row| row.2.to_string()).unwrap_or_default());
        }
        text += "\n";
    }
    text
}

/// Writes the page.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn write(path: &Path, table: &str) -> Result<()> {
    let head = format!(
        "# Hostile neighbours\n\n\
         `cargo xtask hostile` writes this page. Each attack goes on for {} s from one configured peer, while two others exchange a route:\n\
         one changes it, the other waits for the change. The figures are the connections and messages of the attacker; the median and the worst time of that before, during and after the\n\
         attack, and by how much the peak of the daemon's resident memory is above that before. The attacker's limit is {PREFIX_LIMIT} prefixes. All\n\
         processes share two cores, the attacker too.\n\n",
        TIME.as_secs()
    );
    fs::write(path, head + table).with_context(|| path.display().to_string())
}
