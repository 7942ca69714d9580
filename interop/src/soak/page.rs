//! The report of a soak.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::checkpoint::Checkpoint;
use super::crowd::Crowd;
use super::fault::Fault;
use super::memory;

/// The figures as text in Markdown.
pub(super) fn report(
    build: &str,
    peers: u16,
    took: Duration,
    counts: &[u32],
    crowd: &Crowd,
    checkpoints: &[Checkpoint],
) -> String {
    let done = crowd.counts;
    let mut text = format!(
        "{:.0} minutes with a {build} build, {peers} peers that come and go, 3 that stay, {} checkpoints.\n\n| event | number |\n|---|---|\n",
        took.as_secs_f64() / 60.0,
        checkpoints.len()
    );
    for (what, number) in [
        ("sessions established", done.sessions),
        ("attempts without a session (held off after garbage, bad links, few descriptors)", done.refused),
        ("connections closed by the peer", done.closed),
        ("connections reset by the peer", done.reset),
        ("garbage in a session", done.garbage),
        ("connections left half open for 20 s", done.half_open),
        ("UPDATEs of 4 prefixes", done.updates),
    ] {
        text += &format!("| {what} | {number} |\n");
    }
    text += "\n| fault of 8 s | times |\n|---|---|\n";
    for (fault, number) in Fault::ALL.iter().zip(counts) {
        text += &format!("| {} | {number} |\n", fault.description());
    }
    text + "\n" + &outcome(crowd, checkpoints)
}

fn outcome(crowd: &Crowd, checkpoints: &[Checkpoint]) -> String {
    let mut text = "| found | number |\n|---|---|\n".to_owned();
    let steady: usize = checkpoints.iter().map(|checkpoint| checkpoint.steady_lost).sum();
    let wrong: usize = checkpoints.iter().map(|checkpoint| checkpoint.wrong).sum();
    text += &format!("| sessions lost without cause, of peers that stay | {steady} |\n");
    text += &format!("| sessions lost without cause, of peers that come and go | {} |\n", crowd.lost);
    text += &format!("| routes wrong at a checkpoint, at peers and in the kernel | {wrong} |\n");
    let settled = checkpoints.iter().map(|checkpoint| checkpoint.settled_in).max().unwrap_or_default();
    text += &format!("| longest time until all tables were exact | {:.1} s |\n", settled.as_secs_f64());
    let routes = checkpoints.iter().map(|checkpoint| checkpoint.routes).max().unwrap_or_default();
    text += &format!("| most routes at a checkpoint | {routes} |\n");
    let memory = checkpoints.iter().map(|checkpoint| checkpoint.resident_kib);
    text += &format!("| most resident memory at a checkpoint | {} KiB |\n", memory.max().unwrap_or_default());
    let slope = memory::slope_kib_per_hour(checkpoints);
    let slope =
        slope.map_or_else(|| "too short to tell".to_owned(), |slope| format!("{slope:.0} KiB an hour"));
    text + &format!("| slope of resident memory over the second half | {slope} |\n")
}

/// Writes the page.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn write(path: &Path, report: &str) -> Result<()> {
    fs::write(path, format!("{HEAD}\n{report}")).with_context(|| path.display().to_string())
}

/// What stands before the figures.
const HEAD: &str = "\
# Soak

`cargo xtask soak --minutes 10` (or `--hours 1`) runs the real daemon in network namespaces, and writes this page. Peers of the harness come
and go in an order from a seed: they connect, announce, replace and withdraw routes, close or reset connections, leave them half open, send
garbage. One fault after the other lasts for 8 s meanwhile. Then there is a checkpoint: nothing changes, and soon every peer that stays must
have exactly the routes of the others, each in its last version, and the kernel as well. A session that the daemon ends is lost without cause,
unless the peer has sent garbage.

Not part of it: a jump of the wall clock, which would be that of the whole machine (the simulation has jumps, [testing.md](testing.md)), and a limit of
memory (`memory_guard` has end-to-end tests).
";
