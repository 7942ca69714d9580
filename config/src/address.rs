//! Addresses as operators write them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bgp_codec::{BgpIdentifier, ClusterId};
use margay_forwarding::LinkName;

use crate::interface_name;

/// Parses the address of one host: a peer's, or one of this node.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_host(text: &str) -> Result<IpAddr, String> {
    let address = text.parse().map_err(|_| not_understood(text))?;
    match address {
        IpAddr::V4(address) if address.is_broadcast() => Err(no_host(text)),
        IpAddr::V6(address) => host_v6(address).map(IpAddr::V6),
        IpAddr::V4(_) if address.is_unspecified() || address.is_multicast() => Err(no_host(text)),
        IpAddr::V4(_) => Ok(address),
    }
}

/// Parses a peer's address: that of a host, or a link-local one with its interface, such as `fe80::1%eth0`.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_peer(text: &str) -> Result<(IpAddr, Option<LinkName>), String> {
    let Some((address, interface)) = text.split_once('%') else {
        return match text.parse() {
            Ok(IpAddr::V6(address)) if address.is_unicast_link_local() => Err(format!(
                "{address} is a link-local address: write {address}%eth0, with the name of the interface"
            )),
            _ => parse_host(text).map(|address| (address, None)),
        };
    };
    let name = interface_name::parse(interface)?;
    let link = name.parse().map_err(|error| format!("{name:?} is not an interface name: {error}"))?;
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.is_unicast_link_local() => Ok((address.into(), Some(link))),
        Ok(address) => Err(format!("only a link-local address has an interface: write {address}")),
        Err(_) => Err(not_understood(text)),
    }
}

/// Parses an address with a port to listen on, such as `0.0.0.0:179`. `usual_port` is for the advice.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_listen(text: &str, usual_port: u16) -> Result<SocketAddr, String> {
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => format!("{text} has no port: write \"{}\"", SocketAddr::new(address, usual_port)),
            Err(_) => format!(
                "{text:?} is not an address with a port: write one such as \"0.0.0.0:{usual_port}\" or \"[::]:{usual_port}\""
            ),
        });
    };
    if address.port() == 0 {
        return Err(format!(
            "port 0 cannot be dialed: write \"{}\"",
            SocketAddr::new(address.ip(), usual_port)
        ));
    }
    Ok(address)
}

/// Parses a BGP identifier: dotted like an IPv4 address, and not zero (RFC 6286 §2.1).
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_router_id(text: &str) -> Result<BgpIdentifier, String> {
    let advice = "write an IPv4 address of this node, such as \"10.0.0.11\"";
    let address: std::net::Ipv4Addr =
        text.parse().map_err(|_| format!("{text:?} is not a valid BGP identifier: {advice}"))?;
    BgpIdentifier::try_from(address).map_err(|_| format!("a BGP identifier must not be zero: {advice}"))
}

/// Parses a cluster id: dotted like an IPv4 address, and any of them will do (RFC 4456 §7).
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_cluster_id(text: &str) -> Result<ClusterId, String> {
    let address: std::net::Ipv4Addr = text.parse().map_err(|_| {
        format!("{text:?} is not a valid cluster id: write four numbers, such as \"10.0.0.11\"")
    })?;
    Ok(ClusterId(address.to_bits()))
}

fn host_v6(address: Ipv6Addr) -> Result<Ipv6Addr, String> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return Err(format!("{address} is an IPv4 address in disguise: write {mapped}"));
    }
    if address.is_unicast_link_local() {
        return Err(format!(
            "{address} is a link-local address, which means nothing without an interface: write a global address"
        ));
    }
    if address.is_unspecified() || address.is_multicast() {
        return Err(no_host(&address.to_string()));
    }
    Ok(address)
}

fn not_understood(text: &str) -> String {
    let address = text.split_once('/').and_then(|(address, _)| address.parse::<IpAddr>().ok());
    match address {
        Some(address) => format!("{text} is a prefix: write the address alone, {address}"),
        None => {
            format!("{text:?} is not a valid address: write one such as \"172.16.0.1\" or \"2001:db8::1\"")
        }
    }
}

fn no_host(text: &str) -> String {
    format!("{text} is not the address of a host: write one such as \"172.16.0.1\" or \"2001:db8::1\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_addresses_say_what_would_be_right() {
        let rows = [
            ("172.16.0.1/24", "172.16.0.1/24 is a prefix: write the address alone, 172.16.0.1"),
            (
                "172.16.0",
                "\"172.16.0\" is not a valid address: write one such as \"172.16.0.1\" or \"2001:db8::1\"",
            ),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1 is an IPv4 address in disguise: write 10.0.0.1"),
            (
                "fe80::1",
                "fe80::1 is a link-local address, which means nothing without an interface: write a global address",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_host(text), Err(expected.to_owned()), "{text}");
        }
        for text in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert!(parse_host(text).unwrap_err().contains("is not the address of a host"), "{text}");
        }
        for text in ["172.16.0.1", "127.0.0.1", "2001:db8::1", "::1"] {
            assert_eq!(parse_host(text), Ok(text.parse().unwrap()));
        }
    }

    #[test]
    fn a_link_local_address_of_a_peer_has_an_interface_and_others_have_none() {
        let link = |name: &str| Some(name.parse().unwrap());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(parse_peer("fe80::1%eth0"), Ok((address("fe80::1"), link("eth0"))));
        assert_eq!(parse_peer("fe80:0::1%eth0.100"), Ok((address("fe80::1"), link("eth0.100"))));
        assert_eq!(parse_peer("2001:db8::1"), Ok((address("2001:db8::1"), None)));
        for (text, expected) in [
            (
                "fe80::1",
                "fe80::1 is a link-local address: write fe80::1%eth0, with the name of the interface",
            ),
            ("10.0.0.1%eth0", "only a link-local address has an interface: write 10.0.0.1"),
            ("2001:db8::1%eth0", "only a link-local address has an interface: write 2001:db8::1"),
            (
                "fe80::1%",
                "\"\" is not an interface name: write 1 to 15 characters without spaces, '/' and ':'",
            ),
            (
                "fe80::%::1%eth0",
                "\"::1%eth0\" is not an interface name: write 1 to 15 characters without spaces, '/' and ':'",
            ),
        ] {
            assert_eq!(parse_peer(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn wrong_listening_addresses_say_what_would_be_right() {
        let rows = [
            ("0.0.0.0", "0.0.0.0 has no port: write \"0.0.0.0:179\""),
            ("::", ":: has no port: write \"[::]:179\""),
            ("0.0.0.0:0", "port 0 cannot be dialed: write \"0.0.0.0:179\""),
            (
                "*:179",
                "\"*:179\" is not an address with a port: write one such as \"0.0.0.0:179\" or \"[::]:179\"",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_listen(text, 179), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(parse_listen("[::]:1790", 179), Ok("[::]:1790".parse().unwrap()));
    }

    #[test]
    fn a_router_id_is_dotted_and_not_zero() {
        assert_eq!(parse_router_id("10.0.0.11").map(|id| id.to_string()), Ok("10.0.0.11".to_owned()));
        assert!(parse_router_id("0.0.0.0").unwrap_err().contains("must not be zero"));
        assert!(parse_router_id("::1").unwrap_err().contains("is not a valid BGP identifier"));
    }
}
