//! Commands of the system, run to their end.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

/// Runs a command and returns what it printed.
///
/// # Errors
///
/// When it cannot be started or ends with another status than zero; the text holds what it said.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        let said = [&stdout, &stderr].map(|text| String::from_utf8_lossy(text).trim().to_owned());
        bail!("{command:?} ended with {status}: {} {}", said[0], said[1]);
    }
    Ok(stdout)
}

/// As [`output`], as text.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let octets = output(command)?;
    String::from_utf8(octets).with_context(|| format!("{command:?} printed no UTF-8"))
}

/// Runs `ip` with words split at blanks.
pub(crate) fn ip(words: &str) -> Result<()> {
    output(Command::new("ip").args(words.split_whitespace())).map(drop)
}
