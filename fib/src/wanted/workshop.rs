//! What paths are built from.

use crate::{
    FibOptions,
    table::{RouteShapes, Tables},
    wanted::ObjectLedger,
};

/// Everything that paths are built from.
pub(crate) struct Workshop<'m> {
    pub(crate) options: &'m FibOptions,
    pub(crate) tables: &'m Tables,
    pub(crate) shapes: &'m mut RouteShapes,
    pub(crate) objects: &'m mut ObjectLedger,
    /// Whether routes refer to next hop objects.
    pub(crate) with_objects: bool,
}

/// Far more than the kernel spreads packets over, and few enough for one message.
pub(crate) const HOPS_MAX: usize = 1024;
