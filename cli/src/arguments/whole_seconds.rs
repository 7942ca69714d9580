//! Times that are sent or stored in seconds.

use std::time::Duration;

/// A time of at least a second, such as `5m` or `90s`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    match margay_config::parse_duration(text)? {
        time if time.subsec_nanos() == 0 && !time.is_zero() => Ok(time),
        _ => Err("not a whole number of seconds above zero".to_owned()),
    }
}
