//! The speaker by itself: shares of a turn, refreshes and former sessions, over real connections.

use bgp_codec::{Ipv4Prefix, Update};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::machine::{Machine, QueueSizes, Stream};
use crate::message_counters::MessageCounters;
use crate::outbound::Outbound;
use crate::speaker::fixtures::{announcement, rib, settings};
use crate::speaker::rounds::Fed;
use crate::speaker::{SessionEpoch, fixtures, input_queue};

/// Nothing here takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_change_that_is_handled_while_a_queue_gets_room_is_advertised() {
    let (inputs, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _requests) = speaker(input_receiver, &writable);
    let (source, _source_end) = connection(&writable).await;
    let (reader, mut reader_end) = connection(&writable).await;
    for (key, outbound) in [(SOURCE, &source), (PeerKey(2), &reader)] {
        speaker.sessions.add_peer(key, settings());
        inputs.try_send(SpeakerInput::PeerUp(Box::new(up(key, outbound)))).unwrap();
    }
    inputs.try_send(one_network()).unwrap();
    // The speaker is notified of the room first, with everything else in its queue.
    writable.notify_one();
    let running = tokio::spawn(speaker.run());
    let advertised = timeout(PATIENCE, updates_with_routes(&mut reader_end, 1)).await;
    running.abort();
    advertised.expect("it is advertised to the other peer");
}

#[tokio::test]
async fn a_peer_that_is_far_behind_has_a_share_of_each_turn() {
    let (_inputs, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _requests) = speaker(input_receiver, &writable);
    let (source, _source_end) = connection(&writable).await;
    let (reader, _reader_end) = connection(&writable).await;
    let reader_key = PeerKey(2);
    for (key, outbound) in [(SOURCE, &source), (reader_key, &reader)] {
        speaker.sessions.add_peer(key, settings());
        speaker.take(SpeakerInput::PeerUp(Box::new(up(key, outbound))));
    }
    speaker.take(updates([announcement((0..20_000).map(host))]));
    while speaker.rib.work(WORK_ENTRIES) {}
    let mut shares = 0;
    while feed(&mut speaker, reader_key) != Fed::UpToDate {
        shares += 1;
    }
    assert_eq!(shares, 2, "four times 2,048 records a turn");
}

#[tokio::test]
async fn a_peer_is_sent_no_more_than_there_is_room_for_and_one_batch() {
    let (mut speaker, source, _source_end) = speaker_with_source().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(SOURCE, &source))));
    let (reader, _reader_end, sent) = connection_with_room(1, &Arc::default()).await;
    let key = PeerKey(2);
    speaker.sessions.add_peer(key, settings());
    speaker.take(SpeakerInput::PeerUp(Box::new(up(key, &reader))));
    speaker.take(updates([announcement((0..20_000).map(host))]));
    while speaker.rib.work(WORK_ENTRIES) {}
    assert_eq!(feed(&mut speaker, key), Fed::More);
    assert_eq!(sent.counts().updates_sent, 3, "2,048 prefixes of five octets");
    assert_eq!(feed(&mut speaker, key), Fed::NoRoom);
    assert_eq!(sent.counts().updates_sent, 3);
}

#[tokio::test]
async fn a_peer_without_room_for_which_there_is_nothing_is_not_behind() {
    let (mut speaker, source, _source_end) = speaker_with_source().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(SOURCE, &source))));
    while speaker.rib.work(WORK_ENTRIES) {}
    while feed(&mut speaker, SOURCE) != Fed::UpToDate {}
    speaker.burst.write();
    source.close(None);
    assert_eq!(feed(&mut speaker, SOURCE), Fed::UpToDate);
}

/// Its first turn ends with a little that is held, as most of what was looked at are its own routes; the second has more than
/// is held.
#[tokio::test]
async fn a_peer_that_has_two_turns_in_a_burst_is_sent_the_first_one_first() {
    let (mut speaker, source, _source_end) = speaker_with_source().await;
    speaker.take(SpeakerInput::PeerUp(Box::new(up(SOURCE, &source))));
    let (reader, mut reader_end) = connection(&Arc::default()).await;
    let key = PeerKey(2);
    speaker.sessions.add_peer(key, settings());
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
    assert_eq!(feed(&mut speaker, key), Fed::More);
    feed(&mut speaker, key);
    speaker.burst.write();
    // Nobody writes what is queued here, so this is what was held.
    let mut message = vec![0; 80];
    timeout(PATIENCE, reader_end.read_exact(&mut message)).await.expect("it is sent at once").unwrap();
    let is_sent = |prefix: [u8; 5]| message.windows(5).any(|octets| octets == prefix);
    assert!(is_sent([32, 10, 65, 0, 0]), "{message:?}");
}

/// Gives a peer a turn.
fn feed(speaker: &mut Speaker, peer: PeerKey) -> Fed {
    let recipient = speaker.rounds.recipient(peer).cloned().expect("the peer has a session");
    recipient.take_turn(&mut speaker.rib, &mut speaker.burst, &speaker.channels.writable)
}

/// A speaker with one configured peer, the queue of its connection, and the other end.
async fn speaker_with_source() -> (Speaker, Arc<Outbound>, TcpStream) {
    let (_, input_receiver) = input_queue(1 << 20);
    let writable = Arc::new(Notify::new());
    let (mut speaker, _) = speaker(input_receiver, &writable);
    let (outbound, end) = connection(&writable).await;
    speaker.sessions.add_peer(SOURCE, settings());
    (speaker, outbound, end)
}

/// A speaker without a kernel and without requests.
fn speaker(inputs: Inputs, writable: &Arc<Notify>) -> (Speaker, mpsc::Sender<SpeakerRequest>) {
    let (requests, receiver) = mpsc::channel(1);
    (
        Speaker::new(
            Machine::Real.processor().unwrap(),
            rib(),
            None,
            ConvergenceOptions::default(),
            Channels {
                inputs,
                requests: receiver,
                writable: Arc::clone(writable),
                addresses: watch::channel(Arc::default()).1,
                events: EventHub::default(),
            },
        ),
        requests,
    )
}

const SOURCE: PeerKey = PeerKey(1);

fn up(peer: PeerKey, outbound: &Arc<Outbound>) -> PeerUp {
    fixtures::up(peer, outbound.export_queue())
}

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

/// UPDATEs of the source.
fn updates<const N: usize>(updates: [Update; N]) -> SpeakerInput {
    SpeakerInput::Updates { peer: SOURCE, epoch: SessionEpoch(1), updates: updates.into(), octets: 60 }
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
