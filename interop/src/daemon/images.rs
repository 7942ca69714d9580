//! The images of daemons by their names.

use std::collections::BTreeMap;

use anyhow::Result;

use super::kind::Kind;
use crate::engine;

/// The names of images.
pub(crate) type Images = BTreeMap<Kind, String>;

/// The images of daemons.
///
/// # Errors
///
/// The files of an image cannot be read.
pub(crate) fn images_of(kinds: &[Kind]) -> Result<Images> {
    kinds.iter().map(|kind| Ok((*kind, image_of(*kind)?))).collect()
}

fn image_of(kind: Kind) -> Result<String> {
    kind.adapter().image().map_or_else(|| Ok(engine::MARGAY.to_owned()), engine::name)
}
