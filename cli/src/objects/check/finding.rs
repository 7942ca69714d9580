//! Something that is wrong with what is stored.

use crate::objects::query::typed_name;

/// Something that is wrong.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// What it is wrong with: an object as people name it, or a key.
    pub(crate) subject: String,
    pub(crate) message: String,
}

impl From<margay_policy::Warning> for Finding {
    fn from(warning: margay_policy::Warning) -> Self {
        let message = format!("{}: {}", warning.field, warning.message);
        Self { severity: Severity::Warning, subject: typed_name(&warning.key), message }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Severity {
    /// Something is not used, or does something else than it says.
    Error,
    /// Something does nothing, and may be meant so.
    Warning,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
