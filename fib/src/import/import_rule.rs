//! Which kernel routes are announced.

use bgp_codec::Prefix;
use margay_filter::PrefixCondition;

use crate::netlink::{RouteKind, RouteShape};

/// Selects foreign routes to be announced. All conditions must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportRule {
    /// The routing table.
    pub table: u32,
    /// The route protocol numbers; any if empty.
    pub protocols: Vec<u8>,
    /// The interfaces that the routes lead over.
    pub interfaces: InterfacePatterns,
    /// The prefixes.
    pub prefixes: PrefixCondition,
    /// The metric that the routes count as having; their own by default.
    pub metric: Option<u32>,
}

/// Patterns for names of interfaces, with `*` for any characters and a leading `!` for exclusion; the first
/// pattern that matches decides. A name that matches no pattern is selected only if all patterns are
/// exclusions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct InterfacePatterns(pub Vec<String>);

impl ImportRule {
    /// Whether the rule selects a route over interfaces of these names.
    pub(crate) fn covers(&self, prefix: Prefix, shape: &RouteShape, interfaces: &[&str]) -> bool {
        is_announceable(shape.kind)
            && (self.protocols.is_empty() || self.protocols.contains(&shape.protocol))
            && self.prefixes.holds_for(prefix)
            && self.interfaces.mean_all(interfaces)
    }
}

/// Addresses of this node, broadcast and multicast are not routes that other routers could use.
fn is_announceable(kind: RouteKind) -> bool {
    matches!(kind, RouteKind::UNICAST | RouteKind::BLACKHOLE | RouteKind::UNREACHABLE | RouteKind::PROHIBIT)
}

impl InterfacePatterns {
    fn mean_all(&self, interfaces: &[&str]) -> bool {
        let only_excludes = self.0.iter().all(|pattern| pattern.starts_with('!'));
        let means = |name: &&str| {
            let decided = self.0.iter().find_map(|pattern| match pattern.strip_prefix('!') {
                Some(pattern) => matches_pattern(pattern, name).then_some(false),
                None => matches_pattern(pattern, name).then_some(true),
            });
            decided.unwrap_or(only_excludes)
        };
        if interfaces.is_empty() { only_excludes } else { interfaces.iter().all(means) }
    }
}

/// Whether a name matches a pattern, in which `*` stands for any characters.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| matches_pattern(rest, name)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_decides() {
        let rows: [(&[&str], &[&str], bool); 10] = [
            (&[], &["eth0"], true),
            (&[], &[], true),
            (&["!cali*", "!kube-ipvs*"], &["cali12ab"], false),
            (&["!cali*", "!kube-ipvs*"], &["eth0"], true),
            (&["!cali*"], &["eth0", "cali1"], false),
            (&["!cali*"], &[], true),
            (&["eth*"], &["eth0"], true),
            (&["eth*"], &["wlan0"], false),
            (&["!eth1", "eth*"], &["eth1"], false),
            (&["bpf*.cali"], &["bpfin.cali"], true),
        ];
        for (patterns, interfaces, expected) in rows {
            let patterns = InterfacePatterns(patterns.iter().map(|&text| text.to_owned()).collect());
            assert_eq!(patterns.mean_all(interfaces), expected, "{patterns:?} {interfaces:?}");
        }
    }
}
