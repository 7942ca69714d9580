//! The daemons by their names on the command line.

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use super::daemon::Subject;
use super::{bird, frr, gobgp, margay, openbgpd, relay};

/// The daemons by their names on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SubjectName {
    /// This project's
    Margay,
    /// BIRD 2, of the package bird2
    Bird,
    /// FRR as it is shipped, of the package frr
    Frr,
    /// FRR without delays
    FrrTuned,
    /// OpenBGPD, of the package openbgpd
    Openbgpd,
    /// GoBGP, of the package gobgpd
    Gobgp,
    /// No daemon but the simplest program that copies octets from peer to peer, or from memory to the kernel: what no
    /// daemon can undercut
    Floor,
}

impl SubjectName {
    /// The daemon with this name.
    ///
    /// # Errors
    ///
    /// `margayd` is not given and cannot be located.
    pub(crate) fn subject(self, margayd: Option<&Path>) -> Result<Box<dyn Subject>> {
        Ok(match self {
            Self::Margay => Box::new(margay::Margay::new(margayd)?),
            Self::Bird => Box::new(bird::Bird),
            Self::Frr => Box::new(frr::Frr::AsShipped),
            Self::FrrTuned => Box::new(frr::Frr::Tuned),
            Self::Openbgpd => Box::new(openbgpd::OpenBgpd),
            Self::Gobgp => Box::new(gobgp::Gobgp),
            Self::Floor => Box::new(relay::Relay),
        })
    }
}
