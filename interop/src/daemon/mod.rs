//! The daemons: one adapter each, which writes a node's configuration in the daemon's language and reads back its state.

mod adapter;
mod bird;
mod exabgp;
mod feature;
mod frr;
mod gobgp;
mod images;
mod kind;
mod margay;
mod openbgpd;

pub(crate) use self::adapter::{Adapter, Start};
pub(crate) use self::feature::Feature;
pub(crate) use self::images::{Images, images_of};
pub(crate) use self::kind::Kind;
