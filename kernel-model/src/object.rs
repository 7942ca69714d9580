//! A next hop object.

use margay_fib::ObjectContent;

/// A next hop object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) protocol: u8,
    pub(crate) content: ObjectContent,
}
