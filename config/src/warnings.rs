//! Contents of a file that are no errors, and that may surprise its author.

use std::collections::BTreeSet;

use bgp_codec::PeerKind;
use margay_filter::{Edit, FilterChain, Number};

use crate::config::Config;
use crate::peer::Peer;

impl Config {
    /// What operators may not expect, a sentence each, sorted: external peers that nothing is exchanged with, rules that no route
    /// reaches or that change nothing, and LOCAL_PREF for external peers.
    ///
    /// With an external peer without filters nothing is exchanged, unless the file says otherwise (RFC 8212).
    ///
    /// External peers are not sent LOCAL_PREF (RFC 4271 §5.1.5). A filter that sets it may still be meant for internal and
    /// external peers alike.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let denied = self.named_peers().filter_map(|(name, peer)| self.denied(&name, peer));
        let external = self.named_peers().filter(|(_, peer)| self.is_external(peer));
        let local_pref = external.flat_map(|(name, peer)| {
            let filters = setting_local_pref(&peer.export);
            filters.into_iter().map(move |filter| {
                format!(
                    "peer {name} is external and not sent LOCAL_PREF, which export filter {filter:?} sets"
                )
            })
        });
        let idle_rules = self.filters().iter().flat_map(|filter| {
            let findings = filter.findings().into_iter();
            findings.map(move |finding| format!("filter {}, {finding}", filter.name()))
        });
        denied.chain(local_pref).chain(idle_rules).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// The peers, and the templates of the dynamic ones, with what operators call them.
    fn named_peers(&self) -> impl Iterator<Item = (String, &Peer)> {
        let templates =
            self.dynamic_peers().iter().map(|dynamic| (dynamic.range.to_string(), dynamic.template()));
        self.peers().iter().map(|peer| (peer.name.clone(), peer)).chain(templates)
    }

    fn denied(&self, name: &str, peer: &Peer) -> Option<String> {
        // A peer of any AS may be external.
        let kind = peer.kind(self.global());
        let condition = if kind.is_none() { " if it is external" } else { ", which is external" };
        let (what, missing) = match peer.denied(self.global(), kind.unwrap_or(PeerKind::Ebgp)) {
            [false, false] => return None,
            [true, false] => ("nothing is accepted from", "import filters"),
            [false, true] => ("nothing is advertised to", "export filters"),
            [true, true] => ("nothing is exchanged with", "filters"),
        };
        Some(format!(
            "{what} peer {name}{condition}: it has no {missing} (RFC 8212): give it {missing}, or set \
             global.ebgp_without_filters = \"accept\""
        ))
    }

    fn is_external(&self, peer: &Peer) -> bool {
        peer.kind(self.global()) == Some(PeerKind::Ebgp)
    }
}

fn setting_local_pref(chain: &FilterChain) -> Vec<&str> {
    let sets_local_pref = |edit: &Edit| match edit {
        Edit::Numbers(numbers) => numbers.iter().any(|(number, _)| *number == Number::LocalPref),
        _ => false,
    };
    let sets = |filter: &&margay_filter::Filter| {
        filter.rules().iter().any(|rule| rule.edits.iter().any(sets_local_pref))
    };
    chain.filters().iter().filter(sets).map(margay_filter::Filter::name).collect()
}
