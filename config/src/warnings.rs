//! What a file asks for in vain: nothing is refused for it, and somebody may wonder.

use std::collections::BTreeSet;

use bgp_codec::PeerKind;
use margay_filter::{Edit, FilterChain, Number};

use crate::config::Config;
use crate::peer::Peer;

impl Config {
    /// What is without effect, a sentence each, sorted: rules that no route reaches or that change nothing, and LOCAL_PREF for
    /// external peers.
    ///
    /// External peers are not sent LOCAL_PREF (RFC 4271 §5.1.5). A filter that sets it may still be meant for internal and
    /// external peers alike.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let templates =
            self.dynamic_peers().iter().map(|dynamic| (dynamic.range.to_string(), dynamic.template()));
        let peers = self.peers().iter().map(|peer| (peer.name.clone(), peer));
        let external = peers.chain(templates).filter(|(_, peer)| self.is_external(peer));
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
        local_pref.chain(idle_rules).collect::<BTreeSet<String>>().into_iter().collect()
    }

    fn is_external(&self, peer: &Peer) -> bool {
        peer.kind(self.global().asn) == Some(PeerKind::Ebgp)
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
