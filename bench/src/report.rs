//! The table of medians and ratios.

use std::fmt::Write as _;

use crate::measurement::Measurement;

/// Renders a line for each phase and daemon: medians over the rounds, the spread of the wall time, and ratios to the
/// reference daemon, which is the first whose name starts with `reference`.
pub(crate) fn render(measurements: &[Measurement], reference: &str) -> String {
    let phases = distinct(measurements.iter().map(|measurement| measurement.phase));
    let daemons = distinct(measurements.iter().map(|measurement| measurement.daemon.as_str()));
    let reference = daemons.iter().copied().find(|daemon| daemon.starts_with(reference));
    let width = daemons.iter().map(|daemon| daemon.len()).max().unwrap_or(0).max("daemon".len());
    let ratio = reference.map_or_else(|| "ratio".to_owned(), |name| format!("/ {name}"));

    let mut out = format!(
        "{:<12} {:<width$} {:>8} {:>17} {ratio:>13} {:>8} {:>8} {ratio:>13} {:>9} {ratio:>13}\n",
        "phase", "daemon", "wall s", "min to max", "silent s", "CPU s", "peak MiB",
    );
    for &phase in &phases {
        let base = reference.and_then(|daemon| Summary::of(measurements, phase, daemon));
        for &daemon in &daemons {
            let Some(own) = Summary::of(measurements, phase, daemon) else { continue };
            let base = base.as_ref();
            writeln!(
                out,
                "{phase:<12} {daemon:<width$} {:>8.3} {:>17} {:>13} {:>8.3} {:>8.2} {:>13} {:>9.1} {:>13}",
                own.wall,
                format!("{:.3} to {:.3}", own.fastest, own.slowest),
                quotient(own.wall, base.map(|base| base.wall)),
                own.silence,
                own.cpu,
                quotient(own.cpu, base.map(|base| base.cpu)),
                own.peak,
                quotient(own.peak, base.map(|base| base.peak)),
            )
            .expect("writing to a String cannot fail");
        }
    }
    out
}

/// One daemon's rounds of a phase.
struct Summary {
    wall: f64,
    fastest: f64,
    slowest: f64,
    silence: f64,
    cpu: f64,
    peak: f64,
}

impl Summary {
    fn of(measurements: &[Measurement], phase: &str, daemon: &str) -> Option<Self> {
        let rounds: Vec<&Measurement> = measurements
            .iter()
            .filter(|measurement| measurement.phase == phase && measurement.daemon == daemon)
            .collect();
        let sorted = |value: fn(&Measurement) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(|round| value(round)).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let walls = sorted(|round| round.wall_seconds);
        Some(Self {
            wall: median(&walls)?,
            fastest: *walls.first()?,
            slowest: *walls.last()?,
            silence: median(&sorted(|round| round.longest_silence_seconds))?,
            cpu: median(&sorted(|round| round.cpu_seconds))?,
            peak: median(&sorted(|round| round.peak_rss_mib))?,
        })
    }
}

/// The middle of sorted values, or between the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// `-` without a reference, and where the reference is below what can be measured.
fn quotient(own: f64, base: Option<f64>) -> String {
    match base {
        Some(base) if base > 0.0 => format!("{:.2}", own / base),
        _ => "-".to_owned(),
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(daemon: &str, wall_seconds: f64) -> Measurement {
        Measurement {
            daemon: daemon.to_owned(),
            phase: "announce",
            wall_seconds,
            longest_silence_seconds: 0.25,
            cpu_seconds: wall_seconds / 2.0,
            peak_rss_mib: 100.0,
        }
    }

    #[test]
    fn shows_medians_spread_and_ratios() {
        let rounds = [
            measurement("margay 1", 3.0),
            measurement("BIRD 2", 2.0),
            measurement("margay 1", 1.0),
            measurement("BIRD 2", 4.0),
            measurement("margay 1", 1.5),
        ];
        let table = render(&rounds, "BIRD");
        let fields =
            |line: usize| -> Vec<&str> { table.lines().nth(line).unwrap().split_whitespace().collect() };
        let margay = [
            "announce", "margay", "1", "1.500", "1.000", "to", "3.000", "0.50", "0.250", "0.75", "0.50",
            "100.0", "1.00",
        ];
        assert_eq!(fields(1), margay);
        assert_eq!(fields(2)[3..7], ["3.000", "2.000", "to", "4.000"]);
        let widths: Vec<usize> = table.lines().map(str::len).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
    }

    #[test]
    fn has_no_ratios_without_the_reference() {
        let table = render(&[measurement("margay 1", 3.0)], "BIRD");
        assert_eq!(table.matches(" -").count(), 3, "{table}");
    }
}
