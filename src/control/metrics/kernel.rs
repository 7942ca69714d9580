//! Metrics of the kernel's routing tables.

use std::fmt;

use super::exposition::Exposition;
use crate::kernel::KernelStatus;

pub(super) fn write(status: &KernelStatus, exposition: &mut Exposition<'_>) -> fmt::Result {
    let states = [
        ("wanted", status.wanted),
        ("installed", status.installed),
        ("pending", status.pending),
        ("refused", status.failed),
        ("stale", status.stale),
        ("foreign", status.foreign),
    ];
    exposition.gauges(
        "margay_kernel_routes",
        "Routes by their state: wanted ones, those of them that the kernel has, that wait, or that it refused; those \
         of an earlier run; and those of other programs",
        states.map(|(state, routes)| ([("state", state)], routes)),
    )?;
    if let Some(objects) = status.objects {
        exposition.gauge("margay_kernel_nexthop_objects", "Own next hop objects in the kernel", objects)?;
    }
    exposition.counter(
        "margay_kernel_disturbances",
        "Own routes and next hop objects that another program changed or removed",
        status.disturbances,
    )?;
    exposition.counter(
        "margay_kernel_readings",
        "Full readings of the kernel's tables: one at the start, and one after each loss of events",
        status.readings,
    )
}
