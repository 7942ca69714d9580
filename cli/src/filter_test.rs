//! `margay filter test`: evaluates a filter for a route, rule by rule, without a daemon.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use bgp_codec::{Origin, PathAttributes, PathAttributesBuilder, PeerKind};
use margay_config::{Config, NamedFiles, Peer};
use margay_filter::{
    AnyCommunity, FilterChain, LocalValues, NextHopEdit, RouteEdits, RoutePath, RouteSource, Session, Trace,
};
use serde_json::json;

use crate::arguments::FilterTest;
use crate::configuration;
use crate::run_error::RunError;

/// Exit code 0 if the route passes, and 1 if it is rejected or there is an error.
pub(crate) fn run(test: &FilterTest, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let reading = configuration::read(&test.config, NamedFiles::Unchecked)?;
    for error in &reading.errors {
        writeln!(out, "{}\n", error.snippet())?;
    }
    let Some(config) = reading.config else { return Ok(ExitCode::FAILURE) };
    match Trial::new(test, &config) {
        Ok(trial) => trial.show(test, json, out),
        Err(text) => {
            writeln!(out, "{text}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A filter and a route, from the command line.
struct Trial {
    chain: FilterChain,
    attributes: PathAttributes,
    source: Source,
}

enum Source {
    Peer(Session),
    Other(RouteSource<'static>),
}

impl Trial {
    fn new(test: &FilterTest, config: &Config) -> Result<Self, String> {
        let filter = config.filters().iter().find(|filter| filter.name() == test.filter);
        let filter = filter.ok_or_else(|| format!("there is no filter {:?}", test.filter))?;
        let chain = FilterChain::new([filter.clone()]);
        let chain = match &test.peer {
            Some(name) => chain.for_session(&session(peer(config, name)?, config)),
            None => chain,
        };
        Ok(Self { chain, attributes: attributes(test)?, source: source(test, config)? })
    }

    fn show(&self, test: &FilterTest, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
        let next_hop = test.next_hop.as_ref().and_then(|text| text.parse().ok());
        let path = RoutePath {
            family: test.prefix.family(),
            attributes: &self.attributes,
            next_hop,
            local: LocalValues { preference: 100, weight: 0, metric: test.metric, tag: test.tag },
            source: match &self.source {
                Source::Peer(session) => RouteSource::Peer(session),
                Source::Other(source) => *source,
            },
            interface: test.interface.as_deref(),
            is_stale: false,
        };
        let trace = self.chain.trace(&path, &test.prefix.into());
        if json {
            writeln!(out, "{:#}", as_json(&trace))?;
        } else {
            print(&trace, out)?;
        }
        let is_accepted = trace.reason.decision == margay_filter::Decision::Accept;
        Ok(if is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn peer<'c>(config: &'c Config, name: &str) -> Result<&'c Peer, String> {
    config.peer(name).ok_or_else(|| format!("there is no peer {name:?} in the file"))
}

fn session(peer: &Peer, config: &Config) -> Session {
    Session {
        name: peer.name.as_str().into(),
        group: peer.group.as_deref().map(Arc::from),
        address: peer.address,
        kind: peer.kind(config.global()).unwrap_or(PeerKind::Ebgp),
        is_client: peer.rr_client,
    }
}

/// Source of the route; `peer` is the peer that the filter is applied for, or an unknown one.
fn source(test: &FilterTest, config: &Config) -> Result<Source, String> {
    Ok(match (test.source.as_str(), &test.peer) {
        ("local", _) => Source::Other(RouteSource::Local),
        ("kernel", _) => Source::Other(RouteSource::Kernel),
        ("static", _) => Source::Other(RouteSource::Static),
        ("peer", Some(name)) => Source::Peer(session(peer(config, name)?, config)),
        ("peer", None) => Source::Peer(Session {
            name: "".into(),
            group: None,
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            kind: PeerKind::Ebgp,
            is_client: false,
        }),
        (name, _) => Source::Peer(session(peer(config, name)?, config)),
    })
}

fn attributes(test: &FilterTest) -> Result<PathAttributes, String> {
    let origins = [Origin::Igp, Origin::Egp, Origin::Incomplete];
    let origin = origins.into_iter().find(|origin| origin.to_string() == test.origin);
    let origin =
        origin.ok_or_else(|| format!("{:?} is not an origin: igp, egp or incomplete", test.origin))?;
    let mut builder = PathAttributesBuilder::new(origin);
    builder.as_path = test.as_path.parse().map_err(|error| format!("--as-path: {error}"))?;
    (builder.local_pref, builder.med) = (test.local_pref, test.med);
    for text in &test.communities {
        match text.parse().map_err(|error| format!("--community: {error}"))? {
            AnyCommunity::Standard(community) => builder.communities.push(community),
            AnyCommunity::Large(community) => builder.large_communities.push(community),
            AnyCommunity::Extended(community) => builder.extended_communities.push(community),
        }
    }
    if let Some(text) = &test.next_hop {
        text.parse::<bgp_codec::NextHop>().map_err(|error| format!("--next-hop: {error}"))?;
    }
    Ok(builder.build())
}

fn print(trace: &Trace<'_>, out: &mut impl Write) -> Result<(), RunError> {
    for rule in &trace.rules {
        let place = rule.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        let matched = if rule.matched { "matches" } else { "does not match" };
        writeln!(out, "filter {}, rule {}{place}: {matched}", rule.filter, rule.rule)?;
    }
    writeln!(out, "{}", trace.reason)?;
    for (name, value) in values(&trace.edits) {
        writeln!(out, "  {name}: {value}")?;
    }
    Ok(())
}

fn as_json(trace: &Trace<'_>) -> serde_json::Value {
    let rules = trace.rules.iter().map(|rule| {
        json!({ "filter": rule.filter, "rule": rule.rule, "line": rule.line, "matches": rule.matched })
    });
    let set = values(&trace.edits).into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    json!({
        "rules": rules.collect::<serde_json::Value>(),
        "verdict": trace.reason.to_string(),
        "set": set.collect::<serde_json::Map<String, serde_json::Value>>(),
    })
}

/// The edits, by the names in the configuration file.
fn values(edits: &RouteEdits) -> Vec<(&'static str, String)> {
    let numbers = [
        ("local_pref", edits.local_pref),
        ("metric", edits.metric),
        ("preference", edits.preference),
        ("weight", edits.weight),
        ("tag", edits.tag),
    ];
    let mut values: Vec<(&str, String)> =
        numbers.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))).collect();
    if let Some(med) = edits.med {
        values.push(("med", med.map_or_else(|| "removed".to_owned(), |med| med.to_string())));
    }
    values.extend(edits.origin.map(|origin| ("origin", origin.to_string())));
    values.extend(edits.next_hop.map(|next_hop| {
        let text = match next_hop {
            NextHopEdit::Address(next_hop) => next_hop.to_string(),
            NextHopEdit::OwnAddress => "self".to_owned(),
            NextHopEdit::Keep => "keep".to_owned(),
        };
        ("next_hop", text)
    }));
    if edits.blackhole {
        values.push(("blackhole", "true".to_owned()));
    }
    let Some(lists) = edits.lists() else { return values };
    values.extend(lists.as_path.as_ref().map(|as_path| ("as_path", as_path.to_string())));
    values.extend(lists.communities.as_ref().map(|list| ("communities", joined(list))));
    values.extend(lists.large_communities.as_ref().map(|list| ("large_communities", joined(list))));
    values.extend(lists.extended_communities.as_ref().map(|list| ("extended_communities", joined(list))));
    values
}

fn joined(list: &[impl ToString]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<String>>().join(" ")
}
