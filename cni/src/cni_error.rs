//! Errors as a runtime reads them.

use serde_json::{Value, json};

/// Codes of the specification, and of this plugin from 100 on.
pub mod code {
    /// The version of the configuration is not supported, or does not have the command.
    pub const INCOMPATIBLE_VERSION: u32 = 1;
    /// A variable is missing or invalid.
    pub const INVALID_ENVIRONMENT: u32 = 4;
    /// The configuration cannot be read.
    pub const IO: u32 = 5;
    /// The configuration is not JSON, or not of the form that it must have.
    pub const DECODING: u32 = 6;
    /// The configuration is not valid.
    pub const INVALID_CONFIGURATION: u32 = 7;
    /// It may work later.
    pub const TRY_AGAIN: u32 = 11;
    /// No attachment can be made at present.
    pub const UNAVAILABLE: u32 = 50;
    /// No attachment can be made at present, and those that there are may have limited connectivity.
    pub const LIMITED: u32 = 51;
    /// Anything else that failed.
    pub const FAILED: u32 = 100;
}

/// Why a request was not carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CniError {
    /// What kind of error it is; see [`code`].
    pub code: u32,
    /// A sentence.
    pub message: String,
    /// More, for people.
    pub details: String,
}

impl CniError {
    /// An error without details.
    #[must_use]
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: String::new() }
    }

    /// Anything that failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(code::FAILED, message)
    }

    /// The object that is printed, with the version that the configuration asked for.
    #[must_use]
    pub fn to_json(&self, version: &str) -> Value {
        let mut object = json!({"cniVersion": version, "code": self.code, "msg": self.message});
        if !self.details.is_empty() {
            object["details"] = json!(self.details);
        }
        object
    }
}
