//! Where the BGP identifier of a node comes from.

use std::net::Ipv4Addr;

use sha2::{Digest as _, Sha256};

/// Where the BGP identifier of a node comes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RouterIdSource {
    /// The node's IPv4 address; of a node without one, its name.
    #[default]
    Address,
    /// Always its name.
    Name,
    /// This one.
    Fixed(Ipv4Addr),
}

impl RouterIdSource {
    pub(crate) fn choose(self, name: &str, address: Option<Ipv4Addr>) -> Ipv4Addr {
        match self {
            Self::Fixed(router_id) => router_id,
            Self::Name => of_name(name),
            Self::Address => address.unwrap_or_else(|| of_name(name)),
        }
    }
}

/// The first four octets of the SHA-256 of the name, kept out of multicast and reserved addresses as in Calico.
fn of_name(name: &str) -> Ipv4Addr {
    const MULTICAST: u8 = 224;
    let hash = Sha256::digest(name);
    let [first, second, third, fourth] =
        [0, 1, 2, 3].map(|index| hash.get(index).copied().unwrap_or_default());
    Ipv4Addr::new(if first >= MULTICAST { first - 32 } else { first }, second, third, fourth)
}

#[cfg(test)]
mod tests {
    use super::RouterIdSource;

    #[test]
    fn the_address_goes_before_the_name() {
        let address = "10.192.0.2".parse().unwrap();
        assert_eq!(RouterIdSource::Address.choose("node-1", Some(address)), address);
        let of_name = RouterIdSource::Name.choose("node-1", Some(address));
        assert_eq!(RouterIdSource::Address.choose("node-1", None), of_name);
        assert!(!of_name.is_multicast() && of_name != RouterIdSource::Name.choose("node-2", None));
    }
}
