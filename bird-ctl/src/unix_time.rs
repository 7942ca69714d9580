//! Moments as BIRD writes them, in UTC.

use std::fmt;

/// Seconds since the beginning of 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time of day for a moment of the last twenty hours, the date for an earlier one.
    #[must_use]
    pub fn short(self, now: Self) -> String {
        let text = self.to_string();
        let (date, time) = text.split_at(DATE_LENGTH);
        if now.0.saturating_sub(self.0) < RECENT_SECONDS {
            time.trim_start().to_owned()
        } else {
            date.to_owned()
        }
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY_SECONDS);
        let (hour, minute, second) = (self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Year, month and day of a number of days since the beginning of 1970.
///
/// The calendar is counted from the first of March of year 0: leap days are then the last days of years, and
/// it repeats after 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    (era * 400 + year + u64::from(is_next_year), if is_next_year { month - 9 } else { month + 3 }, day)
}

const DAY_SECONDS: u64 = 86_400;

/// From the first of March of year 0 to the first of January of 1970.
const DAYS_TO_1970: u64 = 719_468;

const ERA_DAYS: u64 = 146_097;

/// `2026-11-30`
const DATE_LENGTH: usize = 10;

/// BIRD's default for the times of protocols.
const RECENT_SECONDS: u64 = 20 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (1_780_272_000, "2026-06-01 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), expected);
        }
    }

    #[test]
    fn a_moment_of_long_ago_is_its_date() {
        let now = UnixTime(1_709_251_199);
        assert_eq!(UnixTime(now.0 - 60).short(now), "23:58:59");
        assert_eq!(UnixTime(now.0 - RECENT_SECONDS).short(now), "2024-02-29");
        assert_eq!(UnixTime(now.0 - 100_000).short(now), "2024-02-28");
    }
}
