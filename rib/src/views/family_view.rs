//! One family of a Rib, together with the state that the families share.

use bgp_codec::Prefix;

use crate::family::FamilyIndex;
use crate::family_rib::FamilyState;
use crate::paths::EntryView;
use crate::rib::Rib;
use crate::shared::Shared;

/// See the [module](self).
#[derive(Clone, Copy)]
pub(super) struct FamilyView<'a> {
    pub(super) shared: &'a Shared,
    pub(super) state: FamilyState<'a>,
}

impl<'a> FamilyView<'a> {
    pub(super) fn of(rib: &'a Rib, family: FamilyIndex) -> Self {
        Self { shared: &rib.shared, state: rib.families[family].state() }
    }

    /// The entry of a prefix, if it has one.
    pub(super) fn entry(self, prefix: Prefix) -> Option<EntryView<'a>> {
        let table = self.state.table;
        table.find_any(prefix).map(|index| table.view(index))
    }
}
