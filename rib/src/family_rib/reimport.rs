//! Reimport of a peer's paths under new import rules. Refused paths were kept, so the peer need not repeat
//! them.

use super::route_table::RouteTable;
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex};
use crate::notices::Notice;
use crate::paths::{ImportOutcome, Path};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

impl<P: RibFamily> RouteTable<P> {
    /// Imports a peer's paths to an entry again.
    pub(super) fn reimport(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        index: EntryIndex,
        import: &ImportPolicy<'_>,
    ) {
        let entry = self.table.entry(index);
        let prefix = entry.prefix.erase();
        let of_peer = |path: &&Path| shared.sources.get(path.source).peer == peer;
        let paths: Vec<Path> = entry.paths.as_slice().iter().filter(of_peer).copied().collect();
        for path in paths {
            let received = path.received;
            let Shared { store, notices, .. } = shared;
            let checked = import.check(store.get(received), store.next_hop(received));
            let filtered =
                import.filter(store, P::FAMILY, received, std::iter::once(prefix), |prefix, verdict| {
                    notices.add_with(|| {
                        Notice::logged_on_import(peer, prefix, &import.peer.rules.import, verdict)
                    });
                });
            let checked = checked.and_then(|()| import.check_destination(prefix));
            let verdict = checked.and_then(|()| filtered.of(0));
            let edited =
                verdict.ok().filter(|edits| !edits.is_empty()).map(|edits| store.edited(received, edits));
            let import = match verdict {
                Ok(_) => ImportOutcome::accepted(edited.unwrap_or(received)),
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            self.put(shared, index, Path { import, ..path });
            edited.into_iter().for_each(|handle| shared.store.release(handle));
        }
    }
}
