//! Prefixes as operators write them.

use std::net::IpAddr;

use bgp_codec::Prefix;
use ipnet::IpNet;

/// Parses a prefix such as `10.65.1.0/26`.
///
/// # Errors
///
/// Returns what would be right, for instance the prefix without the host bits.
pub(crate) fn parse(text: &str) -> Result<Prefix, String> {
    let Some((address, length)) = text.split_once('/') else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => {
                format!("{text} has no length: write {address}/{} for a single address", longest(address))
            }
            Err(_) => not_understood(text),
        });
    };
    let address: IpAddr = address.parse().map_err(|_| not_understood(text))?;
    let network = length.parse().ok().and_then(|length| IpNet::new(address, length).ok());
    let network = network
        .ok_or_else(|| format!("the length of {text} is not possible: write /0 to /{}", longest(address)))?;
    Prefix::try_from(network).map_err(|_| format!("host bits are set in {text}: write {}", network.trunc()))
}

/// The prefix that a text means, host bits or not, to tell which object an error is in.
pub(crate) fn meant(text: &str) -> Option<Prefix> {
    let network: IpNet = text.parse().ok()?;
    Prefix::try_from(network.trunc()).ok()
}

fn longest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn not_understood(text: &str) -> String {
    format!("{text:?} is not a prefix: write one such as \"10.65.1.0/26\" or \"2001:db8::/64\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_table() {
        for text in ["10.65.1.0/26", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/64", "::/0", "2001:db8::1/128"] {
            assert_eq!(parse(text).map(|prefix| prefix.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn wrong_prefixes_say_what_would_be_right() {
        let rows = [
            ("10.65.1.1/26", "host bits are set in 10.65.1.1/26: write 10.65.1.0/26"),
            ("2001:db8::1/64", "host bits are set in 2001:db8::1/64: write 2001:db8::/64"),
            ("10.65.1.0/33", "the length of 10.65.1.0/33 is not possible: write /0 to /32"),
            ("10.65.1.0/-1", "the length of 10.65.1.0/-1 is not possible: write /0 to /32"),
            ("2001:db8::/129", "the length of 2001:db8::/129 is not possible: write /0 to /128"),
            ("10.65.1.5", "10.65.1.5 has no length: write 10.65.1.5/32 for a single address"),
            ("2001:db8::5", "2001:db8::5 has no length: write 2001:db8::5/128 for a single address"),
            (
                "10.65.1/24",
                "\"10.65.1/24\" is not a prefix: write one such as \"10.65.1.0/26\" or \"2001:db8::/64\"",
            ),
            ("pods", "\"pods\" is not a prefix: write one such as \"10.65.1.0/26\" or \"2001:db8::/64\""),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }
}
