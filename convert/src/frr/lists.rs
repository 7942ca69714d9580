//! Prefix lists, lists of communities and of AS paths: what they match, as conditions.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::model::{Condition, quoted};

/// All lists by name, each entry with whether it permits.
#[derive(Default)]
pub(super) struct Lists {
    prefixes: BTreeMap<String, Vec<(u32, bool, Condition)>>,
    communities: BTreeMap<String, Vec<(u32, bool, Condition)>>,
    paths: BTreeMap<String, Vec<(u32, bool, Condition)>>,
}

impl Lists {
    /// Reads an entry.
    pub(super) fn read(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [_, "prefix-list", name, rest @ ..] => add(&mut self.prefixes, name, rest, prefixes),
            [_, "community-list", "standard" | "expanded", name, rest @ ..] => {
                add(&mut self.communities, name, rest, |rest| communities("", rest))
            }
            [_, "community-list", name, rest @ ..] => {
                add(&mut self.communities, name, rest, |rest| communities("", rest))
            }
            [_, "large-community-list", "standard" | "expanded", name, rest @ ..]
            | [_, "large-community-list", name, rest @ ..] => {
                add(&mut self.communities, name, rest, |rest| communities("large:", rest))
            }
            [_, "as-path", "access-list", name, rest @ ..] => {
                add(&mut self.paths, name, rest, |rest| Ok(Condition::text("as_path", &rest.join(" "))))
            }
            _ => Err(format!("{:?} is not understood", words.join(" "))),
        }
    }

    pub(super) fn prefix_list(&self, name: &str) -> Result<Condition, String> {
        matched(&self.prefixes, "prefix list", name)
    }

    pub(super) fn community_list(&self, name: &str) -> Result<Condition, String> {
        matched(&self.communities, "community list", name)
    }

    pub(super) fn as_path_list(&self, name: &str) -> Result<Condition, String> {
        matched(&self.paths, "AS path list", name)
    }

    /// The communities that a list permits, for removal.
    pub(super) fn communities_of(&self, name: &str) -> Result<Vec<String>, String> {
        let entries =
            self.communities.get(name).ok_or_else(|| format!("there is no community list {name:?}"))?;
        entries
            .iter()
            .map(|(_, permits, condition)| match condition {
                Condition::Key("community", pattern) if *permits => Ok(pattern.clone()),
                _ => Err(format!("community list {name} does more than permit single communities")),
            })
            .collect()
    }
}

type Entries = BTreeMap<String, Vec<(u32, bool, Condition)>>;

/// Adds an entry: `[seq N] permit|deny …`.
fn add(
    lists: &mut Entries,
    name: &str,
    words: &[&str],
    condition: impl FnOnce(&[&str]) -> Result<Condition, String>,
) -> Result<(), String> {
    let entries = lists.entry(name.to_owned()).or_default();
    let (sequence, rest) = match words {
        ["seq", number, rest @ ..] => (number.parse().unwrap_or(u32::MAX), rest),
        rest => (entries.last().map_or(5, |(last, ..)| last.saturating_add(5)), rest),
    };
    match rest {
        [action @ ("permit" | "deny"), rest @ ..] => {
            let permits = *action == "permit";
            match condition(rest) {
                Ok(condition) => entries.push((sequence, permits, condition)),
                Err(text) => {
                    // Nothing is permitted that the entry might deny.
                    entries.push((sequence, false, Condition::constant(!permits)));
                    return Err(format!("{name}: {text}"));
                }
            }
            entries.sort_by_key(|(sequence, ..)| *sequence);
            Ok(())
        }
        ["description" | "remark", ..] => Ok(()),
        _ => Err(format!("{name}: expected permit or deny")),
    }
}

/// What a list permits: of the entries that match, the first one counts, and where none does, nothing is permitted.
fn matched(lists: &Entries, kind: &str, name: &str) -> Result<Condition, String> {
    let entries = lists.get(name).ok_or_else(|| format!("there is no {kind} {name:?}"))?;
    Ok(entries.iter().rev().fold(Condition::Never, |rest, (_, permits, condition)| {
        if *permits { condition.clone().or(rest) } else { condition.clone().not().and(rest) }
    }))
}

fn prefixes(words: &[&str]) -> Result<Condition, String> {
    let [prefix, rest @ ..] = words else { return Err("expected a prefix".to_owned()) };
    if *prefix == "any" {
        return Ok(Condition::Always);
    }
    let net: IpNet = prefix.parse().map_err(|_| format!("{prefix:?} is not a prefix"))?;
    let (mut low, mut high) = (None, None);
    for pair in rest.chunks(2) {
        match pair {
            ["ge", length] => low = length.parse().ok(),
            ["le", length] => high = length.parse().ok(),
            _ => return Err(format!("{:?} is not understood", rest.join(" "))),
        }
    }
    let (own, longest) = (net.prefix_len(), net.max_prefix_len());
    let (low, high): (u8, u8) = match (low, high) {
        (None, None) => return Ok(Condition::text("prefix_equal", &net.trunc().to_string())),
        (low, high) => (low.unwrap_or(own), high.unwrap_or(longest)),
    };
    if low < own || low > high || high > longest {
        return Err(format!("lengths {low} to {high} are not inside {net}"));
    }
    let inside = Condition::text("prefix", &net.trunc().to_string());
    if (low, high) == (own, longest) {
        return Ok(inside);
    }
    Ok(Condition::PrefixWithin(net.trunc(), low, high))
}

/// All communities of an entry must be there.
fn communities(prefix: &str, words: &[&str]) -> Result<Condition, String> {
    words.iter().try_fold(Condition::Always, |all, word| {
        Ok(match community(prefix, word)? {
            Some(pattern) => all.and(Condition::key("community", quoted(&pattern))),
            None => all,
        })
    })
}

/// A community as margay writes it; `None` for `internet`, which every route has.
pub(super) fn community(prefix: &str, word: &str) -> Result<Option<String>, String> {
    let is_plain =
        word.split(':').all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    match word {
        "internet" => Ok(None),
        "no-export" | "no-advertise" | "blackhole" => Ok(Some(word.to_owned())),
        "local-AS" => Ok(Some("no-export-subconfed".to_owned())),
        "graceful-shutdown" => Ok(Some("65535:0".to_owned())),
        _ if is_plain => Ok(Some(format!("{prefix}{word}"))),
        _ => Err(format!("{word:?} is not a community, and expressions have no counterpart")),
    }
}
