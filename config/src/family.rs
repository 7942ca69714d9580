//! Address families as operators write them.

use bgp_codec::Family;

/// Parses a family that routes are exchanged of.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse(text: &str) -> Result<Family, String> {
    [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
        .into_iter()
        .find(|family| family.to_string() == text)
        .ok_or_else(|| format!("{text:?} is not a valid family: write \"ipv4-unicast\" or \"ipv6-unicast\""))
}
