//! What can be typed.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use ipnet::IpNet;
use margay_datastore::{Credentials, DatastoreOptions, TlsFiles};
use margay_render::RouterIdSource;

/// Keeps a node's margay.toml in step with the datastore.
///
/// Exit codes: 0 all is well, 1 the file could not be rendered or put in place, 2 the command was not understood.
#[derive(Debug, Parser)]
#[command(name = "margay-confd", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The name of this node in the datastore
    #[arg(long, env = "NODENAME")]
    pub(crate) node: String,
    /// URLs of all members of etcd, separated by commas
    #[arg(long, env = "ETCD_ENDPOINTS", value_delimiter = ',', required = true)]
    pub(crate) endpoints: Vec<String>,
    /// The authority that signed the members' certificates
    #[arg(long, env = "ETCD_CA_CERT_FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The own certificate
    #[arg(long, env = "ETCD_CERT_FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of the own certificate
    #[arg(long, env = "ETCD_KEY_FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The user in etcd
    #[arg(long, env = "ETCD_USERNAME", requires = "password_file")]
    pub(crate) user: Option<String>,
    /// A file with the user's password
    #[arg(long, env = "ETCD_PASSWORD_FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// The file to keep
    #[arg(long, default_value = "/etc/margay/margay.toml")]
    pub(crate) output: PathBuf,
    /// The daemon's control socket
    #[arg(long, default_value = "/run/margay/control.sock")]
    pub(crate) control: PathBuf,
    /// The socket for the status and metrics of this program
    #[arg(long, default_value = "/run/margay/confd.sock")]
    pub(crate) status: PathBuf,
    /// Passwords: a folder for each secret, a file for each key
    #[arg(long, default_value = "/etc/margay/secrets")]
    pub(crate) secrets: PathBuf,
    /// Files about the endpoints of this node, which say which workloads have a BGP peer
    #[arg(long, default_value = "/var/run/calico/endpoint-status")]
    pub(crate) endpoint_status: PathBuf,
    /// The BGP identifier: an address, or `hash` for one that follows from the node's name; otherwise the node's IPv4 address
    #[arg(long, env = "CALICO_ROUTER_ID", value_name = "ADDRESS", value_parser = router_id)]
    pub(crate) router_id: Option<RouterIdSource>,
    /// Networks of services to advertise besides those of the cluster's settings, separated by commas
    #[arg(long, env = "CALICO_ADVERTISE_CLUSTER_IPS", value_name = "NETWORKS", value_parser = networks)]
    pub(crate) services: Option<Networks>,
    /// Further files: `conf.d/*.toml` describe them, `templates/` has their templates
    #[arg(long, default_value = "/etc/margay/confd")]
    pub(crate) templates: PathBuf,
    /// Render once, put the file in place, reload the daemon if it runs, and end
    #[arg(long)]
    pub(crate) onetime: bool,
    /// Print the file instead of putting it in place
    #[arg(long)]
    pub(crate) noop: bool,
    /// How long --onetime waits for the datastore, in seconds
    #[arg(long, default_value_t = 60)]
    pub(crate) timeout: u64,
    /// What to log: a level, or a filter for each part
    #[arg(long, default_value = "info")]
    pub(crate) log: String,
}

/// Networks that were typed in one word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(pub(crate) BTreeSet<IpNet>);

/// Of a variable of the environment that is empty, nothing follows.
fn router_id(text: &str) -> Result<RouterIdSource, String> {
    match text {
        "" => Ok(RouterIdSource::Address),
        "hash" => Ok(RouterIdSource::Name),
        text => match text.parse::<Ipv4Addr>() {
            Ok(address) if !address.is_unspecified() => Ok(RouterIdSource::Fixed(address)),
            Ok(_) | Err(_) => Err("it must be an address such as 10.0.0.1, or hash".to_owned()),
        },
    }
}

fn networks(text: &str) -> Result<Networks, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let network = |word: &str| match word.parse::<IpNet>() {
        Ok(network) if network.trunc() == network => Ok(network),
        Ok(network) => Err(format!("{word} has bits beyond its length; write {}", network.trunc())),
        Err(_) => Err(format!("{word} must be a network such as 10.96.0.0/12")),
    };
    words.map(network).collect::<Result<_, _>>().map(Networks)
}

impl Arguments {
    /// Whether it ends after the first file.
    pub(crate) fn is_once(&self) -> bool {
        self.onetime || self.noop
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Where the datastore is.
    ///
    /// # Errors
    ///
    /// When the file with the password cannot be read.
    pub(crate) fn datastore(&self) -> Result<DatastoreOptions> {
        let mut options = DatastoreOptions::new(&self.endpoints);
        options.tls = self.ca.clone().map(|authority| TlsFiles {
            authority,
            identity: self.cert.clone().zip(self.key.clone()),
            server_name: None,
        });
        if let Some((user, file)) = self.user.clone().zip(self.password_file.as_ref()) {
            let password = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            options.credentials = Some(Credentials { user, password: password.trim_end().to_owned() });
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{RouterIdSource, networks, router_id};

    #[test]
    fn what_is_typed_is_understood_or_refused() {
        assert_eq!(router_id(""), Ok(RouterIdSource::Address));
        assert_eq!(router_id("hash"), Ok(RouterIdSource::Name));
        assert_eq!(router_id("10.0.0.1"), Ok(RouterIdSource::Fixed([10, 0, 0, 1].into())));
        for wrong in ["0.0.0.0", "10.0.0.300", "fd00::1", "Hash"] {
            assert!(router_id(wrong).is_err(), "{wrong}");
        }
        let found = networks("10.96.0.0/12, fd00:1::/108").unwrap();
        assert_eq!(
            found.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.96.0.0/12", "fd00:1::/108"]
        );
        assert!(networks("").unwrap().0.is_empty());
        assert_eq!(
            networks("10.96.0.1/12").unwrap_err(),
            "10.96.0.1/12 has bits beyond its length; write 10.96.0.0/12"
        );
        assert!(networks("10.96.0.0").is_err());
    }
}
