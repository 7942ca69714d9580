//! `[[kernel.import]]`: routes of the kernel that are announced.

use margay_filter::PrefixCondition;

use crate::filters::read_prefixes;
use crate::report::Report;
use crate::section::{Section, Value};

/// Routes of others in the kernel that are announced. All conditions must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelImport {
    /// The routing table; 254, the main one, by default.
    pub table: u32,
    /// The route protocol numbers; none asks for nothing.
    pub protocols: Vec<u8>,
    /// Patterns of interface names, in order; a leading `!` is for those that are not meant.
    pub interfaces: Vec<String>,
    /// The prefixes.
    pub prefixes: PrefixCondition,
    /// The metric that the routes count as having; their own in the kernel by default.
    pub metric: Option<u32>,
}

/// Reads all `[[kernel.import]]` tables.
pub(crate) fn read_all(list: Value<'_>, report: &mut Report<'_>) -> Vec<KernelImport> {
    let items = list.list("[[kernel.import]]", report).into_iter().flatten();
    items.filter_map(|item| KernelImport::read(item.table("[[kernel.import]]", report)?, report)).collect()
}

impl KernelImport {
    fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let table = section.get("table").and_then(|value| value.integer(1..=u32::MAX, report));
        let protocols = section.get("protocol").map(|value| read_protocols(value, report));
        let interfaces = section.get("interface").map(|value| read_interfaces(value, report));
        let prefixes = read_prefixes(&mut section, report);
        let metric = section.get("metric").and_then(|value| value.integer(0..=u32::MAX, report));
        section.finish(report);
        Some(Self {
            table: table.unwrap_or(254),
            protocols: protocols.unwrap_or_default(),
            interfaces: interfaces.unwrap_or_default(),
            prefixes: prefixes?,
            metric,
        })
    }
}

fn read_protocols(value: Value<'_>, report: &mut Report<'_>) -> Vec<u8> {
    let items = value.list("[\"kernel\", \"static\", 80]", report).into_iter().flatten();
    let read = |item: Value<'_>| {
        if item.is_string() {
            item.parsed("static", report, parse_protocol)
        } else {
            item.integer(0..=u8::MAX, report)
        }
    };
    items.filter_map(read).collect()
}

fn read_interfaces(value: Value<'_>, report: &mut Report<'_>) -> Vec<String> {
    let items = value.list("[\"!cali*\"]", report).into_iter().flatten();
    items.filter_map(|item| item.string("!cali*", report).map(str::to_owned)).collect()
}

/// The names that Linux gives to protocol numbers which somebody would import.
fn parse_protocol(text: &str) -> Result<u8, String> {
    let known = PROTOCOLS.iter().find(|(name, _)| *name == text).map(|&(_, number)| number);
    known.ok_or_else(|| {
        let names: Vec<&str> = PROTOCOLS.iter().map(|&(name, _)| name).collect();
        format!("{text:?} is not a valid route protocol: write a number, or one of {}", names.join(", "))
    })
}

const PROTOCOLS: [(&str, u8); 8] = [
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("dhcp", 16),
    ("bird", 12),
    ("bgp", 186),
    ("ospf", 188),
    ("ra", 9),
];
