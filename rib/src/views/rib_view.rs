//! A Rib to be looked at.

use crate::rib::Rib;

/// What a [`Rib`] can be asked without changing it.
#[derive(Clone, Copy, Debug)]
pub struct RibView<'a>(pub(super) &'a Rib);

impl Rib {
    /// The Rib to be looked at.
    #[must_use]
    pub fn view(&self) -> RibView<'_> {
        RibView(self)
    }
}
