//! Certificates of an etcd cluster: an authority, one certificate for all members, and one for clients.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{output, system};
use crate::packages;

/// Files with certificates and keys in PEM form, valid for a day.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Creates all of them with openssl.
    pub(crate) fn make(folder: &Path, addresses: &[Ipv4Addr]) -> Result<Self> {
        packages::install_missing(&[packages::OPENSSL])?;
        let certificates = Self::in_folder(folder);
        certificates.make_authority()?;
        let names: Vec<String> = addresses.iter().map(|address| format!("IP:{address}")).collect();
        certificates.make_signed("etcd-server", &format!("subjectAltName={}", names.join(",")))?;
        certificates.make_signed("etcd-client", "extendedKeyUsage=clientAuth")?;
        Ok(certificates)
    }

    /// The certificate of the authority that signed the others.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("etcd-ca.crt")
    }

    /// The certificate of the client.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.folder.join("etcd-client.crt")
    }

    /// The private key of the client's certificate.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("etcd-client.key")
    }

    pub(crate) fn server_arguments(&self) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        vec![
            format!("--cert-file={}", file("etcd-server.crt")),
            format!("--key-file={}", file("etcd-server.key")),
            format!("--trusted-ca-file={}", file("etcd-ca.crt")),
            "--client-cert-auth".to_owned(),
        ]
    }

    fn make_authority(&self) -> Result<()> {
        let mut command = system("openssl");
        command.current_dir(&self.folder).args(["req", "-x509", "-days", "1", "-subj", "/CN=lab"]);
        command.args(KEY).args(["-keyout", "etcd-ca.key", "-out", "etcd-ca.crt"]);
        output(&mut command).map(drop)
    }

    fn make_signed(&self, name: &str, extension: &str) -> Result<()> {
        let extensions = self.folder.join(format!("{name}.ext"));
        fs::write(&extensions, extension).with_context(|| extensions.display().to_string())?;
        let mut request = system("openssl");
        request.current_dir(&self.folder).args(["req", "-subj", &format!("/CN={name}")]).args(KEY);
        request.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.csr")]);
        output(&mut request)?;
        let mut sign = system("openssl");
        sign.current_dir(&self.folder).args(["x509", "-req", "-days", "1", "-CAcreateserial"]);
        sign.args(["-CA", "etcd-ca.crt", "-CAkey", "etcd-ca.key", "-in", &format!("{name}.csr")]);
        sign.args(["-extfile", &format!("{name}.ext"), "-out", &format!("{name}.crt")]);
        output(&mut sign).map(drop)
    }
}

const KEY: [&str; 5] = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
