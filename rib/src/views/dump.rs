//! All routing state as text, by which a recording and its replay are compared.

use std::fmt;

use super::rib_view::RibView;
use crate::decision::candidate;
use crate::export::ExportGroup;
use crate::family::FamilyIndex;
use crate::family_rib::FamilyState;
use crate::log::Slot;
use crate::options::RibOptions;
use crate::paths::{EntryView, Path};
use crate::peers::Membership;
use crate::rib::Rib;
use crate::shared::Shared;

/// A [`Rib`]'s state as text, a line for each item.
///
/// It contains every number that names something in the Rib: entries, sources (and with them the path
/// identifiers towards peers), attribute sets, slots and positions of logs. So the texts of two Ribs are
/// equal only if both continue in the same way. What a peer has been sent follows from its group's slots up
/// to the peer's position, without the peer's own paths.
///
/// Its length is in proportion to the table: for debugging, not for programs.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'a>(&'a Rib);

impl<'a> RibView<'a> {
    /// The state as text.
    #[must_use]
    pub fn dump(self) -> Dump<'a> {
        Dump(self.rib)
    }
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rib { options, shared, families, next_hop_losses, work_turn, forwarding_turn } = self.0;
        let RibOptions { asn, confederation, identifier, reflector, decision, forwarding, hash_seed: _ } =
            options;
        writeln!(
            f,
            "speaker {identifier} of AS {asn} in confederation {confederation:?}: {reflector:?}, {decision:?}, \
             {forwarding:?}, advertises {:?}",
            shared.advertising
        )?;
        shared.write(f)?;
        for (index, family) in families.iter() {
            write_family(shared, index, family.state(), f)?;
        }
        writeln!(f, "{next_hop_losses:?}")?;
        writeln!(f, "next: work {work_turn:?}, forwarding {forwarding_turn:?}")
    }
}

impl Shared {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, options, presence) in self.peers.sorted() {
            writeln!(f, "peer {} {presence:?}: {options:?}", index.0)?;
        }
        writeln!(f, "payloads {:?}", self.validation.payloads())?;
        for (index, source) in self.sources.iter() {
            let path_id = index.exported_path_id();
            writeln!(f, "source {}, path id {path_id}: {source:?}", index.0)?;
        }
        writeln!(f, "free sources {:?}", self.sources.free())?;
        for next_hop in self.store.next_hops.iter() {
            writeln!(f, "next hop {next_hop:?}")?;
        }
        for range in self.store.next_hops.unresolved() {
            writeln!(f, "to be resolved: {range:?}")?;
        }
        for (prefix, way) in self.store.next_hops.sorted_ways() {
            writeln!(f, "way {prefix}: {way:?}")?;
        }
        writeln!(f, "free attributes {:?}", self.store.iter_free().collect::<Vec<_>>())?;
        for (handle, set, references) in self.store.iter() {
            let next_hop = self.store.next_hop(handle);
            let (number, values, attributes) = (handle.raw(), &set.values, &set.attributes);
            writeln!(
                f,
                "attributes {number}: {references} references, {next_hop:?}, {values:?}, {attributes:?}"
            )?;
        }
        Ok(())
    }
}

fn write_family(
    shared: &Shared,
    index: FamilyIndex,
    state: FamilyState<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let family = index.family();
    writeln!(f, "{family}: {} prefixes with a path", state.reachable_prefixes)?;
    for (prefix, options) in state.own_routes.sorted_networks() {
        writeln!(f, "network {prefix}: {options:?}")?;
    }
    for (prefix, route) in state.own_routes.sorted_kernel_routes() {
        writeln!(f, "kernel route {prefix}: {route:?}")?;
    }
    for (prefix, route) in state.own_routes.sorted_statics() {
        writeln!(f, "static route {prefix}: {route:?}")?;
    }
    for (prefix, aggregate) in state.own_routes.aggregates.iter() {
        writeln!(f, "aggregate {prefix}: {aggregate:?}")?;
    }
    if let Some(prefix) = state.own_routes.default_route() {
        writeln!(f, "default route {prefix} for some peers")?;
    }
    for (link, is_usable) in state.own_routes.links() {
        writeln!(f, "link {link}: usable {is_usable}")?;
    }
    writeln!(f, "free entries {:?}", state.table.free_numbers())?;
    for entry in state.table.views_from(0) {
        write_entry(shared, state, entry, f)?;
    }
    if let Some(log) = state.forwarding {
        let (read, end) = log.progress();
        writeln!(f, "forwarding has been read up to {read} of {end}")?;
    }
    for (peer, _, _) in shared.peers.sorted() {
        if let Some(routes) = shared.peers.routes(index, peer) {
            writeln!(f, "routes of peer {}, next {:?}: {routes:?}", peer.0, shared.peers.turn(peer))?;
        }
    }
    for group in state.groups.iter() {
        write_group(shared, index, group, f)?;
    }
    writeln!(f, "work on paths, next {}: {:?}", state.paths_are_next, state.work)?;
    let undecided: Vec<u32> = state.undecided.iter().collect();
    writeln!(f, "undecided: {undecided:?}, looks saved up: {}", state.saved_looks)?;
    writeln!(f, "work on groups: {:?}", state.groups.pending())
}

fn write_entry(
    shared: &Shared,
    state: FamilyState<'_>,
    entry: EntryView<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(f, "entry {} {}: pinned by {}", entry.index.0, entry.prefix, entry.pins)?;
    for path in entry.paths {
        let Path { source, received, import } = path;
        let role = if entry.best == Some(*path) { "best path" } else { "path" };
        write!(f, "  {role} from source {}, attributes {}", source.0, received.raw())?;
        match (import.result(), candidate(&shared.store, &shared.sources, path)) {
            (Ok(used), Ok(_)) => writeln!(f, ", used as {}", used.raw())?,
            (Ok(used), Err(reason)) => writeln!(f, ", not used as {}: {reason:?}", used.raw())?,
            (Err(refusal), _) => writeln!(f, ", refused: {refusal}")?,
        }
    }
    match state.forwarding.and_then(|log| log.get(entry.index)) {
        Some(forwarding) => writeln!(f, "  forwarding {forwarding:?}"),
        None => Ok(()),
    }
}

fn write_group(
    shared: &Shared,
    family: FamilyIndex,
    group: &ExportGroup,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let ExportGroup { id, signature, heir, filled_to, filled_paths, is_copied, too_long, log, .. } = group;
    writeln!(
        f,
        "group {}: {signature:?}, heir {heir:?}, filled to {filled_to:?} {filled_paths:?}, too long {too_long:?}",
        id.0
    )?;
    if *is_copied {
        let copied = log.in_use().filter(|&(slot, _)| log.is_copied(slot)).count();
        writeln!(f, "  {copied} slots in use are copied")?;
    }
    for &peer in &group.members {
        if let Some(Membership { reader, .. }) =
            shared.peers.routes(family, peer).and_then(|routes| routes.membership)
        {
            writeln!(
                f,
                "  peer {} has read up to {} of {}",
                peer.0,
                log.reading(reader).cursor(),
                log.end()
            )?;
        }
    }
    if let Some(slots) = group.log.path_slots() {
        writeln!(f, "  free slots {:?}", slots.iter_free().collect::<Vec<_>>())?;
    }
    for (slot, said) in log.in_use() {
        write!(f, "  slot {}", slot.0)?;
        if let (entry, Some(source)) = group.log.path_of(slot) {
            write!(f, " for entry {} from source {}", entry.0, source.0)?;
        }
        match said {
            Slot::Exported(handle, record) => writeln!(f, ": attributes {}, {record:?}", handle.raw())?,
            Slot::Withdrawn(_) | Slot::Empty => writeln!(f, ": {said:?}")?,
        }
    }
    Ok(())
}
