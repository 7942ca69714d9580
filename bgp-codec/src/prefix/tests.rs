//! Prefixes: octets to values and back, and text.

use super::*;

#[test]
fn text_is_parsed_or_refused_with_a_reason() {
    let host_bits = |text: &str| PrefixError::HostBits { truncated: text.parse().unwrap() };
    let cases: [(&str, Result<&str, PrefixError>); 16] = [
        ("10.0.0.0/8", Ok("10.0.0.0/8")),
        ("0.0.0.0/0", Ok("0.0.0.0/0")),
        ("10.65.1.7/32", Ok("10.65.1.7/32")),
        ("2001:db8::/32", Ok("2001:db8::/32")),
        ("::/0", Ok("::/0")),
        ("2001:DB8:0:0::1/128", Ok("2001:db8::1/128")),
        ("10.0.0.0/33", Err(PrefixError::Length { length_bits: 33, max_bits: 32 })),
        ("::/129", Err(PrefixError::Length { length_bits: 129, max_bits: 128 })),
        ("10.65.1.7/24", Err(host_bits("10.65.1.0/24"))),
        ("2001:db8::1/64", Err(host_bits("2001:db8::/64"))),
        ("10.0.0.0", Err(PrefixError::Syntax)),
        ("10.0.0.0/", Err(PrefixError::Syntax)),
        ("10.0.0.0/+8", Err(PrefixError::Syntax)),
        ("10.0.0/8", Err(PrefixError::Syntax)),
        ("10.0.0.0/256", Err(PrefixError::Syntax)),
        (" 10.0.0.0/8", Err(PrefixError::Syntax)),
    ];
    for (text, expected) in cases {
        let parsed: Result<Prefix, _> = text.parse();
        assert_eq!(parsed.map(|prefix| prefix.to_string()), expected.map(str::to_owned), "{text}");
    }
}

#[test]
fn the_refused_host_bits_are_shown_with_the_remedy() {
    let error = "10.65.1.7/24".parse::<Ipv4Prefix>().unwrap_err();
    assert!(error.to_string().contains("10.65.1.0/24"), "{error}");
}

#[test]
fn containment_is_by_leading_bits() {
    for (outer, inner, expected) in [
        ("10.0.0.0/8", "10.1.0.0/16", true),
        ("10.0.0.0/8", "10.0.0.0/8", true),
        ("10.1.0.0/16", "10.0.0.0/8", false),
        ("10.0.0.0/8", "11.0.0.0/16", false),
        ("0.0.0.0/0", "255.255.255.255/32", true),
        ("::/0", "2001:db8::/32", true),
        ("2001:db8::/33", "2001:db8:8000::/33", false),
        ("2001:db8::1/128", "2001:db8::1/128", true),
        ("0.0.0.0/0", "::/0", false),
    ] {
        let (outer, inner): (Prefix, Prefix) = (outer.parse().unwrap(), inner.parse().unwrap());
        assert_eq!(outer.contains(inner), expected, "{outer} around {inner}");
    }
}

#[test]
fn truncation_never_lengthens() {
    let prefix: Ipv4Prefix = "10.65.1.0/24".parse().unwrap();
    assert_eq!(prefix.truncated(16).to_string(), "10.65.0.0/16");
    assert_eq!(prefix.truncated(32), prefix);
    let prefix: Ipv6Prefix = "2001:db8:ffff::/48".parse().unwrap();
    assert_eq!(prefix.truncated(33).to_string(), "2001:db8:8000::/33");
}

#[test]
fn prefixes_have_the_sizes_that_tables_rely_on() {
    assert_eq!(size_of::<Ipv4Prefix>(), 8);
    assert_eq!(size_of::<Ipv6Prefix>(), 17);
}

#[test]
fn nlri_decode_ignores_bits_beyond_the_length() {
    let (prefix, rest) = Ipv4Prefix::decode(&[9, 10, 0xff, 1, 2, 3]).unwrap();
    assert_eq!((prefix.to_string().as_str(), rest), ("10.128.0.0/9", &[1, 2, 3][..]));
    let (prefix, rest) = Ipv6Prefix::decode(&[9, 0x20, 0xff]).unwrap();
    assert_eq!((prefix.to_string().as_str(), rest), ("2080::/9", &[][..]));
}

#[test]
fn nlri_decode_refuses_long_and_truncated_prefixes() {
    for octets in [&[33, 1, 2, 3, 4, 5][..], &[24, 1, 2], &[1], &[]] {
        assert_eq!(Ipv4Prefix::decode(octets), None, "{octets:?}");
    }
    assert_eq!(Ipv6Prefix::decode(&[129; 18]), None);
    assert_eq!(Ipv6Prefix::decode(&[128; 16]), None);
}

proptest::proptest! {
    #[test]
    fn nlri_encode_then_decode_is_the_identity(bits: u32, bits6: u128, length in 0..=128u8, tail: Vec<u8>) {
        check(Ipv4Prefix::truncating(bits.into(), length), &tail);
        check(Ipv6Prefix::truncating(bits6.into(), length), &tail);
    }
}

fn check<P: IpPrefix>(prefix: P, tail: &[u8]) {
    let mut octets = Vec::new();
    prefix.encode(&mut octets);
    assert_eq!(octets.len(), prefix.encoded_octets());
    octets.extend_from_slice(tail);
    assert_eq!(P::decode(&octets), Some((prefix, tail)));
    assert_eq!(prefix.to_string().parse(), Ok(prefix));
    assert_eq!(P::narrow(prefix.erase()), Some(prefix));
}
