//! Hostile neighbours: what an attack of one peer costs a daemon, and the others.

mod attack;
mod bystanders;
mod memory;
mod page;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use self::attack::Attack;
use self::bystanders::Bystanders;
use self::memory::Memory;
use self::page::Figures;
use crate::daemon::{self, Images, Kind};
use crate::engine;
use crate::stage::Stage;

/// Which daemons are attacked.
#[derive(Args)]
pub(crate) struct HostileArguments {
    /// The daemons
    #[arg(long, value_enum, default_values_t = [Kind::Margay, Kind::Bird])]
    daemon: Vec<Kind>,
    /// Write the table here
    #[arg(long)]
    page: Option<PathBuf>,
}

/// Attacks each daemon in each way, and prints the table.
///
/// # Errors
///
/// A daemon cannot be started, or has ended.
pub(crate) fn run(arguments: &HostileArguments) -> Result<()> {
    engine::remove_leftovers()?;
    let folders: Vec<&str> = arguments.daemon.iter().filter_map(|kind| kind.adapter().image()).collect();
    engine::build_missing(&folders, false)?;
    let images = daemon::images_of(&arguments.daemon)?;
    let mut rows = Vec::new();
    for attack in Attack::ALL {
        for kind in &arguments.daemon {
            let figures =
                one(attack, *kind, &images).with_context(|| format!("{attack:?} against {kind:?}"))?;
            println!("{:<22} {:<8} {figures}", attack.name(), kind.adapter().title());
            rows.push((attack, *kind, figures));
        }
    }
    let table = page::table(&rows, &arguments.daemon);
    println!("\n{table}");
    arguments.page.as_ref().map_or(Ok(()), |page| page::write(page, &table))
}

fn one(attack: Attack, kind: Kind, images: &Images) -> Result<Figures> {
    let mut stage = Stage::new(kind, kind, images, PATIENCE)?;
    let subject = stage.subject(65001)?;
    let attacker = stage.place(65003)?;
    stage.expects(subject, &attacker, |peer| {
        peer.prefix_limit = Some(attack::PREFIX_LIMIT);
        peer.extended_messages = true;
    });
    let mut bystanders = Bystanders::expected(&mut stage, subject)?;
    stage.start()?;
    bystanders.join(&stage, subject)?;
    let before = bystanders.latency(Duration::from_secs(3), || true)?;
    let memory = Memory::of(stage.container(subject)?.process()?);
    let resident = memory.resident_kib()?;
    let running = attack.begin(&stage, subject, &attacker)?;
    let during = bystanders.latency(attack::TIME, || running.goes_on())?;
    let acts = running.end()?;
    let after = bystanders.latency(Duration::from_secs(3), || true)?;
    Ok(Figures {
        acts,
        before,
        during,
        after,
        grown_kib: memory.peak_kib()?.saturating_sub(resident),
        closed: bystanders.closed(),
    })
}

/// Time of one attack on one daemon, with the start.
const PATIENCE: Duration = Duration::from_secs(90);
