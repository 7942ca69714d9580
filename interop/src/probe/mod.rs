//! A speaker of the harness: it says exactly what a scenario wants, and keeps what it hears, octet by octet.
//!
//! It knows nothing of margay's codec: what both have in common would not be tested.

mod attributes;
mod message;
mod session;
mod tap;
mod update;

pub(crate) use self::attributes::{attribute, attributes};
pub(crate) use self::message::{Kind, Message};
pub(crate) use self::session::{Identity, Session, connect};
pub(crate) use self::tap::{Seen, Tap};
pub(crate) use self::update::{Update, update, withdrawal};
