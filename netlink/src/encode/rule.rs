//! Routing policy rules.

use margay_reconcile::{Rule, RuleAction, RuleKey};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction as Wire, RuleAttribute, RuleFlags, RuleMessage};

/// Without a rule, the message matches whichever rule of this owner has the priority.
pub(super) fn message(key: RuleKey, rule: Option<&Rule>, protocol: u8) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = if key.is_ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    message.attributes.push(RuleAttribute::Priority(key.priority));
    message.attributes.push(RuleAttribute::Protocol(RouteProtocol::from(protocol)));
    let Some(rule) = rule else { return message };
    if let RuleAction::Table(table) = rule.action {
        message.header.action = Wire::ToTable;
        message.attributes.push(RuleAttribute::Table(table));
    }
    if let Some((value, mask)) = rule.mark {
        message.attributes.push(RuleAttribute::FwMark(value));
        message.attributes.push(RuleAttribute::FwMask(mask));
    }
    if rule.is_inverted {
        message.header.flags = RuleFlags::Invert;
    }
    message
}
