//! Small networks of namespaces with real routers, for tests and the demo.
//!
//! A [`Lab`] makes [`Namespace`]s and connects them by [`Segment`]s. Daemons run inside and are controlled
//! through [`Router`], so that a test is independent of the implementation. Everything is removed when its
//! owner is dropped, even after a panic; leftovers of a killed process are removed when the next lab starts.

mod bird;
mod cluster_node;
mod command;
mod daemon;
mod etcd;
mod frr;
mod gobgp;
mod kernel_table;
mod lab;
mod margay;
mod mrt_table;
mod namespace;
mod numbered_prefixes;
pub mod packages;
mod prometheus;
pub mod python;
mod router;
mod segment;
mod stayrtr;
mod wait;

pub use bird::Bird;
pub use cluster_node::ClusterNode;
pub use etcd::{Certificates, Etcd, EtcdMember, EtcdRelease, EtcdSettings};
pub use frr::Frr;
pub use gobgp::Gobgp;
pub use kernel_table::{KernelRoute, kernel_routes};
pub use lab::Lab;
pub use margay::{Margay, MargayBinaries};
pub use namespace::Namespace;
pub use numbered_prefixes::numbered_prefixes;
pub use prometheus::{Prometheus, promtool};
pub use router::{Family, PeerSettings, RouteInfo, Router, RouterSettings, Routes};
pub use segment::{Attachment, Segment};
pub use stayrtr::Stayrtr;
pub use wait::{holds_for, wait_until};
