//! Text forms: parsing is the inverse of displaying.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bgp_codec::{
    AsPathBuf, BgpIdentifier, Community, ExtendedCommunity, Ipv4Prefix, Ipv6ExtendedCommunity, Ipv6Prefix,
    LargeCommunity, NextHop, Notification, NotificationCode, Prefix,
};
use proptest::prelude::*;

fn comes_back<T: Display + FromStr<Err: Debug> + PartialEq + Debug>(value: &T) {
    let text = value.to_string();
    assert_eq!(&text.parse::<T>().unwrap(), value, "{text}");
}

proptest! {
    #[test]
    fn any_prefix(bits: u32, bits6: u128, length in 0..=128u8) {
        comes_back(&Ipv4Prefix::truncating(bits.into(), length));
        comes_back(&Ipv6Prefix::truncating(bits6.into(), length));
        comes_back(&Prefix::Ipv4(Ipv4Prefix::truncating(bits.into(), length)));
        comes_back(&Prefix::Ipv6(Ipv6Prefix::truncating(bits6.into(), length)));
    }

    #[test]
    fn any_community(value: u32, large: [u32; 3]) {
        comes_back(&Community(value));
        let [global_administrator, local_data_1, local_data_2] = large;
        comes_back(&LargeCommunity { global_administrator, local_data_1, local_data_2 });
    }

    #[test]
    fn any_extended_community(
        octets: [u8; 8],
        kind in prop_oneof![Just(0u8), Just(1), Just(2), Just(0x40), any::<u8>()],
        subtype in 2..=5u8,
    ) {
        comes_back(&ExtendedCommunity(octets));
        let [_, _, value @ ..] = octets;
        let [a, b, c, d, e, f] = value;
        comes_back(&ExtendedCommunity([kind, subtype, a, b, c, d, e, f]));
        comes_back(&ExtendedCommunity([kind, subtype, 0, 0, c, d, e, f]));
    }

    #[test]
    fn any_ipv6_extended_community(octets: [u8; 20], kind in 0..5u8) {
        comes_back(&Ipv6ExtendedCommunity(octets));
        let [_, _, value @ ..] = octets;
        comes_back(&Ipv6ExtendedCommunity([&[0, kind][..], &value].concat().try_into().unwrap()));
    }

    #[test]
    fn any_next_hop(v4: u32, v6: u128, low: u64) {
        comes_back(&NextHop::Ipv4(v4.into()));
        comes_back(&NextHop::Ipv6(v6.into()));
        let link_local = (0xfe80 << 112 | u128::from(low)).into();
        comes_back(&NextHop::Ipv6LinkLocal { global: v6.into(), link_local });
    }

    #[test]
    fn any_as_path(segments in prop::collection::vec((0..4usize, prop::collection::vec(1..=u32::MAX, 1..9)), 0..5)) {
        let brackets = [("", ""), ("{", "}"), ("(", ")"), ("[", "]")];
        let segment = |(kind, asns): &(usize, Vec<u32>)| {
            let (open, close) = brackets[*kind];
            format!("{open}{}{close}", asns.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
        };
        let text = segments.iter().map(segment).collect::<Vec<_>>().join(" ");
        comes_back(&text.parse::<AsPathBuf>().unwrap());
    }

    #[test]
    fn any_notification_without_data(code: u8, subcode: u8) {
        comes_back(&Notification::new(NotificationCode(code), subcode));
    }

    #[test]
    fn any_reason_of_a_shutdown(reason in ".{0,255}") {
        comes_back(&Notification::administrative_shutdown(&reason));
        comes_back(&Notification::administrative_reset(&reason));
    }

    #[test]
    fn any_identifier(value in 1..=u32::MAX) {
        comes_back(&BgpIdentifier::new(value).unwrap());
    }

    #[test]
    fn any_text_is_parsed_or_refused(wild in ".{0,60}", tame in "[a-z0-9:./x(){}]{0,40}") {
        for text in [wild.as_str(), &tame] {
            comes_back_if_read::<Prefix>(text);
            comes_back_if_read::<Community>(text);
            comes_back_if_read::<LargeCommunity>(text);
            comes_back_if_read::<ExtendedCommunity>(text);
            comes_back_if_read::<Ipv6ExtendedCommunity>(text);
            comes_back_if_read::<NextHop>(text);
            comes_back_if_read::<AsPathBuf>(text);
            comes_back_if_read::<Notification>(text);
        }
    }
}

fn comes_back_if_read<T: Display + FromStr<Err: Debug> + PartialEq + Debug>(text: &str) {
    text.parse::<T>().iter().for_each(comes_back);
}
