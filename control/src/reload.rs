//! What reading the configuration again did.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a reload did: `POST /v1/reload`.
///
/// A file with errors changes nothing: then `errors` says what to mend, all else is empty, and the status is
/// [`ReloadReport::STATUS_OF_ERRORS`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReloadReport {
    /// What is wrong in the file.
    pub errors: Vec<FileError>,
    /// Each object that was added, removed or changed; empty when the file says what is already in force.
    pub changes: Vec<ObjectChange>,
    /// Keys whose new value needs a restart of the daemon, such as `global.asn`; the old one stays in force.
    pub needs_restart: Vec<String>,
}

impl ReloadReport {
    /// The HTTP status of a report about a file with errors.
    pub const STATUS_OF_ERRORS: u16 = 422;
}

/// One object of the configuration and what was done about it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ObjectChange {
    /// The object, such as `peer tor1` or `network 10.65.1.0/26`.
    pub object: String,
    /// What happened to it.
    pub change: ObjectChangeKind,
    /// What was done, such as `export filters evaluated again`; empty when `change` says it all.
    pub action: String,
}

/// How an object of the configuration differs from before.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectChangeKind {
    /// It is there now.
    Added,
    /// It is gone.
    Removed,
    /// It has other settings.
    Changed,
}

/// An error in the configuration file.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct FileError {
    /// The file.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// The column in characters; the first one is 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for ObjectChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.text)
    }
}
