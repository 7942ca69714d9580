//! Slow receivers: the peer, or our own speaker.

use std::time::Duration;

use bgp_codec::{Family, Message, RouteRefresh};
use bytes::Bytes;
use margay_rib::EncodedUpdates;
use margay_session::State;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::bench_speaker::{BenchSpeaker, patiently, reaches};
use super::scripted_peer::{ScriptedPeer, listening, route_refresh, update, updates};
use crate::peer::spawn;
use crate::speaker::{ExportQueue, SpeakerInput};

/// Queues batches of 1 MiB until there is no room, and returns the number of UPDATEs.
async fn fill(exports: &ExportQueue) -> usize {
    let (octets, count) = updates(64 * 1024);
    let batch = vec![EncodedUpdates::new(octets.freeze()); 16];
    let mut queued = 0;
    // The kernel accepts some with delay: the queue is full when it stays so for a while.
    let mut patience = 20;
    while patience > 0 {
        let open = exports.open().unwrap();
        if open.has_room(0) {
            open.send(&batch);
            queued += 16 * count;
            patience = 20;
        } else {
            sleep(Duration::from_millis(10)).await;
            patience -= 1;
        }
        assert!(queued * update().len() < 64 << 20, "memory grows with what a stalled peer does not read");
    }
    queued
}

#[tokio::test]
async fn a_peer_that_reads_nothing_holds_the_queue_full_and_no_more() {
    let (listener, mut options) = listening().await;
    options.session.hold_time = bgp_codec::HoldTime::ZERO;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    let up = speaker.next_up().await;
    let queued = fill(&up.exports).await;
    let mut read = 0;
    while read < queued {
        assert!(matches!(peer.next().await, Some(Message::Update(_))));
        read += 1;
    }
    // It was found full, so the speaker is woken now that there is room.
    patiently(speaker.handle.writable.notified()).await;
    assert!(up.exports.open().unwrap().has_room(0));
    assert_eq!(handle.messages().updates_sent, u64::try_from(queued).unwrap());
}

#[tokio::test]
async fn a_peer_that_reads_nothing_for_the_send_hold_time_is_given_up() {
    let (listener, mut options) = listening().await;
    options.session.hold_time = bgp_codec::HoldTime::ZERO;
    options.session.send_hold = Some(Duration::from_millis(200));
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let _stalled = ScriptedPeer::accept(&listener).await;
    let up = speaker.next_up().await;
    fill(&up.exports).await;
    speaker.next_down().await;
    let error = handle.status().borrow().last_error.clone().unwrap();
    assert_eq!(error, "peer stopped reading: send hold timer expired");
}

#[tokio::test]
async fn keepalives_pass_queued_routes() {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    let up = speaker.next_up().await;
    let queued = fill(&up.exports).await;
    // A KEEPALIVE falls due every second, and at least 256 KiB wait for the writer.
    peer.keepalive().await;
    sleep(Duration::from_millis(1500)).await;
    let (mut before, mut after) = (0, 0);
    let mut has_passed = false;
    while before + after < queued {
        if (before + after) % 100 == 0 {
            peer.keepalive().await;
        }
        match peer.next().await.expect("the session is up") {
            Message::Keepalive => has_passed = true,
            Message::Update(_) if has_passed => after += 1,
            Message::Update(_) => before += 1,
            other => panic!("{other:?}"),
        }
    }
    let after_octets = after * update().len();
    assert!(
        after_octets >= 256 << 10,
        "the KEEPALIVE came {before} UPDATEs late, with only {after} behind it"
    );
}

#[tokio::test]
async fn a_slow_speaker_stops_the_reading_and_not_the_session() {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(1);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    speaker.next_up().await;
    let (octets, count) = updates(32 << 20);
    let (mut reading, mut writing) = peer.stream.split();
    let mut sent = 0;
    // Until the peer's own socket is full: the task does not read.
    while let Ok(written) = timeout(Duration::from_millis(500), writing.write(&octets[sent..])).await {
        sent += written.unwrap();
        assert!(sent < octets.len(), "32 MiB are read though the speaker takes none");
    }
    // The peer cannot read our KEEPALIVEs meanwhile, which is not our fault.
    let mut received = [0; 19];
    for _ in 0..5 {
        patiently(tokio::io::AsyncReadExt::read_exact(&mut reading, &mut received)).await.unwrap();
    }
    assert_eq!(handle.status().borrow().state, State::Established, "after more than the hold time");
    let rest = tokio::spawn({
        let rest = octets.clone().freeze().slice(sent..);
        async move { patiently(peer.stream.write_all(&rest)).await.map(|()| peer) }
    });
    let mut received = 0;
    while received < count {
        match speaker.next().await {
            SpeakerInput::Updates { updates, .. } => received += updates.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, count);
    drop(rest.await.unwrap());
}

#[tokio::test]
async fn updates_and_refreshes_reach_the_speaker_in_order() {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    speaker.next_up().await;
    let request = route_refresh(RouteRefresh::request(Family::IPV4_UNICAST));
    let not_agreed_on = route_refresh(RouteRefresh::request(Family::IPV6_UNICAST));
    let mark = route_refresh(RouteRefresh { subtype: 1, ..RouteRefresh::request(Family::IPV4_UNICAST) });
    let all: Vec<Bytes> = [update(), update(), not_agreed_on, mark, request, update()].map(Into::into).into();
    let before = handle.messages().octets_received;
    peer.send(&all.concat()).await;
    let mut log = Vec::new();
    while log.len() < 4 {
        match speaker.next().await {
            SpeakerInput::Updates { updates, .. } => log.extend(updates.iter().map(|_| "update".to_owned())),
            SpeakerInput::RouteRefresh { family, .. } => log.push(format!("refresh {family}")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log, ["update", "update", "refresh ipv4-unicast", "update"]);
    assert_eq!(handle.messages().updates_received, 3);
    assert_eq!(handle.messages().octets_received - before, all.concat().len() as u64);
    reaches(&handle, State::Established).await;
}
