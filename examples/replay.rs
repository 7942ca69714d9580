//! Hands the inputs of a recording to another Rib, and prints the state that it leads to.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use margay::recording::{Ending, Record, replay};

/// Rebuilds the state of routing tables from what `margayd --record` wrote, and prints it as `margay show state` does.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask replay")]
struct Arguments {
    /// The recording
    file: PathBuf,
    /// Stop before the first input that came later after the start
    #[arg(long, value_name = "SECONDS")]
    until: Option<f64>,
    /// Print each input with its time instead of the state
    #[arg(long)]
    inputs: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).with_context(|| arguments.file.display().to_string()) {
        Ok(Ending::Different) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<Ending> {
    let Arguments { file, until, inputs: prints_inputs } = arguments;
    let until = until.map_or(Duration::MAX, Duration::from_secs_f64);
    let see = |time: Duration, record: &Record| {
        let goes_on = time <= until;
        if *prints_inputs && goes_on {
            println!("{:>14.6} {record:?}", time.as_secs_f64());
        }
        goes_on
    };
    let replay = replay(BufReader::new(File::open(file)?), see)?;
    if !prints_inputs {
        print!("{}", replay.rib.view().dump());
    }
    let seconds = replay.time.as_secs_f64();
    eprintln!(
        "margayd {}: {} inputs in {seconds:.6} s; {}",
        replay.version,
        replay.inputs,
        outcome(replay.ending)
    );
    if *replay.version != *env!("CARGO_PKG_VERSION") {
        eprintln!("this is {}, which may make something else of them", env!("CARGO_PKG_VERSION"));
    }
    Ok(replay.ending)
}

fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Same => "margayd ended in order with the same state",
        Ending::Different => "margayd ended in order WITH ANOTHER STATE",
        Ending::Open => "the recording has no end: margayd was killed or still runs, or its log says why",
        Ending::Torn => "the last block is torn, and left out",
        Ending::Stopped => "stopped there",
    }
}
