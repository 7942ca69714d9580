//! `[kernel]`: the forwarding table to keep.

use std::time::Duration;

use crate::config_error::Report;
use crate::duration;
use crate::section::{Section, Value};

/// The forwarding table to keep. Without this section nothing is installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kernel {
    /// The routing table; 254, the main one, by default.
    pub table: u32,
    /// The route protocol number that marks the daemon's routes; 186 by default, which Linux sets aside for BGP.
    pub protocol: u8,
    /// The metric of the daemon's routes; 1024 by default.
    pub metric: u32,
    /// The most next hops of a route; 16 by default, 1 turns multipath off.
    pub multipath: u8,
    /// How long routes of an earlier run stay without being announced again; 60 seconds by default.
    pub restart_window: Duration,
}

impl Kernel {
    pub(crate) fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let table = section.get("table").and_then(|value| read_table(value, report));
        let protocol = section.get("protocol").and_then(|value| read_protocol(value, report));
        let metric = section.get("metric").and_then(|value| value.integer(1..=u32::MAX, report));
        let multipath = section.get("multipath").and_then(|value| value.integer(1..=128, report));
        let window = Duration::ZERO..=Duration::from_hours(1);
        let restart_window = section
            .get("restart_window")
            .and_then(|value| value.parsed("60s", report, |text| duration::parse_within(text, window)));
        section.finish(report);
        Self {
            table: table.unwrap_or(default.table),
            protocol: protocol.unwrap_or(default.protocol),
            metric: metric.unwrap_or(default.metric),
            multipath: multipath.unwrap_or(default.multipath),
            restart_window: restart_window.unwrap_or(default.restart_window),
        }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            table: 254,
            protocol: 186,
            metric: 1024,
            multipath: 16,
            restart_window: Duration::from_secs(60),
        }
    }
}

fn read_table(value: Value<'_>, report: &mut Report<'_>) -> Option<u32> {
    let table = value.integer(1..=u32::MAX, report)?;
    if table == LOCAL_TABLE {
        value.reject(report, "255 is the table of the node's own addresses: write 254 for the main table");
        return None;
    }
    Some(table)
}

fn read_protocol(value: Value<'_>, report: &mut Report<'_>) -> Option<u8> {
    let protocol = value.integer(1..=u8::MAX, report)?;
    if protocol <= LAST_PROTOCOL_OF_OTHERS {
        value.reject(
            report,
            format_args!(
                "{protocol} marks routes of the kernel or the administrator, which would be removed as ours: \
                 write 5 to 255, for instance 186"
            ),
        );
        return None;
    }
    Some(protocol)
}

const LOCAL_TABLE: u32 = 255;

/// RTPROT_STATIC; below it are redirects, the kernel's own and boot-time routes.
const LAST_PROTOCOL_OF_OTHERS: u8 = 4;
