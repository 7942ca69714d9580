//! The answer to `GET /v1/kernel`.

use margay_control::{ConnectedSubnet, FailedRoute, KernelStatus};

/// The configuration, and the state reported by the kernel thread.
pub(super) fn kernel_status(
    config: Option<&margay_config::Kernel>,
    status: Option<crate::kernel::KernelStatus>,
) -> KernelStatus {
    let status = status.unwrap_or_default();
    let mut tables = config.into_iter().flat_map(|config| config.tables.iter().copied());
    KernelStatus {
        enabled: config.is_some(),
        table: tables.next().unwrap_or(0),
        more_tables: tables.collect(),
        protocol: config.map_or(0, |config| config.protocol),
        metric: config.map_or(0, |config| config.metric),
        multipath: config.map_or(0, |config| config.multipath.into()),
        wanted: status.wanted as u64,
        installed: status.installed as u64,
        pending: status.pending as u64,
        pending_prefixes: status.pending_prefixes.into_iter().map(Into::into).collect(),
        refused: status.failed as u64,
        failed: status
            .failures
            .into_iter()
            .map(|route| FailedRoute { prefix: route.prefix.into(), reason: route.reason })
            .collect(),
        stale: status.stale as u64,
        foreign: status.foreign as u64,
        nexthop_objects: status.objects.map(|objects| objects as u64),
        disturbances: status.disturbances,
        readings: status.readings,
        connected: status
            .connected
            .iter()
            .map(|route| ConnectedSubnet { prefix: route.prefix.into(), interface: route.interface })
            .collect(),
    }
}
