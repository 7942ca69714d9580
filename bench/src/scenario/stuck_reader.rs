//! A client of a reflector stands still, while another one announces and withdraws ever new prefixes: what the reflector keeps
//! for the one that does not read must have a bound.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, Ipv4Prefix, Message, NextHop, Nlri, PeerKind, decode_message};
use bytes::{Bytes, BytesMut};

use super::reflector_stage::{ASN, reflector};
use super::stage::{End, Stage, Start};
use super::{Scenario, Turn};
use crate::measurement::{Measurement, MemoryEach};
use crate::peer::{Intake, PeerId, PeerSettings, decode_context};
use crate::subject::Subject;
use crate::workload::{AttributeSets, ClientRoutes, ENCODER, FIRST_MED, RouteTable, SeededRandom};

/// How large the table is, and how long the client stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StuckReaderOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) standstill: Duration,
    pub(crate) seed: u64,
}

/// The scenario with the table ready.
pub(crate) struct StuckReader {
    options: StuckReaderOptions,
    table: Bytes,
}

impl StuckReader {
    /// Makes the table.
    pub(crate) fn prepare(options: StuckReaderOptions) -> Self {
        let StuckReaderOptions { prefixes, attribute_sets, seed, .. } = options;
        let mut random = SeededRandom::new(seed);
        let table = RouteTable::generate(prefixes, attribute_sets, &mut random);
        let sets = AttributeSets::generate(attribute_sets, UPSTREAM, &mut random).internal(LOCAL_PREF);
        Self { options, table: table.encode(sets.as_slice(), NEXT_HOP) }
    }
}

impl Scenario for StuckReader {
    fn admits(&self, subject: &dyn Subject) -> bool {
        !subject.is_relay()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = reflector(CLIENTS.to_vec())?;
        Stage::new(turn, &topology, RouteCounts::default())?.perform(|stage| {
            let ids = stage.establish(&CLIENTS)?;
            let [feed, reader, stuck, changing] = ids[..] else { unreachable!("four clients") };
            stage.rest()?;
            let table = self.announce(stage, feed, (reader, stuck))?;
            if table.incomplete.is_some() {
                return Ok(vec![table]);
            }
            stage.rest()?;
            let start = stage.start()?;
            let still = self.stand_still(stage, &start, (reader, stuck, changing))?;
            let again = read_again(stage, &start, stuck)?;
            Ok(vec![table, still, again])
        })
    }
}

impl StuckReader {
    /// The table comes, and everybody reads it.
    fn announce(
        &self,
        stage: &mut Stage<'_, RouteCounts>,
        feed: PeerId,
        (reader, stuck): (PeerId, PeerId),
    ) -> Result<Measurement> {
        let start = stage.start()?;
        stage.peers_mut().send(feed, self.table.clone())?;
        let all = self.options.prefixes;
        let has_all = |counts: &RouteCounts, peer| counts.of(peer).reached >= all;
        let deadline = start.at + stage.turn().timeout;
        stage
            .peers_mut()
            .run(deadline, |peers, _| has_all(peers.intake(), reader) && has_all(peers.intake(), stuck))?;
        let missing = all.saturating_sub(stage.peers().intake().of(stuck).reached);
        let incomplete = (missing > 0).then(|| format!("{missing} routes are missing"));
        stage.measurement("table", &start, End::now(incomplete))
    }

    /// One client reads nothing; the daemon must end its session before it costs too much.
    fn stand_still(
        &self,
        stage: &mut Stage<'_, RouteCounts>,
        start: &Start,
        (reader, stuck, changing): (PeerId, PeerId, PeerId),
    ) -> Result<Measurement> {
        stage.peers_mut().stop_reading(stuck)?;
        let attributes = ClientRoutes::announced(FIRST_MED).build();
        let (mut most_octets, mut first) = (0, 0);
        while start.at.elapsed() < self.options.standstill {
            let prefixes = || (first..first + AT_ONCE).map(new_prefix).map(Nlri::new);
            let mut announced = BytesMut::new();
            ENCODER.reach(&mut announced, &attributes, NEXT_HOP, prefixes()).context("short attributes")?;
            exchange(stage, changing, announced.freeze(), |counts| counts.of(reader).reached)?;
            let mut withdrawn = BytesMut::new();
            ENCODER.unreach(&mut withdrawn, prefixes());
            exchange(stage, changing, withdrawn.freeze(), |counts| counts.of(reader).withdrawn)?;
            first = first.wrapping_add(AT_ONCE);
            most_octets = most_octets.max(stage.grown_octets(start)?);
        }
        let ended = stage.why_session_ended(&CLIENTS[2].name)?;
        let incomplete = match ended {
            Some(why) if why.contains(OUT_OF_RESOURCES) && most_octets < MOST_OCTETS => None,
            _ => Some(format!("{} MiB more, and the session: {ended:?}", most_octets >> 20)),
        };
        let memory_each = Some(memory(most_octets));
        Ok(Measurement { memory_each, ..stage.measurement("standstill", start, End::now(incomplete))? })
    }
}

/// Afterwards: the client finds its session gone, and the daemon has its memory back.
fn read_again(stage: &mut Stage<'_, RouteCounts>, before: &Start, stuck: PeerId) -> Result<Measurement> {
    let start = stage.start()?;
    stage.peers_mut().read_again(stuck)?;
    let deadline = start.at + stage.turn().timeout;
    stage.peers_mut().run(deadline, |peers, _| peers.is_closed(stuck))?;
    let is_closed = stage.peers().is_closed(stuck);
    stage.peers_mut().leave(stuck);
    stage.rest()?;
    let octets = stage.grown_octets(before)?;
    let incomplete = match (is_closed, octets < MOST_OCTETS) {
        (true, true) => None,
        (false, _) => Some("the session is still there".to_owned()),
        (true, false) => Some(format!("{} MiB are left", octets >> 20)),
    };
    let memory_each = Some(memory(octets));
    Ok(Measurement { memory_each, ..stage.measurement("afterwards", &start, End::now(incomplete))? })
}

/// Sends messages of a client, and waits until a count has grown by as many routes as are in them.
fn exchange(
    stage: &mut Stage<'_, RouteCounts>,
    from: PeerId,
    messages: Bytes,
    count: impl Fn(&RouteCounts) -> usize,
) -> Result<()> {
    let expected = count(stage.peers().intake()) + AT_ONCE as usize;
    stage.peers_mut().send(from, messages)?;
    let deadline = Instant::now() + stage.turn().timeout;
    stage.peers_mut().run(deadline, |peers, _| count(peers.intake()) >= expected)?;
    let counted = count(stage.peers().intake());
    anyhow::ensure!(counted >= expected, "the other client has {counted} changes instead of {expected}");
    Ok(())
}

/// How many routes each client was sent.
#[derive(Default)]
struct RouteCounts(Vec<RouteCount>);

#[derive(Clone, Copy, Default)]
struct RouteCount {
    reached: usize,
    withdrawn: usize,
}

impl RouteCounts {
    fn of(&self, peer: PeerId) -> RouteCount {
        self.0.get(peer.index()).copied().unwrap_or_default()
    }
}

impl Intake for RouteCounts {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], _at: Instant) -> Result<()> {
        let context = decode_context(PeerKind::Ibgp);
        let Message::Update(update) = decode_message(Bytes::copy_from_slice(message), &context)? else {
            return Ok(());
        };
        if self.0.len() <= peer.index() {
            self.0.resize(peer.index() + 1, RouteCount::default());
        }
        let count = &mut self.0[peer.index()];
        count.reached += update.reach().map(|reach| reach.nlri.iter::<Ipv4Prefix>().count()).sum::<usize>();
        count.withdrawn += update.unreach().map(|block| block.iter::<Ipv4Prefix>().count()).sum::<usize>();
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
fn memory(octets: u64) -> MemoryEach {
    MemoryEach { unit: "reader", octets: octets as f64 }
}

/// Each once, for the first 268 million.
fn new_prefix(number: u32) -> Ipv4Prefix {
    Ipv4Prefix::truncating((0x6000_0000 | number & 0x0fff_ffff).into(), 32)
}

/// Routes that come at once, and go at once.
const AT_ONCE: u32 = 1_000;

/// What one that stands still may cost, beyond the table.
const MOST_OCTETS: u64 = 64 << 20;

/// What margay says of the session then (RFC 4486 §4).
const OUT_OF_RESOURCES: &str = "out of resources";

const LOCAL_PREF: u32 = 100;

/// The external peer of the client with the table.
const UPSTREAM: Asn = Asn(65001);

const NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

/// The clients: one with the table, two that read, and one whose routes come and go.
const CLIENTS: [PeerSettings; 4] =
    [client("feed", 1), client("reader", 2), client("stuck", 3), client("changing", 4)];

const fn client(name: &'static str, number: u8) -> PeerSettings {
    PeerSettings { name: Cow::Borrowed(name), address: Ipv4Addr::new(127, 0, 1, number), asn: ASN }
}
