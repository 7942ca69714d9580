//! Durations, short enough for a column.

/// The two largest units: `7s`, `3m05s`, `2h03m`, `4d07h`.
pub(crate) fn time_span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        86_400.. => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_table() {
        let rows = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m00s"),
            (3599, "59m59s"),
            (3600, "1h00m"),
            (86_399, "23h59m"),
            (86_400, "1d00h"),
            (90_000_000, "1041d16h"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(time_span(seconds), expected);
        }
    }
}
