//! EXTENDED_COMMUNITIES (RFC 4360).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::Asn;

/// An extended community: eight octets, of which the first one or two are its type.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExtendedCommunity(pub [u8; 8]);

impl ExtendedCommunity {
    /// Whether it may be sent to other autonomous systems (RFC 4360 §2, the T bit).
    #[must_use]
    pub fn is_transitive(self) -> bool {
        let [kind, ..] = self.0;
        kind & 0x40 == 0
    }

    /// The AS number and octets per second of a link bandwidth (draft-ietf-idr-link-bandwidth); `None` for
    /// another kind, and for a negative or non-finite bandwidth.
    #[must_use]
    pub fn link_bandwidth(self) -> Option<(u16, f32)> {
        let [NON_TRANSITIVE_TWO_OCTET_AS, LINK_BANDWIDTH, a, b, bandwidth @ ..] = self.0 else { return None };
        let octets_per_second = f32::from_be_bytes(bandwidth);
        is_bandwidth(octets_per_second).then_some((u16::from_be_bytes([a, b]), octets_per_second))
    }

    /// The octets per second of a link bandwidth, transitive or not; `None` for another kind, and for a negative or non-finite
    /// bandwidth. Some speakers send it to external peers as a transitive community.
    #[must_use]
    pub fn octets_per_second(self) -> Option<f32> {
        let [kind, rest @ ..] = self.0;
        let [LINK_BANDWIDTH, _, _, a, b, c, d] = rest else { return None };
        let bandwidth = f32::from_be_bytes([a, b, c, d]);
        (matches!(kind, TWO_OCTET_AS | NON_TRANSITIVE_TWO_OCTET_AS) && is_bandwidth(bandwidth))
            .then_some(bandwidth)
    }

    /// The link bandwidth of this many octets per second; `None` if negative or not finite.
    #[must_use]
    pub fn of_link_bandwidth(asn: u16, octets_per_second: f32) -> Option<Self> {
        let (asn, bandwidth) = (asn.to_be_bytes(), octets_per_second.to_be_bytes());
        is_bandwidth(octets_per_second)
            .then(|| joined(NON_TRANSITIVE_TWO_OCTET_AS, LINK_BANDWIDTH, asn, bandwidth))
    }
}

fn is_bandwidth(octets_per_second: f32) -> bool {
    octets_per_second.is_finite() && octets_per_second.is_sign_positive()
}

/// Route targets, route origins and link bandwidths as operators write them, others as hexadecimal digits.
///
/// `rt:65000:100` has an AS number of two octets, `rt:65536:9` one of four, `rt:9L:1` a small number in four
/// octets, and `rt:10.0.0.1:7` an address (RFC 4360 §4, RFC 5668 §2). `soo` is the site of origin.
/// `bandwidth:65000:125000000` is in octets per second.
impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, subtype, a, b, c, d, e, g] = self.0;
        if let Some((asn, octets_per_second)) = self.link_bandwidth() {
            return write!(f, "bandwidth:{asn}:{octets_per_second}");
        }
        let name = NAMES.iter().find(|(named, _)| *named == subtype).map(|(_, name)| *name);
        match (kind, name) {
            (TWO_OCTET_AS, Some(name)) => {
                write!(f, "{name}:{}:{}", u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, g]))
            }
            (IPV4_ADDRESS, Some(name)) => {
                write!(f, "{name}:{}:{}", Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([e, g]))
            }
            (FOUR_OCTET_AS, Some(name)) => {
                let asn = Asn(u32::from_be_bytes([a, b, c, d]));
                let mark = if asn.needs_four_octets() { "" } else { "L" };
                write!(f, "{name}:{asn}{mark}:{}", u16::from_be_bytes([e, g]))
            }
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

/// The text is not an extended community.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "an extended community is written rt:65000:100, soo:10.0.0.1:7, bandwidth:65000:125000000, or 0x and 16 hexadecimal digits"
)]
pub struct ExtendedCommunityError;

impl FromStr for ExtendedCommunity {
    type Err = ExtendedCommunityError;

    fn from_str(text: &str) -> Result<Self, ExtendedCommunityError> {
        parse(text).ok_or(ExtendedCommunityError)
    }
}

fn parse(text: &str) -> Option<ExtendedCommunity> {
    if let Some(digits) = text.strip_prefix("0x") {
        let is_whole = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = u64::from_str_radix(digits, 16).ok().filter(|_| is_whole)?;
        return Some(ExtendedCommunity(value.to_be_bytes()));
    }
    let (name, value) = text.split_once(':')?;
    let (administrator, number) = value.split_once(':')?;
    if name == BANDWIDTH {
        let community =
            ExtendedCommunity::of_link_bandwidth(number_of(administrator)?, number.parse().ok()?)?;
        return Some(community);
    }
    // Route origin is another name for the site of origin.
    let (subtype, _) = NAMES.iter().find(|(_, known)| *known == name || (*known == "soo" && name == "ro"))?;
    if let Ok(address) = administrator.parse::<Ipv4Addr>() {
        return Some(joined(
            IPV4_ADDRESS,
            *subtype,
            address.octets(),
            number_of::<u16>(number)?.to_be_bytes(),
        ));
    }
    let (digits, is_marked) = match administrator.strip_suffix('L') {
        Some(digits) => (digits, true),
        None => (administrator, false),
    };
    let asn: u32 = number_of(digits)?;
    match u16::try_from(asn) {
        Ok(asn) if !is_marked => {
            Some(joined(TWO_OCTET_AS, *subtype, asn.to_be_bytes(), number_of::<u32>(number)?.to_be_bytes()))
        }
        _ => {
            Some(joined(FOUR_OCTET_AS, *subtype, asn.to_be_bytes(), number_of::<u16>(number)?.to_be_bytes()))
        }
    }
}

/// A number in decimal digits and nothing else.
fn number_of<N: FromStr>(digits: &str) -> Option<N> {
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The community with these six octets after its type.
fn joined<const M: usize, const N: usize>(
    kind: u8,
    subtype: u8,
    administrator: [u8; M],
    number: [u8; N],
) -> ExtendedCommunity {
    let mut octets = [0; 8];
    let value = [kind, subtype].into_iter().chain(administrator).chain(number);
    octets.iter_mut().zip(value).for_each(|(octet, given)| *octet = given);
    ExtendedCommunity(octets)
}

/// The high octet of the type (RFC 4360 §3, RFC 5668 §2).
const TWO_OCTET_AS: u8 = 0x00;
const IPV4_ADDRESS: u8 = 0x01;
const FOUR_OCTET_AS: u8 = 0x02;
const NON_TRANSITIVE_TWO_OCTET_AS: u8 = 0x40;

/// Low octets of the type that have a name.
const NAMES: [(u8, &str); 2] = [(0x02, "rt"), (0x03, "soo")];
const LINK_BANDWIDTH: u8 = 0x04;
const BANDWIDTH: &str = "bandwidth";

impl From<[u8; 8]> for ExtendedCommunity {
    fn from(octets: [u8; 8]) -> Self {
        Self(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_bandwidth_is_read_in_both_scopes() {
        let non_transitive = ExtendedCommunity::of_link_bandwidth(65_000, 1.25e9).unwrap();
        let [_, rest @ ..] = non_transitive.0;
        let of_kind = |kind: u8| {
            let mut octets = [kind; 8];
            octets[1..].copy_from_slice(&rest);
            ExtendedCommunity(octets).octets_per_second()
        };
        assert_eq!([0x40, 0x00].map(of_kind), [Some(1.25e9); 2]);
        assert_eq!([0x01, 0x80].map(of_kind), [None; 2], "other kinds");
        let negative = ExtendedCommunity([0, 4, 0, 1, 0xc0, 0, 0, 0]);
        assert_eq!(negative.octets_per_second(), None);
    }

    #[test]
    fn text_is_parsed_as_displayed() {
        for (octets, text) in [
            ([0x00, 0x02, 0xfd, 0xe8, 0, 0, 0, 100], "rt:65000:100"),
            ([0x00, 0x02, 0, 0, 0xff, 0xff, 0xff, 0xff], "rt:0:4294967295"),
            ([0x01, 0x03, 10, 0, 0, 1, 0, 7], "soo:10.0.0.1:7"),
            ([0x02, 0x02, 0, 1, 0, 0, 0, 9], "rt:65536:9"),
            ([0x02, 0x03, 0, 0, 0, 9, 0, 1], "soo:9L:1"),
            ([0x40, 0x04, 0xfd, 0xe8, 0x4c, 0xee, 0x6b, 0x28], "bandwidth:65000:125000000"),
            ([0x40, 0x04, 0xfd, 0xe8, 0x3f, 0, 0, 0], "bandwidth:65000:0.5"),
            ([0x40, 0x04, 0xfd, 0xe8, 0x7f, 0xc0, 0, 0], "0x4004fde87fc00000"),
            ([0x40, 0x04, 0xfd, 0xe8, 0x80, 0, 0, 0], "0x4004fde880000000"),
            ([0x03, 0x0c, 0, 0, 0, 0, 0, 8], "0x030c000000000008"),
            ([0x06, 0x02, 0, 0, 0, 0, 0, 8], "0x0602000000000008"),
        ] {
            assert_eq!(ExtendedCommunity(octets).to_string(), text);
            assert_eq!(text.parse(), Ok(ExtendedCommunity(octets)), "{text}");
        }
        assert_eq!("ro:65000:1".parse::<ExtendedCommunity>(), "soo:65000:1".parse());
    }

    #[test]
    fn other_text_is_not_a_community() {
        for text in [
            "",
            "65000:1",
            "rt:65000",
            "rt:65000:1:2",
            "rt:65000:4294967296",
            "rt:65536:65536",
            "rt:10.0.0.1:65536",
            "rt:+1:2",
            "rt:1:",
            "rt:LL:1",
            "xx:1:1",
            "bandwidth:65536:1",
            "bandwidth:1:-1",
            "bandwidth:1:inf",
            "bandwidth:1:NaN",
            "0x12",
            "0x+30c00000000000",
            "0x030c0000000000080",
        ] {
            assert_eq!(text.parse::<ExtendedCommunity>(), Err(ExtendedCommunityError), "{text}");
        }
    }

    #[test]
    fn the_second_bit_makes_a_community_non_transitive() {
        assert!(ExtendedCommunity([0x03, 0x0c, 0, 0, 0, 0, 0, 8]).is_transitive());
        assert!(!ExtendedCommunity([0x40, 0x04, 0, 0, 0, 0, 0, 8]).is_transitive());
    }
}
