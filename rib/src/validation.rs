//! Origin validation of routes (RFC 6811) with the payloads of the caches.

use bgp_codec::{AsPath, Asn, PathAttributes, Prefix, SegmentKind};
use margay_filter::{Destination, FilterChain, RpkiState};
use margay_rpki::{PayloadChange, PayloadTable, Validity};
use serde::{Deserialize, Serialize};

/// A change of the payloads that routes are validated with.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PayloadUpdate {
    /// Whether any cache has payloads. While none has, the state of all routes is unknown.
    pub has_data: bool,
    /// The payloads that came and went.
    pub change: PayloadChange,
}

/// The payloads, and how routes are validated with them.
#[derive(Debug)]
pub(crate) struct OriginValidation {
    payloads: PayloadTable,
    has_data: bool,
    /// Origin of the routes of this AS.
    own_asn: Asn,
    hash_seed: u64,
}

impl OriginValidation {
    /// Without payloads. `own_asn` is the number of this AS as others see it.
    pub(crate) fn new(own_asn: Asn, hash_seed: u64) -> Self {
        Self { payloads: PayloadTable::new(hash_seed), has_data: false, own_asn, hash_seed }
    }

    /// Takes a change over. Returns a table that covers the prefixes whose routes may have another state then.
    pub(crate) fn update(&mut self, update: &PayloadUpdate) -> PayloadTable {
        let PayloadUpdate { has_data, change } = update;
        self.payloads.apply(change);
        let mut changed = PayloadTable::new(self.hash_seed);
        if self.has_data == *has_data {
            let payloads = change.added.iter().chain(&change.removed).copied().collect();
            changed.apply(&PayloadChange { added: payloads, removed: Vec::new() });
        } else {
            self.has_data = *has_data;
            changed.cover_everything();
        }
        changed
    }

    /// What a filter is told of a route's destination.
    pub(crate) fn destination(
        &self,
        chain: &FilterChain,
        prefix: Prefix,
        attributes: &PathAttributes,
    ) -> Destination {
        if !chain.looks_at_rpki() {
            return prefix.into();
        }
        Destination { prefix, rpki: self.state(prefix, attributes) }
    }

    /// The state of a route.
    pub(crate) fn state(&self, prefix: Prefix, attributes: &PathAttributes) -> RpkiState {
        if !self.has_data {
            return RpkiState::Unknown;
        }
        match self.payloads.validate(prefix, origin(attributes.as_path(), self.own_asn)) {
            Validity::NotFound => RpkiState::NotFound,
            Validity::Valid => RpkiState::Valid,
            Validity::Invalid => RpkiState::Invalid,
        }
    }

    /// Number of payloads; `None` while no cache has any.
    pub(crate) fn payloads(&self) -> Option<usize> {
        self.has_data.then(|| self.payloads.len())
    }
}

/// The AS that a route comes from (RFC 6811 §2): the last one of the path, our own if the path is empty or ends inside our
/// confederation, and `None` if it ends with a set.
fn origin(path: AsPath<'_>, own_asn: Asn) -> Option<Asn> {
    let Some(last) = path.segments().last() else { return Some(own_asn) };
    match last.kind() {
        SegmentKind::Sequence => last.asns().last(),
        SegmentKind::Set => None,
        SegmentKind::ConfederationSequence | SegmentKind::ConfederationSet => Some(own_asn),
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::AsPathBuf;

    use super::*;

    #[test]
    fn the_origin_is_the_last_as_of_the_path() {
        for (path, expected) in [
            ("65001 65002", Some(65002)),
            ("", Some(64512)),
            ("(64601 64602)", Some(64512)),
            ("(64601) 65001", Some(65001)),
            ("65001 {65002}", None),
            ("{65001} 65002", Some(65002)),
        ] {
            let path: AsPathBuf = path.parse().unwrap();
            assert_eq!(origin(path.as_path(), Asn(64512)), expected.map(Asn), "{path}");
        }
    }
}
