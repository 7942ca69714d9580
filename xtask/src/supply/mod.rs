//! Where the programs come from: rules for dependencies, a bill of materials, the oldest compiler, and equal builds.

mod bill;
mod compiler;
mod components;
mod reproducible;
mod rules;

pub(crate) use self::bill::write as write_bill;
pub(crate) use self::compiler::check as check_compiler;
pub(crate) use self::reproducible::check as check_reproducible;
pub(crate) use self::rules::check as check_rules;
