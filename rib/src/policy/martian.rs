//! Destinations and next hops that are invalid in a route from any peer (RFC 4271 §6.3).

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, NextHop, Prefix};

/// Whether packets to any address of a prefix must not be forwarded: "this network", loopback and multicast
/// addresses, and the limited broadcast address in IPv4 (RFC 6890 §2.2.2); the unspecified, loopback,
/// IPv4-mapped, link-local and multicast addresses in IPv6 (RFC 6890 §2.2.3, RFC 4291 §2).
///
/// A prefix that also covers other addresses, such as the default route, is not martian.
pub(crate) fn is_martian(prefix: Prefix) -> bool {
    let first = prefix.network();
    let is_within = |length_bits| prefix.length() >= length_bits;
    match first {
        std::net::IpAddr::V4(first) => match first.octets() {
            [0 | 127, ..] => is_within(8),
            [224..=239, ..] => is_within(4),
            [255, 255, 255, 255] => is_within(32),
            _ => false,
        },
        std::net::IpAddr::V6(first) => {
            let is_host = first.is_unspecified() || first.is_loopback();
            is_host && is_within(128)
                || first.to_ipv4_mapped().is_some() && is_within(96)
                || first.is_unicast_link_local() && is_within(10)
                || first.is_multicast() && is_within(8)
        }
    }
}

/// Whether an address cannot be that of the next router: a loopback or multicast address. The codec refuses
/// all others that cannot be a host's.
pub(crate) fn is_martian_next_hop(next_hop: NextHop) -> bool {
    let address = next_hop.address();
    address.is_loopback() || address.is_multicast()
}

/// Whether a prefix covers exactly this one address.
pub(crate) fn is_host(prefix: Prefix, address: NextHop) -> bool {
    match (prefix, address) {
        (Prefix::Ipv4(prefix), NextHop::Ipv4(address)) => prefix == Ipv4Prefix::host(address),
        (Prefix::Ipv6(prefix), NextHop::Ipv6(address) | NextHop::Ipv6LinkLocal { global: address, .. }) => {
            prefix == Ipv6Prefix::host(address)
        }
        (Prefix::Ipv4(_), NextHop::Ipv6(_) | NextHop::Ipv6LinkLocal { .. })
        | (Prefix::Ipv6(_), NextHop::Ipv4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_martian_if_none_of_its_addresses_is_forwarded() {
        let martian = [
            "0.0.0.0/8",
            "0.1.2.0/24",
            "127.0.0.0/8",
            "127.0.0.1/32",
            "224.0.0.0/4",
            "239.1.0.0/16",
            "255.255.255.255/32",
            "::/128",
            "::1/128",
            "::ffff:0:0/96",
            "::ffff:10.0.0.0/104",
            "fe80::/10",
            "fe80::1/128",
            "ff00::/8",
            "ff02::1/128",
        ];
        let sensible = [
            "0.0.0.0/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "10.0.0.0/8",
            "126.0.0.0/7",
            "169.254.169.254/32",
            "192.168.0.0/16",
            "224.0.0.0/3",
            "240.0.0.0/4",
            "255.255.255.0/24",
            "::/0",
            "::/1",
            "8000::/1",
            "2000::/3",
            "64:ff9b::/96",
            "fc00::/7",
            "fe00::/9",
            "fec0::/10",
            "2001:db8::1/128",
        ];
        for (prefixes, expected) in [(&martian[..], true), (&sensible[..], false)] {
            for prefix in prefixes {
                assert_eq!(is_martian(prefix.parse().expect("a prefix")), expected, "{prefix}");
            }
        }
    }

    #[test]
    fn loopback_and_multicast_addresses_are_not_next_hops() {
        for (next_hop, expected) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("ff02::1", true),
            ("10.0.0.1", false),
            ("169.254.1.1", false),
            ("2001:db8::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_martian_next_hop(next_hop.parse().expect("a next hop")), expected, "{next_hop}");
        }
    }
}
