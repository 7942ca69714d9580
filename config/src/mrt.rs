//! `[mrt]`: files in which the table and what peers send are kept (RFC 6396).

use std::path::PathBuf;
use std::time::Duration;

use crate::report::Report;
use crate::section::{Section, Value};
use crate::{duration, path};

/// What is written into files in MRT format. Nothing by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mrt {
    /// The table of received routes, from time to time.
    pub table_dump: Option<MrtFiles>,
    /// What peers send, as it comes.
    pub updates: Option<MrtFiles>,
}

/// Files that follow one another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MrtFiles {
    /// The path, with `%Y`, `%m`, `%d`, `%H`, `%M` and `%S` for parts of the time (UTC) at which a file begins, and `%%`.
    pub path: PathBuf,
    /// The time from one file to the next; files begin at multiples of it since 1970.
    pub interval: Duration,
}

impl Mrt {
    pub(crate) fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Self {
        let mut files = |key, interval_key, example, interval: &str| {
            let path = section.get(key);
            let every = section.get(interval_key);
            read_files(path, every, (key, example, interval), report)
        };
        let table_dump =
            files("table_dump", "table_dump_interval", "/var/lib/margay/table.%Y%m%d.%H%M.mrt", "2h");
        let updates = files("updates", "updates_interval", "/var/lib/margay/updates.%Y%m%d.%H%M.mrt", "15m");
        section.finish(report);
        Self { table_dump, updates }
    }
}

fn read_files(
    path: Option<Value<'_>>,
    interval: Option<Value<'_>>,
    (key, example, usual): (&str, &'static str, &str),
    report: &mut Report<'_>,
) -> Option<MrtFiles> {
    let Some(path) = path else {
        if let Some(interval) = interval {
            interval.reject(report, format_args!("has no effect without {key} = {example:?}"));
        }
        return None;
    };
    let path = path.parsed(example, report, parse_pattern);
    let least = Duration::from_secs(1);
    let range = least..=Duration::from_secs(7 * 86_400);
    let interval = match interval {
        Some(value) => value.parsed("15m", report, |text| duration::parse_within(text, range)),
        None => duration::parse(usual).ok(),
    };
    Some(MrtFiles { path: path?, interval: interval? })
}

/// Parses an absolute path with parts of the time.
fn parse_pattern(text: &str) -> Result<PathBuf, String> {
    let mut letters = text.split('%').skip(1);
    while let Some(after) = letters.next() {
        match after.chars().next() {
            Some('Y' | 'm' | 'd' | 'H' | 'M' | 'S') => {}
            // The next part begins behind the second sign.
            None => drop(letters.next()),
            Some(other) => {
                return Err(format!("%{other} is not known: %Y, %m, %d, %H, %M, %S and %% are"));
            }
        }
    }
    if text.ends_with('%') && !text.ends_with("%%") {
        return Err("a percent sign at the end is written %%".to_owned());
    }
    path::parse_absolute(text)
}

#[cfg(test)]
mod tests {
    use super::parse_pattern;

    #[test]
    fn patterns_have_known_letters_and_are_absolute() {
        let rows = [
            ("/a/%Y%m%d.%H%M%S.mrt", None),
            ("/a/100%%", None),
            ("/a/%%Q", None),
            ("/a/%", Some("written %%")),
            ("/a/%y", Some("%y is not known")),
            ("/a/%%%q", Some("%q is not known")),
            ("a/%Y", Some("not an absolute path")),
        ];
        for (text, expected) in rows {
            let error = parse_pattern(text).err();
            match (error, expected) {
                (None, None) => {}
                (Some(error), Some(expected)) if error.contains(expected) => {}
                (error, _) => panic!("{text}: {error:?}"),
            }
        }
    }
}
