//! Operations on the kernel.

use crate::{Key, Value};

/// One change of the kernel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// The thing that is changed.
    pub key: Key,
    /// How.
    pub action: Action,
}

/// How a thing is changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// It is created; if something stands there, the operation fails.
    Create(Value),
    /// It is created, or takes the place of what stands there.
    Put(Value),
    /// It is removed. The value is what is known of it.
    Remove(Option<Value>),
}

impl Operation {
    /// Its place among operations that are made together: what others rest on is added before them and removed after them.
    pub(crate) fn phase(&self) -> u8 {
        let kind = self.key.kind() as u8;
        match self.action {
            Action::Remove(_) => LAST - kind,
            Action::Create(_) | Action::Put(_) => kind,
        }
    }
}

/// The phase of the removal of a link; that of a route is behind the addition of routes.
const LAST: u8 = 14;
