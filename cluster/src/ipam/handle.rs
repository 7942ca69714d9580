//! Handles: which blocks have addresses of one owner.

use std::collections::BTreeMap;

use crate::schema::record;

record! {
    /// How many addresses an owner has in which block. The handle's identity stands in the key.
    pub struct Handle {
        /// The count for each block, `192.168.221.64/26`.
        "block" => block: BTreeMap<String, u64>,
        /// Whether it is about to go.
        "deleted" => deleted: bool,
    }
}
