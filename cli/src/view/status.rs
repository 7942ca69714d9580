//! `margay show status`

use margay_control::Status;

use super::fact;
use super::time_span::time_span;

/// Overview of the daemon.
pub(crate) fn status(status: &Status) -> String {
    let rib = status.rib;
    [
        fact("version", &status.version),
        fact("AS", status.asn),
        fact("router id", status.router_id),
        fact("up", time_span(status.uptime_seconds)),
        fact(
            "configuration",
            format_args!("{}, read {} ago", status.config_file, time_span(status.config_age_seconds)),
        ),
        fact("peers", format_args!("{}, {} established", status.peers, status.peers_established)),
        fact("draining", if status.draining { "yes" } else { "no" }),
        fact("routes", format_args!("{} prefixes, {} paths", rib.prefixes, rib.paths)),
        fact("memory", memory(status)),
        fact("attribute sets", rib.attribute_sets),
        fact("export groups", rib.export_groups),
        fact(
            "log lines lost",
            format_args!("{} dropped, {} limited", status.log_lines_dropped, status.log_lines_limited),
        ),
    ]
    .concat()
        + &problems(status)
}

/// Such as `310 MiB of 1638 MiB; session of tor1 ended 2m05s ago (1 in all)`.
fn memory(status: &Status) -> String {
    let Some(guard) = &status.memory_guard else { return "no memory guard".to_owned() };
    let mebibytes = |octets: u64| octets >> 20;
    let used = format!("{} MiB of {} MiB", mebibytes(guard.resident_bytes), mebibytes(guard.limit_bytes));
    match guard.last_ended_seconds {
        None => used,
        Some(seconds) => {
            let peer = guard.last_peer.as_deref().unwrap_or("a removed peer");
            let ago = time_span(seconds);
            format!("{used}; session of {peer} ended {ago} ago ({} in all)", guard.sessions_ended)
        }
    }
}

/// What an operator has to look after; nothing where all is well.
fn problems(status: &Status) -> String {
    let undone = status.reload_undone_in_seconds.map(|seconds| {
        fact(
            "unconfirmed reload",
            format_args!("undone in {}: margay reload --confirmed", time_span(seconds)),
        )
    });
    let left_out = status.left_out.iter().map(|left_out| fact("left out", left_out));
    undone.into_iter().chain(left_out).collect()
}

#[cfg(test)]
mod tests {
    use margay_control::{LeftOutObject, MemoryGuard, RibSizes};

    use super::*;

    #[test]
    fn shows_one_fact_a_line() {
        let answer = Status {
            version: "0.1.0".to_owned(),
            asn: 64512,
            router_id: [10, 0, 0, 11].into(),
            uptime_seconds: 7384,
            config_file: "/etc/margay/margay.toml".to_owned(),
            config_age_seconds: 65,
            peers: 3,
            peers_established: 2,
            left_out: vec![LeftOutObject {
                object: "filter pods".to_owned(),
                cause: "m.toml:3: wrong".to_owned(),
                is_kept: false,
            }],
            reload_undone_in_seconds: Some(65),
            draining: true,
            holding_back: false,
            memory_guard: Some(MemoryGuard {
                limit_bytes: 2 << 30,
                resident_bytes: 310 << 20,
                sessions_ended: 1,
                last_peer: Some("tor1".to_owned()),
                last_ended_seconds: Some(125),
            }),
            rib: RibSizes {
                prefixes: 1_000_000,
                paths: 1_000_002,
                attribute_sets: 150_000,
                export_groups: 2,
            },
            log_lines_dropped: 17,
            log_lines_limited: 0,
        };
        assert_eq!(
            status(&answer),
            "\
version             0.1.0
AS                  64512
router id           10.0.0.11
up                  2h03m
configuration       /etc/margay/margay.toml, read 1m05s ago
peers               3, 2 established
draining            yes
routes              1000000 prefixes, 1000002 paths
memory              310 MiB of 2048 MiB; session of tor1 ended 2m05s ago (1 in all)
attribute sets      150000
export groups       2
log lines lost      17 dropped, 0 limited
unconfirmed reload  undone in 1m05s: margay reload --confirmed
left out            filter pods: m.toml:3: wrong
"
        );
    }
}
