//! Files in MRT format: their names, and the log of what peers send.

mod dated_name;
mod queue;
mod update_log;
mod writer;

pub(crate) use dated_name::{file_at, next_multiple};
pub(crate) use update_log::{SessionLog, UpdateLog};
