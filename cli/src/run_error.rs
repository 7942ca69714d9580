//! Why a command failed.

use std::io;
use std::path::PathBuf;

use margay_ipam::IpamError;

use crate::client::ClientError;
use crate::object_error::ObjectError;

/// Why the output is missing or incomplete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot read {}: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", file.display())]
    Unwritable { file: PathBuf, error: io::Error },
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error(transparent)]
    Ipam(#[from] IpamError),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}
