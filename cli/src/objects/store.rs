//! What the commands need of a datastore.

use margay_datastore::{Current, Expected, KeyValue, SwapOutcome};

use crate::object_error::ObjectError;

/// A store of keys and values that is changed by compare-and-swap.
pub(crate) trait Store {
    /// What stands at a key.
    fn get(&mut self, key: &str) -> Result<Option<Current>, ObjectError>;

    /// Everything whose key begins with a prefix, in the order of the keys, at one revision.
    fn list(&mut self, prefix: &str) -> Result<Vec<KeyValue>, ObjectError>;

    /// Writes a value, or deletes when there is none, if what is expected stands at the key.
    fn swap(&mut self, key: &str, expected: Expected, value: Option<Vec<u8>>) -> SwapOutcome;
}
