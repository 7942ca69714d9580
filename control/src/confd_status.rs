//! Status of margay-confd: `GET /v1/status` on its own socket.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The files that margay-confd writes, the state of the datastore that they follow from, and its problems.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfdStatus {
    /// The node.
    pub node: String,
    /// Whether the datastore has been read completely.
    pub in_sync: bool,
    /// Why the datastore is not followed at present.
    pub datastore_error: Option<String>,
    /// The revision of the datastore that the file was rendered from.
    pub rendered_revision: Option<u64>,
    /// How many times the file was rendered.
    pub renders: u64,
    /// How many times a rendered file replaced the former one.
    pub publications: u64,
    /// Problems of objects that can be read, and settings that the file cannot express.
    pub problems: Vec<ObjectProblem>,
    /// Keys whose values cannot be used, with the reasons.
    pub invalid: BTreeMap<String, String>,
    /// Result of the last rendering that differed from the file.
    pub last: Option<Publication>,
    /// Files generated from templates, by the names of their descriptions.
    #[serde(default)]
    pub templates: BTreeMap<String, TemplateStatus>,
}

/// A problem of an object.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ObjectProblem {
    /// The object, such as `BGPPeer tor`.
    pub object: String,
    /// What is wrong, and the consequence.
    pub problem: String,
}

/// Result of a rendering that differed from the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Publication {
    /// Time, in seconds since 1970.
    pub time: u64,
    /// The result.
    pub result: PublicationResult,
    /// Errors of the check, or the daemon's answer.
    pub details: Vec<String>,
}

/// Result of a publication.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublicationResult {
    /// The file is in place, and the daemon runs with it.
    Reloaded,
    /// The file is in place; some of it takes effect at the daemon's next start.
    NeedsRestart,
    /// The file is in place, but the daemon does not answer.
    DaemonAbsent,
    /// The check found errors; the former file is kept.
    CheckFailed,
    /// The daemon refused the file; the former one has been restored.
    PutBack,
    /// The daemon refuses the file that was there before.
    Refused,
    /// The file could not be written; the former one is kept.
    NotWritten,
}

/// A file generated from a template.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TemplateStatus {
    /// The file.
    pub dest: String,
    /// How many times it replaced the former file.
    pub publications: u64,
    /// Why the former file is kept, or why the reload command failed.
    pub error: Option<String>,
}

impl PublicationResult {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Reloaded,
        Self::NeedsRestart,
        Self::DaemonAbsent,
        Self::CheckFailed,
        Self::PutBack,
        Self::Refused,
        Self::NotWritten,
    ];

    /// Whether the daemon runs, or will start, with what was rendered.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Reloaded | Self::NeedsRestart | Self::DaemonAbsent)
    }

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reloaded => "reloaded",
            Self::NeedsRestart => "needs-restart",
            Self::DaemonAbsent => "daemon-absent",
            Self::CheckFailed => "check-failed",
            Self::PutBack => "put-back",
            Self::Refused => "refused",
            Self::NotWritten => "not-written",
        }
    }
}

impl fmt::Display for PublicationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::PublicationResult;

    #[test]
    fn results_are_written_as_they_are_named() {
        for result in PublicationResult::ALL {
            assert_eq!(serde_json::to_value(result).unwrap(), result.as_str());
        }
    }
}
