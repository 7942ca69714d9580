//! The command line.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use ipnet::IpNet;
use margay_datastore::{Credentials, DatastoreOptions, TlsFiles};

use crate::detection::Detection;

/// The agent of a node: addresses and interfaces of workloads, routes, tunnels, and what the node reports.
#[derive(Clone, Debug, Parser)]
#[command(name = "margay-agent", version, max_term_width = 100)]
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
    /// The socket for the CNI plugin; notes about owed work are in the folder cni-spool next to it
    #[arg(long, default_value = margay_cni::exchange::SOCKET)]
    pub(crate) cni_socket: PathBuf,
    /// The folder for files about the endpoints of this node
    #[arg(long, default_value = "/var/run/calico/endpoint-status")]
    pub(crate) endpoint_status: PathBuf,
    /// How the node's IPv4 address is found: first-found, can-reach=HOST, interface=REGEX,…,
    /// skip-interface=REGEX,…, cidr=PREFIX,…, an address with its prefix length, or none. Without it, the
    /// address of an existing node object stays
    #[arg(long, env = "IP_AUTODETECTION_METHOD")]
    pub(crate) ipv4: Option<Detection>,
    /// How the node's IPv6 address is found
    #[arg(long, env = "IP6_AUTODETECTION_METHOD")]
    pub(crate) ipv6: Option<Detection>,
    /// The node's AS number, if it is not that of the cluster
    #[arg(long, env = "AS")]
    pub(crate) asn: Option<u32>,
    /// The IPv4 pool that is made when there is none at all; none for no pool
    #[arg(long, env = "CALICO_IPV4POOL_CIDR")]
    pub(crate) default_pool_ipv4: Option<IpNet>,
    /// The IPv6 pool that is made when there is none at all
    #[arg(long, env = "CALICO_IPV6POOL_CIDR")]
    pub(crate) default_pool_ipv6: Option<IpNet>,
    /// The VXLAN mode of pools that are made: Never, Always or CrossSubnet
    #[arg(long, env = "CALICO_IPV4POOL_VXLAN", default_value = "Never")]
    pub(crate) default_pool_vxlan: String,
    /// What to log: a level, or a filter for each part
    #[arg(long, default_value = "info")]
    pub(crate) log: String,
}

impl Arguments {
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
