//! What a new object gets: an identity, and the time.

use std::fs;
use std::path::PathBuf;

use crate::clock;
use crate::object_error::ObjectError;

/// The time at which a command runs, and where identities come from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// RFC 3339, in UTC.
    pub(crate) time: String,
    identity: fn() -> Result<String, ObjectError>,
}

impl Origin {
    pub(crate) fn now() -> Result<Self, ObjectError> {
        Ok(Self { time: clock::now().to_string(), identity: random_identity })
    }

    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        Self {
            time: margay_ipam::WallTime(1_700_000_000).to_string(),
            identity: || Ok("00000000-0000-4000-8000-000000000000".to_owned()),
        }
    }

    /// An identity that no other object has (RFC 9562 §5.4).
    pub(crate) fn identity(&self) -> Result<String, ObjectError> {
        (self.identity)()
    }
}

/// The kernel makes them.
fn random_identity() -> Result<String, ObjectError> {
    let file = PathBuf::from("/proc/sys/kernel/random/uuid");
    match fs::read_to_string(&file) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(ObjectError::File { file, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_differ() {
        let origin = Origin::now().unwrap();
        let (one, other) = (origin.identity().unwrap(), origin.identity().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }
}
