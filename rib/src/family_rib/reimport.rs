//! Reimport of a peer's paths under new import rules. Refused paths were kept, so the peer need not repeat
//! them.

use bgp_codec::Community;

use super::route_table::RouteTable;
use crate::attributes::AttributeSet;
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::notices::Notice;
use crate::paths::{ImportOutcome, ImportRefusal, Path};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

impl<P: RibFamily> RouteTable<P> {
    /// Imports paths of a peer to an entry again, those from these sources.
    pub(super) fn reimport(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        index: EntryIndex,
        import: &ImportPolicy<'_>,
        from: &[SourceIndex],
    ) {
        let Some(prefix) = self.table.get(index).map(|entry| entry.prefix.erase()) else { return };
        let routes = shared.peers.routes(P::INDEX, peer);
        let is_long_lived_stale = routes.is_some_and(|routes| routes.is_long_lived_stale);
        let is_stale = routes.is_some_and(|routes| routes.is_marked_stale);
        let limits = import.peer.rules.limits;
        for &source in from {
            // Another path may have taken the number since.
            let Some(path) = self.table.path(index, source) else { continue };
            if shared.sources.get(source).peer != peer {
                continue;
            }
            let received = path.received;
            let Shared { store, notices, validation, .. } = shared;
            let checked = import.check(store.get(received), store.next_hop(received));
            let filtered = import.filter(
                (store, validation),
                P::FAMILY,
                (received, is_stale),
                std::iter::once(prefix),
                |prefix, verdict| {
                    notices.add_with(|| {
                        Notice::logged_on_import(peer, prefix, &import.peer.rules.import, verdict)
                    });
                },
            );
            let checked = checked.and_then(|()| import.check_destination(prefix));
            let checked = checked.and_then(|()| check_long_lived(is_long_lived_stale, store.get(received)));
            let verdict = checked.and_then(|()| filtered.of(0));
            let mut edited =
                verdict.ok().filter(|edits| !edits.is_empty()).map(|edits| store.edited(received, edits));
            if is_long_lived_stale && verdict.is_ok() {
                let marked = store.with_long_lived_stale(edited.unwrap_or(received));
                edited.replace(marked).into_iter().for_each(|handle| store.release(handle));
            }
            if is_stale && verdict.is_ok() {
                let marked = store.marked_stale(edited.unwrap_or(received));
                edited.replace(marked).into_iter().for_each(|handle| store.release(handle));
            }
            let import = match verdict {
                Ok(_) => ImportOutcome::accepted(edited.unwrap_or(received)),
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            let path = self.within_limit(shared, peer, limits, index, Path { import, ..path });
            self.put(shared, index, path);
            edited.into_iter().for_each(|handle| shared.store.release(handle));
        }
    }
}

/// A path that must not be kept for long goes when it becomes stale (RFC 9494 §4.2).
fn check_long_lived(is_stale: bool, set: &AttributeSet) -> Result<(), ImportRefusal> {
    let forbids = || set.attributes.communities().any(|community| community == Community::NO_LLGR);
    if is_stale && forbids() { Err(ImportRefusal::NoLongLived) } else { Ok(()) }
}
