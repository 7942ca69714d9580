//! The recorded daemon's own files, converted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use margay_convert::{BirdFile, convert_birds};

use crate::recording::Recording;

/// The files of both families as one of margay; `None` where the corpus does not have them, or a node has no sessions.
pub(crate) fn file(recording: &Recording) -> Result<Option<String>> {
    if recording.inputs.speakers.is_empty() {
        return Ok(None);
    }
    let golden = &recording.golden;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/bird").join(golden);
    let paths: Vec<PathBuf> = ["bird.cfg", "bird6.cfg"].map(|name| folder.join(name)).into();
    let texts: Vec<(String, String)> = paths
        .iter()
        .filter(|path| path.exists())
        .map(|path| Ok((path.display().to_string(), fs::read_to_string(path)?)))
        .collect::<Result<_>>()?;
    // A node without addresses of a family has a file without protocols.
    let texts: Vec<_> = texts.iter().filter(|(_, text)| text.contains("\nprotocol ")).collect();
    if texts.is_empty() {
        return Ok(None);
    }
    let sources: Vec<BirdFile<'_>> = texts.iter().map(|(name, text)| BirdFile { name, text }).collect();
    let mut include = |path: &str, from: &str| {
        let path = Path::new(from).parent().unwrap_or_else(|| Path::new("")).join(path);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(vec![(path.display().to_string(), text)])
    };
    let conversion = convert_birds(&sources, None, &mut include).with_context(|| golden.clone())?;
    Ok(Some(format!("{}\n[control]\nsocket = \"CONTROL-SOCKET\"\n", conversion.toml)))
}
