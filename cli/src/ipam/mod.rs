//! Addresses of workloads: how many are in use, what is wrong with them, taking them back.

mod check;
mod procedure;
mod release;
mod show;
mod split_affinity;

use std::io::Write;
use std::process::ExitCode;

use crate::arguments::ipam::IpamCommand;
use crate::run_error::RunError;

/// Runs a command about addresses.
pub(crate) fn run(command: &IpamCommand, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    match command {
        IpamCommand::Show { show_blocks, ip: None, connection } => {
            show::pools(connection, *show_blocks, json, out)
        }
        IpamCommand::Show { ip: Some(address), connection, .. } => {
            show::address(connection, *address, json, out)
        }
        IpamCommand::Check { connection } => check::run(connection, json, out),
        IpamCommand::Release(release) => release::run(release, out),
        IpamCommand::SplitAffinity(split) => split_affinity::run(split, out),
    }
}
