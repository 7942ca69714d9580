//! `margay convert FILE`: a configuration of another daemon as one of margay.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use margay_convert::{Conversion, RemarkKind, Secret, convert_bird, convert_frr};

use crate::run_error::RunError;

pub(crate) fn run(file: &Path, passwords: Option<&Path>, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let text =
        fs::read_to_string(file).map_err(|error| RunError::Unreadable { file: file.to_owned(), error })?;
    let passwords = passwords.map(absolute).transpose()?;
    let folder = passwords.as_ref().map(|folder| folder.display().to_string());
    let name = file.display().to_string();
    // BIRD begins nothing with these words.
    let is_frr = text.lines().any(|line| line.trim_start().starts_with("router bgp "));
    let conversion = if is_frr {
        convert_frr(&name, &text, folder.as_deref())
    } else {
        convert_bird(&name, &text, folder.as_deref(), &mut include)
    };
    let Conversion { toml, remarks, secrets } = match conversion {
        Ok(conversion) => conversion,
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    if let Some(folder) = &passwords {
        secrets.iter().try_for_each(|secret| write_secret(folder, secret))?;
    }
    out.write_all(toml.as_bytes())?;
    for remark in &remarks {
        writeln!(io::stderr(), "{remark}")?;
    }
    let is_whole = remarks.iter().all(|remark| remark.kind == RemarkKind::Note);
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes a password into a file that only its owner can read.
fn write_secret(folder: &Path, secret: &Secret) -> io::Result<()> {
    let path = folder.join(&secret.peer);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", secret.password)
}

/// The files that an `include` means: one, or those of a pattern in the order of their names.
fn include(path: &str, from: &str) -> Result<Vec<(String, String)>, String> {
    let path = Path::new(from).parent().unwrap_or_else(|| Path::new("")).join(path);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok((path.display().to_string(), text))
    };
    super::disk_files::expand(&path)?.into_iter().map(read).collect()
}
