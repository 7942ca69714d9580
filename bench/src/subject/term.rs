//! Terms of an import filter, which both languages can say.

use std::fmt;

use bgp_codec::{Asn, Community, Ipv4Prefix};

/// A condition. A route that meets it gets a LOCAL_PREF of the term's own and goes on to the next one, so that all terms are
/// evaluated for every route, and external peers are sent what they would be sent without.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    /// The prefix lies inside one of these.
    Prefixes(Vec<Ipv4Prefix>),
    /// The route has the community.
    Community(Community),
    /// The AS path contains the number.
    PathContains(Asn),
    /// The AS path ends with the number.
    PathEnds(Asn),
    /// The AS path begins with these numbers.
    PathStarts(Vec<Asn>),
}

/// The terms in margay's language: sets, and a filter of this name.
pub(super) fn for_margay(name: &str, terms: &[Term]) -> String {
    let mut text = String::new();
    let mut rules = String::new();
    for (number, term) in terms.iter().enumerate() {
        let condition = match term {
            Term::Prefixes(prefixes) => {
                let prefixes = listed(prefixes.iter().map(|prefix| format!("\"{prefix}\"")));
                text += &format!("\n[prefix_set.{name}-{number}]\nprefixes = [{prefixes}]\n");
                format!("prefix_set = \"{name}-{number}\"")
            }
            Term::Community(community) => format!("community = \"{}\"", parts(*community, ":")),
            Term::PathContains(asn) => format!("as_path = \"_{asn}_\""),
            Term::PathEnds(asn) => format!("as_path = \"_{asn}$\""),
            Term::PathStarts(asns) => {
                let asns: Vec<String> = asns.iter().map(Asn::to_string).collect();
                format!("as_path = \"^{}_\"", asns.join("_"))
            }
        };
        let local_pref = LOWEST + number;
        rules += &format!(
            "  {{ match = {{ {condition} }}, set = {{ local_pref = {local_pref} }}, action = \"continue\" }},\n"
        );
    }
    format!("{text}\n[filter.{name}]\nrules = [\n{rules}  {{ action = \"accept\" }},\n]\n")
}

/// The same in BIRD's language.
pub(super) fn for_bird(name: &str, terms: &[Term]) -> String {
    let mut text = String::new();
    let mut statements = String::new();
    for (number, term) in terms.iter().enumerate() {
        let condition = match term {
            Term::Prefixes(prefixes) => {
                let prefixes = listed(prefixes.iter().map(|prefix| format!("{prefix}+")));
                text += &format!("define {name}_{number} = [ {prefixes} ];\n");
                format!("net ~ {name}_{number}")
            }
            Term::Community(community) => format!("({}) ~ bgp_community", parts(*community, ",")),
            Term::PathContains(asn) => format!("bgp_path ~ [= * {asn} * =]"),
            Term::PathEnds(asn) => format!("bgp_path ~ [= * {asn} =]"),
            Term::PathStarts(asns) => {
                let asns: Vec<String> = asns.iter().map(Asn::to_string).collect();
                format!("bgp_path ~ [= {} * =]", asns.join(" "))
            }
        };
        statements += &format!("  if {condition} then bgp_local_pref = {};\n", LOWEST + number);
    }
    format!("{text}filter {name} {{\n{statements}  accept;\n}}\n")
}

fn listed(items: impl Iterator<Item = impl fmt::Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn parts(Community(community): Community, between: &str) -> String {
    format!("{}{between}{}", community >> 16, community & 0xffff)
}

/// The LOCAL_PREF of the first term.
const LOWEST: usize = 101;
