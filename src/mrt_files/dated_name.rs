//! Names of files with the time at which they begin.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file that a pattern of [`MrtFiles`](margay_config::MrtFiles) names at a time.
pub(crate) fn file_at(pattern: &Path, time: SystemTime) -> PathBuf {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil_date(days);
    let pattern = pattern.to_string_lossy();
    let mut name = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            name.push(letter);
            continue;
        }
        match letters.next() {
            Some('Y') => name.push_str(&format!("{year:04}")),
            Some('m') => name.push_str(&format!("{month:02}")),
            Some('d') => name.push_str(&format!("{day:02}")),
            Some('H') => name.push_str(&format!("{:02}", second / 3600)),
            Some('M') => name.push_str(&format!("{:02}", second / 60 % 60)),
            Some('S') => name.push_str(&format!("{:02}", second % 60)),
            other => name.extend(other),
        }
    }
    name.into()
}

/// The next time after `now` that is a multiple of the interval since 1970.
pub(crate) fn next_multiple(now: SystemTime, interval: Duration) -> SystemTime {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let passed = since_1970.as_nanos() % interval.as_nanos().max(1);
    let left = interval.as_nanos().saturating_sub(passed);
    now + Duration::from_nanos(left.try_into().unwrap_or(u64::MAX))
}

/// Year, month and day in the Gregorian calendar, from the days since 1970.
///
/// Years are counted from March, so that a leap day is the last of its year: in 400 years there are 146,097 days, and months of
/// 30 or 31 days follow each other five by five.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let since_year_0 = days + 719_468;
    let (era, day_of_era) = (since_year_0 / 146_097, since_year_0 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_has_the_parts_of_the_time() {
        let rows = [
            ("/%Y%m%d.%H%M%S", 0, "/19700101.000000"),
            ("/%Y-%m-%d", 951_782_399, "/2000-02-28"),
            ("/%Y-%m-%d", 951_782_400, "/2000-02-29"),
            ("/%Y-%m-%d", 951_868_800, "/2000-03-01"),
            ("/%Y%m%d.%H%M%S.mrt", 1_796_083_199, "/20261130.235959.mrt"),
            ("/%Y-%m-%d", 4_107_542_400, "/2100-03-01"),
            ("/100%%/plain", 7, "/100%/plain"),
        ];
        for (pattern, seconds, expected) in rows {
            assert_eq!(file_at(Path::new(pattern), at(seconds)), Path::new(expected));
        }
    }

    #[test]
    fn files_begin_at_multiples_of_the_interval() {
        let quarter = Duration::from_secs(900);
        assert_eq!(next_multiple(at(1), quarter), at(900));
        assert_eq!(next_multiple(at(900), quarter), at(1800));
        assert_eq!(next_multiple(at(900) + Duration::from_nanos(1), quarter), at(1800));
    }
}
