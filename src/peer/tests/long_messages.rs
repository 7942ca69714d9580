//! Messages of more than 4,096 octets (RFC 8654).

use bgp_codec::{AsWidth, Capability, Ipv4Prefix, Nlri, UpdateEncoder};
use bytes::BytesMut;

use super::bench_speaker::BenchSpeaker;
use super::scripted_peer::{ScriptedPeer, listening};
use crate::peer::spawn;
use crate::speaker::SpeakerInput;

/// RFC 8654 §4: a speaker that advertised the capability accepts them from any peer.
#[tokio::test]
async fn are_taken_from_a_peer_that_does_not_advertise_them() {
    let (listener, mut options) = listening().await;
    options.session.capabilities.0.push(Capability::ExtendedMessage);
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut peer = ScriptedPeer::accept(&listener).await;
    assert_eq!(speaker.next_up().await.negotiated.max_octets_sent(), 4096);
    let update = long_update();
    assert!(update.len() > 5000);
    peer.send(&update).await;
    match speaker.next().await {
        SpeakerInput::Updates { octets, .. } => assert_eq!(octets, update.len()),
        other => panic!("{other:?}"),
    }
}

/// One UPDATE that withdraws many prefixes.
fn long_update() -> BytesMut {
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 65_535, add_path: false };
    let mut octets = BytesMut::new();
    let prefixes = (0..1300).map(|number: u16| {
        let [high, low] = number.to_be_bytes();
        Nlri::new(Ipv4Prefix::new([10, high, low, 0].into(), 24).unwrap())
    });
    encoder.unreach(&mut octets, prefixes);
    octets
}
