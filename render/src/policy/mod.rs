//! What passes: filters, what is advertised, what is put into the kernel.

mod aggregates;
mod communities;
mod export_rules;
mod filters;
mod kernel_rules;

pub use aggregates::BlockAggregate;
pub(crate) use aggregates::plan_aggregates;
pub use communities::CommunityAddition;
pub(crate) use communities::plan_communities;
pub use export_rules::ExportRule;
pub(crate) use export_rules::plan_export_rules;
pub use filters::{FilterDirection, FilterPlan, FilterUse, Operator, RuleEdit, RuleMatch, RulePlan};
pub(crate) use filters::{plan_filters, use_filters};
pub(crate) use kernel_rules::plan_kernel_rules;
pub use kernel_rules::{KernelOwner, KernelRule, KernelVerdict, TunnelUse};

/// A route of metric m is advertised with LOCAL_PREF of this less m, and installed the other way round.
pub const LOCAL_PREF_BASE: u32 = 2_147_483_647;
