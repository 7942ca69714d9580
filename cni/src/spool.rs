//! Notes about work that is owed: releases of containers that were removed while the agent was away, and attachments that are being
//! made.
//!
//! A note is a file that appears whole. Its name is the attachment's, so that a later note about the same attachment replaces it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A note about an attachment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Note {
    /// The network.
    pub network: String,
    /// The container.
    pub container_id: String,
    /// The interface inside.
    pub interface: String,
    /// Namespace and name of the pod, when Kubernetes asked.
    pub pod: Option<(String, String)>,
    /// The interface on the node.
    pub host_interface: Option<String>,
}

/// Why there is a note.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// The attachment is being made. After a crash, it is undone.
    Making,
    /// The attachment is gone, and what the datastore has of it is to be removed.
    Owed,
}

impl Purpose {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Owed => "owed",
        }
    }
}

/// Writes a note, which survives a crash once this returns.
///
/// # Errors
///
/// When the folder cannot be made or written to.
pub fn write(folder: &Path, purpose: Purpose, note: &Note) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let target = path_of(folder, purpose, note);
    let stage = target.with_extension("stage");
    let mut file = File::create(&stage)?;
    file.write_all(&serde_json::to_vec(note)?)?;
    file.sync_all()?;
    fs::rename(&stage, &target)?;
    File::open(folder)?.sync_all()
}

/// Removes a note. It need not be there.
///
/// # Errors
///
/// When the folder cannot be written to.
pub fn remove(folder: &Path, purpose: Purpose, note: &Note) -> io::Result<()> {
    match fs::remove_file(path_of(folder, purpose, note)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether there is a note.
#[must_use]
pub fn is_there(folder: &Path, purpose: Purpose, note: &Note) -> bool {
    path_of(folder, purpose, note).exists()
}

/// All notes of a kind, in the order of their names, and the files that are not notes. A folder that does not exist has none.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn list(folder: &Path, purpose: Purpose) -> io::Result<(Vec<Note>, Vec<PathBuf>)> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        entries => entries?,
    };
    let paths: Result<Vec<PathBuf>, io::Error> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == purpose.suffix()));
    paths.sort();
    let (mut notes, mut others) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::read(&path).ok().and_then(|octets| serde_json::from_slice(&octets).ok()) {
            Some(note) => notes.push(note),
            None => others.push(path),
        }
    }
    Ok((notes, others))
}

/// Names of networks, containers and interfaces have no `/`, and `~` separates them.
fn path_of(folder: &Path, purpose: Purpose, note: &Note) -> PathBuf {
    let name = format!("{}~{}~{}.{}", note.network, note.container_id, note.interface, purpose.suffix());
    folder.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_a_half_written_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let note = Note {
            network: "net".to_owned(),
            container_id: "c.1".to_owned(),
            interface: "eth0".to_owned(),
            pod: None,
            host_interface: Some("cali1".to_owned()),
        };
        write(folder.path(), Purpose::Owed, &note).unwrap();
        write(folder.path(), Purpose::Owed, &note).unwrap();
        fs::write(folder.path().join("x.owed"), "{").unwrap();
        fs::write(folder.path().join("y.stage"), "{").unwrap();
        assert!(
            is_there(folder.path(), Purpose::Owed, &note) && !is_there(folder.path(), Purpose::Making, &note)
        );
        let (notes, others) = list(folder.path(), Purpose::Owed).unwrap();
        assert_eq!((notes, others.len()), (vec![note.clone()], 1));
        assert_eq!(list(folder.path(), Purpose::Making).unwrap(), (vec![], vec![]));
        remove(folder.path(), Purpose::Owed, &note).unwrap();
        remove(folder.path(), Purpose::Owed, &note).unwrap();
        assert_eq!(list(&folder.path().join("none"), Purpose::Owed).unwrap(), (vec![], vec![]));
    }
}
