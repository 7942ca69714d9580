//! The daemons under test, one file for each: its configuration, start and version.

mod bird;
mod by_name;
mod daemon;
mod frr;
mod gobgp;
mod margay;
mod openbgpd;
mod relay;
mod running_daemon;
mod term;
mod topology;

pub(crate) use by_name::SubjectName;
pub(crate) use daemon::Subject;
pub(crate) use running_daemon::RunningDaemon;
pub(crate) use term::Term;
pub(crate) use topology::{Direction, Protection, Refusal, Topology};
