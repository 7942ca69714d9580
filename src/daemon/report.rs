//! What a reload did, and the errors that it found, for the log and the control API.

use margay_config::LeftOut;
use margay_control::{FileError, LeftOutObject, ObjectChange, ObjectChangeKind};
use tracing::info;

use super::config_files::ReadError;

/// The changes made so far.
#[derive(Default)]
pub(super) struct Report {
    pub(super) changes: Vec<ObjectChange>,
}

impl Report {
    pub(super) fn note(&mut self, object: String, change: ObjectChangeKind, action: String) {
        info!("{object} {change}{}{action}", if action.is_empty() { "" } else { ": " });
        self.changes.push(ObjectChange { object, change, action });
    }
}

/// The errors of the file with their positions.
pub(super) fn file_errors(error: ReadError) -> Vec<FileError> {
    match error {
        ReadError::Wrong(errors) => errors.into_iter().map(file_error).collect(),
        ReadError::Unreadable { file, error } => vec![FileError {
            file: file.display().to_string(),
            line: 1,
            column: 1,
            width: 0,
            excerpt: String::new(),
            excerpt_column: 1,
            text: format!("cannot be read: {error}"),
        }],
    }
}

pub(super) fn file_error(error: margay_config::ConfigError) -> FileError {
    FileError {
        file: error.file,
        line: error.line,
        column: error.column,
        width: error.width,
        excerpt: error.excerpt,
        excerpt_column: error.excerpt_column,
        text: error.text,
    }
}

/// An object that is left out, for the control API.
pub(crate) fn left_out_object(left_out: &LeftOut) -> LeftOutObject {
    LeftOutObject {
        object: left_out.object.to_string(),
        cause: left_out.cause.clone(),
        is_kept: left_out.is_kept,
    }
}
