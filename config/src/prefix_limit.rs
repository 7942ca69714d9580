//! `prefix_limit`: how many prefixes a peer may announce in each family.

use std::time::Duration;

use crate::duration;
use crate::report::Report;
use crate::section::Value;

/// How many prefixes a peer may announce in each family, and what happens when there are more.
///
/// Where several paths to a prefix are received (RFC 7911), each path counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrefixLimit {
    /// The most that may be received, refused ones included; `None` for any number.
    pub received: Option<u32>,
    /// The most that the import filters may accept; `None` for any number.
    pub accepted: Option<u32>,
    /// At which share of a limit a warning is logged, in percent.
    pub warn_percent: u8,
    /// What is done about more prefixes.
    pub action: LimitAction,
}

/// What is done about more prefixes than a peer may announce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitAction {
    /// The session ends.
    Cease {
        /// How long it stays down.
        restart: Duration,
    },
    /// The session goes on, and further prefixes are refused.
    Refuse,
}

impl PrefixLimit {
    /// Reads a number of received prefixes, or a table.
    pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Self> {
        if !value.is_table() {
            let received = value.integer(1..=u32::MAX, report)?;
            return Some(Self { received: Some(received), ..Self::NONE });
        }
        let mut section = value.table("prefix_limit", report)?;
        let mut number = |key| section.get(key).map(|value: Value<'_>| value.integer(1..=u32::MAX, report));
        let (received, accepted) = (number("received"), number("accepted"));
        let warn = section.get("warn").map(|value| value.share_percent(report));
        let refuses = section.get("action").map(|value| value.parsed("refuse", report, refuses));
        let restart = section.get("restart");
        let restart = restart.map(|value| {
            if refuses == Some(Some(true)) {
                value.reject(report, "with action = \"refuse\" the session goes on: remove it");
            }
            let range = Duration::from_secs(1)..=Duration::from_hours(24 * 7);
            value.parsed("5m", report, |text| duration::parse_within(text, range))
        });
        section.finish(report);
        if received.is_none() && accepted.is_none() {
            value.reject(report, "it limits nothing: give it received, accepted or both");
            return None;
        }
        Some(Self {
            received: received.unwrap_or_default(),
            accepted: accepted.unwrap_or_default(),
            warn_percent: warn.unwrap_or(Some(Self::NONE.warn_percent))?,
            action: if refuses.unwrap_or(Some(false))? {
                LimitAction::Refuse
            } else {
                LimitAction::Cease { restart: restart.unwrap_or(Some(USUAL_RESTART))? }
            },
        })
    }

    /// No limit, with the usual values for the rest.
    const NONE: Self = Self {
        received: None,
        accepted: None,
        warn_percent: 80,
        action: LimitAction::Cease { restart: USUAL_RESTART },
    };
}

/// How long the session stays down unless the file says otherwise.
const USUAL_RESTART: Duration = Duration::from_mins(5);

/// Whether further prefixes are refused, instead of the session ended.
fn refuses(text: &str) -> Result<bool, String> {
    match text {
        "cease" => Ok(false),
        "refuse" => Ok(true),
        _ => Err(format!("{text:?} is not an action: write \"cease\" or \"refuse\"")),
    }
}
