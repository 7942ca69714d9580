//! The daemon under test, its network, a small disk, and peers that stay.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use margay_lab::{Attachment, Lab, Margay, MargayBinaries, Namespace, RouterSettings, Segment};

use super::addresses::{DAEMON, PEER_ASN, steady_address};
use super::bad_link::BadLink;
use super::small_disk::SmallDisk;
use super::steady::Steady;

/// Everything but the peers that come and go.
pub(super) struct World {
    pub(super) daemon: Margay,
    /// Where the daemon is.
    pub(super) router: Namespace,
    /// Where the peers are that come and go.
    pub(super) crowd: Namespace,
    pub(super) crowd_link: Attachment,
    pub(super) bad_link: Option<BadLink>,
    /// Where the peers are that stay.
    pub(super) calm: Namespace,
    pub(super) steady: Vec<Steady>,
    /// The disk of recordings and files for collectors.
    pub(super) disk: SmallDisk,
    _link: Segment,
    // It removes the namespaces, so it is the last to go.
    _lab: Lab,
}

impl World {
    /// Starts the daemon, and the peers that stay.
    pub(super) fn new(margayd: &Path) -> Result<Self> {
        let lab = Lab::new()?;
        let link = lab.segment("link")?;
        let [router, crowd, calm] = ["router", "crowd", "calm"].map(|label| lab.namespace(label));
        let (router, crowd, calm) = (router?, crowd?, calm?);
        link.attach(&router, "eth0", &[&format!("{DAEMON}/16")])?;
        let crowd_link = link.attach(&crowd, "eth0", &["172.16.1.0/16"])?;
        link.attach(&calm, "eth0", &["172.16.0.10/16"])?;
        let disk = SmallDisk::mount()?;
        let mut daemon =
            Margay::new(&router, RouterSettings::new(65001, DAEMON), &MargayBinaries::beside(margayd)?);
        daemon.start_with(&configuration(&disk.folder))?;
        let mut world = Self {
            daemon,
            router,
            crowd,
            crowd_link,
            bad_link: None,
            calm,
            steady: Vec::new(),
            disk,
            _link: link,
            _lab: lab,
        };
        for number in 0..STEADY {
            if number > 0 {
                world.calm.ip(&format!("address add {}/16 dev eth0", steady_address(number)))?;
            }
            world.steady.push(Steady::join(&world.calm, number)?);
        }
        Ok(world)
    }

    /// The daemon's process.
    pub(super) fn process(&self) -> Result<String> {
        let pids = Command::new("ip").args(["netns", "pids", self.router.name()]).output()?;
        let pids = String::from_utf8(pids.stdout)?;
        for pid in pids.lines() {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if name.trim() == "margayd" {
                return Ok(pid.to_owned());
            }
        }
        bail!("the daemon does not run")
    }
}

/// Peers that stay.
const STEADY: u8 = 3;

fn configuration(disk: &Path) -> String {
    format!(
        "[global]\nasn = 65001\nrouter_id = \"{DAEMON}\"\nebgp_without_filters = \"accept\"\nlog = \"warn\"\n\
         [kernel]\n\
         [mrt]\nupdates = \"{disk}/updates.%H%M.mrt\"\nupdates_interval = \"1m\"\n\
         table_dump = \"{disk}/table.%H%M.mrt\"\ntable_dump_interval = \"1m\"\n\
         [peer_group.crowd]\nremote_asn = {PEER_ASN}\nhold_time = \"90s\"\ngraceful_restart = false\n\
         [[dynamic_peers]]\nrange = \"172.16.0.0/16\"\ngroup = \"crowd\"\nlimit = 1100\n",
        disk = disk.display()
    )
}
