//! The addresses of this node: which there are at any time, and what they mean for a session.

mod book;
mod interface_address;
mod watcher;

pub use book::AddressBook;
pub use interface_address::{AddressState, InterfaceAddress};
pub(super) use watcher::watch;
