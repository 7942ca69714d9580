//! A crowd with the same prefixes, as of services that each node announces: its clients come, and all go at once.

use std::time::Instant;

use anyhow::Result;
use bgp_codec::{Ipv4Prefix, Message, Nlri, PeerKind, decode_message};
use bytes::{Bytes, BytesMut};
use foldhash::HashSet;

use super::reflector_stage::{ASN, CLUSTER, reflector};
use super::stage::{End, QUIET, Stage, Start};
use super::{Scenario, Turn};
use crate::measurement::Measurement;
use crate::peer::{Intake, PeerId, PeerSettings, decode_context};
use crate::subject::Subject;
use crate::workload::{ClientRoutes, ENCODER, FIRST_MED, SeededRandom};

/// How large the crowd is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrowdOptions {
    pub(crate) clients: usize,
    /// Prefixes that each client announces.
    pub(crate) prefixes: usize,
    pub(crate) seed: u64,
}

/// The scenario with the clients' UPDATEs ready.
pub(crate) struct Crowd {
    prefixes: usize,
    /// The one that stays and announces nothing, then the others.
    clients: Vec<PeerSettings>,
    announcements: Vec<Bytes>,
}

impl Crowd {
    /// Makes the UPDATEs: each client has a lower LOCAL_PREF than the one before it.
    pub(crate) fn prepare(options: CrowdOptions) -> Self {
        let CrowdOptions { clients, prefixes, seed } = options;
        let routes = ClientRoutes::generate(1 + clients, 1, ASN, CLUSTER, &mut SeededRandom::new(seed));
        let announcement = |client: usize| {
            let mut builder = ClientRoutes::announced(FIRST_MED);
            builder.local_pref = Some(u32::try_from(1 + clients - client).expect("a small number"));
            let mut out = BytesMut::new();
            let nlri = routes.prefixes()[..prefixes].iter().copied().map(Nlri::new);
            let next_hop = ClientRoutes::next_hop(client);
            ENCODER.reach(&mut out, &builder.build(), next_hop, nlri).expect("the attributes are short");
            out.freeze()
        };
        Self {
            prefixes,
            announcements: (1..=clients).map(announcement).collect(),
            clients: routes.clients().to_vec(),
        }
    }
}

impl Scenario for Crowd {
    fn admits(&self, subject: &dyn Subject) -> bool {
        !subject.is_relay()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(self.clients.clone())?;
        let intake = Reader { peer: None, held: HashSet::default(), last_change: Instant::now() };
        Stage::new(turn, &topology, intake)?.perform(|stage| {
            let ids = stage.establish(&self.clients)?;
            let [reader, others @ ..] = &ids[..] else { unreachable!("the one that stays is there") };
            stage.peers_mut().intake_mut().peer = Some(*reader);
            stage.rest()?;
            let come = measure("come", stage, self.prefixes, |stage| {
                others.iter().zip(&self.announcements).try_for_each(|(&other, announcement)| {
                    stage.peers_mut().send(other, announcement.clone())
                })
            })?;
            if come.incomplete.is_some() {
                return Ok(vec![come]);
            }
            stage.rest()?;
            // The best one first: each changes all prefixes.
            let go = measure("go", stage, 0, |stage| {
                others.iter().for_each(|&other| stage.peers_mut().leave(other));
                Ok(())
            })?;
            Ok(vec![come, go])
        })
    }
}

/// Measures the time from `begin` until the one that stays holds this many routes and hears no more.
fn measure(
    phase: &'static str,
    stage: &mut Stage<'_, Reader>,
    routes: usize,
    begin: impl FnOnce(&mut Stage<'_, Reader>) -> Result<()>,
) -> Result<Measurement> {
    let start: Start = stage.start()?;
    begin(stage)?;
    let deadline = start.at + stage.turn().timeout;
    stage.peers_mut().run(deadline, |peers, now| {
        peers.intake().held.len() == routes && now.duration_since(peers.intake().last_change) >= QUIET
    })?;
    let Reader { held, last_change, .. } = stage.peers().intake();
    let held = held.len();
    let end = if held == routes {
        End { at: *last_change, ..End::now(None) }
    } else {
        End::now(Some(format!("{held} routes instead of {routes}")))
    };
    stage.measurement(phase, &start, end)
}

/// What the one that stays holds.
struct Reader {
    peer: Option<PeerId>,
    held: HashSet<Ipv4Prefix>,
    last_change: Instant,
}

impl Intake for Reader {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()> {
        if self.peer != Some(peer) {
            return Ok(());
        }
        let context = decode_context(PeerKind::Ibgp);
        let Message::Update(update) = decode_message(Bytes::copy_from_slice(message), &context)? else {
            return Ok(());
        };
        for block in update.unreach() {
            for nlri in block.iter::<Ipv4Prefix>() {
                self.held.remove(&nlri.prefix);
            }
        }
        for reach in update.reach() {
            self.held.extend(reach.nlri.iter::<Ipv4Prefix>().map(|nlri| nlri.prefix));
        }
        self.last_change = at;
        Ok(())
    }
}
