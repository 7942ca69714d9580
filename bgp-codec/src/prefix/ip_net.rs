//! Conversions between prefixes and the networks of `ipnet`, the type of prefixes in configuration, JSON and objects.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};

impl From<Prefix> for IpNet {
    fn from(prefix: Prefix) -> Self {
        Self::new_assert(prefix.network(), prefix.length())
    }
}

impl From<Ipv4Prefix> for Ipv4Net {
    fn from(prefix: Ipv4Prefix) -> Self {
        Self::new_assert(prefix.address(), prefix.length())
    }
}

impl From<Ipv6Prefix> for Ipv6Net {
    fn from(prefix: Ipv6Prefix) -> Self {
        Self::new_assert(prefix.address(), prefix.length())
    }
}

/// A network may have host bits, which a prefix may not.
impl TryFrom<IpNet> for Prefix {
    type Error = PrefixError;

    fn try_from(network: IpNet) -> Result<Self, PrefixError> {
        Self::new(network.addr(), network.prefix_len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_networks_have_the_same_text() {
        for text in ["0.0.0.0/0", "10.65.1.0/26", "10.0.0.1/32", "::/0", "2001:db8::/64", "2001:db8::1/128"] {
            let prefix: Prefix = text.parse().unwrap();
            let network = IpNet::from(prefix);
            assert_eq!(network, text.parse().unwrap());
            assert_eq!(network.to_string(), prefix.to_string());
            assert_eq!(Prefix::try_from(network), Ok(prefix));
        }
        let (v4, v6) = (Ipv4Prefix::truncating([10, 65, 1, 9].into(), 26), Ipv6Prefix::host(1.into()));
        assert_eq!(Ipv4Net::from(v4).to_string(), v4.to_string());
        assert_eq!(Ipv6Net::from(v6).to_string(), v6.to_string());
    }

    #[test]
    fn a_network_with_host_bits_is_not_a_prefix() {
        for (text, expected) in [("10.65.1.1/26", "10.65.1.0/26"), ("2001:db8::1/64", "2001:db8::/64")] {
            let network: IpNet = text.parse().unwrap();
            let truncated = expected.parse().unwrap();
            assert_eq!(Prefix::try_from(network), Err(PrefixError::HostBits { truncated }), "{text}");
        }
    }
}
