//! A peer announces more prefixes than it may, or than there is memory for: its session must end, and other peers must not notice.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bgp_codec::{IpPrefix as _, Ipv4Prefix, Message, NextHop, Nlri, PeerKind, decode_message};
use bytes::{Bytes, BytesMut};

use super::reflector_stage::{ASN, reflector};
use super::stage::{End, Stage, Start};
use super::{Scenario, Turn};
use crate::measurement::{Latency, Measurement, MemoryEach};
use crate::peer::{Intake, PeerId, PeerSettings, decode_context};
use crate::subject::{Protection, Subject};
use crate::workload::{ClientRoutes, ENCODER, FIRST_MED};

/// The scenario with the messages of the flood ready.
pub(crate) struct Flood {
    messages: Bytes,
}

/// A protection, and what must come of it.
struct Case {
    phase: &'static str,
    protection: Protection,
    /// The daemon's reason for the end of the session.
    reason: &'static str,
    /// How long the session may last.
    within: Duration,
}

impl Flood {
    /// Makes the UPDATEs of this many prefixes.
    pub(crate) fn prepare(prefixes: u32) -> Self {
        let attributes = ClientRoutes::announced(FIRST_MED).build();
        let mut messages = BytesMut::new();
        let prefixes = (0..prefixes).map(|number| Nlri::new(flood_prefix(number)));
        ENCODER.reach(&mut messages, &attributes, NEXT_HOP, prefixes).expect("short attributes");
        Self { messages: messages.freeze() }
    }
}

impl Scenario for Flood {
    /// Others have other limits, and no guard.
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.filters_received_routes_again()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let mut measured = Vec::new();
        for case in cases() {
            let mut topology = reflector(PEERS.to_vec())?;
            topology.protection = case.protection;
            let phases = Stage::new(turn, &topology, Arrivals::default())?.perform(|stage| {
                let ids = stage.establish(&PEERS)?;
                let [flooding, changing, _reader] = ids[..] else { unreachable!("three peers") };
                (0..CHANGING).try_for_each(|_| announce_next(stage, changing))?;
                stage.rest()?;
                stage.peers_mut().intake_mut().took.clear();
                self.flood(stage, &case, flooding, changing)
            })?;
            measured.push(phases);
        }
        Ok(measured)
    }
}

impl Flood {
    /// Sends everything, and a change of another peer every millisecond until long after the end of the flood.
    fn flood(
        &self,
        stage: &mut Stage<'_, Arrivals>,
        case: &Case,
        flooding: PeerId,
        changing: PeerId,
    ) -> Result<Measurement> {
        let start = stage.start()?;
        stage.peers_mut().send(flooding, self.messages.clone())?;
        let deadline = start.at + stage.turn().timeout;
        let (mut ended_at, mut last_change) = (None, deadline);
        let mut due = start.at;
        while Instant::now() < last_change.min(deadline) {
            announce_next(stage, changing)?;
            due += INTERVAL;
            stage.peers_mut().run(due, |peers, _| ended_at.is_none() && peers.is_closed(flooding))?;
            if ended_at.is_none() && stage.peers().is_closed(flooding) {
                ended_at = Some(Instant::now());
                last_change = Instant::now() + AFTERWARDS;
                stage.peers_mut().leave(flooding);
            }
        }
        stage.peers_mut().run(deadline, |peers, _| peers.intake().is_complete())?;
        self.judge(stage, case, &start, ended_at)
    }

    fn judge(
        &self,
        stage: &mut Stage<'_, Arrivals>,
        case: &Case,
        start: &Start,
        ended_at: Option<Instant>,
    ) -> Result<Measurement> {
        let reason = stage.why_session_ended(&PEERS[0].name)?;
        let left_octets = stage.grown_octets(start)?;
        let latency = stage.peers_mut().intake_mut().latency();
        let at = ended_at.unwrap_or_else(Instant::now);
        let incomplete = if ended_at.is_none() || reason.as_deref() != Some(case.reason) {
            Some(format!("the end of the session: {reason:?}"))
        } else if at - start.at > case.within {
            Some(format!("the session lasted {:?}", at - start.at))
        } else if !stage.peers().intake().is_complete() {
            Some("changes of another peer are missing".to_owned())
        } else if left_octets > MOST_OCTETS_LEFT {
            Some(format!("{} MiB are left", left_octets >> 20))
        } else {
            None
        };
        let end = End { at, longest_silence: Duration::ZERO, incomplete };
        let measurement = stage.measurement(case.phase, start, end)?;
        Ok(Measurement { latency, memory_each: Some(memory(left_octets)), ..measurement })
    }
}

fn cases() -> [Case; 2] {
    [
        Case {
            phase: "prefix limit",
            protection: Protection { prefix_limit: Some((PEERS[0].address, LIMIT)), memory_guard_mib: None },
            reason: "maximum number of prefixes reached",
            within: Duration::from_secs(1),
        },
        Case {
            phase: "memory guard",
            protection: Protection { prefix_limit: None, memory_guard_mib: Some(GUARD_MIB) },
            reason: "memory guard reached",
            within: Duration::MAX,
        },
    ]
}

/// Announces the next of the routes in turn, with another MULTI_EXIT_DISC, which is the number of the change.
fn announce_next(stage: &mut Stage<'_, Arrivals>, changing: PeerId) -> Result<()> {
    let sent = &mut stage.peers_mut().intake_mut().sent;
    let number = u32::try_from(sent.len()).context("too many changes")?;
    sent.push(Instant::now());
    let mut message = BytesMut::new();
    let attributes = ClientRoutes::announced(number).build();
    let prefix = [Nlri::new(changing_prefix(number % CHANGING))];
    ENCODER.reach(&mut message, &attributes, NEXT_HOP, prefix).context("short attributes")?;
    stage.peers_mut().send(changing, message.freeze())
}

/// When the changes were sent, and how long each took to the reader.
#[derive(Default)]
struct Arrivals {
    /// By number of the change.
    sent: Vec<Instant>,
    /// A change that the next one of its route has overtaken does not arrive.
    took: Vec<Duration>,
    /// The last change that arrived.
    last: usize,
}

impl Arrivals {
    fn is_complete(&self) -> bool {
        self.last + 1 == self.sent.len()
    }

    fn latency(&mut self) -> Option<Latency> {
        Latency::of(&mut self.took)
    }
}

impl Intake for Arrivals {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()> {
        if peer.index() != READER {
            return Ok(());
        }
        let context = decode_context(PeerKind::Ibgp);
        let Message::Update(update) = decode_message(Bytes::copy_from_slice(message), &context)? else {
            return Ok(());
        };
        let Some(med) = update.attributes().and_then(|view| view.to_path_attributes().med()) else {
            return Ok(());
        };
        let number = med as usize;
        let reached = update.reach().flat_map(|reach| reach.nlri.iter::<Ipv4Prefix>());
        for _ in reached.filter(|nlri| is_changing(nlri.prefix)) {
            let sent = self.sent.get(number).context("a change that was not sent")?;
            self.took.push(at - *sent);
            self.last = self.last.max(number);
        }
        Ok(())
    }
}

/// Host routes from 96.0.0.0 on.
fn flood_prefix(number: u32) -> Ipv4Prefix {
    Ipv4Prefix::truncating((0x6000_0000 | number & 0x0fff_ffff).into(), 32)
}

/// Host routes from 20.0.0.0 on.
fn changing_prefix(number: u32) -> Ipv4Prefix {
    Ipv4Prefix::truncating((0x1400_0000 | number).into(), 32)
}

fn is_changing(prefix: Ipv4Prefix) -> bool {
    prefix.address().octets()[0] == 20
}

#[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
fn memory(octets: u64) -> MemoryEach {
    MemoryEach { unit: "flood", octets: octets as f64 }
}

/// Routes of the other peer. They are there before the flood: a route that comes during it and stays keeps a chunk of the
/// tables.
const CHANGING: u32 = 1_000;

/// Between two changes of the other peer.
const INTERVAL: Duration = Duration::from_millis(1);

/// How long the other peer changes routes after the end of the flood.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Prefixes that the peer may announce.
const LIMIT: u32 = 1_000;

/// The guard's bound; a flood would take more than a gigabyte.
const GUARD_MIB: u64 = 512;

/// How much more memory the daemon may have afterwards than before.
const MOST_OCTETS_LEFT: u64 = 16 << 20;

const NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

const PEERS: [PeerSettings; 3] = [client("flooding", 1), client("changing", 2), client("reader", 3)];

/// The index of the peer that reads.
const READER: usize = 2;

const fn client(name: &'static str, number: u8) -> PeerSettings {
    PeerSettings { name: Cow::Borrowed(name), address: Ipv4Addr::new(127, 0, 1, number), asn: ASN }
}
