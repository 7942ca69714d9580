//! The kernel's forwarding table, in a network namespace for one turn.

mod blaster;
mod forwarding_table;
mod netlink;
mod network_namespace;

pub(crate) use blaster::Blaster;
pub(crate) use forwarding_table::{ForwardingTable, InstalledRoute};
pub(crate) use network_namespace::{NetworkNamespace, ip};
