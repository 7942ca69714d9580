//! The answer to `GET /v1/kernel`.

use axum::Json;
use axum::extract::State;
use margay_control::{ConnectedSubnet, FailedRoute, KernelStatus};

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::daemon::DaemonRequest;
use crate::kernel::KernelRequest;

/// State of the kernel's routing table.
#[utoipa::path(get, path = "/v1/kernel", responses((status = 200, body = KernelStatus), Unanswered))]
pub(super) async fn get_kernel(State(api): State<Api>) -> Result<Json<KernelStatus>, ApiError> {
    let status = api.ask_daemon(DaemonRequest::Status).await?;
    Ok(Json(kernel_status(status.config.kernel(), api.ask_kernel(KernelRequest::Status).await)))
}

/// The configuration, and the state reported by the kernel thread.
fn kernel_status(
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
