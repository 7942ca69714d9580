//! Files about the endpoints of the node that are up, for programs of the same node.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use margay_cluster::key::status_file_name;
use margay_cluster::object::{EndpointName, WorkloadEndpoint};
use serde_json::{Value, json};

/// The folder of files.
#[derive(Clone, Debug)]
pub(crate) struct EndpointFiles(PathBuf);

impl EndpointFiles {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_path_buf())
    }

    /// Writes the file of an endpoint that is up, unless it is there already.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written to.
    pub(crate) fn write(&self, namespace: &str, endpoint: &WorkloadEndpoint) -> io::Result<()> {
        let text = serde_json::to_vec(&content(endpoint))?;
        let target = self.0.join(name(namespace, endpoint));
        if fs::read(&target).is_ok_and(|present| present == text) {
            return Ok(());
        }
        fs::create_dir_all(&self.0)?;
        let stage = self.0.join(".stage");
        let mut file = fs::File::create(&stage)?;
        file.write_all(&text)?;
        fs::rename(stage, target)
    }

    /// Removes the file of an endpoint that is down or gone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to.
    pub(crate) fn remove(&self, namespace: &str, endpoint: &WorkloadEndpoint) -> io::Result<()> {
        match fs::remove_file(self.0.join(name(namespace, endpoint))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the files of all endpoints but these.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read or written to.
    pub(crate) fn retain<'a>(
        &self,
        endpoints: impl Iterator<Item = (&'a str, &'a WorkloadEndpoint)>,
    ) -> io::Result<()> {
        let wanted: Vec<String> = endpoints.map(|(namespace, endpoint)| name(namespace, endpoint)).collect();
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !wanted.iter().any(|wanted| entry.file_name() == wanted.as_str()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn name(namespace: &str, endpoint: &WorkloadEndpoint) -> String {
    let name = EndpointName::of(&endpoint.spec);
    status_file_name(&name.orchestrator, &format!("{namespace}/{}", name.workload), &name.endpoint)
}

/// The fields that Calico writes.
fn content(endpoint: &WorkloadEndpoint) -> Value {
    let of_family = |is_ipv4: bool| -> Vec<String> {
        let networks = endpoint.spec.ip_networks.iter().filter(|network| network.addr().is_ipv4() == is_ipv4);
        networks.map(|network| network.0.to_string()).collect()
    };
    json!({
        "ifaceName": endpoint.spec.interface_name.to_string(),
        "mac": endpoint.spec.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        "ipv4Nets": of_family(true),
        "ipv6Nets": of_family(false),
    })
}
