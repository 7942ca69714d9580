//! What a rule sets: `set = { local_pref = 200, add_communities = ["64512:7"] }`.

use bgp_codec::NextHop;
use margay_filter::{AnyCommunity, CommunityPattern, CommunitySet, Edit, NextHopChoice, Number};

use super::sets::Sets;
use super::values;
use crate::interface_name;
use crate::report::Report;
use crate::section::{Section, Value};

/// The edits of a rule: those of its table `set`, and the keys with which three numbers are set beside it. `None` when one
/// is wrong.
pub(super) fn read(section: &mut Section<'_>, sets: &Sets, report: &mut Report<'_>) -> Option<Vec<Edit>> {
    let mut numbers = Vec::new();
    let mut is_whole = true;
    for (key, number) in BESIDE {
        if let Some(value) = section.get(key) {
            match values::expression(number, value, report) {
                Some(expression) => numbers.push((number, expression)),
                None => is_whole = false,
            }
        }
    }
    let beside = (!numbers.is_empty()).then_some(Edit::Numbers(numbers));
    let set = match section.get("set") {
        Some(value) => value.table("set", report).and_then(|table| read_set(table, sets, report)),
        None => Some(Vec::new()),
    };
    let set = set.filter(|_| is_whole)?;
    Some(beside.into_iter().chain(set).collect())
}

/// Numbers first, then the rest in the order in which it is read here.
fn read_set(mut section: Section<'_>, sets: &Sets, report: &mut Report<'_>) -> Option<Vec<Edit>> {
    let mut edits: Vec<Option<Edit>> = Vec::new();
    edits.push(read_numbers(&mut section, report));
    if let Some(value) = section.get("origin") {
        edits.push(value.parsed("igp", report, values::origin).map(Edit::Origin));
    }
    if let Some(value) = section.get("next_hop") {
        edits.push(value.parsed("self", report, parse_next_hop).map(Edit::NextHop));
    }
    if let Some(value) = section.get("remove_communities") {
        edits.push(read_removed(value, sets, report).map(Edit::RemoveCommunities));
    }
    if let Some(value) = section.get("communities") {
        edits.push(read_communities(value, report).map(Edit::ReplaceCommunities));
    }
    if let Some(value) = section.get("add_communities") {
        edits.push(read_communities(value, report).map(Edit::AddCommunities));
    }
    if let Some(value) = section.get("prepend") {
        edits.push(values::asns(value, report).map(Edit::Prepend));
    }
    if let Some(value) = section.get("link") {
        edits.push(value.parsed("tunl0", report, interface_name::parse).map(|name| Edit::Link(name.into())));
    }
    if let Some(value) = section.get("blackhole") {
        match value.boolean(report) {
            Some(true) => edits.push(Some(Edit::Blackhole)),
            Some(false) => {}
            None => edits.push(None),
        }
    }
    section.finish(report);
    let edits: Option<Vec<Edit>> = edits.into_iter().collect();
    Some(edits?.into_iter().filter(|edit| !matches!(edit, Edit::Numbers(none) if none.is_empty())).collect())
}

fn read_numbers(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<Edit> {
    let mut numbers = Vec::new();
    let mut is_whole = true;
    for number in Number::ALL.into_iter().filter(|number| *number != Number::AsPathLength) {
        let Some(value) = section.get(number.name()) else { continue };
        if number == Number::Med && value.is_text("remove") {
            return Some(Edit::RemoveMed);
        }
        match values::expression(number, value, report) {
            Some(expression) => numbers.push((number, expression)),
            None => is_whole = false,
        }
    }
    is_whole.then_some(Edit::Numbers(numbers))
}

fn read_communities(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<AnyCommunity>> {
    let items = value.one_or_many("64512:7", report)?;
    let parse = |text: &str| text.parse::<AnyCommunity>().map_err(|error| error.to_string());
    items.map(|item| item.parsed("64512:7", report, parse)).collect()
}

/// Patterns, and names of sets.
fn read_removed(value: Value<'_>, sets: &Sets, report: &mut Report<'_>) -> Option<CommunitySet> {
    let mut patterns: Vec<CommunityPattern> = Vec::new();
    for item in value.one_or_many("65001:*", report)? {
        let text = item.string("65001:*", report)?;
        match text.parse() {
            Ok(pattern) => patterns.push(pattern),
            Err(_) if !text.contains(':') => patterns.extend(sets.communities(item, report)?.patterns()),
            Err(error) => {
                item.reject(report, error);
                return None;
            }
        }
    }
    Some(CommunitySet::new(patterns))
}

fn parse_next_hop(text: &str) -> Result<NextHopChoice, String> {
    match text {
        "self" => Ok(NextHopChoice::OwnAddress),
        "keep" => Ok(NextHopChoice::Keep),
        "peer" => Ok(NextHopChoice::Peer),
        _ => text.parse::<NextHop>().map(NextHopChoice::Address).map_err(|_| {
            format!("{text:?} is not a next hop: write an address, \"self\", \"keep\" or \"peer\"")
        }),
    }
}

/// Keys beside `set` that set a number.
const BESIDE: [(&str, Number); 3] = [
    ("set_local_pref", Number::LocalPref),
    ("set_metric", Number::Metric),
    ("set_preference", Number::Preference),
];
