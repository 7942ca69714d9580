//! SIGTERM: peers are notified, and the process ends in order.

use std::net::Ipv4Addr;

use margay_lab::{Family, Lab, Margay, PeerSettings, Router, RouterSettings};

use crate::pair::{MARGAY_ASN, binaries, host, with_length};
use crate::raw_speaker::{KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, message, open_body};

#[test]
fn sigterm_sends_cease_to_each_peer_and_ends_with_success() {
    const ASN: u16 = 65100;
    const CEASE: u8 = 6;
    const ADMINISTRATIVE_SHUTDOWN: u8 = 2;
    let lab = Lab::new().unwrap();
    let segment = lab.segment("wire").unwrap();
    let [here, there] = ["margay", "raw"].map(|label| lab.namespace(label).unwrap());
    segment.attach(&here, "eth0", &[&with_length(host(Family::Ipv4, 1))]).unwrap();
    let peers = [2, 3].map(|number| host(Family::Ipv4, number));
    segment.attach(&there, "eth0", &peers.map(with_length).each_ref().map(String::as_str)).unwrap();

    let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
    for (index, address) in peers.into_iter().enumerate() {
        let mut peer = PeerSettings::new(&format!("raw{index}"), address, u32::from(ASN));
        peer.passive = true;
        settings.peers.push(peer);
    }
    let mut margay = Margay::new(&here, settings, &binaries());
    margay.start().unwrap();
    let mut speakers = peers.map(|from| {
        let mut speaker = RawSpeaker::dial(&there, from, host(Family::Ipv4, 1)).unwrap();
        speaker.send(&message(OPEN, &open_body(4, ASN, 90, [192, 0, 2, 100], &[]))).unwrap();
        speaker.send(&message(KEEPALIVE, &[])).unwrap();
        speaker.read_kind(KEEPALIVE).unwrap();
        speaker
    });

    let status = margay.terminate().unwrap();
    assert!(status.success(), "{status}");
    for speaker in &mut speakers {
        let notification = speaker.read_kind(NOTIFICATION).unwrap();
        assert_eq!(notification.body.get(..2), Some(&[CEASE, ADMINISTRATIVE_SHUTDOWN][..]));
        assert_eq!(speaker.read().unwrap(), None, "nothing follows the NOTIFICATION");
    }
    let log = margay.log().unwrap();
    assert!(log.contains("stopped"), "{log}");
}
