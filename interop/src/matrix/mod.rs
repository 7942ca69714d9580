//! The matrix: every scenario with every peer, its outcomes, and the page that shows them.

mod cell;
mod explanations;
mod page;
mod run;

pub(crate) use self::page::{Versions, table, write};
pub(crate) use self::run::Runner;
