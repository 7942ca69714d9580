//! The tables of medians and ratios.

use std::fmt::Write as _;

use crate::measurement::{Latency, LongestTurn, Measurement};

/// Renders a table for each scenario, with a line for each phase and daemon: medians over the rounds, the
/// spread of the wall time, and ratios to the reference daemon, which is the first whose name starts with
/// `reference`.
pub(crate) fn render(measurements: &[Measurement], reference: &str) -> String {
    let mut out = HEAD.to_owned();
    for scenario in distinct(measurements.iter().map(|measurement| measurement.scenario)) {
        let of_scenario: Vec<&Measurement> =
            measurements.iter().filter(|measurement| measurement.scenario == scenario).collect();
        let daemons = distinct(of_scenario.iter().map(|measurement| measurement.daemon.as_str()));
        let reference = daemons.iter().copied().find(|daemon| daemon.starts_with(reference));
        let table = Table { measurements: of_scenario, daemons, reference };
        write!(out, "\n{scenario}\n{}", table.render()).expect("writing to a String cannot fail");
    }
    out
}

/// One scenario's measurements.
struct Table<'a> {
    measurements: Vec<&'a Measurement>,
    daemons: Vec<&'a str>,
    reference: Option<&'a str>,
}

impl Table<'_> {
    fn render(&self) -> String {
        let mut rows = vec![self.head()];
        for phase in distinct(self.measurements.iter().map(|measurement| measurement.phase)) {
            let base = self.reference.and_then(|daemon| self.summary(phase, daemon));
            for &daemon in &self.daemons {
                if let Some(own) = self.summary(phase, daemon) {
                    let mut row = own.row(phase, daemon, base.as_ref());
                    if self.has_latency() {
                        row.splice(LATENCY_COLUMN..LATENCY_COLUMN, own.latency_cells(base.as_ref()));
                    }
                    if self.has_sent_each() {
                        row.push(own.sent_each.map_or_else(|| "-".to_owned(), |sent| format!("{sent:.3}")));
                    }
                    if self.has_turns() {
                        row.extend(own.turn_cells());
                    }
                    rows.push(row);
                }
            }
        }
        align(&rows)
    }

    fn head(&self) -> Vec<String> {
        let ratio = self.reference.map_or_else(|| "ratio".to_owned(), |name| format!("/ {name}"));
        let ratio = ratio.as_str();
        let latency = ["p50 ms", "p99 ms", ratio, "max ms"];
        let latency = if self.has_latency() { &latency[..] } else { &[] };
        let wall = ["phase", "daemon", "rounds", "wall s", "min to max", ratio, "silent s"];
        let rest = ["CPU s", ratio, "own CPU s", "peak MiB", ratio, "octets each"];
        let sent = if self.has_sent_each() { &["sent each"][..] } else { &[] };
        let turns = if self.has_turns() { &["turn ms", "computing", "longest step"][..] } else { &[] };
        let columns = wall.iter().chain(latency).chain(&rest).chain(sent).chain(turns);
        columns.map(|&column| column.to_owned()).collect()
    }

    fn has_latency(&self) -> bool {
        self.measurements.iter().any(|measurement| measurement.latency.is_some())
    }

    fn has_sent_each(&self) -> bool {
        self.measurements.iter().any(|measurement| measurement.sent_each.is_some())
    }

    fn has_turns(&self) -> bool {
        self.measurements.iter().any(|measurement| measurement.longest_turn.is_some())
    }

    fn summary(&self, phase: &str, daemon: &str) -> Option<Summary> {
        let rounds = self.measurements.iter().copied();
        let rounds: Vec<&Measurement> =
            rounds.filter(|measurement| measurement.phase == phase && measurement.daemon == daemon).collect();
        Summary::of(&rounds)
    }
}

/// One daemon's rounds of a phase.
struct Summary {
    rounds: usize,
    is_complete: bool,
    wall: f64,
    fastest: f64,
    slowest: f64,
    silence: f64,
    cpu: f64,
    generator_cpu: f64,
    peak: f64,
    each: Option<(f64, &'static str)>,
    latency: Option<Latency>,
    sent_each: Option<f64>,
    /// Of all rounds.
    longest_turn: Option<LongestTurn>,
}

impl Summary {
    fn of(rounds: &[&Measurement]) -> Option<Self> {
        let sorted = |value: fn(&Measurement) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(|round| value(round)).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let walls = sorted(|round| round.wall_seconds);
        let unit = rounds.first()?.memory_each.map(|each| each.unit);
        let each = sorted(|round| round.memory_each.map_or(0.0, |each| each.octets));
        let mut sent: Vec<f64> = rounds.iter().filter_map(|round| round.sent_each).collect();
        sent.sort_by(f64::total_cmp);
        let latencies: Vec<Latency> = rounds.iter().filter_map(|round| round.latency).collect();
        Some(Self {
            latency: median_latency(&latencies),
            sent_each: median(&sent),
            longest_turn: longest_turn(rounds),
            rounds: rounds.len(),
            is_complete: rounds.iter().all(|round| round.incomplete.is_none()),
            wall: median(&walls)?,
            fastest: *walls.first()?,
            slowest: *walls.last()?,
            silence: median(&sorted(|round| round.longest_silence_seconds))?,
            cpu: median(&sorted(|round| round.cpu_seconds))?,
            generator_cpu: median(&sorted(|round| round.generator_cpu_seconds))?,
            peak: median(&sorted(|round| round.peak_rss_mib))?,
            each: median(&each).zip(unit),
        })
    }

    fn latency_cells(&self, base: Option<&Self>) -> [String; 4] {
        let Some(own) = self.latency else { return [(); 4].map(|()| "-".to_owned()) };
        let base = base.and_then(|base| base.latency).map(|base| base.p99_milliseconds);
        let milliseconds = |value: f64| format!("{value:.2}");
        [
            milliseconds(own.median_milliseconds),
            milliseconds(own.p99_milliseconds),
            quotient(own.p99_milliseconds, base),
            milliseconds(own.max_milliseconds),
        ]
    }

    fn turn_cells(&self) -> [String; 3] {
        let Some(turn) = &self.longest_turn else { return [(); 3].map(|()| "-".to_owned()) };
        let LongestTurn { milliseconds, computing_milliseconds, step, step_milliseconds } = turn;
        [
            format!("{milliseconds:.1}"),
            format!("{computing_milliseconds:.1}"),
            format!("{step} {step_milliseconds:.1}"),
        ]
    }

    fn row(&self, phase: &str, daemon: &str, base: Option<&Self>) -> Vec<String> {
        let wall = if self.is_complete { format!("{:.3}", self.wall) } else { format!("> {:.0}", self.wall) };
        let both_complete = self.is_complete && base.is_none_or(|base| base.is_complete);
        let wall_base = base.filter(|_| both_complete).map(|base| base.wall);
        vec![
            phase.to_owned(),
            daemon.to_owned(),
            self.rounds.to_string(),
            wall,
            format!("{:.3} to {:.3}", self.fastest, self.slowest),
            quotient(self.wall, wall_base),
            format!("{:.3}", self.silence),
            format!("{:.2}", self.cpu),
            quotient(self.cpu, base.map(|base| base.cpu)),
            format!("{:.2}", self.generator_cpu),
            format!("{:.1}", self.peak),
            quotient(self.peak, base.map(|base| base.peak)),
            self.each.map_or_else(|| "-".to_owned(), |(octets, unit)| format!("{octets:.0} a {unit}")),
        ]
    }
}

fn longest_turn(rounds: &[&Measurement]) -> Option<LongestTurn> {
    let turns = || rounds.iter().filter_map(|round| round.longest_turn.as_ref());
    let computing = turns().map(|turn| turn.computing_milliseconds);
    let longest = turns().max_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds))?;
    Some(LongestTurn { computing_milliseconds: computing.fold(0.0, f64::max), ..longest.clone() })
}

/// Median of each figure over the rounds.
fn median_latency(rounds: &[Latency]) -> Option<Latency> {
    let figure = |value: fn(&Latency) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        median(&values)
    };
    Some(Latency {
        median_milliseconds: figure(|latency| latency.median_milliseconds)?,
        p99_milliseconds: figure(|latency| latency.p99_milliseconds)?,
        max_milliseconds: figure(|latency| latency.max_milliseconds)?,
    })
}

/// Aligns cells in columns: the first two left, the others right.
fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
            out += &cell;
            out += if column + 1 == columns { "\n" } else { "  " };
        }
    }
    out
}

/// The median of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// `-` without a reference, or if the reference is too small to be measured.
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

/// Column of latencies: after the wall time and related values.
const LATENCY_COLUMN: usize = 7;

const HEAD: &str = "\
medians over the rounds; silent s: the longest time in wall s without any received octet; CPU s: of the daemon, to within a\n\
clock tick; own CPU s: of the load generator; octets each: growth of the daemon's memory; sent\n\
each: routes sent to peers for each that had to be sent; turn ms: the longest time in\n\
all rounds for which the daemon did not handle inputs; computing: the same, without the time that other programs had\n\
the processor; longest step: the name of the longest part of a turn\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::MemoryEach;

    fn measurement(daemon: &str, wall_seconds: f64) -> Measurement {
        Measurement {
            scenario: "full",
            daemon: daemon.to_owned(),
            phase: "announce",
            wall_seconds,
            incomplete: None,
            longest_silence_seconds: 0.25,
            cpu_seconds: wall_seconds / 2.0,
            generator_cpu_seconds: 0.1,
            peak_rss_mib: 100.0,
            memory_each: Some(MemoryEach { unit: "path", octets: 88.4 }),
            latency: None,
            longest_turn: None,
            sent_each: None,
        }
    }

    fn lines(table: &str) -> Vec<&str> {
        table.lines().skip_while(|line| !line.starts_with("phase")).collect()
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
        let lines = lines(&table);
        let fields = |line: usize| -> Vec<&str> { lines[line].split_whitespace().collect() };
        let margay = [
            "announce", "margay", "1", "3", "1.500", "1.000", "to", "3.000", "0.50", "0.250", "0.75", "0.50",
            "0.10", "100.0", "1.00", "88", "a", "path",
        ];
        assert_eq!(fields(1), margay);
        assert_eq!(fields(2)[4..8], ["3.000", "2.000", "to", "4.000"]);
        assert!(lines.windows(2).all(|pair| pair[0].len() == pair[1].len()), "{table}");
    }

    #[test]
    fn has_no_ratios_without_the_reference() {
        let table = render(&[measurement("margay 1", 3.0)], "BIRD");
        assert_eq!(table.matches(" -").count(), 3, "{table}");
    }

    #[test]
    fn latencies_have_columns_where_there_are_any() {
        let latency =
            |p99_milliseconds| Latency { median_milliseconds: 1.0, p99_milliseconds, max_milliseconds: 9.0 };
        let measured = |daemon, p99| Measurement { latency: Some(latency(p99)), ..measurement(daemon, 10.0) };
        let sessions = Measurement { phase: "sessions", ..measurement("margay 1", 1.0) };
        let table = render(&[sessions, measured("margay 1", 2.0), measured("BIRD 2", 8.0)], "BIRD");
        let lines = lines(&table);
        let fields = |line: usize| -> Vec<&str> { lines[line].split_whitespace().collect() };
        assert_eq!(fields(1)[9..14], ["0.250", "-", "-", "-", "-"], "{table}");
        assert_eq!(fields(2)[9..14], ["0.250", "1.00", "2.00", "0.25", "9.00"], "{table}");
        assert!(lines.windows(2).all(|pair| pair[0].len() == pair[1].len()), "{table}");
    }

    #[test]
    fn the_longest_turn_is_that_of_all_rounds() {
        let took = |milliseconds, computing_milliseconds| Measurement {
            longest_turn: Some(LongestTurn {
                milliseconds,
                computing_milliseconds,
                step: "work".into(),
                step_milliseconds: 1.5,
            }),
            ..measurement("margay 1", 1.0)
        };
        let rounds = [took(2.0, 2.0), took(7.25, 1.5), took(3.0, 2.5), measurement("BIRD 2", 1.0)];
        let table = render(&rounds, "BIRD");
        let lines = lines(&table);
        assert!(
            lines[0].ends_with("turn ms  computing  longest step")
                && lines[1].ends_with("7.2        2.5      work 1.5"),
            "{table}"
        );
        assert!(lines[2].ends_with("-          -             -"), "{table}");
    }

    #[test]
    fn a_daemon_that_is_not_done_in_time_has_a_bound_and_no_ratio() {
        let late = Measurement { incomplete: Some("half is missing".into()), ..measurement("BIRD 2", 60.0) };
        let table = render(&[measurement("margay 1", 3.0), late], "BIRD");
        let lines = lines(&table);
        assert!(lines[2].contains("> 60"), "{table}");
        assert_eq!(lines[1].split_whitespace().nth(8), Some("-"), "{table}");
    }
}
