//! A command that must find a fault: `NAME=value cargo test …` or `cargo run …`.

use std::fmt;
use std::process::{Command, Output};
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, bail};

use super::tree_copy::TreeCopy;

/// A parsed command, displayed as in the patch.
#[derive(Debug)]
pub(super) struct Hunt {
    environment: Vec<(String, String)>,
    subcommand: Subcommand,
    arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subcommand {
    Run,
    Test,
}

/// Outcome of a command.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It passed.
    Passed,
    /// It failed, with these failing tests or seeds.
    Failed(Vec<String>),
    /// It was ended after [`SECONDS_AT_MOST`].
    TimedOut,
}

impl Hunt {
    /// Builds and runs the command in the copy.
    ///
    /// # Errors
    ///
    /// It does not build, which finds nothing.
    pub(super) fn run(&self, copy: &TreeCopy<'_>) -> Result<Outcome> {
        let mut build = Command::new(copy.cargo());
        copy.enter(&mut build);
        let built = build.args(self.build_arguments()).output().context("run cargo")?;
        if !built.status.success() {
            bail!("{self} does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        }
        let mut command = Command::new("timeout");
        copy.enter(&mut command);
        command.args(["--kill-after=10", SECONDS_AT_MOST]).arg(copy.cargo());
        // Failures are reproducible and not minimised: the first one is enough.
        command.envs([("PROPTEST_RNG_SEED", "1"), ("PROPTEST_MAX_SHRINK_ITERS", "0")]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(outcome(&command.arg(self.subcommand.name()).args(&self.arguments).output()?))
    }

    fn build_arguments(&self) -> Vec<&str> {
        let mut arguments = match self.subcommand {
            Subcommand::Run => vec!["build"],
            Subcommand::Test => vec!["test", "--no-run"],
        };
        arguments.extend(self.arguments.iter().map(String::as_str).take_while(|&argument| argument != "--"));
        arguments
    }
}

fn outcome(output: &Output) -> Outcome {
    match output.status.code() {
        Some(0) => Outcome::Passed,
        Some(TIMED_OUT) => Outcome::TimedOut,
        _ => {
            let text = String::from_utf8_lossy(&output.stdout);
            let mut finders: Vec<String> = text.lines().filter_map(finder).take(FINDERS_NAMED).collect();
            if finders.is_empty() {
                finders.push(output.status.to_string());
            }
            Outcome::Failed(finders)
        }
    }
}

/// The test or the seed that a line of output names as failed.
fn finder(line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("test ") {
        return rest.strip_suffix(" ... FAILED").map(str::to_owned);
    }
    let (case, _) = line.strip_prefix("FAILED ")?.split_once(':')?;
    Some(case.to_owned())
}

impl Subcommand {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Test => "test",
        }
    }
}

impl FromStr for Hunt {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace().peekable();
        let mut environment = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            environment.push((name.to_owned(), value.to_owned()));
            words.next();
        }
        let subcommand = match (words.next(), words.next()) {
            (Some("cargo"), Some("test")) => Subcommand::Test,
            (Some("cargo"), Some("run")) => Subcommand::Run,
            _ => bail!("`{line}` is not a `cargo test` or `cargo run` command"),
        };
        Ok(Self { environment, subcommand, arguments: words.map(str::to_owned).collect() })
    }
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value} ")?;
        }
        write!(f, "cargo {}", self.subcommand.name())?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// Time limit of a command, because a broken tree may hang.
const SECONDS_AT_MOST: &str = "1200";

/// Status of `timeout` after it ended the command.
const TIMED_OUT: i32 = 124;

/// Maximum number of tests or seeds listed.
const FINDERS_NAMED: usize = 3;

#[cfg(test)]
mod tests {
    use super::{Hunt, finder};

    #[test]
    fn builds_before_it_runs() {
        for (line, expected) in [
            ("A=1 B=2 cargo test -p x --test y z", "test --no-run -p x --test y z"),
            ("cargo test -p x -- --exact z", "test --no-run -p x"),
            ("cargo run -p x -- --seeds 60", "build -p x"),
        ] {
            let hunt: Hunt = line.parse().unwrap();
            assert_eq!(hunt.build_arguments().join(" "), expected, "{line}");
            assert_eq!(hunt.to_string(), line);
        }
    }

    #[test]
    fn names_the_test_or_the_seed_that_failed() {
        for (line, expected) in [
            ("test a::b ... FAILED", Some("a::b")),
            ("test a::b ... ok", None),
            ("test result: FAILED. 1 passed", None),
            ("FAILED ring 7: a route is missing", Some("ring 7")),
            ("3 seeds, 1 failed", None),
        ] {
            assert_eq!(finder(line).as_deref(), expected, "{line}");
        }
    }
}
