//! `margay ipam split-affinity`: blocks without their node.

use std::io::Write;
use std::process::ExitCode;

use margay_ipam::Ipam;

use super::procedure::with_ipam;
use crate::arguments::ipam::SplitAffinity;
use crate::run_error::RunError;

pub(super) fn run(split: &SplitAffinity, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let done = with_ipam(&split.connection, async |ipam: &Ipam<'_, _>| match (&split.block, &split.node) {
        (Some(block), _) => {
            ipam.release_affinities_in(*block, split.only_empty).await?;
            Ok(block.to_string())
        }
        (None, node) => {
            let node = node.as_deref().unwrap_or_default();
            ipam.release_affinities_of_host(node, split.only_empty).await?;
            Ok(format!("the blocks of {node}"))
        }
    })?;
    writeln!(out, "{done} split from the node")?;
    Ok(ExitCode::SUCCESS)
}
