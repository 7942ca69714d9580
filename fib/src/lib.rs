//! The kernel's forwarding table: what it holds, what is wanted, and the requests that follow, without I/O.
//!
//! A [`Fib`] is a plain value with one owner. It takes messages of the kernel ([`Fib::handle_notice`]) and
//! wanted routes ([`Fib::want`]). It returns dumps and batches of requests ([`Fib::poll_ask`]), and takes
//! their outcome ([`Fib::on_dumped`], [`Fib::on_answers`]). Only the kernel writes the mirror of its tables;
//! where the mirror differs from what is wanted, requests are planned.
//!
//! ```text
//!   messages of the kernel -> mirror -> resolution of next hops -> paths and next hop objects -+-> batch -> kernel
//!   wanted routes -----------------------------------------------------------------------------+
//! ```
//!
//! A route belongs to this daemon if it is in a configured table and has the configured protocol number. All
//! others are foreign: they are neither replaced nor removed, even if they hold the prefix and metric of a
//! wanted route.

mod fib;
mod import;
mod index;
mod mirror;
mod netlink;
mod options;
mod pace;
mod reading;
mod resolution;
mod table;
mod version;
mod view;
mod wanted;

pub use fib::{Ask, Fib};
pub use import::{ImportRule, InterfacePatterns, KernelRouteChange};
pub use index::{EntryId, ShapeId};
pub use mirror::{DescribedRoute, FailedRoute, FibStatus, ForeignRoute, NamedHop, PrefixState};
pub use netlink::*;
pub use options::{FibOptions, OnlinkRule};
pub use resolution::StaticWay;
pub use view::FibView;
