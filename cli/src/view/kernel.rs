//! `margay show kernel`

use margay_control::KernelStatus;

use super::fact;
use crate::table::{Align, Table};

/// The daemon's routes in the kernel, and those that the kernel refused.
pub(crate) fn kernel(kernel: &KernelStatus) -> String {
    if !kernel.enabled {
        return "The daemon installs no routes: its configuration has no [kernel] section.\n".to_owned();
    }
    let facts = [
        fact("table", tables(kernel)),
        fact("protocol", kernel.protocol),
        fact("metric", kernel.metric),
        fact("multipath", format_args!("up to {} next hops", kernel.multipath)),
        fact("wanted routes", kernel.wanted),
        fact("installed routes", kernel.installed),
        fact("pending", kernel.pending),
        fact("refused", kernel.refused),
        fact("stale routes", kernel.stale),
        fact("others' routes", kernel.foreign),
        fact(
            "next hop objects",
            kernel.nexthop_objects.map_or_else(|| "none".to_owned(), |count| count.to_string()),
        ),
        fact("repaired", kernel.disturbances),
        fact("read as a whole", format_args!("{} times", kernel.readings)),
    ];
    [facts.concat(), connected(kernel), pending(kernel), failed(kernel)].concat()
}

fn tables(kernel: &KernelStatus) -> String {
    let tables = [kernel.table].into_iter().chain(kernel.more_tables.iter().copied());
    tables.map(|table| table.to_string()).collect::<Vec<_>>().join(", ")
}

fn pending(kernel: &KernelStatus) -> String {
    let mut table = Table::new([("PENDING", Align::Left)]);
    for prefix in &kernel.pending_prefixes {
        table.row([prefix.to_string()]);
    }
    section(&table)
}

fn connected(kernel: &KernelStatus) -> String {
    let mut table = Table::new([("CONNECTED", Align::Left), ("INTERFACE", Align::Right)]);
    for subnet in &kernel.connected {
        table.row([subnet.prefix.to_string(), subnet.interface.to_string()]);
    }
    section(&table)
}

fn failed(kernel: &KernelStatus) -> String {
    let mut table = Table::new([("REFUSED", Align::Left), ("REASON", Align::Left)]);
    for route in &kernel.failed {
        table.row([route.prefix.to_string(), route.reason.clone()]);
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
                ConnectedSubnet { prefix: "172.16.0.0/24".parse().unwrap(), interface: 12 },
                ConnectedSubnet { prefix: "10.0.0.0/16".parse().unwrap(), interface: 3 },
            ],
            failed: vec![FailedRoute {
                prefix: "10.65.2.0/26".parse().unwrap(),
                reason: "network is unreachable".to_owned(),
            }],
            pending_prefixes: ["10.65.3.0/26", "10.65.4.0/26"].map(|prefix| prefix.parse().unwrap()).into(),
            ..running()
        };
        assert_eq!(
            kernel(&answer),
            "\
table               254, 100
protocol            186
metric              1024
multipath           up to 16 next hops
wanted routes       100003
installed routes    100000
pending             2
refused             1
stale routes        2
others' routes      17
next hop objects    3
repaired            5
read as a whole     1 times

CONNECTED      INTERFACE
172.16.0.0/24         12
10.0.0.0/16            3

PENDING
10.65.3.0/26
10.65.4.0/26

REFUSED       REASON
10.65.2.0/26  network is unreachable
"
        );
    }

    #[test]
    fn shows_no_empty_tables() {
        assert!(kernel(&running()).ends_with("read as a whole     1 times\n"));
    }

    #[test]
    fn reports_that_nothing_is_installed() {
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
            more_tables: vec![100],
            wanted: 100_003,
            installed: 100_000,
            pending: 2,
            pending_prefixes: Vec::new(),
            refused: 1,
            failed: Vec::new(),
            stale: 2,
            foreign: 17,
            nexthop_objects: Some(3),
            disturbances: 5,
            readings: 1,
            connected: Vec::new(),
        }
    }
}
