//! The slope of the daemon's memory over the second half of a soak.

use super::checkpoint::Checkpoint;

/// A slope that counts as growth: a leak of one route for each session would be ten times this.
pub(super) const LIMIT_KIB_PER_HOUR: f64 = 12_000.0;

/// The slope of a straight line through the second half of the checkpoints; `None` if these are fewer than five, or span less than
/// five minutes, in which an allocator's noise is larger than any slope.
pub(super) fn slope_kib_per_hour(checkpoints: &[Checkpoint]) -> Option<f64> {
    let half = &checkpoints[checkpoints.len() / 2..];
    let (first, last) = (half.first()?, half.last()?);
    if half.len() < 5 || (last.at - first.at).as_secs() < 270 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "KiB of memory")]
    let points: Vec<(f64, f64)> =
        half.iter().map(|point| (point.at.as_secs_f64() / 3600.0, point.resident_kib as f64)).collect();
    Some(slope(&points))
}

/// Least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of points")]
    let number = points.len() as f64;
    let (mean_x, mean_y) = (
        points.iter().map(|(x, _)| x).sum::<f64>() / number,
        points.iter().map(|(_, y)| y).sum::<f64>() / number,
    );
    let above: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let below: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    above / below
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::slope_kib_per_hour;
    use crate::soak::checkpoint::Checkpoint;

    fn at(minute: u64, resident_kib: u64) -> Checkpoint {
        Checkpoint {
            at: Duration::from_secs(60 * minute),
            sessions: 0,
            routes: 0,
            settled_in: Duration::ZERO,
            wrong: 0,
            steady_lost: 0,
            resident_kib,
        }
    }

    #[test]
    fn growth_at_the_start_does_not_count_and_steady_growth_does() {
        let flat: Vec<_> =
            (0..20).map(|minute| at(minute, if minute < 10 { minute * 1000 } else { 10_000 })).collect();
        assert!(slope_kib_per_hour(&flat).unwrap().abs() < 1.0);
        let leak: Vec<_> = (0..20).map(|minute| at(minute, 10_000 + minute * 1000)).collect();
        assert!((slope_kib_per_hour(&leak).unwrap() - 60_000.0).abs() < 1.0);
        assert_eq!(slope_kib_per_hour(&leak[..6]), None);
    }
}
