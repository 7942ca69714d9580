//! Metrics of RPKI caches.

use std::fmt;

use super::exposition::Exposition;
use super::snapshot::Snapshot;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let caches: Vec<_> = snapshot
        .rpki
        .iter()
        .map(|(address, status)| (address.to_string(), status.session.as_ref()))
        .collect();
    exposition.gauges(
        "margay_rpki_cache_up",
        "Whether there is a connection with an RPKI cache",
        caches.iter().map(|(cache, session)| {
            ([("cache", cache.as_str())], u64::from(session.is_some_and(|session| session.is_connected)))
        }),
    )?;
    let payloads = caches.iter().flat_map(|(cache, session)| {
        let counts = session.map_or([0; 2], |session| session.payloads);
        ["ipv4", "ipv6"]
            .into_iter()
            .zip(counts)
            .map(move |(family, count)| ([("cache", cache.as_str()), ("family", family)], count as u64))
    });
    exposition.gauges("margay_rpki_payloads", "Validated payloads of an RPKI cache", payloads)
}
