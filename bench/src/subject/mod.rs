//! The daemons under test, a file for each: how it is configured, started and asked for its version.

mod bird;
mod by_name;
mod daemon;
mod frr;
mod gobgp;
mod margay;
mod openbgpd;
mod relay;
mod running_daemon;
mod topology;

pub(crate) use by_name::SubjectName;
pub(crate) use daemon::Subject;
pub(crate) use running_daemon::RunningDaemon;
pub(crate) use topology::{Direction, Refusal, Topology};
