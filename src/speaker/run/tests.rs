//! The speaker by itself: rounds, shares of a turn, refreshes and former sessions, over connections that are real.

use std::net::IpAddr;

use bgp_codec::{
    AsWidth, Asn, BgpIdentifier, Capabilities, Capability, Family, GracefulRestart, HoldTime, Ipv4Prefix,
    NextHop, Nlri, Origin, PathAttributesBuilder, PeerKind, Update,
};
use margay_filter::FilterChain;
use margay_rib::{NextHopMode, PathsSent, Reflection, ReflectorOptions, RibOptions};
use margay_session::{Directions, Negotiated};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::machine::{Machine, QueueSizes, Stream};
use crate::message_counters::MessageCounters;
use crate::outbound::Outbound;
use crate::speaker::DoorBell;
use crate::speaker::{RefreshMark, input_queue};

/// Nothing here takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_change_that_is_taken_while_a_queue_gets_room_is_told() {
    let (inputs, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _requests) = speaker(input_receiver, &writable);
    let (feed, _feed_end) = connection(&writable).await;
    let (reader, mut reader_end) = connection(&writable).await;
    for (key, outbound) in [(FEED, &feed), (PeerKey(2), &reader)] {
        speaker.peers.insert(
            key,
            SpeakerPeer { settings: settings(), session: None, absence: None, synchronised: false },
        );
        inputs.try_send(SpeakerInput::PeerUp(Box::new(up(key, outbound)))).unwrap();
    }
    inputs.try_send(one_network()).unwrap();
    // The room is what the speaker hears of first, with everything else in its queue.
    writable.notify_one();
    let running = tokio::spawn(speaker.run());
    let told = timeout(PATIENCE, updates_with_routes(&mut reader_end, 1)).await;
    running.abort();
    told.expect("the other peer is told");
}

#[tokio::test]
async fn a_round_outlives_the_peers_that_leave_in_it() {
    let (_inputs, input_receiver) = input_queue(1 << 20);
    let (mut speaker, _requests) = speaker(input_receiver, &Arc::default());
    assert!(speaker.pace.begin_if_due(Instant::now(), 2), "two peers are to be told");
    speaker.feed();
    assert!(!speaker.pace.is_in_round(), "they have left, and nobody waits for them");
}

#[tokio::test]
async fn a_message_of_a_former_session_says_nothing() {
    let (mut speaker, outbound, _end) = speaker_of_feed().await;
    let former = up(FEED, &outbound);
    speaker.take(SpeakerInput::PeerUp(Box::new(former)));
    let present = PeerUp { epoch: SessionEpoch(2), ..up(FEED, &outbound) };
    speaker.take(SpeakerInput::PeerUp(Box::new(present)));
    speaker.take(one_network());
    assert_eq!(speaker.rib.counts().ipv4_prefixes, 0);
}

#[tokio::test]
async fn a_peer_that_is_far_behind_has_a_share_of_each_turn() {
    let (_inputs, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _requests) = speaker(input_receiver, &writable);
    let (feed, _feed_end) = connection(&writable).await;
    let (reader, _reader_end) = connection(&writable).await;
    let reader_key = PeerKey(2);
    for (key, outbound) in [(FEED, &feed), (reader_key, &reader)] {
        speaker.peers.insert(
            key,
            SpeakerPeer { settings: settings(), session: None, absence: None, synchronised: false },
        );
        speaker.take(SpeakerInput::PeerUp(Box::new(up(key, outbound))));
    }
    speaker.take(updates([announcement((0..20_000).map(host))]));
    while speaker.rib.work(WORK_ENTRIES) {}
    let mut shares = 0;
    while {
        speaker.catching_up.clear();
        tell(&mut speaker, reader_key);
        speaker.catching_up.contains_key(&reader_key)
    } {
        shares += 1;
    }
    assert_eq!(shares, 2, "four times 2,048 records a turn");
}

#[tokio::test]
async fn a_peer_is_told_no_more_than_there_is_room_for_and_one_batch() {
    let (mut speaker, feed, _feed_end) = speaker_of_feed().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &feed))));
    let (reader, _reader_end, sent) = connection_with_room(1, &Arc::default()).await;
    let key = PeerKey(2);
    speaker
        .peers
        .insert(key, SpeakerPeer { settings: settings(), session: None, absence: None, synchronised: false });
    speaker.take(SpeakerInput::PeerUp(Box::new(up(key, &reader))));
    speaker.take(updates([announcement((0..20_000).map(host))]));
    while speaker.rib.work(WORK_ENTRIES) {}
    assert_eq!(tell(&mut speaker, key), Fed::More);
    assert_eq!(sent.counts().updates_sent, 3, "2,048 prefixes of five octets");
    assert_eq!(tell(&mut speaker, key), Fed::NoRoom);
    assert_eq!(sent.counts().updates_sent, 3);
}

#[tokio::test]
async fn a_peer_without_room_that_there_is_nothing_to_tell_is_not_behind() {
    let (mut speaker, feed, _feed_end) = speaker_of_feed().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &feed))));
    while speaker.rib.work(WORK_ENTRIES) {}
    while tell(&mut speaker, FEED) != Fed::UpToDate {}
    speaker.burst.write();
    feed.close(None);
    assert_eq!(tell(&mut speaker, FEED), Fed::UpToDate);
    assert!(speaker.catching_up.is_empty());
}

/// Three readers, each of whom is told something else, an UPDATE for each prefix, so that a turn takes longer than a slice; and
/// all have room for all of it.
#[tokio::test]
async fn none_of_those_who_are_behind_has_two_turns_before_another_has_one() {
    const TURN_UPDATES: u64 = 4 * 2048;
    let (mut speaker, feed, _feed_end) = speaker_of_feed().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &feed))));
    let mut readers = Vec::new();
    let modes = [NextHopMode::Auto, NextHopMode::OwnAddress, NextHopMode::Keep];
    for (key, next_hop) in (2..).map(PeerKey).zip(modes) {
        let reader = connection_with_room(64 << 20, &Arc::default()).await;
        let settings = PeerSettings { next_hop, ..settings() };
        speaker
            .peers
            .insert(key, SpeakerPeer { settings, session: None, absence: None, synchronised: false });
        speaker.take(SpeakerInput::PeerUp(Box::new(up(key, &reader.0))));
        readers.push((key, reader));
    }
    for number in 0..30_000 {
        speaker.take(updates([announcement_through(Asn(1 + u32::from(number)), [host(number)])]));
    }
    while speaker.rib.work(WORK_ENTRIES) {}
    for &(key, _) in &readers {
        assert_eq!(tell(&mut speaker, key), Fed::More);
    }
    while !speaker.catching_up.is_empty() {
        speaker.feed_catching_up();
        let told = readers.iter().map(|(_, (_, _, sent))| sent.counts().updates_sent);
        let (least, most) = (told.clone().min().unwrap(), told.max().unwrap());
        assert!(most - least <= TURN_UPDATES, "{least} to {most}");
    }
}

/// Its first turn ends with a little that is held, as most of what was looked at are its own routes; the second has more than
/// is held.
#[tokio::test]
async fn a_peer_that_has_two_turns_in_a_burst_is_told_the_first_one_first() {
    let (mut speaker, feed, _feed_end) = speaker_of_feed().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &feed))));
    let (reader, mut reader_end) = connection(&Arc::default()).await;
    let key = PeerKey(2);
    speaker
        .peers
        .insert(key, SpeakerPeer { settings: settings(), session: None, absence: None, synchronised: false });
    speaker.take(SpeakerInput::PeerUp(Box::new(up(key, &reader))));
    let routes = |second: u8, count: u16| {
        (0..count).map(move |number| {
            let [high, low] = number.to_be_bytes();
            Ipv4Prefix::truncating([10, second, high, low].into(), 32)
        })
    };
    let own = vec![announcement(routes(66, 8192))];
    speaker.take(updates([announcement(routes(65, 10))]));
    speaker.take(SpeakerInput::Updates { peer: key, epoch: SessionEpoch(1), updates: own, octets: 60 });
    speaker.take(updates([announcement(routes(67, 8192))]));
    while speaker.rib.work(WORK_ENTRIES) {}
    assert_eq!(tell(&mut speaker, key), Fed::More);
    tell(&mut speaker, key);
    speaker.burst.write();
    // Nobody writes what is queued here, so this is what was held.
    let mut message = vec![0; 80];
    timeout(PATIENCE, reader_end.read_exact(&mut message)).await.expect("it is sent at once").unwrap();
    let is_told = |prefix: [u8; 5]| message.windows(5).any(|octets| octets == prefix);
    assert!(is_told([32, 10, 65, 0, 0]), "{message:?}");
}

#[tokio::test]
async fn a_refresh_without_end_counts_as_told_after_six_minutes() {
    let (mut speaker, outbound, _end) = speaker_of_feed().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &outbound))));
    let [kept, stale] = [1, 2].map(|it| Ipv4Prefix::truncating([10, 65, it, 0].into(), 24));
    speaker.take(updates([announcement([kept, stale])]));
    let family = Family::IPV4_UNICAST;
    let mark = |mark| SpeakerInput::RefreshMark { peer: FEED, epoch: SessionEpoch(1), family, mark };
    let begun = Instant::now();
    speaker.take(mark(RefreshMark::Begin));
    speaker.take(updates([announcement([kept])]));
    let mut prefixes_at = |now| {
        speaker.end_refreshes_in_time(now);
        while speaker.rib.work(WORK_ENTRIES) {}
        speaker.rib.counts().ipv4_prefixes
    };
    // The mark was taken a little later than `begun`.
    assert_eq!(prefixes_at(begun + Duration::from_secs(6 * 60) - Duration::from_secs(1)), 2);
    assert_eq!(prefixes_at(begun + Duration::from_secs(6 * 60) + PATIENCE), 1);
    // An end that comes all the same says nothing any more.
    speaker.take(updates([announcement([stale])]));
    speaker.take(mark(RefreshMark::End));
    while speaker.rib.work(WORK_ENTRIES) {}
    assert_eq!(speaker.rib.counts().ipv4_prefixes, 2);
}

/// RFC 7313 §4.2: there is nothing yet that it could tell again, and what it held before is marked anyway.
#[tokio::test]
async fn a_peer_that_restarts_gracefully_begins_no_refresh_before_the_end_of_its_table() {
    let (mut speaker, outbound, _end) = speaker_of_feed().await;
    let mut up = up(FEED, &outbound);
    let restart = GracefulRestart {
        restarted: true,
        survives_notification: false,
        restart_time_seconds: 120,
        families: Vec::new(),
    };
    up.negotiated.peer_capabilities = Capabilities::from_iter([Capability::GracefulRestart(restart)]);
    speaker.take(SpeakerInput::PeerUp(Box::new(up)));
    let [kept, other] = [1, 2].map(|it| Ipv4Prefix::truncating([10, 65, it, 0].into(), 24));
    let mut prefixes_after_refresh = |before: Update| {
        let family = Family::IPV4_UNICAST;
        let mark = |mark| SpeakerInput::RefreshMark { peer: FEED, epoch: SessionEpoch(1), family, mark };
        speaker.take(updates([before]));
        speaker.take(mark(RefreshMark::Begin));
        speaker.take(updates([announcement([kept])]));
        speaker.take(mark(RefreshMark::End));
        while speaker.rib.work(WORK_ENTRIES) {}
        speaker.rib.counts().ipv4_prefixes
    };
    assert_eq!(prefixes_after_refresh(announcement([kept, other])), 2);
    assert_eq!(prefixes_after_refresh(Update::ending(Family::IPV4_UNICAST)), 1);
}

/// How many prefixes there are when an announcement comes after the session that followed its own.
fn tell(speaker: &mut Speaker, peer: PeerKey) -> Fed {
    let recipient = speaker.feeding.iter().find(|recipient| recipient.peer == peer).cloned();
    speaker.tell(&recipient.expect("the peer has a session"))
}

/// A speaker that only the feed may tell something, the queue of its connection, and the other end.
async fn speaker_of_feed() -> (Speaker, Arc<Outbound>, TcpStream) {
    let (_, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _) = speaker(input_receiver, &writable);
    let (outbound, end) = connection(&writable).await;
    speaker.peers.insert(
        FEED,
        SpeakerPeer { settings: settings(), session: None, absence: None, synchronised: false },
    );
    (speaker, outbound, end)
}

/// A speaker without a kernel, of which nobody asks anything.
fn speaker(inputs: Inputs, writable: &Arc<Notify>) -> (Speaker, mpsc::Sender<SpeakerRequest>) {
    let (requests, receiver) = mpsc::channel(1);
    (
        Speaker::new(
            Machine::Real.processor().unwrap(),
            rib(),
            None,
            None,
            Channels {
                inputs,
                requests: receiver,
                writable: Arc::clone(writable),
                addresses: watch::channel(Arc::default()).1,
            },
        ),
        requests,
    )
}

fn rib() -> RecordedRib {
    let identifier = BgpIdentifier::new(1).unwrap();
    let options = RibOptions {
        asn: Asn(64512),
        identifier,
        reflector: ReflectorOptions::new(identifier),
        forwarding: None,
        hash_seed: 1,
    };
    RecordedRib::new(options, None)
}

const FEED: PeerKey = PeerKey(1);

/// Reads until so many UPDATEs have come that are more than an End-of-RIB.
async fn updates_with_routes(stream: &mut TcpStream, mut wanted: usize) {
    while wanted > 0 {
        let mut header = [0; 19];
        stream.read_exact(&mut header).await.unwrap();
        let octets = usize::from(u16::from_be_bytes([header[16], header[17]]));
        stream.read_exact(&mut vec![0; octets - header.len()]).await.unwrap();
        wanted -= usize::from(octets > 23);
    }
}

fn settings() -> PeerSettings {
    PeerSettings {
        group: None,
        name: Arc::from("peer"),
        import: FilterChain::accept_all(),
        export: FilterChain::accept_all(),
        next_hop: NextHopMode::Auto,
        reflection: Reflection::NonClient,
        paths_sent: PathsSent::All,
        prefix_limit: None,
    }
}

/// An external peer of its own AS.
fn up(peer: PeerKey, outbound: &Arc<Outbound>) -> PeerUp {
    let number = u32::try_from(peer.0).unwrap();
    PeerUp {
        door: DoorBell::new().door(SessionEpoch(1)),
        peer,
        epoch: SessionEpoch(1),
        negotiated: Negotiated {
            restart: None,
            peer_identifier: BgpIdentifier::new(100 + number).unwrap(),
            peer_asn: Asn(65000 + number),
            local_asn: Asn(64512),
            kind: PeerKind::Ebgp,
            as_width: AsWidth::Four,
            hold_time: HoldTime::ZERO,
            families: vec![Family::IPV4_UNICAST],
            path_ids_received: Vec::new(),
            path_ids_sent: Vec::new(),
            route_refresh: NEITHER,
            enhanced_route_refresh: NEITHER,
            extended_message: NEITHER,
            peer_capabilities: Capabilities::default(),
        },
        local_address: IpAddr::from([127, 0, 0, 1]),
        peer_address: IpAddr::from([127, 0, 0, 1]),
        exports: outbound.export_queue(),
    }
}

/// What the feed sends.
fn updates<const N: usize>(updates: [Update; N]) -> SpeakerInput {
    SpeakerInput::Updates { peer: FEED, epoch: SessionEpoch(1), updates: updates.into(), octets: 60 }
}

fn announcement(prefixes: impl IntoIterator<Item = Ipv4Prefix>) -> Update {
    announcement_through(Asn(65001), prefixes)
}

fn announcement_through(neighbor: Asn, prefixes: impl IntoIterator<Item = Ipv4Prefix>) -> Update {
    let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path.prepend(neighbor, 1);
    let attributes = builder.build();
    Update::advertising(attributes, next_hop, false, prefixes.into_iter().map(Nlri::new))
}

fn host(number: u16) -> Ipv4Prefix {
    let [high, low] = number.to_be_bytes();
    Ipv4Prefix::truncating([10, 65, high, low].into(), 32)
}

fn one_network() -> SpeakerInput {
    updates([announcement([Ipv4Prefix::truncating([10, 65, 1, 0].into(), 26)])])
}

async fn connection(writable: &Arc<Notify>) -> (Arc<Outbound>, TcpStream) {
    let (outbound, end, _) = connection_with_room(QueueSizes::USUAL.routes_octets, writable).await;
    (outbound, end)
}

/// Also answers with what counts the messages.
async fn connection_with_room(
    room_octets: usize,
    writable: &Arc<Notify>,
) -> (Arc<Outbound>, TcpStream, Arc<MessageCounters>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, writer) = Stream::Tcp(dialed).into_split();
    writer.writable().await.unwrap();
    let counters = Arc::new(MessageCounters::default());
    let outbound = Outbound::new(writer, room_octets, Arc::clone(writable), Arc::clone(&counters));
    (outbound, listener.accept().await.unwrap().0, counters)
}

/// A capability that no side advertised.
const NEITHER: Directions = Directions { from_peer: false, to_peer: false };
