//! Result of reading the configuration again.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How to reload: the query of `POST /v1/reload`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReloadQuery {
    /// Whether a file in which any object has an error changes nothing; otherwise such objects are left out.
    #[serde(default)]
    pub strict: bool,
    /// Seconds after which the reload is undone unless it is confirmed with `POST /v1/reload/confirm`.
    pub confirm_seconds: Option<u64>,
}

/// What a reload did: `POST /v1/reload`.
///
/// An object with errors is left out, and goes on as it was if it was there before. A file that cannot be used at all changes
/// nothing: then `errors` says what to mend, all else is empty, and the status is [`ReloadReport::STATUS_OF_ERRORS`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ReloadReport {
    /// What is wrong in the files.
    pub errors: Vec<FileError>,
    /// What is left out for it.
    #[serde(default)]
    pub left_out: Vec<LeftOutObject>,
    /// Each object that was added, removed or changed; empty when the file says what is already in force.
    pub changes: Vec<ObjectChange>,
    /// Keys whose new value needs a restart of the daemon, such as `global.asn`; the former value stays in
    /// force.
    pub needs_restart: Vec<String>,
    /// Seconds until the reload is undone unless it is confirmed.
    #[serde(default)]
    pub undone_in_seconds: Option<u64>,
}

impl ReloadReport {
    /// The HTTP status of a report about a file that cannot be used.
    pub const STATUS_OF_ERRORS: u16 = 422;

    /// Whether the file was refused, and nothing changed.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty() && self.left_out.is_empty()
    }
}

/// An object that is left out of the configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct LeftOutObject {
    /// The object, such as `peer tor1`.
    pub object: String,
    /// Its first error with file and line, or what it uses that is left out.
    pub cause: String,
    /// Whether it goes on as it was before.
    pub is_kept: bool,
}

/// What became of the reload that waited to be confirmed: `POST /v1/reload/confirm`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ConfirmReport {
    /// Seconds that were left until it would have been undone.
    pub seconds_left: u64,
}

/// The files that the configuration in force was read from: `GET /v1/config`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ConfigurationFiles {
    /// The operator's file first, then those that it includes.
    pub files: Vec<ConfigurationFile>,
}

/// One file of the configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ConfigurationFile {
    /// Its name.
    pub name: String,
    /// What it said when it was read.
    pub text: String,
}

/// A change of one object of the configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ObjectChange {
    /// The object, such as `peer tor1` or `network 10.65.1.0/26`.
    pub object: String,
    /// What happened to it.
    pub change: ObjectChangeKind,
    /// The consequence, such as `export filters evaluated again`; empty if `change` says it all.
    pub action: String,
}

/// Kind of change of an object.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectChangeKind {
    /// New.
    Added,
    /// Removed.
    Removed,
    /// Its settings changed.
    Changed,
}

/// An error in the configuration file.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
pub struct FileError {
    /// The file.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// The column in characters; the first one is 1.
    pub column: usize,
    /// How many characters are meant.
    #[serde(default)]
    pub width: usize,
    /// The line, or the part of it around the place.
    #[serde(default)]
    pub excerpt: String,
    /// The column in `excerpt`.
    #[serde(default)]
    pub excerpt_column: usize,
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

impl fmt::Display for LeftOutObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.is_kept { ", and goes on as it was" } else { "" };
        write!(f, "{}{kept}: {}", self.object, self.cause)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.text)
    }
}
