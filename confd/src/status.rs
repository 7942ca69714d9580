//! What operators can ask this program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::daemon::Reload;
use crate::publisher::Outcome;

/// What is known, for people and metrics.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Status {
    /// The node.
    pub(crate) node: String,
    /// Whether the datastore was read to the end once.
    pub(crate) in_sync: bool,
    /// Why the datastore is not followed at present.
    pub(crate) datastore_error: Option<String>,
    /// The revision of the datastore that the file was rendered from.
    pub(crate) rendered_revision: Option<u64>,
    /// How many times the file was rendered.
    pub(crate) renders: u64,
    /// How many times it was put in place.
    pub(crate) publications: u64,
    /// What is wrong with objects, or cannot be said in the file.
    pub(crate) problems: Vec<ObjectProblem>,
    /// Keys whose values cannot be used.
    pub(crate) invalid: BTreeMap<String, String>,
    /// What became of the last text that differed.
    pub(crate) last: Option<Publication>,
}

/// Something wrong with an object.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ObjectProblem {
    pub(crate) object: String,
    pub(crate) problem: String,
}

/// What became of a text.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Publication {
    /// When, in seconds since 1970.
    pub(crate) time: u64,
    pub(crate) result: &'static str,
    /// Errors of the check, or the daemon's answer.
    pub(crate) details: Vec<String>,
}

impl Publication {
    /// `None` for a text that was in the file already.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        let (result, details) = match outcome {
            Outcome::Unchanged => return None,
            Outcome::Published(Reload::Done { needs_restart }) if needs_restart.is_empty() => {
                ("reloaded", Vec::new())
            }
            Outcome::Published(Reload::Done { needs_restart }) => ("needs-restart", needs_restart.clone()),
            Outcome::Published(Reload::Absent(why)) => ("daemon-absent", vec![why.clone()]),
            Outcome::Published(Reload::Refused(why)) => ("refused", vec![why.clone()]),
            Outcome::Wrong(errors) => ("check-failed", errors.clone()),
            Outcome::PutBack(why) => ("put-back", vec![why.clone()]),
            Outcome::Unwritten(why) => ("not-written", vec![why.clone()]),
        };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Some(Self { time, result, details })
    }

    /// Whether the daemon has, or will have at its start, what was rendered.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.result, "reloaded" | "needs-restart" | "daemon-absent")
    }
}

impl Status {
    /// Metrics in the text format of Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        let flag = |is_set: bool| u64::from(is_set);
        let good = self.last.as_ref().is_none_or(Publication::is_good);
        for (name, help, kind, value) in [
            ("in_sync", "Whether the datastore was read to the end once", "gauge", flag(self.in_sync)),
            (
                "datastore_connected",
                "Whether the datastore is followed",
                "gauge",
                flag(self.in_sync && self.datastore_error.is_none()),
            ),
            (
                "rendered_revision",
                "Revision of the datastore of the file",
                "gauge",
                self.rendered_revision.unwrap_or(0),
            ),
            ("renders_total", "Files rendered", "counter", self.renders),
            ("publications_total", "Files put in place", "counter", self.publications),
            ("problems", "Problems of objects", "gauge", self.problems.len() as u64),
            ("invalid_objects", "Objects that cannot be used", "gauge", self.invalid.len() as u64),
            ("last_publication_good", "Whether the daemon has the file as rendered", "gauge", flag(good)),
        ] {
            writeln!(text, "# HELP margay_confd_{name} {help}.\n# TYPE margay_confd_{name} {kind}\nmargay_confd_{name} {value}")
                .expect("writing to a String cannot fail");
        }
        text
    }
}

/// The status as it is now, for the program that writes it and the server that shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStatus(Arc<Mutex<Status>>);

impl SharedStatus {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn get(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn metrics_have_a_type_and_a_value_each() {
        let status = Status { in_sync: true, rendered_revision: Some(17), ..Status::default() };
        let metrics = status.metrics();
        assert!(metrics.contains("\nmargay_confd_rendered_revision 17\n"));
        assert_eq!(metrics.matches("# TYPE ").count(), 8);
    }
}
