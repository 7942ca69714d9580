//! Why a command about objects failed.

use std::io;
use std::path::PathBuf;

use margay_cluster::schema::Problems;
use margay_datastore::DatastoreError;

/// Why a command about objects failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    #[error("the datastore: {0}")]
    Datastore(#[from] DatastoreError),
    #[error("the datastore refuses it: {0}")]
    Refused(String),
    #[error(
        "the datastore did not answer ({0}); whether it was written is not known, look before you try again"
    )]
    Unknown(String),
    #[error("other clients keep changing it; try again")]
    Contended,
    #[error("exists already")]
    Exists,
    #[error("does not exist")]
    NotFound,
    #[error("was changed: it is at revision {found}, not {wanted} as its resourceVersion says")]
    Changed { wanted: String, found: u64 },
    #[error("{0}")]
    Invalid(Problems),
    #[error("what is stored is not an object: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Usage(String),
    #[error("cannot read {}: {error}", file.display())]
    File { file: PathBuf, error: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}
