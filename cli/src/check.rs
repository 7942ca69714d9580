//! `margay check FILE`: the errors of a configuration file, without a daemon.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use margay_config::{Config, ConfigError};
use serde_json::json;

use crate::run::RunError;

pub(crate) fn run(file: &Path, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let text =
        fs::read_to_string(file).map_err(|error| RunError::Unreadable { file: file.to_owned(), error })?;
    let name = file.display().to_string();
    let mut read_file = |path: &Path| fs::read(path).map_err(|error| error.to_string());
    let outcome = margay_config::parse_with_files(&name, &text, &mut read_file);
    if json {
        writeln!(out, "{:#}", as_json(&name, &outcome))?;
    } else {
        match &outcome {
            Ok(config) => {
                for warning in config.warnings() {
                    writeln!(out, "{name}: warning: {warning}")?;
                }
                writeln!(out, "{}", summary(&name, config))?;
            }
            Err(errors) => errors.iter().try_for_each(|error| writeln!(out, "{error}"))?,
        }
    }
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(name: &str, config: &Config) -> String {
    let peers = counted(config.peers().len(), "peer");
    let networks = counted(config.networks().len(), "network");
    format!("{name}: ok, {peers}, {networks}")
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn as_json(name: &str, outcome: &Result<Config, Vec<ConfigError>>) -> serde_json::Value {
    match outcome {
        Ok(config) => json!({
            "file": name,
            "errors": [],
            "warnings": config.warnings(),
            "peers": config.peers().len(),
            "networks": config.networks().len(),
        }),
        Err(errors) => {
            let errors = errors.iter().map(|error| {
                json!({"file": error.file, "line": error.line, "column": error.column, "text": error.text})
            });
            json!({"file": name, "errors": errors.collect::<serde_json::Value>()})
        }
    }
}
