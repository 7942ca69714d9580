//! All routing state as text: what a recording that is replayed is compared by.

use std::fmt;

use bgp_codec::Family;

use crate::decision::candidate;
use crate::export::ExportGroup;
use crate::family::RibFamily;
use crate::family_rib::FamilyRib;
use crate::index::EntryIndex;
use crate::log::Slot;
use crate::options::RibOptions;
use crate::paths::{Entry, Path};
use crate::peers::Membership;
use crate::rib::Rib;
use crate::shared::Shared;

/// A [`Rib`]'s state as text, a line for each thing that is known.
///
/// Every number by which the Rib names something is there: entries, sources (and so the path ids that peers are told),
/// attribute sets, slots and positions of logs. So the texts of two Ribs are equal only when both go on in the same way. What
/// a peer has been told is what its group's slots say up to the peer's position, less what came from the peer itself.
///
/// It is of the length of the whole table: for debugging, not for programs.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'a>(&'a Rib);

impl Rib {
    /// The state as text.
    #[must_use]
    pub fn dump(&self) -> Dump<'_> {
        Dump(self)
    }
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rib { options, shared, ipv4, ipv6, work, next_hop_losses } = self.0;
        let RibOptions { asn, identifier, reflector, forwarding, hash_seed: _ } = options;
        writeln!(
            f,
            "speaker {identifier} of AS {asn}: {reflector:?}, {forwarding:?}, tells {:?}",
            shared.telling
        )?;
        shared.write(f)?;
        ipv4.write(shared, Family::IPV4_UNICAST, f)?;
        ipv6.write(shared, Family::IPV6_UNICAST, f)?;
        writeln!(f, "{next_hop_losses:?}")?;
        for work in work {
            writeln!(f, "work {work:?}")?;
        }
        Ok(())
    }
}

impl Shared {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, options, up) in self.peers.sorted() {
            writeln!(f, "peer {} {}: {options:?}", index.0, if up { "up" } else { "down" })?;
        }
        for (index, source) in self.sources.iter() {
            let told_as = index.exported_path_id();
            writeln!(f, "source {}, told with path id {told_as}: {source:?}", index.0)?;
        }
        writeln!(f, "free sources {:?}", self.sources.free())?;
        for next_hop in self.store.next_hops.iter() {
            writeln!(f, "next hop {next_hop:?}")?;
        }
        for (prefix, way) in self.store.next_hops.sorted_ways() {
            writeln!(f, "way {prefix}: {way:?}")?;
        }
        writeln!(f, "free attributes {:?}", self.store.free())?;
        for (handle, set, references) in self.store.iter() {
            let next_hop = self.store.next_hop(handle);
            let (number, values, attributes) = (handle.raw(), set.values, &set.attributes);
            writeln!(
                f,
                "attributes {number}: {references} references, {next_hop:?}, {values:?}, {attributes:?}"
            )?;
        }
        Ok(())
    }
}

impl<P: RibFamily> FamilyRib<P> {
    fn write(&self, shared: &Shared, family: Family, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{family}: {} prefixes with a path", self.reachable_prefixes)?;
        for (prefix, options) in self.sorted_networks() {
            writeln!(f, "network {prefix}: {options:?}")?;
        }
        for (prefix, route) in self.sorted_kernel_routes() {
            writeln!(f, "kernel route {prefix}: {route:?}")?;
        }
        writeln!(f, "free entries {:?}", self.table.free())?;
        for (index, entry) in self.table.iter_from(0) {
            self.write_entry(shared, index, entry, f)?;
        }
        if let Some(log) = &self.forwarding {
            let (told, end) = log.progress();
            writeln!(f, "forwarding has been told up to {told} of {end}")?;
        }
        for (index, _, _) in shared.peers.sorted() {
            if let Some(routes) = shared.peers.routes::<P>(index) {
                writeln!(f, "routes of peer {}: {routes:?}", index.0)?;
            }
        }
        for group in self.groups.values() {
            write_group::<P>(shared, group, f)?;
        }
        Ok(())
    }

    fn write_entry(
        &self,
        shared: &Shared,
        index: EntryIndex,
        entry: &Entry<P>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        writeln!(f, "entry {} {}: pinned by {}", index.0, entry.prefix, entry.pins)?;
        let best = entry.best_path();
        for path in entry.paths.as_slice() {
            let Path { source, received, import } = path;
            let role = if best == Some(*path) { "best path" } else { "path" };
            write!(f, "  {role} from source {}, attributes {}", source.0, received.raw())?;
            match (import.result(), candidate(&shared.store, &shared.sources, path)) {
                (Ok(used), Ok(_)) => writeln!(f, ", used as {}", used.raw())?,
                (Ok(used), Err(reason)) => writeln!(f, ", not used as {}: {reason:?}", used.raw())?,
                (Err(refusal), _) => writeln!(f, ", refused: {refusal}")?,
            }
        }
        match self.forwarding.as_ref().and_then(|log| log.get(index)) {
            Some(forwarding) => writeln!(f, "  forwarding {forwarding:?}"),
            None => Ok(()),
        }
    }
}

fn write_group<P: RibFamily>(
    shared: &Shared,
    group: &ExportGroup,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let ExportGroup { id, signature, heir, filled_to, is_copied, unencodable, log, .. } = group;
    writeln!(
        f,
        "group {}: {signature:?}, heir {heir:?}, filled to {filled_to:?}, unencodable {unencodable}",
        id.0
    )?;
    if *is_copied {
        let copied = log.in_use().filter(|&(slot, _)| log.is_copied(slot)).count();
        writeln!(f, "  {copied} slots in use are copied")?;
    }
    for &peer in &group.members {
        if let Some(Membership { reader, .. }) =
            shared.peers.routes::<P>(peer).and_then(|routes| routes.membership)
        {
            writeln!(f, "  peer {} has been told up to {} of {}", peer.0, log.cursor(reader), log.end())?;
        }
    }
    if let Some(free) = group.free_path_slots() {
        writeln!(f, "  free slots {free:?}")?;
    }
    for (slot, said) in log.in_use() {
        write!(f, "  slot {}", slot.0)?;
        if let Some((entry, source)) = group.path_of(slot) {
            write!(f, " for entry {} from source {}", entry.0, source.0)?;
        }
        match said {
            Slot::Exported(handle, record) => writeln!(f, ": attributes {}, {record:?}", handle.raw())?,
            Slot::Withdrawn(_) | Slot::Empty => writeln!(f, ": {said:?}")?,
        }
    }
    Ok(())
}
