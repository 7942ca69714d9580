//! The answer to `GET /v1/kernel`.

use margay_control::{ConnectedSubnet, FailedRoute, KernelStatus};
use margay_rib::ConnectedRoute;

use crate::kernel::KernelSnapshot;

/// What is configured, and what the kernel thread says of it.
pub(super) fn kernel_status(
    config: Option<&margay_config::Kernel>,
    snapshot: Option<&KernelSnapshot>,
    connected: &[ConnectedRoute],
) -> KernelStatus {
    let failed = snapshot.into_iter().flat_map(|snapshot| &snapshot.failed);
    KernelStatus {
        enabled: config.is_some(),
        table: config.map_or(0, |config| config.table),
        protocol: config.map_or(0, |config| config.protocol),
        metric: config.map_or(0, |config| config.metric),
        multipath: config.map_or(0, |config| config.multipath.into()),
        installed: snapshot.map_or(0, |snapshot| snapshot.installed.len() as u64),
        stale: snapshot.map_or(0, |snapshot| snapshot.stale.len() as u64),
        failed: failed
            .map(|route| FailedRoute { prefix: route.prefix.to_string(), reason: route.reason.clone() })
            .collect(),
        connected: connected
            .iter()
            .map(|route| ConnectedSubnet { prefix: route.prefix.to_string(), interface: route.interface })
            .collect(),
    }
}
