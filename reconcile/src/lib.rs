//! What a node's kernel must have, against what it has: the operations that make the two equal, in their order.
//!
//! A [`Reconciler`] is given what is wanted ([`Reconciler::want`]) and what the kernel reports ([`Reconciler::on_seen`],
//! [`Reconciler::on_dump`]), and returns [`Operation`]s. All kinds of things go through the same rules: links, sysctls, addresses,
//! forwarding entries, neighbours, rules and routes. Nothing is written that is there already, and nothing is changed or removed that
//! belongs to another program; see [`Ownership`].

mod failure;
mod hardware_address;
mod key;
mod link;
mod link_name;
mod operation;
mod ownership;
mod reconciler;
mod route;
mod rule;
mod seen;
mod value;

pub use failure::{Refusal, RefusalKind};
pub use hardware_address::HardwareAddress;
pub use key::{Key, Kind, RouteKey, RuleKey};
pub use link::{Link, LinkKind, Vxlan};
pub use link_name::{InvalidLinkName, LinkName};
pub use operation::{Action, Operation};
pub use ownership::Ownership;
pub use reconciler::{Counts, Reconciler, State};
pub use route::{MAIN_TABLE, Route, RouteScope, RouteTarget};
pub use rule::{Rule, RuleAction};
pub use seen::{Notice, Seen};
pub use value::Value;
