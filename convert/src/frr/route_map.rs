//! Route maps as filters: an entry is a rule, or a filter of its own where it calls another route map.

use std::collections::BTreeMap;

use crate::model::{self, Action, Condition, Rule, quoted};
use crate::remark::RemarkKind;

use super::Reader;
use super::lists::community;

/// All route maps by name, with their entries in order.
#[derive(Default)]
pub(super) struct RouteMaps(BTreeMap<String, Vec<Entry>>);

/// An entry of a route map.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) permits: bool,
    pub(super) sequence: u32,
    /// Its lines by number and words.
    pub(super) lines: Vec<(usize, Vec<String>)>,
}

impl RouteMaps {
    pub(super) fn add(&mut self, name: &str, entry: Entry) {
        self.0.entry(name.to_owned()).or_default().push(entry);
    }

    /// The entry that was begun last.
    pub(super) fn last_entry(&mut self, name: &str) -> Option<&mut Entry> {
        self.0.get_mut(name)?.last_mut()
    }

    fn entries(&self, name: &str) -> Option<Vec<Entry>> {
        let mut entries = self.0.get(name)?.clone();
        entries.sort_by_key(|entry| entry.sequence);
        Some(entries)
    }
}

/// What the lines of an entry say.
struct Parts {
    condition: Condition,
    set: Vec<(&'static str, String)>,
    /// Whether the next entry is asked after a match.
    goes_on: bool,
    called: Option<String>,
    /// Whether a match is missing.
    is_wider: bool,
}

impl Reader {
    /// The filter of a route map, made when it is used first.
    pub(super) fn route_map(&mut self, name: &str, line: usize) -> String {
        let filter = model::name(name);
        if self.draft.speaker.filters.contains_key(&filter) {
            return filter;
        }
        // Known before its entries are read, which may call it again.
        self.draft.speaker.filters.insert(filter.clone(), Vec::new());
        let Some(entries) = self.route_maps.entries(name) else {
            let text = format!("there is no route map {name:?}: everything is rejected");
            self.remark(line, RemarkKind::LeftOut, text);
            let reject = Rule::new(Condition::Always, Action::Reject);
            self.draft.speaker.filters.insert(filter.clone(), vec![reject]);
            return filter;
        };
        let mut rules: Vec<Rule> = entries.iter().filter_map(|entry| self.rule(entry)).collect();
        rules.push(Rule::new(Condition::Always, Action::Reject));
        self.draft.speaker.filters.insert(filter.clone(), rules);
        filter
    }

    /// The rule of an entry. One that permits and asks for something that cannot be said is left out; one that denies is
    /// for more routes then.
    fn rule(&mut self, entry: &Entry) -> Option<Rule> {
        let parts = self.parts(entry);
        let mut condition = parts.condition;
        if let Some(called) = &parts.called {
            condition = condition.and(self.accepted_by(called, entry.line)?);
        }
        if !entry.permits {
            return Some(Rule::new(condition, Action::Reject));
        }
        if parts.is_wider {
            let text = "the entry permits what cannot be said, and is left out";
            self.remark(entry.line, RemarkKind::LeftOut, text);
            return None;
        }
        let action = if parts.goes_on { Action::Continue } else { Action::Accept };
        Some(Rule { set: parts.set, ..Rule::new(condition, action) })
    }

    /// What a route map accepts, where it changes nothing.
    fn accepted_by(&mut self, name: &str, line: usize) -> Option<Condition> {
        let filter = self.route_map(name, line);
        let rules = self.draft.speaker.filters.get(&filter).cloned().unwrap_or_default();
        let is_plain = rules
            .iter()
            .all(|rule| rule.set.is_empty() && matches!(rule.action, Action::Accept | Action::Reject));
        if !is_plain || rules.is_empty() {
            let text = format!(
                "call {name}: a route map that changes routes cannot be called; the entry is left out"
            );
            self.remark(line, RemarkKind::LeftOut, text);
            return None;
        }
        Some(rules.iter().rev().fold(Condition::Never, |rest, rule| match rule.action {
            Action::Accept => rule.condition.clone().or(rest),
            _ => rule.condition.clone().not().and(rest),
        }))
    }

    fn parts(&mut self, entry: &Entry) -> Parts {
        let mut parts = Parts {
            condition: Condition::Always,
            set: Vec::new(),
            goes_on: false,
            called: None,
            is_wider: false,
        };
        for (number, words) in &entry.lines {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let result = match words.as_slice() {
                ["match", rest @ ..] => self.matched(rest).map(|condition| {
                    parts.condition =
                        std::mem::replace(&mut parts.condition, Condition::Always).and(condition);
                }),
                ["set", rest @ ..] => self.set(rest, &mut parts.set),
                ["call", name] => {
                    parts.called = Some((*name).to_owned());
                    Ok(())
                }
                ["on-match", "next"] | ["continue"] => {
                    parts.goes_on = true;
                    Ok(())
                }
                ["description", ..] => Ok(()),
                _ => Err(format!("{:?} has no counterpart", words.join(" "))),
            };
            if let Err(text) = result {
                parts.is_wider |= words.first() == Some(&"match");
                self.remark(*number, RemarkKind::LeftOut, text);
            }
        }
        parts
    }

    fn matched(&self, words: &[&str]) -> Result<Condition, String> {
        let any = |names: &[&str], of: &dyn Fn(&str) -> Result<Condition, String>| {
            names.iter().try_fold(Condition::Never, |any, name| Ok(any.or(of(name)?)))
        };
        match words {
            ["ip" | "ipv6", "address", "prefix-list", name] => self.lists.prefix_list(name),
            ["community" | "large-community", names @ ..] if names.last() != Some(&"exact-match") => {
                any(names, &|name| self.lists.community_list(name))
            }
            ["as-path", name] => self.lists.as_path_list(name),
            ["metric", number] => Ok(Condition::key("med", checked(number)?)),
            ["local-preference", number] => Ok(Condition::key("local_pref", checked(number)?)),
            ["tag", number] => Ok(Condition::key("tag", checked(number)?)),
            ["origin", origin @ ("igp" | "egp" | "incomplete")] => Ok(Condition::text("origin", origin)),
            ["interface", name] => Ok(Condition::text("interface", name)),
            ["ip" | "ipv6", "next-hop", "address", address] => Ok(Condition::text("next_hop", address)),
            ["ip", "next-hop", "prefix-list", _] => Err("lists of next hops have no counterpart".to_owned()),
            ["source-protocol", "connected" | "static" | "kernel"] => Ok(Condition::text("source", "kernel")),
            ["source-protocol", "bgp"] => Ok(Condition::text("source", "peer")),
            ["rpki", state @ ("valid" | "invalid")] => Ok(Condition::text("rpki", state)),
            ["rpki", "notfound"] => Ok(Condition::text("rpki", "not-found")),
            _ => Err(format!("match {:?} has no counterpart", words.join(" "))),
        }
    }

    fn set(&self, words: &[&str], set: &mut Vec<(&'static str, String)>) -> Result<(), String> {
        let quoted_list = |patterns: Vec<String>| format!("[{}]", patterns.join(", "));
        match words {
            ["local-preference", number] => set.push(("local_pref", number_or_step(number)?)),
            ["metric", number] => set.push(("med", number_or_step(number)?)),
            ["weight", number] => set.push(("weight", checked(number)?)),
            ["tag", number] => set.push(("tag", checked(number)?)),
            ["origin", origin @ ("igp" | "egp" | "incomplete")] => set.push(("origin", quoted(origin))),
            ["as-path", "prepend", asns @ ..] if asns.iter().all(|asn| asn.parse::<u32>().is_ok()) => {
                set.push(("prepend", format!("[{}]", asns.join(", "))));
            }
            ["community", "none"] => set.push(("remove_communities", "[\"*:*\"]".to_owned())),
            ["large-community", "none"] => {
                set.push(("remove_communities", "[\"large:*:*:*\"]".to_owned()));
            }
            [kind @ ("community" | "large-community"), communities @ ..] => {
                let prefix = if *kind == "community" { "" } else { "large:" };
                let (communities, adds) = match communities {
                    [communities @ .., "additive"] => (communities, true),
                    communities => (communities, false),
                };
                let found: Vec<Option<String>> =
                    communities.iter().map(|word| community(prefix, word)).collect::<Result<_, _>>()?;
                let patterns = found.into_iter().flatten().map(|pattern| quoted(&pattern)).collect();
                if !adds {
                    let all = if prefix.is_empty() { "[\"*:*\"]" } else { "[\"large:*:*:*\"]" };
                    set.push(("remove_communities", all.to_owned()));
                }
                set.push(("add_communities", quoted_list(patterns)));
            }
            ["comm-list" | "large-comm-list", name, "delete"] => {
                set.push(("remove_communities", quoted_list(self.lists.communities_of(name)?)));
            }
            ["ip", "next-hop", "peer-address"] => set.push(("next_hop", quoted("peer"))),
            ["ip", "next-hop", "unchanged"] => set.push(("next_hop", quoted("keep"))),
            ["ip", "next-hop", address] | ["ipv6", "next-hop", "global", address]
                if address.parse::<std::net::IpAddr>().is_ok() =>
            {
                set.push(("next_hop", quoted(address)));
            }
            _ => return Err(format!("set {:?} has no counterpart", words.join(" "))),
        }
        Ok(())
    }
}

fn checked(number: &str) -> Result<String, String> {
    number.parse::<u32>().map(|number| number.to_string()).map_err(|_| format!("{number:?} is not a number"))
}

/// A number, or a step such as `+10`.
fn number_or_step(text: &str) -> Result<String, String> {
    match text.strip_prefix(['+', '-']) {
        Some(number) => {
            checked(number)?;
            Ok(quoted(text))
        }
        None => checked(text),
    }
}
