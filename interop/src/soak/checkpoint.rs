//! A moment without changes, at which every table must be exact.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ipnet::IpNet;
use margay_lab::{Family, kernel_routes};

use super::crowd::Crowd;
use super::world::World;

/// What was found at one checkpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checkpoint {
    /// Since the start of the soak.
    pub(super) at: Duration,
    pub(super) sessions: usize,
    pub(super) routes: usize,
    /// Time until all tables were exact.
    pub(super) settled_in: Duration,
    /// Routes that were still wrong in the end, of all peers that stay and the kernel.
    pub(super) wrong: usize,
    /// Sessions of peers that stay that were lost since the last checkpoint.
    pub(super) steady_lost: usize,
    pub(super) resident_kib: u64,
}

impl Checkpoint {
    /// Waits until all tables are exact, for a while at most.
    ///
    /// # Errors
    ///
    /// The daemon has ended, or cannot be asked.
    pub(super) fn take(world: &mut World, crowd: &mut Crowd, started: Instant) -> Result<Self> {
        ensure!(world.daemon.is_running(), "the daemon has ended: {}", world.daemon.log()?);
        let mut steady_lost = 0;
        for steady in &mut world.steady {
            steady_lost += usize::from(steady.renew(&world.calm)?);
        }
        let quiet = Instant::now();
        let (wrong, routes) = loop {
            crowd.notice_ends();
            let expected = crowd.expected();
            let wrong = wrong(world, &expected)?;
            if wrong == 0 || quiet.elapsed() > PATIENCE {
                break (wrong, expected.len());
            }
            thread::sleep(Duration::from_millis(100));
        };
        Ok(Self {
            at: started.elapsed(),
            sessions: crowd.sessions() + world.steady.len(),
            routes,
            settled_in: quiet.elapsed(),
            wrong,
            steady_lost,
            resident_kib: world.daemon.resident_octets()? / 1024,
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, routes, settled_in, wrong, steady_lost, resident_kib, .. } = self;
        let settled = settled_in.as_secs_f64();
        write!(
            f,
            "{sessions} sessions, {routes} routes exact after {settled:.1} s, {wrong} wrong, {steady_lost} lost, {resident_kib} KiB"
        )
    }
}

/// Wrong routes of all peers that stay and of the kernel.
fn wrong(world: &World, expected: &BTreeMap<IpNet, Vec<u8>>) -> Result<usize> {
    let of_peers: usize = world.steady.iter().map(|steady| steady.wrong(expected)).sum();
    let kernel = kernel_routes(&world.router, Family::Ipv4, 186)?;
    let missing = expected.keys().filter(|prefix| !kernel.contains_key(&prefix.to_string())).count();
    Ok(of_peers + missing + (kernel.len() + missing).saturating_sub(expected.len()))
}

/// How long a checkpoint waits for tables that are wrong; the machine may be busy, and the daemon looks for changes of the
/// kernel by others as they come.
const PATIENCE: Duration = Duration::from_secs(45);
