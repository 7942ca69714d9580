//! The kernel's forwarding table: what it holds, what is wanted there, and what to ask for, without I/O.
//!
//! A [`Fib`] is a plain value with one owner. Messages of the kernel ([`Fib::handle_notice`]) and wanted routes
//! ([`Fib::want`]) go in. Dumps and batches of requests come out ([`Fib::poll_ask`]), and what came of them goes in again
//! ([`Fib::on_dumped`], [`Fib::on_answers`]). The mirror of the kernel's tables is written by the kernel alone; wherever it
//! differs from what is wanted, requests are planned.
//!
//! ```text
//!  messages of the kernel -> mirror -> resolution of next hops -> paths and next hop objects -+-> batch -> kernel
//!  wanted routes -----------------------------------------------------------------------------+
//! ```
//!
//! A route belongs to this daemon when it lies in a configured table and carries the configured protocol number. All
//! others are foreign: they are neither replaced nor removed, not even where they hold the prefix and metric of a
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
mod wanted;

pub use fib::{Ask, Fib};
pub use import::{ImportRule, InterfacePatterns, KernelRouteChange};
pub use index::{EntryId, ShapeId};
pub use mirror::{DescribedRoute, FailedRoute, FibStatus, PrefixState};
pub use netlink::*;
pub use options::{FibOptions, OnlinkRule};
