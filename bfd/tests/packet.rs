//! Control packets: octets to values and back.

use std::time::Duration;

use margay_bfd::{ControlPacket, Diagnostic, Discriminator, Flags, PacketError, State};
use proptest::prelude::*;

/// A packet in state init with Poll, 50 ms both ways.
const INIT: [u8; 24] =
    [0x20, 0xa0, 3, 24, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 0, 0, 0, 0];

#[test]
fn decodes_each_field() {
    let (packet, section) = ControlPacket::decode(&INIT).unwrap();
    assert_eq!(
        packet,
        ControlPacket {
            diagnostic: Diagnostic::NONE,
            state: State::Init,
            flags: Flags::POLL,
            detect_multiplier: 3,
            my_discriminator: Discriminator::new(7).unwrap(),
            your_discriminator: Discriminator::new(9),
            desired_min_tx: Duration::from_millis(50),
            required_min_rx: Duration::from_millis(50),
            required_min_echo_rx: Duration::ZERO,
        }
    );
    assert!(section.is_empty());
    assert_eq!(packet.encode().octets(), INIT);
}

#[test]
fn discards_what_rfc_5880_section_6_8_6_discards() {
    for (name, changes, expected) in [
        ("version 0", vec![(0, 0x00)], PacketError::UnknownVersion(0)),
        ("version 2", vec![(0, 0x40)], PacketError::UnknownVersion(2)),
        ("length below the mandatory section", vec![(3, 23)], PacketError::BadLength(23)),
        ("length below an authentication section", vec![(1, 0xa4), (3, 25)], PacketError::BadLength(25)),
        ("length beyond the datagram", vec![(3, 25)], PacketError::Truncated),
        ("detect multiplier zero", vec![(2, 0)], PacketError::ZeroMultiplier),
        ("multipoint", vec![(1, 0xa1)], PacketError::Multipoint),
        ("my discriminator zero", vec![(7, 0)], PacketError::ZeroDiscriminator),
    ] {
        let mut octets = INIT;
        for (place, value) in changes {
            octets[place] = value;
        }
        assert_eq!(ControlPacket::decode(&octets), Err(expected), "{name}");
    }
    assert_eq!(ControlPacket::decode(&INIT[..23]), Err(PacketError::Truncated));
}

#[test]
fn accepts_an_unknown_your_discriminator_only_from_a_session_that_is_down() {
    for (state, is_accepted) in [(0x00, true), (0x40, true), (0x80, false), (0xc0, false)] {
        let mut octets = INIT;
        octets[1] = state;
        octets[11] = 0;
        assert_eq!(ControlPacket::decode(&octets).is_ok(), is_accepted, "{state:#x}");
    }
}

proptest! {
    #[test]
    fn decoding_never_panics_and_encoding_is_its_inverse(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok((packet, section)) = ControlPacket::decode(&octets) {
            let again = packet.encode();
            let mut expected = octets[..24].to_vec();
            expected[3] = 24;
            prop_assert_eq!(again.octets(), &expected[..]);
            prop_assert_eq!(section.len(), if packet.flags.has(Flags::AUTHENTICATION_PRESENT) { usize::from(octets[3]) - 24 } else { 0 });
        }
    }

    #[test]
    fn decoding_what_looks_like_a_packet_never_panics(mut octets in prop::collection::vec(any::<u8>(), 24..64), a in any::<bool>()) {
        octets[0] = 0x20;
        octets[1] = if a { 0xc4 } else { 0xc0 };
        octets[3] = u8::try_from(octets.len()).unwrap();
        let is_decoded = ControlPacket::decode(&octets).is_ok();
        prop_assert!(!is_decoded || octets[2] != 0, "a detect multiplier of zero");
    }
}
