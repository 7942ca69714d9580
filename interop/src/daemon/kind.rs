//! The daemons by their names.

use clap::ValueEnum;

use super::adapter::Adapter;
use super::bird::Bird;
use super::exabgp::Exabgp;
use super::frr::Frr;
use super::gobgp::Gobgp;
use super::margay::Margay;
use super::openbgpd::Openbgpd;

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
            Self::Margay => &Margay,
            Self::Bird => &Bird,
            Self::Frr => &Frr,
            Self::Gobgp => &Gobgp,
            Self::Openbgpd => &Openbgpd,
            Self::Exabgp => &Exabgp,
        }
    }
}
