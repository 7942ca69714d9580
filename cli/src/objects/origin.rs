//! What a new object gets: an identity, and the time.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

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
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Self { time: rfc3339(seconds), identity: random_identity })
    }

    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        Self {
            time: rfc3339(1_700_000_000),
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

/// A time of Unix as RFC 3339 writes it, `2023-11-14T22:13:20Z`.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_table() {
        let rows = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(rfc3339(seconds), expected);
        }
    }

    #[test]
    fn identities_differ() {
        let origin = Origin::now().unwrap();
        let (one, other) = (origin.identity().unwrap(), origin.identity().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }
}
