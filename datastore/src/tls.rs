//! Certificates from files.

use std::fs;
use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::DatastoreError;

/// Files in PEM form. They are read for each new connection, so that renewed certificates need no restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The authority that signed the members' certificates.
    pub authority: PathBuf,
    /// The own certificate and its key, where the members ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the members' certificates, where it is not that of the URL.
    pub server_name: Option<String>,
}

impl TlsFiles {
    pub(crate) fn read(&self) -> Result<ClientTlsConfig, DatastoreError> {
        let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(&self.authority)?));
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        if let Some(name) = &self.server_name {
            config = config.domain_name(name);
        }
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DatastoreError> {
    fs::read(path).map_err(|source| DatastoreError::File { path: path.to_path_buf(), source })
}
