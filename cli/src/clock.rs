//! The machine's time, as it is stored.

use std::time::{SystemTime, UNIX_EPOCH};

use margay_ipam::WallTime;

/// The time now.
pub(crate) fn now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(since_1970.as_secs().try_into().unwrap_or(i64::MAX))
}
