//! Putting systems before the AS path.

use bgp_codec::Asn;

use crate::route::RoutePath;
use crate::route_edits::RouteEdits;

/// Puts systems before the path, the first one outermost.
pub(super) fn apply(asns: &[Asn], path: &RoutePath<'_>, edits: &mut RouteEdits) {
    let own = || path.attributes.as_path().to_buf();
    let as_path = edits.lists_mut().as_path.get_or_insert_with(own);
    asns.iter().rev().for_each(|&asn| as_path.prepend(asn, 1));
}
