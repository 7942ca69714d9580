//! `margay check FILE`: the errors of a configuration, without a daemon.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use margay_config::{Config, ConfigError, NamedFiles, Reading};
use serde_json::json;

use super::disk_files;
use crate::run_error::RunError;

pub(crate) fn run(file: &Path, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let reading = disk_files::read(file, NamedFiles::Checked)?;
    let name = file.display().to_string();
    if json {
        writeln!(out, "{:#}", as_json(&name, &reading))?;
    } else {
        write_text(&name, &reading, out)?;
    }
    Ok(if reading.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_text(name: &str, reading: &Reading, out: &mut impl Write) -> Result<(), RunError> {
    for error in &reading.errors {
        writeln!(out, "{}\n", error.snippet())?;
    }
    let Some(config) = &reading.config else {
        writeln!(out, "{name}: {}; margayd does not start with it", counted(reading.errors.len(), "error"))?;
        return Ok(());
    };
    for warning in config.warnings() {
        writeln!(out, "{name}: warning: {warning}")?;
    }
    for left_out in config.left_out() {
        writeln!(out, "{name}: left out: {left_out}")?;
    }
    writeln!(out, "{}", summary(name, &reading.errors, config))?;
    Ok(())
}

fn summary(name: &str, errors: &[ConfigError], config: &Config) -> String {
    let peers = counted(config.peers().len(), "peer");
    let networks = counted(config.networks().len(), "network");
    match errors.len() {
        0 => format!("{name}: ok, {peers}, {networks}"),
        errors => format!("{name}: {}; {peers}, {networks} without errors", counted(errors, "error")),
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn as_json(name: &str, reading: &Reading) -> serde_json::Value {
    let errors = reading.errors.iter().map(
        |error| json!({"file": error.file, "line": error.line, "column": error.column, "text": error.text}),
    );
    let errors = errors.collect::<serde_json::Value>();
    let Some(config) = &reading.config else { return json!({"file": name, "errors": errors}) };
    let left_out = config
        .left_out()
        .iter()
        .map(|left_out| json!({"object": left_out.object.to_string(), "cause": left_out.cause}));
    json!({
        "file": name,
        "errors": errors,
        "left_out": left_out.collect::<serde_json::Value>(),
        "warnings": config.warnings(),
        "peers": config.peers().len(),
        "networks": config.networks().len(),
    })
}
