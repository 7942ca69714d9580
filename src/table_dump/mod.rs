//! Dumps of the table of received routes in MRT format (RFC 6396 §4.3), from time to time.
//!
//! The speaker is asked for a page at a time and works on in between: a dump shows each prefix as it was at some time of the dump.

mod index;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bgp_codec::{BgpIdentifier, Family, NextHop};
use bytes::BytesMut;
use margay_config::MrtFiles;
use margay_mrt::{RibEntry, RibRecord, table_attributes};
use margay_rib::{PagePosition, RouteView};
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tracing::{info, warn};

use self::index::Index;
use crate::daemon::DaemonRequest;
use crate::mrt_files::{file_at, next_multiple};
use crate::speaker::{PeerSelection, RoutesQuestion, SpeakerHandle, SpeakerRequest};

/// What dumps are made of.
#[derive(Debug)]
pub(crate) struct TableSource {
    pub(crate) daemon: mpsc::Sender<DaemonRequest>,
    pub(crate) speaker: SpeakerHandle,
    pub(crate) router_id: BgpIdentifier,
}

/// Writes a dump at each multiple of the interval. A failed one is logged, and its file removed.
pub(crate) async fn run(source: TableSource, files: MrtFiles) {
    loop {
        let due = next_multiple(SystemTime::now(), files.interval);
        // In steps, because the clock may be set.
        while let Ok(left) = due.duration_since(SystemTime::now()) {
            sleep(left.min(LONGEST_SLEEP)).await;
        }
        let path = file_at(&files.path, due);
        match write(&source, &path).await {
            Ok(routes) => info!(file = %path.display(), routes, "a dump of the table is complete"),
            Err(error) => warn!(file = %path.display(), "no dump of the table: {error:#}"),
        }
    }
}

const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Writes a dump next to its place, and then moves it there. Returns the number of routes.
async fn write(source: &TableSource, path: &Path) -> anyhow::Result<u64> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let written = write_all(source, path, &unfinished).await;
    if written.is_err()
        && let Err(error) = fs::remove_file(&unfinished).await
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(file = %unfinished.display(), %error, "an unfinished dump stays behind");
    }
    written
}

async fn write_all(source: &TableSource, path: &Path, unfinished: &Path) -> anyhow::Result<u64> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.with_context(|| folder.display().to_string())?;
    }
    let mut file = BufWriter::new(File::create(unfinished).await?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = u32::try_from(now).unwrap_or(u32::MAX);
    let (answer, answered) = oneshot::channel();
    source.daemon.send(DaemonRequest::Peers(answer)).await?;
    let index = Index::of(source.router_id, &answered.await?);
    let mut out = BytesMut::new();
    index.encode(now, &mut out)?;
    let mut dump = Dump { index, now, sequence: 0, routes: 0 };
    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
        let mut next = Some(PagePosition::default());
        while let Some(position) = next {
            let page = page(source, family, position).await?;
            for routes in page.routes.chunk_by(|one, other| one.prefix == other.prefix) {
                dump.add(routes, &mut out)?;
            }
            file.write_all(&out).await?;
            out.clear();
            next = page.next;
        }
    }
    file.flush().await?;
    file.into_inner().sync_all().await?;
    fs::rename(unfinished, path).await?;
    Ok(dump.routes)
}

async fn page(
    source: &TableSource,
    family: Family,
    position: PagePosition,
) -> anyhow::Result<margay_rib::RoutePage> {
    let selection = PeerSelection::All;
    let question =
        RoutesQuestion { destination: None, selection, family, position, limit: PAGE_ROUTES, filter: None };
    let (answer, answered) = oneshot::channel();
    source.speaker.requests.send(SpeakerRequest::Routes(question, answer)).await?;
    match answered.await? {
        Some(page) => Ok(page),
        None => bail!("bug: a question about all peers names none"),
    }
}

/// Less than a millisecond of the speaker's time.
const PAGE_ROUTES: usize = 500;

/// A dump that is being written.
struct Dump {
    index: Index,
    now: u32,
    sequence: u32,
    routes: u64,
}

impl Dump {
    /// Adds the routes of one prefix. Those of peers that came after the begin of the dump are left out.
    fn add(&mut self, routes: &[RouteView], out: &mut BytesMut) -> anyhow::Result<()> {
        let of_known =
            routes.iter().filter_map(|route| Some((self.index.position(route.peer.as_deref())?, route)));
        let listed: Vec<(u16, &RouteView, Vec<u8>)> = of_known
            .map(|(peer, route)| {
                let next_hop = route.next_hop.unwrap_or_else(|| unspecified(route.prefix.family()));
                (peer, route, table_attributes(&route.attributes, next_hop))
            })
            .collect();
        let Some((_, first, _)) = listed.first() else { return Ok(()) };
        let entries = listed.iter().map(|(peer_index, route, attributes)| RibEntry {
            peer_index: *peer_index,
            // The table does not keep the time at which a route came.
            originated_seconds: self.now,
            path_id: Some(route.path_id).filter(|path_id| path_id.0 != 0),
            attributes,
        });
        let entries: Vec<RibEntry<'_>> = entries.collect();
        let count = entries.len() as u64;
        let record = RibRecord {
            sequence: self.sequence,
            safi: first.prefix.family().safi,
            prefix: first.prefix,
            entries,
        };
        record.encode(self.now, out)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.routes += count;
        Ok(())
    }
}

/// The next hop of a route that this speaker originates.
fn unspecified(family: Family) -> NextHop {
    if family == Family::IPV4_UNICAST {
        NextHop::Ipv4(std::net::Ipv4Addr::UNSPECIFIED)
    } else {
        NextHop::Ipv6(std::net::Ipv6Addr::UNSPECIFIED)
    }
}
