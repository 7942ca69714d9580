//! `[[rpki_cache]]`: the caches that routes are validated with.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::left_out::ObjectName;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::{address, duration};

/// A cache of validated payloads, which is asked by RTR (RFC 8210).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RpkiCache {
    /// Address and port of the cache; the port is 323 by default.
    pub address: SocketAddr,
    /// Time between two queries; that which the cache asks for by default, as for all below.
    pub refresh: Option<Duration>,
    /// Time after a failure.
    pub retry: Option<Duration>,
    /// How long payloads are used that cannot be refreshed.
    pub expire: Option<Duration>,
}

/// RFC 8210 §14.
const PORT: u16 = 323;

const REFRESHES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
const RETRIES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7200);
const EXPIRIES: RangeInclusive<Duration> = Duration::from_secs(600)..=Duration::from_secs(172_800);

/// Reads all `[[rpki_cache]]` tables, in the order of their addresses; those with errors are left out.
pub(crate) fn read_all(tables: Vec<Value<'_>>, report: &mut Report<'_>) -> Vec<RpkiCache> {
    let mut caches: Vec<(RpkiCache, usize)> = Vec::new();
    for table in tables {
        let mark = report.mark();
        let read = table.table("[[rpki_cache]]", report).and_then(|section| RpkiCache::read(section, report));
        if let Some((cache, offset)) = read {
            match caches.iter().find(|(other, _)| other.address == cache.address) {
                Some((_, first)) => {
                    let place = report.place(*first, offset);
                    let text = format!(
                        "address: {} is a cache already on {place}: keep one of the two",
                        cache.address
                    );
                    report.add(offset, text);
                }
                None if report.is_clean_since(mark) => caches.push((cache, offset)),
                None => {}
            }
        }
        let name = || table.text_under("address").unwrap_or("without a valid address").to_owned();
        report.close(mark, || ObjectName::Named("RPKI cache", name()));
    }
    let mut caches: Vec<RpkiCache> = caches.into_iter().map(|(cache, _)| cache).collect();
    caches.sort();
    caches
}

impl RpkiCache {
    /// The cache, and where its address stands.
    fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<(Self, usize)> {
        let value = section.require("address", report);
        let address: Option<IpAddr> =
            value.and_then(|value| value.parsed("192.0.2.1", report, address::parse_host));
        let port = section.get("port").map_or(Some(PORT), |value| value.integer(1..=u16::MAX, report));
        let mut time = |key: &'static str, usual: &'static str, range: RangeInclusive<Duration>| {
            section.get(key).and_then(|value| {
                value.parsed(usual, report, |text| duration::parse_within(text, range.clone()))
            })
        };
        let refresh = time("refresh", "1h", REFRESHES);
        let retry = time("retry", "10m", RETRIES);
        let expire = time("expire", "2h", EXPIRIES);
        section.finish(report);
        let address = SocketAddr::new(address?, port?);
        Some((Self { address, refresh, retry, expire }, value?.offset()))
    }
}
