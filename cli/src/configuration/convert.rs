//! `margay convert FILE`: a configuration of another daemon as one of margay.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use margay_convert::{BirdFile, Conversion, RemarkKind, Secret, convert_birds, convert_frr};

use crate::run_error::RunError;

pub(crate) fn run(
    files: &[PathBuf],
    passwords: Option<&Path>,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let read = |file: &PathBuf| match fs::read_to_string(file) {
        Ok(text) => Ok((file.display().to_string(), text)),
        Err(error) => Err(RunError::Unreadable { file: file.clone(), error }),
    };
    let texts: Vec<(String, String)> = files.iter().map(read).collect::<Result<_, _>>()?;
    let passwords = passwords.map(absolute).transpose()?;
    let folder = passwords.as_ref().map(|folder| folder.display().to_string());
    let conversion = match texts.as_slice() {
        [(name, text)] if is_frr(text) => convert_frr(name, text, folder.as_deref()),
        texts => {
            let sources: Vec<BirdFile<'_>> =
                texts.iter().map(|(name, text)| BirdFile { name, text }).collect();
            convert_birds(&sources, folder.as_deref(), &mut include)
        }
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

/// BIRD begins nothing with these words.
fn is_frr(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("router bgp "))
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
