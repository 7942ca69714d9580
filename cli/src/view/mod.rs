//! Text views of the daemon's answers, one file for each kind of answer.

mod bfd;
mod confd_status;
mod explanation;
mod groups;
mod kernel;
mod log;
mod maintenance;
mod peer;
mod peer_action;
mod peers;
mod reload;
mod routes;
mod rpki;
mod status;
mod time_span;
mod turns;

pub(crate) use bfd::bfd;
pub(crate) use confd_status::confd_status;
pub(crate) use explanation::explanation;
pub(crate) use groups::groups;
pub(crate) use kernel::kernel;
pub(crate) use log::log;
pub(crate) use maintenance::maintenance;
pub(crate) use peer::peer;
pub(crate) use peer_action::peer_action;
pub(crate) use peers::peers;
pub(crate) use reload::{confirmed, reload};
pub(crate) use routes::RoutesTable;
pub(crate) use rpki::rpki;
pub(crate) use status::status;
pub(crate) use time_span::time_span;
pub(crate) use turns::turns;

/// One line of a list of facts, with the name in its own column.
fn fact(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name:<FACT_NAME_WIDTH$}  {value}").trim_end().to_owned() + "\n"
}

/// Several words in one fact; `-` for none.
fn listed(words: &[String]) -> String {
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// A number or text, or `-` if there is none.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Milliseconds with three places after the point.
fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:03}", microseconds / 1000, microseconds % 1000)
}

const FACT_NAME_WIDTH: usize = 18;
