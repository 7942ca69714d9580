//! `add_path` and `add_path_send`: in which families several paths to a prefix are received and sent (RFC 7911).

use std::num::NonZeroU16;

use bgp_codec::{AddPathMode, Family};

use crate::family;
use crate::report::Report;
use crate::section::Value;

/// What `add_path` says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AddPath {
    /// The same for all families; `None` is off.
    AllFamilies(Option<AddPathMode>),
    /// Something for each of these; others are off.
    ByFamily(Vec<(Family, Option<AddPathMode>)>),
}

impl AddPath {
    /// Reads one word for all families, or a table of them.
    pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Self> {
        if !value.is_table() {
            return value.parsed("both", report, parse_mode).map(Self::AllFamilies);
        }
        let section = value.table("add_path", report)?;
        let mut modes = Vec::new();
        for (value, key_offset) in section.named() {
            let mode = value.parsed("both", report, parse_mode);
            match family::parse(value.key()) {
                Ok(family) => modes.extend(mode.map(|mode| (family, mode))),
                Err(text) => report.add(key_offset, format_args!("add_path: {text}")),
            }
        }
        Some(Self::ByFamily(modes))
    }

    /// What is to be announced for `families`. Those that are off are left out.
    pub(crate) fn of(&self, families: &[Family]) -> Vec<(Family, AddPathMode)> {
        let mode_of = |family: Family| match self {
            Self::AllFamilies(mode) => *mode,
            Self::ByFamily(modes) => modes.iter().find(|(named, _)| *named == family)?.1,
        };
        families.iter().filter_map(|&family| Some((family, mode_of(family)?))).collect()
    }
}

/// Reads how many paths are sent to a peer that takes several. `Some(None)` is all of them.
pub(crate) fn read_limit(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<NonZeroU16>> {
    if !value.is_string() {
        return value.integer(1..=u16::MAX, report).map(NonZeroU16::new);
    }
    let parse_all = |text: &str| match text {
        "all" => Ok(None),
        _ => {
            Err(format!("{text:?} is not a valid number of paths: write \"all\" or a number from 1 to 65535"))
        }
    };
    value.parsed("all", report, parse_all)
}

fn parse_mode(text: &str) -> Result<Option<AddPathMode>, String> {
    match text {
        "off" => Ok(None),
        "receive" => Ok(Some(AddPathMode::RECEIVE)),
        "send" => Ok(Some(AddPathMode::SEND)),
        "both" => Ok(Some(AddPathMode::BOTH)),
        _ => {
            Err(format!("{text:?} is not an ADD-PATH mode: write \"receive\", \"send\", \"both\" or \"off\""))
        }
    }
}
