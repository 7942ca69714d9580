//! What the kernel reports.

use crate::{Key, Value};

/// A thing as the kernel has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Which.
    pub key: Key,
    /// What it is.
    pub value: Value,
    /// The protocol number that its owner gave it; for routes and rules.
    pub protocol: Option<u8>,
}

/// An event of the kernel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A thing is there, or has changed.
    There(Seen),
    /// A thing is gone.
    Gone {
        /// Which.
        key: Key,
        /// Its owner's protocol number; for routes and rules.
        protocol: Option<u8>,
    },
    /// A link has another name now: what was said of the former name holds no more.
    Renamed {
        /// The former name.
        from: crate::LinkName,
    },
}
