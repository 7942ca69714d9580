//! Arguments of the commands about addresses of workloads.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::objects::ConnectionArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum IpamCommand {
    /// How much of each IP pool is in use, or what is known of one address
    Show {
        /// Also each block, with the node that it belongs to
        #[arg(long)]
        show_blocks: bool,
        /// One address
        #[arg(long, value_name = "ADDRESS", conflicts_with = "show_blocks")]
        ip: Option<IpAddr>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Say what is wrong: addresses that are used twice, used without being given out, given out without being used
    ///
    /// Exits with 1 if anything is found.
    Check {
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Take addresses back
    Release(Release),
    /// Take blocks from a node; addresses in use stay in use, and a block goes with the last of them
    SplitAffinity(SplitAffinity),
}

#[derive(Args, Debug)]
#[group(id = "what", required = true, multiple = false)]
pub(crate) struct Release {
    /// An address; may be given several times
    #[arg(long = "ip", value_name = "ADDRESS", group = "what")]
    pub(crate) addresses: Vec<IpAddr>,
    /// All addresses of a handle
    #[arg(long, value_name = "HANDLE", group = "what")]
    pub(crate) handle: Option<String>,
    /// Addresses that nothing uses, neither now nor after a while
    #[arg(long, group = "what")]
    pub(crate) leaked: bool,
    /// How long that while is, so that a workload which is being started keeps its address
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::whole_seconds::parse)]
    pub(crate) after: Duration,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Args, Debug)]
#[group(id = "blocks", required = true, multiple = false)]
pub(crate) struct SplitAffinity {
    /// The block, such as 10.65.1.0/26
    #[arg(group = "blocks")]
    pub(crate) block: Option<IpNet>,
    /// All blocks of a node
    #[arg(long, value_name = "NODE", group = "blocks")]
    pub(crate) node: Option<String>,
    /// Leave blocks alone that have addresses in use
    #[arg(long)]
    pub(crate) only_empty: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}
