//! What was made, installed where nothing else is, and run.

mod container;
mod image;
mod packages;
mod try_out;

pub(super) use self::image::{load as load_image, of_image};
pub(super) use self::packages::of_packages;
