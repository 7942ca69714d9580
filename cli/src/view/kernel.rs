//! `margay show kernel`

use margay_control::KernelStatus;

use super::fact;
use crate::table::{Align, Table};

/// What the daemon does in the kernel, and what the kernel refused.
pub(crate) fn kernel(kernel: &KernelStatus) -> String {
    if !kernel.enabled {
        return "The daemon installs no routes: its configuration has no [kernel] section.\n".to_owned();
    }
    let facts = [
        fact("table", kernel.table),
        fact("protocol", kernel.protocol),
        fact("metric", kernel.metric),
        fact("multipath", format_args!("up to {} next hops", kernel.multipath)),
        fact("installed routes", kernel.installed),
        fact("stale routes", kernel.stale),
        fact("refused routes", kernel.failed.len()),
    ];
    [facts.concat(), connected(kernel), failed(kernel)].concat()
}

fn connected(kernel: &KernelStatus) -> String {
    let mut table = Table::new([("CONNECTED", Align::Left), ("INTERFACE", Align::Right)]);
    for subnet in &kernel.connected {
        table.row([subnet.prefix.clone(), subnet.interface.to_string()]);
    }
    section(&table)
}

fn failed(kernel: &KernelStatus) -> String {
    let mut table = Table::new([("REFUSED", Align::Left), ("REASON", Align::Left)]);
    for route in &kernel.failed {
        table.row([route.prefix.clone(), route.reason.clone()]);
    }
    section(&table)
}

fn section(table: &Table) -> String {
    if table.is_empty() { String::new() } else { format!("\n{table}") }
}

#[cfg(test)]
mod tests {
    use margay_control::{ConnectedSubnet, FailedRoute};

    use super::*;

    #[test]
    fn shows_counts_subnets_and_refusals() {
        let answer = KernelStatus {
            connected: vec![
                ConnectedSubnet { prefix: "172.16.0.0/24".to_owned(), interface: 12 },
                ConnectedSubnet { prefix: "10.0.0.0/16".to_owned(), interface: 3 },
            ],
            failed: vec![FailedRoute {
                prefix: "10.65.2.0/26".to_owned(),
                reason: "network is unreachable".to_owned(),
            }],
            ..running()
        };
        assert_eq!(
            kernel(&answer),
            "\
table               254
protocol            186
metric              1024
multipath           up to 16 next hops
installed routes    100000
stale routes        2
refused routes      1

CONNECTED      INTERFACE
172.16.0.0/24         12
10.0.0.0/16            3

REFUSED       REASON
10.65.2.0/26  network is unreachable
"
        );
    }

    #[test]
    fn shows_no_empty_tables() {
        assert!(kernel(&running()).ends_with("refused routes      0\n"));
    }

    #[test]
    fn says_that_nothing_is_installed() {
        let answer = KernelStatus { enabled: false, ..running() };
        assert!(kernel(&answer).contains("installs no routes"));
    }

    fn running() -> KernelStatus {
        KernelStatus {
            enabled: true,
            table: 254,
            protocol: 186,
            metric: 1024,
            multipath: 16,
            installed: 100_000,
            stale: 2,
            failed: Vec::new(),
            connected: Vec::new(),
        }
    }
}
