//! What a rule asks for: `match = { prefix = "10.65.0.0/16", community_set = "tor" }`.

use bgp_codec::{Family, Prefix};
use margay_filter::{
    AsPathCondition, AsPathPattern, AsnSet, CommunityPattern, CommunitySet, Condition, Covering,
    NextHopCondition, Number, NumberCondition, OriginSet, PeerCondition, PeerRelation, PrefixCondition,
    PrefixRange, PrefixSet, RpkiState, SourceKind, ValueRange,
};

use super::prefixes::{read_prefixes, read_several};
use super::sets::Sets;
use super::values;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::{family, prefix};

/// The conditions of a table, all of which must hold. A condition with an error gives up the whole match: left out, it
/// would widen it.
pub(super) fn read_match(
    mut section: Section<'_>,
    sets: &Sets,
    report: &mut Report<'_>,
) -> Option<Condition> {
    let mut matches = Matches { conditions: Vec::new(), is_whole: true, sets };
    matches.read_prefixes(&mut section, report);
    matches.read_source(&mut section, report);
    matches.read_attributes(&mut section, report);
    matches.read_as_path(&mut section, report);
    matches.read_combined(&mut section, report);
    section.finish(report);
    matches.is_whole.then(|| Condition::all(matches.conditions))
}

/// Reports conditions that no route can meet together.
pub(super) fn is_possible(condition: &Condition, value: Value<'_>, report: &mut Report<'_>) -> bool {
    let contradiction = condition.contradiction();
    if let Some(text) = &contradiction {
        value.reject(report, format_args!("no route matches: {text}"));
    }
    contradiction.is_none()
}

/// Conditions as they are read.
struct Matches<'s> {
    conditions: Vec<Condition>,
    /// Whether all conditions so far were right.
    is_whole: bool,
    sets: &'s Sets,
}

impl Matches<'_> {
    fn add(&mut self, condition: Option<Condition>) {
        self.is_whole &= condition.is_some();
        self.conditions.extend(condition);
    }

    fn read_prefixes(&mut self, section: &mut Section<'_>, report: &mut Report<'_>) {
        let listed = section.get("prefix").filter(|value| value.is_list());
        match listed {
            Some(value) => {
                let lengths = section.get("length");
                self.add(read_several(value, lengths, report).map(Condition::PrefixSet));
            }
            None => {
                let condition = read_prefixes(section, report);
                if condition != Some(PrefixCondition::ANY) {
                    self.add(condition.map(Condition::Prefix));
                }
            }
        }
        let prefixes = |value: Value<'_>, report: &mut Report<'_>| {
            values::each(value, "10.65.0.0/16", report, prefix::parse)
        };
        if let Some(value) = section.get("prefix_equal") {
            let set = prefixes(value, report)
                .map(|all| PrefixSet::new(all.into_iter().map(PrefixRange::exactly).collect()));
            self.add(set.map(Condition::PrefixSet));
        }
        if let Some(value) = section.get("prefix_not_in") {
            let set = read_several(value, None, report).map(Condition::PrefixSet);
            self.add(set.map(Condition::not));
        }
        if let Some(value) = section.get("prefix_covering") {
            let around = |prefix: Prefix| Condition::Covering(Covering(prefix));
            let covering = prefixes(value, report).map(|all| Condition::any(all.into_iter().map(around)));
            self.add(covering);
        }
        if let Some(value) = section.get("prefix_set") {
            self.any_of(value, report, |sets, item, report| {
                sets.prefixes(item, report).map(Condition::PrefixSet)
            });
        }
        if let Some(value) = section.get("rpki") {
            let states = values::each(value, "invalid", report, |text| values::word(text, &RPKI_STATES));
            self.add(states.map(Condition::Rpki));
        }
    }

    fn read_source(&mut self, section: &mut Section<'_>, report: &mut Report<'_>) {
        if let Some(value) = section.get("family") {
            let families = values::each(value, "ipv4-unicast", report, family::parse);
            let any = |families: Vec<Family>| Condition::any(families.into_iter().map(Condition::Family));
            self.add(families.map(any));
        }
        if let Some(value) = section.get("source") {
            let kinds = values::each(value, "peer", report, |text| values::word(text, &SOURCES));
            self.add(kinds.map(Condition::Source));
        }
        type OfPeer = fn(PeerCondition) -> Condition;
        let sides: [([&str; 3], OfPeer); 2] = [
            (["peer", "peer_group", "peer_kind"], Condition::Session),
            (["source_peer", "source_group", "source_kind"], Condition::SourcePeer),
        ];
        for ([name, group, kind], condition) in sides {
            if let Some(value) = section.get(name) {
                self.add(values::globs(value, "tor*", report).map(PeerCondition::Name).map(condition));
            }
            if let Some(value) = section.get(group) {
                self.add(values::globs(value, "tors", report).map(PeerCondition::Group).map(condition));
            }
            if let Some(value) = section.get(kind) {
                let kinds = values::each(value, "external", report, |text| values::word(text, &RELATIONS));
                self.add(kinds.map(PeerCondition::Relation).map(condition));
            }
        }
        if let Some(value) = section.get("interface") {
            self.add(values::globs(value, "cali*", report).map(Condition::Interface));
        }
        if let Some(value) = section.get("stale") {
            self.add(value.boolean(report).map(Condition::Stale));
        }
    }

    fn read_attributes(&mut self, section: &mut Section<'_>, report: &mut Report<'_>) {
        if let Some(value) = section.get("next_hop") {
            let prefixes = values::each(value, "10.0.0.0/24", report, parse_next_hops);
            let each = |prefix| Condition::NextHop(NextHopCondition::In(prefix));
            self.add(prefixes.map(|prefixes| Condition::any(prefixes.into_iter().map(each))));
        }
        if let Some(value) = section.get("next_hop_set") {
            self.any_of(value, report, |sets, item, report| {
                let set = sets.prefixes(item, report)?;
                Some(Condition::NextHop(NextHopCondition::InSet(set)))
            });
        }
        if let Some(value) = section.get("community") {
            let patterns = values::each(value, "65001:100", report, |text| {
                text.parse::<CommunityPattern>().map_err(|error| error.to_string())
            });
            self.add(patterns.map(|patterns| Condition::Community(CommunitySet::new(patterns))));
        }
        if let Some(value) = section.get("community_set") {
            self.any_of(value, report, |sets, item, report| {
                sets.communities(item, report).map(Condition::Community)
            });
        }
        for number in Number::ALL {
            if let Some(value) = section.get(number.name()) {
                let range: Option<ValueRange> = values::range(value, report);
                self.add(range.map(|range| Condition::Number(NumberCondition { number, range })));
            }
        }
        if let Some(value) = section.get("origin") {
            let origins = values::each(value, "igp", report, values::origin);
            self.add(origins.map(|origins| Condition::Origin(OriginSet::new(origins))));
        }
    }

    fn read_as_path(&mut self, section: &mut Section<'_>, report: &mut Report<'_>) {
        if let Some(value) = section.get("as_path") {
            let patterns = values::each(value, "_65010_", report, |text| {
                text.parse::<AsPathPattern>().map_err(|error| error.to_string())
            });
            let each = |pattern| Condition::AsPath(AsPathCondition::Matches(pattern));
            self.add(patterns.map(|patterns| Condition::any(patterns.into_iter().map(each))));
        }
        if let Some(value) = section.get("as_path_starts_with") {
            let asns = values::asns(value, report);
            self.add(asns.map(|asns| Condition::AsPath(AsPathCondition::StartsWith(asns))));
        }
        type OfSet = fn(AsnSet) -> AsPathCondition;
        let kinds: [(&str, OfSet); 4] = [
            ("as_path_contains", AsPathCondition::Contains),
            ("as_path_only", AsPathCondition::Only),
            ("originated_by", AsPathCondition::OriginatedBy),
            ("received_from", AsPathCondition::ReceivedFrom),
        ];
        for (key, condition) in kinds {
            if let Some(value) = section.get(key) {
                let set = asn_set(value, self.sets, report);
                self.add(set.map(|set| Condition::AsPath(condition(set))));
            }
        }
    }

    /// `any`, `all` and `not`, each of further tables.
    fn read_combined(&mut self, section: &mut Section<'_>, report: &mut Report<'_>) {
        type Join = fn(Vec<Condition>) -> Condition;
        let joins: [(&str, Join); 2] =
            [("any", |all| Condition::any(all)), ("all", |all| Condition::all(all))];
        for (key, join) in joins {
            let Some(value) = section.get(key) else { continue };
            let Some(items) = value.list("[{ prefix = \"10.65.0.0/16\" }]", report) else {
                self.is_whole = false;
                continue;
            };
            let members: Vec<Option<Condition>> = items
                .map(|item| item.table(key, report).and_then(|table| read_match(table, self.sets, report)))
                .collect();
            if members.is_empty() {
                value.reject(report, "an empty list decides nothing: leave it out");
            }
            self.add(members.into_iter().collect::<Option<Vec<_>>>().map(join));
        }
        if let Some(value) = section.get("not") {
            let inner = value.table("not", report).and_then(|table| read_match(table, self.sets, report));
            self.add(inner.map(Condition::not));
        }
    }

    /// One name, or several of which any may hold.
    fn any_of(
        &mut self,
        value: Value<'_>,
        report: &mut Report<'_>,
        resolve: impl Fn(&Sets, Value<'_>, &mut Report<'_>) -> Option<Condition>,
    ) {
        let items = value.one_or_many("services", report);
        let sets = self.sets;
        let found: Option<Vec<Condition>> =
            items.and_then(|items| items.map(|item| resolve(sets, item, report)).collect());
        self.add(found.map(Condition::any));
    }
}

/// An address, or a prefix that next hops lie in.
fn parse_next_hops(text: &str) -> Result<Prefix, String> {
    match text.parse() {
        Ok(address) => Ok(Prefix::host(address)),
        Err(_) => prefix::parse(text),
    }
}

const SOURCES: [(&str, SourceKind); 4] = [
    ("peer", SourceKind::Peer),
    ("local", SourceKind::Local),
    ("kernel", SourceKind::Kernel),
    ("static", SourceKind::Static),
];

const RELATIONS: [(&str, PeerRelation); 4] = [
    ("external", PeerRelation::External),
    ("internal", PeerRelation::Internal),
    ("client", PeerRelation::Client),
    ("confederation", PeerRelation::Confederation),
];

const RPKI_STATES: [(&str, RpkiState); 4] = [
    ("unknown", RpkiState::Unknown),
    ("not-found", RpkiState::NotFound),
    ("valid", RpkiState::Valid),
    ("invalid", RpkiState::Invalid),
];

/// A number, text such as `65001..65010` or the name of an AS set, or a list of these.
fn asn_set(value: Value<'_>, sets: &Sets, report: &mut Report<'_>) -> Option<AsnSet> {
    let mut ranges = Vec::new();
    for item in value.one_or_many("65001", report)? {
        if !item.is_string() {
            ranges.push(ValueRange::exactly(item.integer(1..=u32::MAX, report)?));
            continue;
        }
        let text = item.string("65001..65010", report)?;
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            ranges.extend(Vec::<ValueRange>::from(sets.asns(item, report)?));
        } else {
            ranges.push(item.parsed("65001..65010", report, |text| {
                let wrong = |_| format!("{text:?} is not an AS number: write 65001, or \"65001..65010\"");
                text.parse().map_err(wrong)
            })?);
        }
    }
    Some(AsnSet::new(ranges))
}
