//! The families that capabilities announce.

use bgp_codec::{Capabilities, Family};

/// The families announced by both, in our order.
pub(crate) fn common_families(ours: &Capabilities, theirs: &Capabilities) -> Vec<Family> {
    let theirs = announced_families(theirs);
    announced_families(ours).into_iter().filter(|family| theirs.contains(family)).collect()
}

/// The families announced. IPv4 unicast goes without saying for a speaker that names none (RFC 4760 §8).
pub(crate) fn announced_families(capabilities: &Capabilities) -> Vec<Family> {
    let families: Vec<Family> = capabilities.families().collect();
    if families.is_empty() { vec![Family::IPV4_UNICAST] } else { families }
}
