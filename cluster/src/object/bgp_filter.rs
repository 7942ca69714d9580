//! BGP filters: which routes pass between nodes and peers.

use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, choice, record};
use crate::value::{Asn, Community, InterfaceGlob, NetworkV4, NetworkV6};

object! {
    /// Rules for routes that are advertised to peers and accepted from them.
    pub struct BgpFilter { spec: BgpFilterSpec, status: Value }
}

record! {
    /// Rules by direction and family. The first rule that matches decides.
    pub struct BgpFilterSpec {
        /// For IPv4 routes that are advertised.
        "exportV4" => export_v4: Vec<BgpFilterRuleV4>,
        /// For IPv4 routes that are received.
        "importV4" => import_v4: Vec<BgpFilterRuleV4>,
        /// For IPv6 routes that are advertised.
        "exportV6" => export_v6: Vec<BgpFilterRuleV6>,
        /// For IPv6 routes that are received.
        "importV6" => import_v6: Vec<BgpFilterRuleV6>,
    }
}

/// Declares the rule of a family.
macro_rules! filter_rule {
    ($rule:ident, $network:ty, $length:ident, $max:literal, $family:literal) => {
        record! {
            #[doc = concat!("A rule for ", $family, " routes: all that is given must match.")]
            pub struct $rule checked {
                /// The network that the prefix is compared with.
                "cidr" => cidr: Option<$network>,
                /// How the prefix is compared with `cidr`.
                "matchOperator" => match_operator: Option<MatchOperator>,
                /// Lengths of the prefix.
                "prefixLength" => prefix_length: Option<$length>,
                /// Where the route comes from.
                "source" => source: Option<RouteSourceMatch>,
                /// The outgoing interface of the route.
                "interface" => interface: Option<InterfaceGlob>,
                /// Whether the peer is in the own AS.
                "peerType" => peer_type: Option<PeerType>,
                /// Communities of the route.
                "communities" => communities: Option<BgpFilterCommunities>,
                /// What the AS path begins with.
                "asPathPrefix" => as_path_prefix: Vec<Asn>,
                /// The metric of the route.
                "priority" => priority: Option<i64>,
                /// What happens to the route.
                "action" => action: BgpFilterAction,
                /// What is changed in a route that is accepted.
                "operations" => operations: Option<Vec<BgpFilterOperation>>,
            }
        }

        record! {
            #[doc = concat!("Lengths of ", $family, " prefixes.")]
            pub struct $length checked {
                /// The shortest; that of `cidr` when it is not given.
                "min" => min: Option<u8>,
                /// The longest; the longest there is when it is not given.
                "max" => max: Option<u8>,
            }
        }

        impl $length {
            fn check(&self, report: &mut Report<'_, '_, '_>) {
                for (field, length) in [("min", self.min), ("max", self.max)] {
                    if length.is_some_and(|length| length > $max) {
                        report.problem(field, concat!("must be from 0 to ", $max));
                    }
                }
            }
        }

        impl $rule {
            fn check(&self, report: &mut Report<'_, '_, '_>) {
                let (cidr, operator) = (self.cidr.is_some(), self.match_operator.is_some());
                if cidr && !operator {
                    report.problem("cidr", "is given without matchOperator");
                }
                if operator && !cidr {
                    report.problem("matchOperator", "is given without cidr");
                }
                if self.prefix_length.is_some() && !cidr {
                    report.problem("prefixLength", "is given without cidr");
                }
                if self.priority.is_some_and(|priority| !PRIORITIES.contains(&priority)) {
                    report.problem("priority", PRIORITY_RULE);
                }
                check_operations(self.action, self.operations.as_deref(), report);
            }
        }
    };
}

filter_rule!(BgpFilterRuleV4, NetworkV4, PrefixLengthV4, 32, "IPv4");
filter_rule!(BgpFilterRuleV6, NetworkV6, PrefixLengthV6, 128, "IPv6");

choice! {
    /// How a prefix is compared with a network.
    pub enum MatchOperator {
        /// It is the network.
        Equal = "Equal",
        /// It is not the network.
        NotEqual = "NotEqual",
        /// It is inside of the network, or the network.
        In = "In",
        /// It is neither inside of the network nor the network.
        NotIn = "NotIn",
    }
}

choice! {
    /// Where a route comes from.
    pub enum RouteSourceMatch {
        /// Another BGP speaker.
        RemotePeers = "RemotePeers",
    }
}

choice! {
    /// Whether a peer is in the own AS.
    pub enum PeerType {
        /// It is not.
        Ebgp = "eBGP",
        /// It is.
        Ibgp = "iBGP",
    }
}

choice! {
    /// What happens to a route that matches.
    pub enum BgpFilterAction {
        /// It passes.
        Accept = "Accept",
        /// It does not pass.
        Reject = "Reject",
    }
}

record! {
    /// Communities of a route.
    pub struct BgpFilterCommunities checked {
        /// The community that it must have; one.
        "values" => values: Vec<Community>,
    }
}

record! {
    /// One change of a route: exactly one field is given.
    pub struct BgpFilterOperation checked {
        /// Adds a community.
        "addCommunity" => add_community: Option<BgpFilterAddCommunity>,
        /// Puts AS numbers before the AS path.
        "prependASPath" => prepend_as_path: Option<BgpFilterPrependAsPath>,
        /// Sets the metric.
        "setPriority" => set_priority: Option<BgpFilterSetPriority>,
    }
}

record! {
    /// Adds a community.
    pub struct BgpFilterAddCommunity {
        /// The community.
        "value" => value: Community,
    }
}

record! {
    /// Puts AS numbers before the AS path.
    pub struct BgpFilterPrependAsPath checked {
        /// The AS numbers, the first first.
        "prefix" => prefix: Vec<Asn>,
    }
}

record! {
    /// Sets the metric.
    pub struct BgpFilterSetPriority checked {
        /// The metric.
        "value" => value: i64,
    }
}

/// Metrics that a route can have by a filter.
const PRIORITIES: std::ops::RangeInclusive<i64> = 1..=2_147_483_646;
const PRIORITY_RULE: &str = "must be from 1 to 2147483646";

/// The most operations of a rule, and the most AS numbers that are prepended.
const MAX_ITEMS: usize = 10;

fn check_operations(
    action: BgpFilterAction,
    operations: Option<&[BgpFilterOperation]>,
    report: &mut Report<'_, '_, '_>,
) {
    let Some(operations) = operations else { return };
    if operations.is_empty() || operations.len() > MAX_ITEMS {
        report.problem("operations", format!("must be 1 to {MAX_ITEMS}"));
    }
    if action == BgpFilterAction::Reject && !operations.is_empty() {
        report.problem("operations", "are given, but action is Reject; only accepted routes are changed");
    }
}

impl BgpFilterCommunities {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.values.len() != 1 {
            report.problem("values", "must be one community");
        }
    }
}

impl BgpFilterOperation {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let given =
            [self.add_community.is_some(), self.prepend_as_path.is_some(), self.set_priority.is_some()];
        if given.iter().filter(|&&given| given).count() != 1 {
            report.problem("", "must be exactly one of addCommunity, prependASPath and setPriority");
        }
    }
}

impl BgpFilterPrependAsPath {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.prefix.is_empty() || self.prefix.len() > MAX_ITEMS {
            report.problem("prefix", format!("must be 1 to {MAX_ITEMS} AS numbers"));
        }
    }
}

impl BgpFilterSetPriority {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if !PRIORITIES.contains(&self.value) {
            report.problem("value", PRIORITY_RULE);
        }
    }
}
