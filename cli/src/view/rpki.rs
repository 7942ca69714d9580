//! `margay show rpki`

use margay_control::{RpkiCache, RpkiCaches};

use super::or_dash;
use super::time_span::time_span;
use crate::table::{Align, Table};

/// All caches, one a line.
pub(crate) fn rpki(answer: &RpkiCaches) -> String {
    let mut table = Table::new([
        ("CACHE", Align::Left),
        ("STATE", Align::Left),
        ("VERSION", Align::Right),
        ("SERIAL", Align::Right),
        ("IPV4", Align::Right),
        ("IPV6", Align::Right),
        ("UPDATED", Align::Right),
        ("EXPIRES", Align::Right),
        ("LAST ERROR", Align::Left),
    ]);
    for cache in &answer.caches {
        table.row([
            cache.address.to_string(),
            state(cache).to_owned(),
            cache.version.to_string(),
            or_dash(cache.serial),
            cache.ipv4_payloads.to_string(),
            cache.ipv6_payloads.to_string(),
            or_dash(cache.updated_seconds_ago.map(time_span)),
            or_dash(cache.expires_in_seconds.map(time_span)),
            or_dash(cache.last_error.as_ref()),
        ]);
    }
    if table.is_empty() { "no RPKI caches\n".to_owned() } else { table.to_string() }
}

fn state(cache: &RpkiCache) -> &'static str {
    match (cache.connected, cache.serial) {
        (true, Some(_)) => "up",
        (true, None) => "waiting",
        (false, _) => "down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_each_cache_on_a_line() {
        let up = RpkiCache {
            address: "192.0.2.1:323".parse().unwrap(),
            connected: true,
            version: 1,
            session: Some(7),
            serial: Some(42),
            ipv4_payloads: 400_000,
            ipv6_payloads: 90_000,
            updated_seconds_ago: Some(65),
            expires_in_seconds: Some(7135),
            last_error: None,
        };
        let down = RpkiCache {
            address: "[2001:db8::1]:3323".parse().unwrap(),
            connected: false,
            session: None,
            serial: None,
            ipv4_payloads: 0,
            ipv6_payloads: 0,
            updated_seconds_ago: None,
            expires_in_seconds: None,
            last_error: Some("cannot connect: refused".to_owned()),
            ..up
        };
        let shown = rpki(&RpkiCaches { caches: vec![up, down] });
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1][..6], ["192.0.2.1:323", "up", "1", "42", "400000", "90000"]);
        assert_eq!(lines[2][..6], ["[2001:db8::1]:3323", "down", "1", "-", "0", "0"]);
        assert!(shown.ends_with("cannot connect: refused\n"), "{shown}");
        assert_eq!(rpki(&RpkiCaches::default()), "no RPKI caches\n");
    }
}
