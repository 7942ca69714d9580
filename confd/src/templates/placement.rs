//! Putting a text in place: stage, check, rename, reload.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::description::Description;
use crate::staged_file::{Owner, StagedFile};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of what a command printed is reported.
const REPORTED: usize = 500;

/// How a file is put in place.
#[derive(Debug)]
pub(super) struct Placement {
    dest: PathBuf,
    mode: u32,
    owner: Option<Owner>,
    check: Option<String>,
    reload: Option<String>,
    /// True while the command that has the file read again has not succeeded.
    owes_reload: bool,
}

impl Placement {
    pub(super) fn new(description: &Description) -> Self {
        Self {
            dest: description.dest.clone(),
            mode: description.mode,
            owner: description.owner,
            check: description.check.clone(),
            reload: description.reload.clone(),
            owes_reload: false,
        }
    }

    /// Whether the file is another.
    pub(super) fn differs(&self, octets: &[u8]) -> bool {
        fs::read(&self.dest).ok().as_deref() != Some(octets)
    }

    /// Puts the text in place if it is another, and has it read again. Returns whether it was another.
    ///
    /// # Errors
    ///
    /// When it cannot be written, the check refuses it (the former file stays), or the reload fails (the new file stays).
    pub(super) async fn place(&mut self, octets: &[u8]) -> Result<bool> {
        let differs = self.differs(octets);
        if differs {
            self.replace(octets).await?;
            self.owes_reload = self.reload.is_some();
        }
        if self.owes_reload
            && let Some(reload) = &self.reload
        {
            run(reload).await.context("the file is in place, but its reload failed")?;
            self.owes_reload = false;
        }
        Ok(differs)
    }

    async fn replace(&self, octets: &[u8]) -> Result<()> {
        let staged = StagedFile::write(&self.dest, octets, self.mode, self.owner)
            .with_context(|| self.dest.display().to_string())?;
        if let Some(check) = &self.check {
            run(&with_file(check, staged.path())).await.context("the check refuses the file")?;
        }
        staged.commit().with_context(|| self.dest.display().to_string())
    }
}

/// Puts the path where the command has `{{src}}`, with or without blanks and the dot of Go's templates.
fn with_file(command: &str, path: &Path) -> String {
    let path = format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let forms = ["{{src}}", "{{ src }}", "{{.src}}", "{{ .src }}"];
    forms.iter().fold(command.to_owned(), |command, form| command.replace(form, &path))
}

async fn run(command: &str) -> Result<()> {
    let child = Command::new("sh").args(["-c", command]).kill_on_drop(true).output();
    let Ok(output) = tokio::time::timeout(PATIENCE, child).await else {
        bail!("{command}: no end within {} s", PATIENCE.as_secs());
    };
    let output = output.with_context(|| command.to_owned())?;
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        let said: String = String::from_utf8_lossy(&said).trim().chars().take(REPORTED).collect();
        bail!("{command}: {}: {said}", output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Placement, with_file};

    fn placement(folder: &Path, check: &str, reload: &str) -> Placement {
        Placement {
            dest: folder.join("file"),
            mode: 0o600,
            owner: None,
            check: Some(check.to_owned()),
            reload: Some(reload.to_owned()),
            owes_reload: false,
        }
    }

    #[tokio::test]
    async fn a_file_that_is_refused_leaves_the_former_one() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let mut placement =
            placement(folder.path(), "grep -q good {{src}}", &format!("echo x >> {}", count.display()));
        assert!(placement.place(b"good one").await.unwrap());
        assert!(!placement.place(b"good one").await.unwrap());
        let error = placement.place(b"bad one").await.unwrap_err();
        assert!(format!("{error:#}").contains("the check refuses the file"), "{error:#}");
        assert_eq!(fs::read_to_string(&placement.dest).unwrap(), "good one");
        assert_eq!(fs::read_to_string(&count).unwrap(), "x\n");
    }

    #[tokio::test]
    async fn a_reload_that_failed_is_owed() {
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("flag");
        let mut placement = placement(folder.path(), "true", &format!("test -e {}", flag.display()));
        assert!(placement.place(b"one").await.is_err());
        assert_eq!(fs::read_to_string(&placement.dest).unwrap(), "one");
        fs::write(&flag, "").unwrap();
        assert!(!placement.place(b"one").await.unwrap());
        fs::remove_file(&flag).unwrap();
        assert!(!placement.place(b"one").await.unwrap(), "it was read again, and not once more");
    }

    #[test]
    fn a_path_is_one_word_of_the_command() {
        assert_eq!(with_file("check {{ .src }}", Path::new("/a b/it's")), r"check '/a b/it'\''s'");
    }
}
