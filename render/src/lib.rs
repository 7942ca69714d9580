//! What the objects of a Calico datastore ask of one node's BGP speaker: as values, and as the text of `margay.toml`.
//!
//! [`render`] gives the whole file. [`plan`] looks at a [`Snapshot`] of the objects and says what the node's [`Speaker`] is to be. An object that cannot be used
//! is left out and named in a [`Problem`]; the rest is planned.

mod context;
mod family;
mod node_settings;
mod peers;
mod plan;
mod policy;
mod problem;
mod relevance;
mod render;
mod router_id;
mod secrets;
mod snapshot;
mod speaker;
mod toml;

pub use family::Family;
pub use peers::{NextHop, Origin, PeerPlan, ReflectedCluster};
pub use plan::plan;
pub use policy::{
    BlockAggregate, CommunityAddition, ExportRule, FilterDirection, FilterPlan, FilterUse, KernelOwner,
    KernelRule, KernelVerdict, LOCAL_PREF_BASE, Operator, RuleEdit, RuleMatch, RulePlan, TunnelUse,
};
pub use problem::Problem;
pub use relevance::concerns;
pub use render::{Rendered, render};
pub use router_id::RouterIdSource;
pub use secrets::{PasswordFile, Secrets};
pub use snapshot::{LocalWorkload, Snapshot};
pub use speaker::{FamilySpeaker, LogDetail, Speaker, StaticRoute};
pub use toml::{FileSettings, to_toml};
