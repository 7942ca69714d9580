//! The addresses of this node at any time, and the own next hops of sessions.

mod book;
mod interface_address;
mod watcher;

pub use book::AddressBook;
pub use interface_address::{AddressState, InterfaceAddress};
pub(super) use watcher::watch;
