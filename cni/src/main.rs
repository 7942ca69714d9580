//! `margay-cni`: the plugin that runtimes run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use margay_cni::CniError;
use margay_cni::plugin::{Outcome, run};

fn main() -> ExitCode {
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    if std::env::args().any(|argument| argument == "-v") {
        return print(&format!("{}\n", env!("CARGO_PKG_VERSION")), true);
    }
    // A panic is an error object, too.
    let outcome = std::thread::spawn(move || run(&variables, std::io::stdin())).join();
    match outcome {
        Ok(Outcome::About(text)) => {
            eprintln!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Outcome::Printed { output, succeeded }) => print(&output, succeeded),
        Err(_) => print(
            &CniError::failed("a fault in the plugin; see standard error").to_json("1.1.0").to_string(),
            false,
        ),
    }
}

fn print(output: &str, succeeded: bool) -> ExitCode {
    let mut out = std::io::stdout();
    if let Err(error) = out.write_all(output.as_bytes()).and_then(|()| out.flush()) {
        eprintln!("standard output: {error}");
        return ExitCode::FAILURE;
    }
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
