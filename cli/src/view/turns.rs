//! `margay show turns`

use margay_control::{TimesTaken, Turns};

use super::time_span::time_span;
use super::{fact, milliseconds};
use crate::table::{Align, Table};

/// Whole turns first, then their processor time, then their steps.
pub(crate) fn turns(turns: &Turns) -> String {
    let mut table = Table::new([
        ("STEP", Align::Left),
        ("COUNT", Align::Right),
        ("OVER 10 MS", Align::Right),
        ("LONGEST MS", Align::Right),
        ("MEAN MS", Align::Right),
    ]);
    let whole = [("whole turn", turns.turns), ("computing", turns.computing)];
    let steps = turns.steps.iter().map(|step| (step.step.as_str(), step.times));
    for (name, times) in whole.into_iter().chain(steps) {
        table.row([
            name.to_owned(),
            times.count.to_string(),
            times.long.to_string(),
            milliseconds(times.longest_microseconds),
            mean(times),
        ]);
    }
    format!("{}\n{table}", fact("counted for", time_span(turns.since_seconds)))
}

fn mean(times: TimesTaken) -> String {
    times.total_microseconds.checked_div(times.count).map_or_else(|| "-".to_owned(), milliseconds)
}

#[cfg(test)]
mod tests {
    use margay_control::StepTimes;

    use super::*;

    #[test]
    fn shows_whole_turns_and_each_step() {
        let times = |count, long, longest_microseconds, total_microseconds| TimesTaken {
            count,
            long,
            longest_microseconds,
            total_microseconds,
        };
        let answer = Turns {
            since_seconds: 65,
            turns: times(1000, 1, 12_345, 250_000),
            computing: times(1000, 0, 4_321, 200_000),
            steps: vec![
                StepTimes { step: "updates".to_owned(), times: times(2000, 0, 900, 4_000) },
                StepTimes { step: "work".to_owned(), times: TimesTaken::default() },
            ],
        };
        assert_eq!(
            turns(&answer),
            "\
counted for         1m05s

STEP        COUNT  OVER 10 MS  LONGEST MS  MEAN MS
whole turn   1000           1      12.345    0.250
computing    1000           0       4.321    0.200
updates      2000           0       0.900    0.002
work            0           0       0.000        -
"
        );
    }
}
