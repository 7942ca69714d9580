//! Routing policy rules.

use margay_reconcile::{Key, Rule, RuleAction, RuleKey, Seen, Value};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::rule::{RuleAction as Wire, RuleAttribute, RuleFlags, RuleMessage};

pub(super) fn decode(message: &RuleMessage) -> Option<Seen> {
    let is_ipv6 = match message.header.family {
        AddressFamily::Inet => false,
        AddressFamily::Inet6 => true,
        _ => return None,
    };
    let mut table = u32::from(message.header.table);
    let (mut priority, mut protocol, mut mark, mut mask) = (0, None, 0, 0);
    let mut is_simple = message.header.action == Wire::ToTable;
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(value) => priority = *value,
            RuleAttribute::Table(value) => table = *value,
            RuleAttribute::Protocol(value) => protocol = Some(u8::from(*value)),
            RuleAttribute::FwMark(value) => mark = *value,
            RuleAttribute::FwMask(value) => mask = *value,
            RuleAttribute::SuppressPrefixLen(u32::MAX) | RuleAttribute::Other(_) => (),
            _ => is_simple = false,
        }
    }
    is_simple &= message.header.src_len == 0 && message.header.dst_len == 0 && message.header.tos == 0;
    let rule = Rule {
        action: if is_simple { RuleAction::Table(table) } else { RuleAction::Other },
        mark: (mask != 0).then_some((mark, mask)),
        is_inverted: message.header.flags.contains(RuleFlags::Invert),
    };
    Some(Seen { key: Key::Rule(RuleKey { is_ipv6, priority }), value: Value::Rule(rule), protocol })
}
