//! Containers by Podman: images that are built once, and daemons that run in them.

mod container;
mod images;
mod podman;

pub(crate) use self::container::{Container, remove_leftovers};
pub(crate) use self::images::{MARGAY, build_missing, name, remove_all, version};
