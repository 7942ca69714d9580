//! Putting a rendered file in place: stage, check, rename, reload; and the former one back when it is refused.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::daemon::{Reload, reload};
use crate::staged_file::StagedFile;

/// The file of the daemon.
#[derive(Debug)]
pub(crate) struct Publisher {
    target: PathBuf,
    socket: PathBuf,
    /// True while the daemon has not answered for what is in the file.
    owes_reload: bool,
}

/// What became of a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It was in the file already.
    Unchanged,
    /// It is in the file, and the daemon's answer.
    Published(Reload),
    /// The check found errors: the former text is in the file.
    Wrong(Vec<String>),
    /// The daemon refused it: the former text is in the file.
    PutBack(String),
    /// The file could not be written: the former text is in it.
    Unwritten(String),
}

impl Publisher {
    pub(crate) fn new(target: &Path, socket: &Path) -> Self {
        Self { target: target.to_path_buf(), socket: socket.to_path_buf(), owes_reload: false }
    }

    /// Whether the daemon is still to be told of the file.
    pub(crate) fn owes_reload(&self) -> bool {
        self.owes_reload
    }

    /// Puts a text in place. `must_reload` is for changes that the text does not show, such as a password's.
    pub(crate) async fn publish(&mut self, text: &str, must_reload: bool) -> Outcome {
        let former = match fs::read(&self.target) {
            Ok(octets) => Some(octets),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Outcome::Unwritten(format!("{}: {error}", self.target.display())),
        };
        let is_same = former.as_deref() == Some(text.as_bytes());
        if is_same && !must_reload && !self.owes_reload {
            return Outcome::Unchanged;
        }
        if !is_same {
            if let Err(errors) = margay_config::parse(&self.target.display().to_string(), text) {
                return Outcome::Wrong(errors.iter().map(ToString::to_string).collect());
            }
            if let Err(error) = self.replace(text.as_bytes()) {
                return Outcome::Unwritten(format!("{}: {error}", self.target.display()));
            }
        }
        match reload(&self.socket).await {
            Reload::Refused(why) if !is_same => self.put_back(former.as_deref(), why),
            answer => {
                self.owes_reload = matches!(answer, Reload::Absent(_));
                Outcome::Published(answer)
            }
        }
    }

    fn put_back(&mut self, former: Option<&[u8]>, why: String) -> Outcome {
        self.owes_reload = false;
        let restored = match former {
            Some(former) => self.replace(former),
            None => fs::remove_file(&self.target),
        };
        match restored {
            Ok(()) => Outcome::PutBack(why),
            Err(error) => Outcome::PutBack(format!("{why}; and the former file cannot be put back: {error}")),
        }
    }

    /// Replaces the file as a whole: readers see the former one or the new one, also after a crash.
    fn replace(&self, octets: &[u8]) -> io::Result<()> {
        StagedFile::write(&self.target, octets, MODE, None)?.commit()
    }
}

/// Readable for the group of the daemon, if that is another user. There are no passwords in the file.
const MODE: u32 = 0o640;

#[cfg(test)]
mod tests;
