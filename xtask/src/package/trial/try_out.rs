//! What the trials share: a configuration, and waiting.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Writes a configuration that originates one network.
pub(super) fn configure(root: &Path, network: &str) -> Result<()> {
    let text = format!(
        "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\n\n[kernel]\n\n[[network]]\nprefix = \"{network}\"\nblackhole = true\n"
    );
    Ok(fs::write(root.join(CONFIGURATION), text)?)
}

pub(super) const CONFIGURATION: &str = "etc/margay/margay.toml";

/// Tries again until it succeeds.
pub(super) fn within_patience<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<()> {
    let started = Instant::now();
    loop {
        match attempt() {
            Ok(_) => return Ok(()),
            Err(error) if started.elapsed() > PATIENCE => return Err(error.context(format!("no {what}"))),
            Err(_) => sleep(Duration::from_millis(200)),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// What a command prints.
pub(super) fn text_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {text} {}", error.trim());
    Ok(text)
}
