//! Configurations of BIRD and FRR, rewritten as the operator's file.
//!
//! [`convert_bird`] and [`convert_frr`] read what the other daemon reads, fill the objects of the operator's file (`model/`), and
//! write them as TOML that has no errors. What cannot be carried over is a [`Remark`] with its line. A converted filter accepts
//! nothing that the other daemon rejects: where a statement cannot be said and might reject, everything that gets there is
//! rejected.

mod bird;
mod finish;
mod frr;
mod model;
mod remark;
mod toml_text;

pub use bird::{BirdFile, Include, convert_bird, convert_birds};
pub use frr::convert_frr;
pub use remark::{Remark, RemarkKind};

/// A converted configuration.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The operator's file.
    pub toml: String,
    /// What could not be carried over, or was in another way, in the order of the lines.
    pub remarks: Vec<Remark>,
    /// Passwords, which belong in files of their own.
    pub secrets: Vec<Secret>,
}

/// A password of a peer.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret {
    /// The peer's name in the operator's file, and the name of the file in the folder of passwords.
    pub peer: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Text that is not a configuration of the kind that was expected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {text}")]
pub struct ConvertError {
    /// The file.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// What is wrong there.
    pub text: String,
}
