//! What fails around the daemon for a while.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::bad_link::BadLink;
use super::world::World;

/// A fault that lasts for a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Only peers that come and go.
    None,
    /// Packets of peers that come and go are late, lost, and sent twice.
    BadLinks,
    /// Others remove routes of the daemon from the kernel, and add their own.
    KernelChanged,
    /// The disk of files for collectors is full.
    DiskFull,
    /// The daemon may open almost no more files.
    FewDescriptors,
    /// The daemon stands still, as in a machine that is moved.
    Standstill,
}

impl Fault {
    pub(super) const ALL: [Self; 6] = [
        Self::None,
        Self::BadLinks,
        Self::KernelChanged,
        Self::DiskFull,
        Self::FewDescriptors,
        Self::Standstill,
    ];

    /// What a reader of the report is to know of it.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::None => "peers that come and go alone",
            Self::BadLinks => {
                "their link is bad: delay, loss and duplicates by netem, or cuts of half a second where the kernel has none"
            }
            Self::KernelChanged => {
                "up to 50 of the daemon's routes are removed from the kernel, a foreign one is added"
            }
            Self::DiskFull => "the disk of MRT files is full",
            Self::FewDescriptors => "the limit of open files is 8 above what is open",
            Self::Standstill => "the daemon is stopped for 3 s (SIGSTOP)",
        }
    }

    /// Begins it.
    pub(super) fn begin(self, world: &mut World) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::BadLinks => {
                world.bad_link = Some(BadLink::begin(&world.crowd, &world.crowd_link)?);
                Ok(())
            }
            Self::KernelChanged => change_kernel(world),
            Self::DiskFull => world.disk.fill(),
            Self::FewDescriptors => {
                let open = std::fs::read_dir(format!("/proc/{}/fd", world.process()?))?.count();
                limit_descriptors(world, open + 8)
            }
            Self::Standstill => {
                world.daemon.freeze()?;
                std::thread::sleep(std::time::Duration::from_secs(3));
                world.daemon.thaw()
            }
        }
    }

    /// Undoes it.
    pub(super) fn end(self, world: &mut World) -> Result<()> {
        match self {
            Self::None | Self::Standstill => Ok(()),
            Self::BadLinks => world.bad_link.take().map_or(Ok(()), BadLink::end),
            Self::KernelChanged => {
                let routes = world.router.ip_output("route show proto 99")?;
                ensure!(
                    routes.contains("198.51.100.0/24"),
                    "the route of another program is gone: {routes:?}"
                );
                world.router.ip("route del blackhole 198.51.100.0/24 proto 99")
            }
            Self::DiskFull => world.disk.clear(),
            Self::FewDescriptors => limit_descriptors(world, DESCRIPTORS),
        }
    }
}

/// Most routes that others remove.
const REMOVED: usize = 50;
/// More than all peers need.
const DESCRIPTORS: usize = 8192;

fn change_kernel(world: &World) -> Result<()> {
    let shown = world.router.ip_output("route show proto 186")?;
    for line in shown.lines().step_by(2).take(REMOVED) {
        let prefix =
            line.split_whitespace().find(|word| word.contains('/')).with_context(|| line.to_owned())?;
        // The daemon may have removed it meanwhile.
        if let Err(error) = world.router.ip(&format!("route del {prefix} proto 186")) {
            ensure!(format!("{error:#}").contains("No such process"), "{error:#}");
        }
    }
    world.router.ip("route add blackhole 198.51.100.0/24 proto 99")
}

fn limit_descriptors(world: &World, number: usize) -> Result<()> {
    let process = world.process()?;
    let limit = format!("--nofile={number}:{DESCRIPTORS}");
    let status = Command::new("prlimit").args(["--pid", &process, &limit]).status().context("prlimit")?;
    ensure!(status.success(), "prlimit {limit}");
    Ok(())
}
