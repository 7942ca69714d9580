//! Filters that ask for lengths which no prefix has.

use ipnet::IpNet;
use margay_cluster::object::{AnyObject, BgpFilter, MatchOperator};

use super::contents::Contents;
use super::finding::{Finding, Severity};
use crate::objects::query::typed_name;

pub(super) fn check(contents: &Contents, findings: &mut Vec<Finding>) {
    for (key, filter) in contents.of_kind(as_filter) {
        let found = rules_with_lengths(filter).filter_map(|rule| rule.finding());
        let finding = |(severity, message)| Finding { severity, subject: typed_name(key), message };
        findings.extend(found.map(finding));
    }
}

/// A rule that asks for prefixes of some lengths.
struct RuleWithLengths {
    /// Where it stands.
    place: String,
    network: IpNet,
    operator: Option<MatchOperator>,
    shortest: Option<u8>,
    longest: Option<u8>,
}

impl RuleWithLengths {
    fn finding(&self) -> Option<(Severity, String)> {
        let shortest = self.shortest.unwrap_or(0).max(self.network.prefix_len());
        let longest = self.longest.unwrap_or(u8::MAX).min(self.network.max_prefix_len());
        let Self { place, network, .. } = self;
        if shortest > longest {
            let what = format!("{place}: {network} has no prefixes of the lengths {shortest} to {longest}");
            return Some((Severity::Error, format!("{what}: nothing passes the filter")));
        }
        let what = match self.operator? {
            MatchOperator::Equal => "never matches",
            MatchOperator::NotEqual => "always matches",
            MatchOperator::In | MatchOperator::NotIn => return None,
        };
        let message =
            format!("{place}: prefixLength with this matchOperator {what}: In and NotIn take lengths");
        Some((Severity::Warning, message))
    }
}

fn rules_with_lengths(filter: &BgpFilter) -> impl Iterator<Item = RuleWithLengths> {
    /// Of rules of one list.
    macro_rules! of {
        ($name:literal, $rules:expr) => {
            $rules.iter().enumerate().filter_map(|(index, rule)| {
                let lengths = rule.prefix_length.as_ref()?;
                Some(RuleWithLengths {
                    place: format!(concat!("spec.", $name, "[{}]"), index),
                    network: rule.cidr?.0.into(),
                    operator: rule.match_operator,
                    shortest: lengths.min,
                    longest: lengths.max,
                })
            })
        };
    }
    let spec = &filter.spec;
    let v4 = of!("exportV4", spec.export_v4).chain(of!("importV4", spec.import_v4));
    v4.chain(of!("exportV6", spec.export_v6)).chain(of!("importV6", spec.import_v6))
}

fn as_filter(object: &AnyObject) -> Option<&BgpFilter> {
    match object {
        AnyObject::BgpFilter(filter) => Some(filter),
        _ => None,
    }
}
