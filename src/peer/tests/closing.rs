//! How sessions end, and the NOTIFICATIONs that peers receive.

use std::time::Duration;

use bgp_codec::{DecodeContext, DecodeError, Message, Notification, decode_message};
use bytes::Bytes;
use margay_rib::EncodedUpdates;
use margay_session::{ShutdownMessage, State, StopReason};

use super::bench_speaker::{BenchSpeaker, reaches};
use super::scripted_peer::{ScriptedPeer, listening, update, updates};
use crate::peer::{PeerHandle, spawn, spawn_decoding};

/// A session that is up.
async fn established() -> (PeerHandle, ScriptedPeer, BenchSpeaker) {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let peer = ScriptedPeer::accept(&listener).await;
    speaker.next_up().await;
    (handle, peer, speaker)
}

/// The NOTIFICATION that ends the connection.
async fn last_words(peer: &mut ScriptedPeer) -> Option<Notification> {
    let mut last = None;
    while let Some(message) = peer.next().await {
        match message {
            Message::Notification(notification) => last = Some(notification),
            other => assert_eq!((last.as_ref(), other), (None, Message::Keepalive)),
        }
    }
    last
}

#[tokio::test]
async fn a_stop_is_sent_with_its_reason() {
    let (handle, mut peer, mut speaker) = established().await;
    handle.stop(StopReason::AdministrativeReset(ShutdownMessage::default())).await;
    assert_eq!(last_words(&mut peer).await, Some(Notification::administrative_reset("")));
    speaker.next_down().await;
    reaches(&handle, State::Idle).await;
    assert!(handle.status().borrow().established.is_none());
}

#[tokio::test]
async fn the_speaker_ends_a_session_through_its_door_and_the_peer_may_come_back() {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    let door = speaker.next_up().await.door;
    assert!(door.interrupt(StopReason::OutOfResources));
    assert_eq!(last_words(&mut peer).await, Some(Notification::out_of_resources()));
    speaker.next_down().await;
    reaches(&handle, State::Idle).await;
    let error = handle.status().borrow().last_error.clone();
    assert_eq!(error.as_deref(), Some("out of resources"), "the operator sees why");
    // The former session's door does not end the next session.
    let _peer = ScriptedPeer::accept(&listener).await;
    let present = speaker.next_up().await;
    assert!(door.interrupt(StopReason::OutOfResources));
    assert!(present.door.interrupt(StopReason::MaximumPrefixes { restart: Duration::from_secs(60) }));
    speaker.next_down().await;
    let error = handle.status().borrow().last_error.clone();
    assert_eq!(error.as_deref(), Some("maximum number of prefixes reached"));
}

#[tokio::test]
async fn the_end_of_a_task_waits_until_speaker_and_peer_know() {
    let (handle, mut peer, mut speaker) = established().await;
    let reader = tokio::spawn(async move { last_words(&mut peer).await });
    handle.end(StopReason::PeerDeconfigured).await;
    assert!(matches!(speaker.inputs.try_recv(), Some(crate::speaker::SpeakerInput::PeerDown { .. })));
    assert_eq!(reader.await.unwrap(), Some(Notification::peer_deconfigured()));
}

#[tokio::test]
async fn a_dropped_handle_ends_the_session_too() {
    let (handle, mut peer, mut speaker) = established().await;
    drop(handle);
    assert_eq!(last_words(&mut peer).await, Some(Notification::administrative_shutdown("")));
    speaker.next_down().await;
}

#[tokio::test]
async fn the_notification_arrives_though_the_peer_was_still_sending() {
    let (handle, mut peer, mut speaker) = established().await;
    let (octets, _) = updates(1 << 20);
    let garbage = [0; 64 * 1024];
    peer.send(&octets).await;
    peer.send(&garbage).await;
    peer.send(&octets).await;
    assert_eq!(last_words(&mut peer).await, Some(Notification::connection_not_synchronized()));
    speaker.next_down().await;
    let error = handle.status().borrow().last_error.clone().unwrap();
    assert!(error.starts_with("bad message from peer: "), "{error}");
}

#[tokio::test]
async fn silence_for_the_hold_time_ends_the_session() {
    let (handle, mut peer, mut speaker) = established().await;
    assert_eq!(last_words(&mut peer).await, Some(Notification::hold_timer_expired()));
    speaker.next_down().await;
    assert_eq!(handle.status().borrow().last_error.as_deref(), Some("hold timer expired"));
}

#[tokio::test]
async fn a_peer_that_closes_is_no_longer_up() {
    let (handle, peer, mut speaker) = established().await;
    drop(peer);
    speaker.next_down().await;
    reaches(&handle, State::Idle).await;
    assert_eq!(handle.status().borrow().last_error.as_deref(), Some("connection lost"));
}

#[tokio::test]
async fn last_words_count_although_the_connection_was_reset_under_what_we_send() {
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    let up = speaker.next_up().await;
    let (octets, _) = updates(8 << 20);
    up.exports.open().unwrap().send(&[EncodedUpdates::new(octets.freeze())]);
    // Closing a socket with unread octets resets the connection.
    let mut notification = bytes::BytesMut::new();
    Notification::administrative_shutdown("upgrade").encode(&mut notification);
    peer.send(&notification).await;
    drop(peer);
    speaker.next_down().await;
    let error = handle.status().borrow().last_error.clone().unwrap();
    assert!(error.contains("upgrade"), "{error}");
}

#[tokio::test]
async fn a_panic_in_the_decoder_closes_the_session_and_nothing_else() {
    fn fragile(octets: Bytes, context: &DecodeContext) -> Result<Message, DecodeError> {
        let message = decode_message(octets, context);
        assert!(!matches!(message, Ok(Message::Update(_))), "a bug in the decoder of UPDATEs");
        message
    }
    let (listener, options) = listening().await;
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn_decoding(options, &speaker.handle, fragile);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    speaker.next_up().await;
    peer.send(&update()).await;
    assert_eq!(last_words(&mut peer).await, Some(Notification::out_of_resources()));
    speaker.next_down().await;
    reaches(&handle, State::Idle).await;
    handle.start().await;
    ScriptedPeer::accept(&listener).await;
    assert_eq!(speaker.next_up().await.negotiated.peer_asn, bgp_codec::Asn(65002));
}

#[tokio::test]
async fn an_open_that_does_not_fit_is_answered_with_the_reason() {
    let (listener, mut options) = listening().await;
    options.session.peer_asn = margay_session::ExpectedAsn::One(bgp_codec::Asn(65099));
    let speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept_silently(&listener).await;
    peer.send_open().await;
    assert!(matches!(peer.next().await, Some(Message::Open(_))));
    assert_eq!(last_words(&mut peer).await, Some(Notification::bad_peer_as()));
    let error = handle.status().borrow().last_error.clone().unwrap();
    assert_eq!(error, "peer is in AS 65002, the configuration says 65099");
}
