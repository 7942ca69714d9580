//! Sockets and messages of rtnetlink, and what a node does with them: links, addresses, neighbours, forwarding entries, routes, rules,
//! sysctls and network namespaces.
//!
//! [`RequestSocket`] and [`Listener`] are the sockets, for rtnetlink and for other netlink protocols. [`KernelDriver`] connects them to
//! a [`Reconciler`](margay_reconcile::Reconciler). Messages are built and read with `netlink-packet-route`
//! ([why](../../docs/decisions/0049-one-reconciler-for-a-node.md)).

mod decode;
mod encode;
mod kernel_driver;
mod link_table;
mod listener;
mod namespace;
mod refusal;
mod request;
mod request_socket;
mod sysctl;
mod veth;

pub use decode::Decoder;
pub use encode::request_of;
pub use kernel_driver::KernelDriver;
pub use link_table::LinkTable;
pub use listener::{Listener, Reception};
pub use namespace::NetworkNamespace;
pub use request::Request;
pub use request_socket::{Dumped, RequestSocket};
pub use sysctl::{read_sysctl, write_sysctl};
pub use veth::{VethEnd, veth_request};

pub use netlink_packet_route;
