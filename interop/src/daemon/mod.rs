//! The daemons: one adapter each, which writes a node's configuration in the daemon's language and reads back its state.

mod adapter;
mod bird;
mod exabgp;
mod feature;
mod frr;
mod gobgp;
mod margay;
mod openbgpd;

use clap::ValueEnum;

pub(crate) use self::adapter::{Adapter, Start};
pub(crate) use self::feature::Feature;

/// The daemons.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Kind {
    Margay,
    Bird,
    Frr,
    Gobgp,
    Openbgpd,
    Exabgp,
}

impl Kind {
    /// Those that margay is tried with.
    pub(crate) const OTHERS: [Self; 5] = [Self::Bird, Self::Frr, Self::Gobgp, Self::Openbgpd, Self::Exabgp];

    /// Its adapter.
    pub(crate) fn adapter(self) -> &'static dyn Adapter {
        match self {
            Self::Margay => &margay::Margay,
            Self::Bird => &bird::Bird,
            Self::Frr => &frr::Frr,
            Self::Gobgp => &gobgp::Gobgp,
            Self::Openbgpd => &openbgpd::Openbgpd,
            Self::Exabgp => &exabgp::Exabgp,
        }
    }
}
